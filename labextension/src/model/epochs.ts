/** What epochs add to a view: they are most of all events, so a batch of them is taken at once. */
import type { IEpochEnded, IStudyView, ITrialRecord } from './protocol';
import { runsCurves, trialOf } from './trials';

/** The view after these events, which must be at least one. */
export function applyEpochs(view: IStudyView, events: readonly IEpochEnded[]): IStudyView {
  const byTrial = new Map<number, IEpochEnded[]>();
  for (const event of events) {
    const own = byTrial.get(event.trial);
    if (own === undefined) {
      byTrial.set(event.trial, [event]);
    } else {
      own.push(event);
    }
  }
  const trials = [...view.trials];
  for (const [number, own] of byTrial) {
    trials[number - 1] = addEpochs(trialOf(view, number), own);
  }
  const { seq, elapsed } = events.at(-1) ?? view;
  // Whoever trains is ready, also an executor that doesn't say so.
  return { ...view, seq, elapsed, trials, workers_ready: true };
}

/** Append one value per event to every curve of its run.
 *
 * Gaps are filled with null: for a metric that came not, or that comes late.
 */
function addEpochs(trial: ITrialRecord, events: readonly IEpochEnded[]): ITrialRecord {
  const runs = runsCurves(trial).map(curves => new Map(Object.entries(curves).map(copied)));
  for (const { run, epoch, logs } of events) {
    while (runs.length < run) {
      runs.push(new Map());
    }
    const curves = runs[run - 1];
    for (const name of Object.keys(logs)) {
      if (curves?.has(name) === false) {
        curves.set(name, []);
      }
    }
    for (const [name, curve] of curves ?? []) {
      while (curve.length < epoch - 1) {
        curve.push(null);
      }
      curve.push(logs[name] ?? null);
    }
  }
  const [curves = {}, ...more_curves] = runs.map(run => Object.fromEntries(run));
  return { ...trial, curves, more_curves };
}

function copied([name, curve]: [string, readonly (number | null)[]]): [string, (number | null)[]] {
  return [name, [...curve]];
}
