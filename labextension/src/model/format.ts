/** Numbers and states as short texts, and the estimate of the remaining time. */
import type { IStudyView, ITrialRecord } from './protocol';
import { endedTrials, epochsDone, runsOf, spreadOf } from './trials';

/** At most four significant digits: 0.9532, 1.2e-5, 1234. A dash for null. */
export function formatNumber(value: number | null): string {
  if (value === null) {
    return '–';
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e6) {
    return String(value);
  }
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) {
    return value
      .toExponential(2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  }
  const text = value.toPrecision(4);
  return text.includes('e')
    ? value.toFixed(0)
    : text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

/** A value in full, as Python writes it but for quotes. */
export function valueText(value: number | string | boolean): string {
  return value === true ? 'True' : value === false ? 'False' : String(value);
}

/** A hyperparameter's value in a table cell. */
export function formatValue(value: number | string | boolean | undefined): string {
  if (value === undefined) {
    return '–';
  }
  return typeof value === 'number' ? formatNumber(value) : valueText(value);
}

/** Seconds as m:ss or h:mm:ss, rounded down. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}

/** Seconds of one trial: 0.42 s, 12.3 s, 3:20. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) {
    return '–';
  }
  if (seconds >= 100) {
    return formatClock(seconds);
  }
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}

/** Bytes in decimal kB or MB, as file managers show them. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) {
    return '–';
  }
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  const [value, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : [bytes / 1e6, 'MB'];
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

/** A share from 0 to 1 as a percentage that never rounds up to 100 %. */
export function formatShare(share: number | null): string {
  if (share === null) {
    return '–';
  }
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

/** Seconds until the search will have ended, or null while there is nothing to go by.
 *
 * Whole trials and the running trials' share of their epochs count as progress; of a limit of
 * trials and a limit of minutes, the one reached first counts.
 */
export function remainingSeconds(view: IStudyView, elapsed: number): number | null {
  const estimates: number[] = [];
  if (view.minutes !== null) {
    estimates.push(view.minutes * 60 - elapsed);
  }
  if (view.max_trials !== null) {
    const running = view.trials.filter(trial => trial.state === 'running');
    const done = running.reduce((sum, trial) => sum + shareDone(view, trial), endedTrials(view));
    if (done > 0) {
      estimates.push((elapsed / done) * Math.max(0, view.max_trials - done));
    }
  }
  return estimates.length === 0 ? null : Math.max(0, Math.min(...estimates));
}

/** The part of a running trial that is done, from 0 to 1. */
function shareDone(view: IStudyView, trial: ITrialRecord): number {
  const runs =
    trial.more_curves.length + Math.min(1, epochsDone(trial) / Math.max(1, trial.epochs));
  return Math.min(1, runs / runsOf(view));
}

/** Seconds for which the search has been waiting for its workers, or null when it is not. */
export function startingSeconds(view: IStudyView, elapsed: number): number | null {
  const apart = view.executor === 'process' || view.executor === 'dask';
  return view.state === 'running' && apart && !view.workers_ready
    ? Math.max(0, elapsed - view.workers_since)
    : null;
}

/** A score, with the spread of the runs behind it where there are several: 0.9532 ± 0.002. */
export function formatScore(trial: ITrialRecord): string {
  const spread = spreadOf(trial);
  const score = formatNumber(trial.score);
  return trial.score === null || spread === null
    ? score
    : `${score} ± ${formatNumber(Number(spread.toPrecision(2)))}`;
}
