/** The state of a study as a value, and the one pure function that computes it from events.
 *
 * The twin of `tunemagic/trial.py`: golden journals are run through both.
 */
import type {
  Direction,
  EndReason,
  IEpochEnded,
  IStudyResumed,
  IStudyStarted,
  IStudyView,
  ITrialRecord,
  ITrialStarted,
  StudyEvent,
  StudyState,
  TrialState
} from './protocol';

const END_STATES: Readonly<Record<EndReason, StudyState>> = {
  trials: 'finished',
  time: 'finished',
  exhausted: 'finished',
  stopped: 'stopped',
  failures: 'failed',
  error: 'failed'
};

export const EMPTY_VIEW: IStudyView = {
  study: '',
  session: '',
  state: 'new',
  seq: 0,
  space: [],
  objective: '',
  direction: 'min',
  strategy: '',
  seed: 0,
  max_trials: null,
  minutes: null,
  epochs: 0,
  keep: 0,
  max_failures: 0,
  code: '',
  data: '',
  fingerprint: {},
  versions: {},
  started_at: 0,
  elapsed: 0,
  trials: [],
  best: null,
  notes: [],
  end_reason: null,
  end_message: '',
  exports: []
};

/** The view after all these events. */
export function replay(events: Iterable<StudyEvent>): IStudyView {
  let view = EMPTY_VIEW;
  for (const event of events) {
    view = apply(view, event);
  }
  return view;
}

/** The view after one more event. Pure: neither argument is changed. */
export function apply(before: IStudyView, event: StudyEvent): IStudyView {
  const view: IStudyView = { ...before, seq: event.seq, elapsed: event.elapsed };
  switch (event.type) {
    case 'StudyStarted':
      return start(view, event);
    case 'StudyResumed':
      return resume(view, event);
    case 'SpaceChanged':
      return { ...view, space: event.space };
    case 'StudyNoted':
      return { ...view, notes: [...view.notes, event.text] };
    case 'StudyEnded':
      return {
        ...view,
        state: END_STATES[event.reason],
        end_reason: event.reason,
        end_message: event.message
      };
    case 'ModelExported': {
      const kept = view.exports.filter(
        other =>
          other.trial !== event.trial || other.target !== event.target || other.mode !== event.mode
      );
      return { ...view, exports: [...kept, event] };
    }
    case 'TrialStarted':
      return withTrial(view, newTrial(event));
    case 'EpochEnded':
      return withTrial(view, addEpoch(trialOf(view, event.trial), event));
    case 'TrialFinished':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state: 'completed',
        score: event.score,
        best_epoch: event.best_epoch,
        metrics: event.metrics,
        seconds: event.seconds,
        weights: event.weights
      });
    case 'TrialStopped':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state: 'stopped',
        score: event.score,
        best_epoch: event.best_epoch,
        metrics: event.metrics,
        seconds: event.seconds,
        reason: event.reason,
        weights: event.weights
      });
    case 'TrialFailed':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state: 'failed',
        error: event.error,
        reason: event.reason,
        line: event.line,
        source: event.source,
        seconds: event.seconds
      });
    case 'WeightsDropped':
      return withTrial(view, { ...trialOf(view, event.trial), weights: null });
    default:
      return unknownEvent(event);
  }
}

/** Compiles only while the switch above names every event. */
function unknownEvent(event: never): never {
  throw new TypeError(`expected an event that apply knows; received ${JSON.stringify(event)}.`);
}

function start(view: IStudyView, event: IStudyStarted): IStudyView {
  return {
    ...view,
    study: event.study,
    session: event.session,
    state: 'running',
    space: event.space,
    objective: event.objective,
    direction: event.direction,
    strategy: event.strategy,
    seed: event.seed,
    max_trials: event.max_trials,
    minutes: event.minutes,
    epochs: event.epochs,
    keep: event.keep,
    max_failures: event.max_failures,
    code: event.code,
    data: event.data,
    fingerprint: event.fingerprint,
    versions: event.versions,
    started_at: event.at
  };
}

function resume(view: IStudyView, event: IStudyResumed): IStudyView {
  return {
    ...view,
    session: event.session,
    state: 'running',
    max_trials: event.max_trials,
    minutes: event.minutes,
    epochs: event.epochs,
    code: event.code ?? view.code,
    data: event.data ?? view.data,
    fingerprint: event.fingerprint ?? view.fingerprint,
    keep: event.keep ?? view.keep,
    max_failures: event.max_failures ?? view.max_failures,
    trials: view.trials.map(trial =>
      trial.state === 'running' ? { ...trial, state: 'interrupted' } : trial
    ),
    end_reason: null,
    end_message: ''
  };
}

function newTrial(event: ITrialStarted): ITrialRecord {
  return {
    number: event.trial,
    attempt: event.attempt,
    values: event.values,
    state: 'running',
    epochs: event.epochs,
    why: event.why,
    started: event.elapsed,
    parent: event.parent,
    curves: {},
    score: null,
    best_epoch: null,
    metrics: {},
    seconds: null,
    error: '',
    reason: '',
    line: null,
    source: null,
    weights: null
  };
}

/** The trial with this 1-based number. Throws RangeError when there is none. */
export function trialOf(view: IStudyView, number: number): ITrialRecord {
  const trial = view.trials[number - 1];
  if (trial === undefined) {
    throw new RangeError(`expected a trial from 1 to ${view.trials.length}; received ${number}.`);
  }
  return trial;
}

/** The trial with the best score so far, or null. */
export function bestTrial(view: IStudyView): ITrialRecord | null {
  return view.best === null ? null : trialOf(view, view.best);
}

/** How many trials will not change any more. */
export function endedTrials(view: IStudyView): number {
  return view.trials.filter(trial => !isOpen(trial.state)).length;
}

/** Whether a trial in this state is or will be run (again). */
export function isOpen(state: TrialState): boolean {
  return state === 'running' || state === 'interrupted';
}

/** How many epochs have ended in the trial's latest attempt. */
export function epochsDone(trial: ITrialRecord): number {
  return Math.max(0, ...Object.values(trial.curves).map(curve => curve.length));
}

/** Whether `value` strictly improves on `old`; anything improves on null. */
export function isBetter(direction: Direction, value: number, old: number | null): boolean {
  if (old === null) {
    return true;
  }
  return direction === 'min' ? value < old : value > old;
}

/** Append one value to every curve; gaps (a metric that comes late) are filled with null. */
function addEpoch(trial: ITrialRecord, event: IEpochEnded): ITrialRecord {
  const curves: Record<string, readonly (number | null)[]> = { ...trial.curves };
  for (const name of Object.keys({ ...curves, ...event.logs })) {
    const curve = curves[name] ?? [];
    const gap = new Array<null>(Math.max(0, event.epoch - 1 - curve.length)).fill(null);
    curves[name] = [...curve, ...gap, event.logs[name] ?? null];
  }
  return { ...trial, curves };
}

function withTrial(view: IStudyView, trial: ITrialRecord): IStudyView {
  const trials = [
    ...view.trials.slice(0, trial.number - 1),
    trial,
    ...view.trials.slice(trial.number)
  ];
  let best = view.best;
  if (trial.score !== null) {
    const leader = best === null || best === trial.number ? null : trialOf(view, best).score;
    if (isBetter(view.direction, trial.score, leader)) {
      best = trial.number;
    }
  }
  return { ...view, trials, best };
}
