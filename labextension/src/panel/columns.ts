/** The columns of the trial table, and how trials are ordered by one of them. */
import { formatNumber, formatScore, formatSeconds, formatValue } from '../model/format';
import type { IStudyView, ITrialRecord } from '../model/protocol';
import type { Translate } from '../model/texts';
import { epochsDone, runsOf } from '../model/trials';

const PARETO_MARK = '◆';

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
export function columnsOf(
  view: IStudyView,
  isPareto: (trial: number) => boolean,
  t: Translate
): IColumn[] {
  const names = [...new Set(view.space.map(parameter => parameter.name))];
  return [
    {
      title: t('panel.column.trial'),
      numeric: true,
      text: one => String(one.number),
      key: one => one.number
    },
    {
      title: t('panel.column.state'),
      numeric: false,
      badge: true,
      text: one => stateText(one, runsOf(view), t),
      key: one => one.state
    },
    { title: view.objective, numeric: true, text: formatScore, key: one => one.score },
    ...view.objectives.map(([name]) => ({
      title: name,
      numeric: true,
      text: (one: ITrialRecord) => formatNumber(one.metrics[name] ?? null),
      key: (one: ITrialRecord) => one.metrics[name]
    })),
    ...(view.objectives.length === 0
      ? []
      : [
          {
            title: t('panel.column.pareto'),
            numeric: false,
            text: (one: ITrialRecord) => (isPareto(one.number) ? PARETO_MARK : ''),
            key: (one: ITrialRecord) => isPareto(one.number)
          }
        ]),
    {
      title: t('panel.column.best_epoch'),
      numeric: true,
      text: one => (one.best_epoch === null ? '–' : String(one.best_epoch)),
      key: one => one.best_epoch
    },
    ...names.map(name => ({
      title: name,
      numeric: isNumeric(view, name),
      text: (one: ITrialRecord) => formatValue(one.values[name]),
      key: (one: ITrialRecord) => one.values[name]
    })),
    {
      title: t('panel.column.time'),
      numeric: true,
      text: one => formatSeconds(one.seconds),
      key: one => one.seconds
    }
  ];
}

export function stateText(trial: ITrialRecord, runs: number, t: Translate): string {
  const done = epochsDone(trial);
  if (trial.state === 'pruned' && done === 0) {
    return t('panel.trial_state.skipped');
  }
  const word = t(`panel.trial_state.${trial.state}`);
  if (trial.state !== 'running') {
    return word;
  }
  const run = { run: 1 + trial.more_curves.length, all: runs };
  const where = runs > 1 ? t('panel.comma') + t('panel.run_of', run) : '';
  return `${word} ${done}/${trial.epochs}${where}`;
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
