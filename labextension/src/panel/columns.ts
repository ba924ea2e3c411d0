/** The columns of the trial table, and how trials are ordered by one of them. */
import { formatNumber, formatScore, formatSeconds, formatValue } from '../model/format';
import type { IStudyView, ITrialRecord } from '../model/protocol';
import type { Translate } from '../model/texts';
import type { ISubject } from './filter';
import { epochsDone, runsOf } from '../model/trials';

const PARETO_MARK = '◆';

export type Cell = number | string | boolean | null | undefined;

export interface IColumn {
  readonly title: string;
  readonly numeric: boolean;
  /** Whether the text stands in a badge. */
  readonly badge?: boolean;
  /** What a filter may call it besides its title. */
  readonly names?: readonly string[];
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
      names: ['trial', 'number'],
      numeric: true,
      text: one => String(one.number),
      key: one => one.number
    },
    {
      title: t('panel.column.state'),
      names: ['state'],
      numeric: false,
      badge: true,
      text: one => stateText(one, runsOf(view), t),
      key: one => one.state
    },
    {
      title: view.objective,
      names: ['score'],
      numeric: true,
      text: formatScore,
      key: one => one.score
    },
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
            names: ['pareto'],
            numeric: false,
            text: (one: ITrialRecord) => (isPareto(one.number) ? PARETO_MARK : ''),
            key: (one: ITrialRecord) => isPareto(one.number)
          }
        ]),
    {
      title: t('panel.column.best_epoch'),
      names: ['best_epoch', 'epoch'],
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
      names: ['seconds', 'time'],
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

/** What the filter can ask about: the columns, by what they are called here and in Python, and all metrics. */
export function subjectsOf(
  view: IStudyView,
  columns: readonly IColumn[],
  t: Translate
): ISubject<ITrialRecord>[] {
  const named: ISubject<ITrialRecord>[] = columns.map(column => ({
    names: [column.title.toLowerCase(), ...(column.names ?? [])],
    value: column.key,
    texts: trial => [column.text(trial), ...(column.badge === true ? stateWords(trial, t) : [])]
  }));
  const metrics = new Set(view.trials.flatMap(trial => Object.keys(trial.metrics)));
  const others = [...metrics].map(name => ({
    names: [name.toLowerCase()],
    value: (trial: ITrialRecord) => trial.metrics[name],
    texts: () => []
  }));
  const words = {
    names: [],
    value: () => null,
    texts: (one: ITrialRecord) => [one.why, one.reason]
  };
  return [...named, ...others, words];
}

/** A state in Python's word and in the user's language. */
function stateWords(trial: ITrialRecord, t: Translate): string[] {
  const skipped = trial.state === 'pruned' && epochsDone(trial) === 0;
  const state = skipped ? 'skipped' : trial.state;
  return [state, t(`panel.trial_state.${state}`)];
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

export function compare(left: number | string | boolean, right: number | string | boolean): number {
  if (typeof left === 'number' && typeof right === 'number') {
    return left - right;
  }
  return String(left).localeCompare(String(right));
}
