/** The columns of the trial table, and how trials are ordered by one of them. */
import { formatNumber, formatScore, formatSeconds, formatValue } from '../model/format';
import type { IStudyView, ITrialRecord } from '../model/protocol';
import { epochsDone, runsOf } from '../model/trials';
import { TEXT } from './text';

type Cell = number | string | boolean | null | undefined;

export interface IColumn {
  readonly title: string;
  readonly numeric: boolean;
  /** Whether the text stands in a badge. */
  readonly badge?: boolean;
  text(trial: ITrialRecord): string;
  /** What the column sorts by; null and undefined come last. */
  key(trial: ITrialRecord): Cell;
}

/** Number, state, objectives, best epoch, one column per hyperparameter, time.
 *
 * `isPareto` says of a trial's number whether it belongs to the Pareto set.
 */
export function columnsOf(view: IStudyView, isPareto: (trial: number) => boolean): IColumn[] {
  const names = [...new Set(view.space.map(parameter => parameter.name))];
  return [
    { title: TEXT.trial, numeric: true, text: t => String(t.number), key: t => t.number },
    {
      title: TEXT.state,
      numeric: false,
      badge: true,
      text: t => stateText(t, runsOf(view)),
      key: t => t.state
    },
    { title: view.objective, numeric: true, text: formatScore, key: t => t.score },
    ...view.objectives.map(([name]) => ({
      title: name,
      numeric: true,
      text: (t: ITrialRecord) => formatNumber(t.metrics[name] ?? null),
      key: (t: ITrialRecord) => t.metrics[name]
    })),
    ...(view.objectives.length === 0
      ? []
      : [
          {
            title: TEXT.pareto,
            numeric: false,
            text: (t: ITrialRecord) => (isPareto(t.number) ? TEXT.paretoMark : ''),
            key: (t: ITrialRecord) => isPareto(t.number)
          }
        ]),
    {
      title: TEXT.bestEpoch,
      numeric: true,
      text: t => (t.best_epoch === null ? '–' : String(t.best_epoch)),
      key: t => t.best_epoch
    },
    ...names.map(name => ({
      title: name,
      numeric: isNumeric(view, name),
      text: (t: ITrialRecord) => formatValue(t.values[name]),
      key: (t: ITrialRecord) => t.values[name]
    })),
    {
      title: TEXT.time,
      numeric: true,
      text: t => formatSeconds(t.seconds),
      key: t => t.seconds
    }
  ];
}

function stateText(trial: ITrialRecord, runs: number): string {
  const done = epochsDone(trial);
  if (trial.state === 'pruned' && done === 0) {
    return TEXT.skipped;
  }
  const word = TEXT.trialState[trial.state];
  if (trial.state !== 'running') {
    return word;
  }
  const run = runs > 1 ? TEXT.runOf(1 + trial.more_curves.length, runs) : '';
  return `${word} ${TEXT.epochOf(done, trial.epochs)}${run}`;
}

function isNumeric(view: IStudyView, name: string): boolean {
  return view.space.some(
    parameter => parameter.name === name && typeof parameter.default === 'number'
  );
}

/** The trials ordered by a column; equal ones and those without a value by number, latest first. */
export function sorted(
  trials: readonly ITrialRecord[],
  column: IColumn,
  ascending: boolean
): ITrialRecord[] {
  const sign = ascending ? 1 : -1;
  return [...trials].sort((a, b) => {
    const [left, right] = [column.key(a) ?? null, column.key(b) ?? null];
    if (left === null || right === null) {
      return left === right ? b.number - a.number : left === null ? 1 : -1;
    }
    return sign * compare(left, right) || b.number - a.number;
  });
}

function compare(left: number | string | boolean, right: number | string | boolean): number {
  if (typeof left === 'number' && typeof right === 'number') {
    return left - right;
  }
  return String(left).localeCompare(String(right));
}
