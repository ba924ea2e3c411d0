/** What can be read from a view and its trials. */
import type { Direction, IStudyView, ITrialRecord, TrialState } from './protocol';

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

/** How many trials will not change any more; those that were skipped for a limit do not count. */
export function endedTrials(view: IStudyView): number {
  return view.trials.filter(trial => !isOpen(trial.state)).length - skippedTrials(view);
}

/** How many trials were not trained at all, since their models break a limit. */
export function skippedTrials(view: IStudyView): number {
  return view.trials.filter(trial => trial.state === 'pruned' && trial.score === null).length;
}

/** Whether a trial in this state is or will be run (again). */
export function isOpen(state: TrialState): boolean {
  return state === 'running' || state === 'interrupted';
}

/** Whether the search has begun and not ended, paused or not. */
export function isUnderWay(view: IStudyView): boolean {
  return view.state === 'running' || view.state === 'paused';
}

/** The curves of every run that has begun; the first run always counts. */
export function runsCurves(trial: ITrialRecord): readonly ITrialRecord['curves'][] {
  return [trial.curves, ...trial.more_curves];
}

/** How many epochs have ended in the latest run of the trial's latest attempt. */
export function epochsDone(trial: ITrialRecord): number {
  const latest = trial.more_curves.at(-1) ?? trial.curves;
  return Math.max(0, ...Object.values(latest).map(curve => curve.length));
}

/** How often each trial is trained: `repeats` times on every fold. */
export function runsOf(view: IStudyView): number {
  return view.repeats * Math.max(1, view.folds);
}

/** The sample standard deviation of the runs' scores; null with fewer than two. */
export function spreadOf(trial: ITrialRecord): number | null {
  const { scores } = trial;
  if (scores.length < 2) {
    return null;
  }
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const squares = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  return Math.sqrt(squares / (scores.length - 1));
}

interface IPoint {
  readonly number: number;
  readonly costs: readonly number[];
}

/** Numbers of the trials that no other trial beats in every objective.
 *
 * A trial that lacks a finite value of one of the objectives is left out.
 */
export function paretoNumbers(view: IStudyView): ReadonlySet<number> {
  const points: IPoint[] = [];
  for (const { number, score, metrics } of view.trials) {
    const values = [score, ...view.objectives.map(([name]) => metrics[name] ?? null)];
    const directions = [view.direction, ...view.objectives.map(([, direction]) => direction)];
    if (!values.includes(null)) {
      // As costs: smaller is better in every place.
      const costs = values.map((value, at) => (directions[at] === 'min' ? 1 : -1) * (value ?? 0));
      points.push({ number, costs });
    }
  }
  const front: IPoint[] = [];
  // In this order only an earlier point can beat a later one.
  for (const point of points.sort((a, b) => compare(a.costs, b.costs))) {
    if (!front.some(other => beats(other.costs, point.costs))) {
      front.push(point);
    }
  }
  return new Set(front.map(point => point.number));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((cost, place) => cost !== b[place]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function beats(a: readonly number[], b: readonly number[]): boolean {
  return a.every((cost, at) => cost <= (b[at] ?? cost)) && compare(a, b) !== 0;
}

/** Whether `value` strictly improves on `old`; anything improves on null. */
export function isBetter(direction: Direction, value: number, old: number | null): boolean {
  if (old === null) {
    return true;
  }
  return direction === 'min' ? value < old : value > old;
}

/** Whether trials differ in their numbers of weights, which can stand against the score then. */
export function haveSizes({ trials }: IStudyView): boolean {
  const sizes = trials.map(({ metrics }) => metrics['parameters']);
  return new Set(sizes.filter(size => typeof size === 'number')).size > 1;
}
