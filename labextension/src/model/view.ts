/** The state of a study as a value, and the one pure function that computes it from events.
 *
 * The twin of `tunemagic/trial.py`: golden journals are run through both.
 */
import type {
  Direction,
  EndReason,
  IEpochEnded,
  IExecutorChosen,
  IStudyResumed,
  IStudyStarted,
  IStudyView,
  ITrialRecord,
  ITrialStarted,
  StudyEvent,
  StudyState
} from './protocol';
import { applyEpochs } from './epochs';
import { isBetter, runsCurves, trialOf } from './trials';

const END_STATES: Readonly<Record<EndReason, StudyState>> = {
  trials: 'finished',
  time: 'finished',
  exhausted: 'finished',
  stopped: 'stopped',
  failures: 'failed',
  limits: 'failed',
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
  exports: [],
  strategy_reason: '',
  pruner: 'none',
  pruner_reason: '',
  objectives: [],
  repeats: 1,
  folds: 0,
  model_limits: '',
  executor: '',
  executor_reason: '',
  workers: 0,
  workers_since: 0,
  workers_ready: false,
  queued: [],
  findings: []
};

/** The view after all these events. */
export function replay(events: readonly StudyEvent[]): IStudyView {
  return applyAll(EMPTY_VIEW, events);
}

/** The view after these events too. Pure: nothing that was handed in is changed.
 *
 * Most events are epochs: those that follow each other are taken at once, so that a batch copies
 * each curve and the list of trials once and not once per event.
 */
export function applyAll(before: IStudyView, events: readonly StudyEvent[]): IStudyView {
  let view = before;
  let epochs: IEpochEnded[] = [];
  const flush = (): void => {
    if (epochs.length > 0) {
      view = applyEpochs(view, epochs);
      epochs = [];
    }
  };
  for (const event of events) {
    if (event.type === 'EpochEnded') {
      epochs.push(event);
    } else {
      flush();
      view = apply(view, event);
    }
  }
  flush();
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
    case 'StudyPaused':
      return { ...view, state: 'paused' };
    case 'StudyContinued':
      return { ...view, state: 'running' };
    case 'LimitsChanged':
      return { ...view, max_trials: event.max_trials, minutes: event.minutes };
    case 'TrialQueued':
      return { ...view, queued: [...view.queued, event.values] };
    case 'StudyDiagnosed':
      return { ...view, findings: event.findings };
    case 'SpaceChanged':
      return { ...view, space: event.space };
    case 'StudyNoted':
      return { ...view, notes: [...view.notes, event.text] };
    case 'ExecutorChosen':
      return { ...view, ...chosen(view, event) };
    case 'WorkersReady':
      return { ...view, workers_ready: true };
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
      return {
        ...withTrial(view, startedTrial(view, event)),
        queued: event.queued ? view.queued.slice(1) : view.queued
      };
    case 'EpochEnded':
      return applyEpochs(before, [event]);
    case 'RunEnded': {
      const trial = trialOf(view, event.trial);
      const scores = [...trial.scores.slice(0, event.run - 1), event.score];
      return withTrial(view, { ...trial, scores });
    }
    case 'TrialStateSaved':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state_file: event.state,
        state_run: event.run,
        state_epoch: event.epoch
      });
    case 'TrialFinished':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state: 'completed',
        score: event.score,
        best_epoch: event.best_epoch,
        metrics: event.metrics,
        seconds: event.seconds,
        weights: event.weights,
        trainer: event.trainer,
        worker: event.worker
      });
    case 'TrialStopped':
    case 'TrialPruned':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state: event.type === 'TrialStopped' ? 'stopped' : 'pruned',
        score: event.score,
        best_epoch: event.best_epoch,
        metrics: event.metrics,
        seconds: event.seconds,
        reason: event.reason,
        weights: event.weights,
        trainer: event.trainer,
        worker: event.worker
      });
    case 'TrialFailed':
      return withTrial(view, {
        ...trialOf(view, event.trial),
        state: 'failed',
        error: event.error,
        reason: event.reason,
        line: event.line,
        source: event.source,
        seconds: event.seconds,
        worker: event.worker,
        trainer: event.trainer
      });
    case 'TrialVerified':
      return withTrial(view, { ...trialOf(view, event.trial), verified: event.scores });
    case 'WeightsDropped': {
      const trial = trialOf(view, event.trial);
      return event.state_only
        ? withTrial(view, { ...trial, state_file: null, state_run: 1, state_epoch: 0 })
        : withTrial(view, { ...trial, weights: null });
    }
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
    started_at: event.at,
    strategy_reason: event.strategy_reason,
    pruner: event.pruner,
    pruner_reason: event.pruner_reason,
    objectives: event.objectives.map(objectiveOf),
    repeats: event.repeats,
    folds: event.folds,
    model_limits: event.model_limits
  };
}

function objectiveOf(one: Readonly<Record<string, string>>): readonly [string, Direction] {
  const { name, direction } = one;
  if (name === undefined || (direction !== 'min' && direction !== 'max')) {
    throw new TypeError(`expected an objective with a direction; received ${JSON.stringify(one)}.`);
  }
  return [name, direction];
}

function chosen(view: IStudyView, event: IExecutorChosen): Partial<IStudyView> {
  return {
    executor: event.kind,
    executor_reason: event.reason,
    workers: event.workers,
    workers_since: view.workers_ready ? view.workers_since : event.elapsed
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
    model_limits: event.model_limits ?? view.model_limits,
    data: event.data ?? view.data,
    fingerprint: event.fingerprint ?? view.fingerprint,
    keep: event.keep ?? view.keep,
    max_failures: event.max_failures ?? view.max_failures,
    pruner: event.pruner ?? view.pruner,
    pruner_reason: event.pruner_reason ?? view.pruner_reason,
    trials: view.trials.map(trial =>
      trial.state === 'running' ? { ...trial, state: 'interrupted' } : trial
    ),
    workers_ready: false,
    end_reason: null,
    end_message: '',
    findings: []
  };
}

function startedTrial(view: IStudyView, event: ITrialStarted): ITrialRecord {
  const fresh: ITrialRecord = {
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
    weights: null,
    trainer: '',
    worker: null,
    more_curves: [],
    scores: [],
    state_file: null,
    state_run: 1,
    state_epoch: 0,
    resumed_run: event.resumed_run,
    resumed_epoch: event.resumed_epoch,
    verified: []
  };
  const afresh = event.resumed_run === 1 && event.resumed_epoch === 0;
  return afresh ? fresh : goOn(trialOf(view, event.trial), fresh);
}

/** A later attempt that goes on from a saved state keeps what had happened until then. */
function goOn(before: ITrialRecord, fresh: ITrialRecord): ITrialRecord {
  const { resumed_run: run, resumed_epoch: epoch } = fresh;
  const done = runsCurves(before).slice(0, run - 1);
  const begun = epoch > 0 ? runsCurves(before).slice(run - 1, run) : [];
  const cut = begun.map(curves =>
    Object.fromEntries(Object.entries(curves).map(([name, curve]) => [name, curve.slice(0, epoch)]))
  );
  const [curves = {}, ...more_curves] = [...done, ...cut];
  return {
    ...fresh,
    curves,
    more_curves,
    scores: before.scores.slice(0, run - 1),
    state_file: before.state_file,
    state_run: before.state_run,
    state_epoch: before.state_epoch
  };
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
