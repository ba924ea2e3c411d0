/** Which curves are drawn, and how each looks: numbers only, no page. */
import type { IStudyView, ITrialRecord } from '../model/protocol';
import { runsCurves } from '../model/trials';

// More lines than this cost more time than they show.
export const MAX_TRIALS_DRAWN = 200;

export type Role = 'best' | 'running' | 'selected' | 'compared' | 'other' | 'pruned';

/** One line. `run` counts from 1: a trial with repeats or folds is trained in several runs. */
export interface ISeries {
  readonly trial: number;
  readonly run: number;
  readonly metric: string;
  readonly role: Role;
  readonly dashed: boolean;
  readonly values: readonly (number | null)[];
}

/** One picture of learning curves. `epochs` is the right end of the axis, at least 2.
 *
 * On a logarithmic axis values of 0 or less are gaps: `omitted` says whether there are any.
 */
export interface ICurvesInfo {
  readonly metric: string;
  readonly log: boolean;
  readonly omitted: boolean;
  readonly series: readonly ISeries[];
  readonly epochs: number;
  readonly low: number;
  readonly high: number;
  readonly clipped: boolean;
  readonly drawnTrials: number;
  readonly trials: number;
}

/** Higher ones are kept first and drawn on top. */
const RANK: Readonly<Record<Role, number>> = {
  pruned: 0,
  other: 1,
  running: 2,
  best: 3,
  compared: 4,
  selected: 5
};
const VALIDATION = 'val_';

/** A metric's name without the mark of validation data. */
export function baseMetric(name: string): string {
  return name.startsWith(VALIDATION) ? name.slice(VALIDATION.length) : name;
}

/** Metrics to choose from: the objective's first, then as the trials logged them. */
export function metricNames(view: IStudyView): string[] {
  const names = new Set(view.objective === '' ? [] : [baseMetric(view.objective)]);
  for (const trial of view.trials) {
    for (const name of runsCurves(trial).flatMap(Object.keys)) {
      names.add(baseMetric(name));
    }
  }
  return [...names];
}

/** The curves of one metric; at most MAX_TRIALS_DRAWN trials: the highlighted ones, then the latest,
 * pruned ones last.
 *
 * Of `selected` trials the first is the one in question, others are compared with it. Of a trial
 * with several runs the first one is drawn, of a highlighted one all are.
 */
export function curvesInfo(
  view: IStudyView,
  metric: string,
  selected: readonly number[],
  log = false
): ICurvesInfo {
  const roleOf = (trial: ITrialRecord): Role => {
    if (selected.includes(trial.number)) {
      return trial.number === selected[0] ? 'selected' : 'compared';
    }
    if (trial.number === view.best) {
      return 'best';
    }
    return trial.state === 'running' || trial.state === 'pruned' ? trial.state : 'other';
  };
  const shown = view.trials
    .map(trial => {
      const role = roleOf(trial);
      return { number: trial.number, role, series: seriesOf(trial, metric, role) };
    })
    .filter(one => one.series.length > 0)
    .sort((a, b) => RANK[b.role] - RANK[a.role] || b.number - a.number);
  // What is drawn last lies on top.
  const drawn = shown.slice(0, MAX_TRIALS_DRAWN).reverse();
  const series = drawn.flatMap(one => one.series);
  const longest = Math.max(0, ...series.map(one => one.values.length));
  const all = series.flatMap(one => one.values.filter(value => value !== null));
  const values = log ? all.filter(value => value > 0) : all;
  return {
    metric,
    log,
    omitted: values.length < all.length,
    series: values.length < all.length ? series.map(withoutOmitted) : series,
    epochs: Math.max(2, longest, view.epochs),
    ...(log ? logRange(values) : valueRange(values)),
    drawnTrials: drawn.length,
    trials: shown.length
  };
}

function withoutOmitted(series: ISeries): ISeries {
  const values = series.values.map(value => (value !== null && value > 0 ? value : null));
  return { ...series, values };
}

/** The ends of a logarithmic axis: those of the exponents. */
function logRange(values: readonly number[]): ReturnType<typeof valueRange> {
  if (values.length === 0) {
    return { low: 0.1, high: 1, clipped: false };
  }
  const { low, high, clipped } = valueRange(values.map(Math.log10));
  return { low: 10 ** low, high: 10 ** high, clipped };
}

function hasCurve(curves: ITrialRecord['curves'], metric: string): boolean {
  return curves[metric]?.some(value => value !== null) ?? false;
}

function seriesOf(trial: ITrialRecord, metric: string, role: Role): ISeries[] {
  const highlighted = role !== 'other' && role !== 'pruned';
  const runs = highlighted ? runsCurves(trial) : [trial.curves];
  const validation = VALIDATION + metric;
  const named = (curves: ITrialRecord['curves'], name: string, run: number): ISeries[] =>
    hasCurve(curves, name)
      ? [
          {
            trial: trial.number,
            run,
            metric: name,
            role,
            dashed: name === metric && hasCurve(curves, validation),
            values: curves[name] ?? []
          }
        ]
      : [];
  return runs.flatMap((curves, index) => [
    ...named(curves, metric, index + 1),
    ...named(curves, validation, index + 1)
  ]);
}

/** The ends of the value axis: all values, unless a few lie so far off that they would flatten the rest. */
export function valueRange(values: readonly number[]): {
  low: number;
  high: number;
  clipped: boolean;
} {
  const sorted = Float64Array.from(values).sort();
  const smallest = sorted[0];
  const largest = sorted.at(-1);
  if (smallest === undefined || largest === undefined) {
    return { low: 0, high: 1, clipped: false };
  }
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? smallest;
  const [lower, upper] = [at(0.1), at(0.9)];
  const reach = 5 * (upper - lower);
  // Without any spread in the middle there is no scale to call something far off by.
  const low = reach > 0 ? Math.max(smallest, lower - reach) : smallest;
  const high = reach > 0 ? Math.min(largest, upper + reach) : largest;
  const margin = high > low ? 0.05 * (high - low) : Math.max(Math.abs(high) * 0.05, 1e-3);
  return { low: low - margin, high: high + margin, clipped: smallest < low || largest > high };
}
