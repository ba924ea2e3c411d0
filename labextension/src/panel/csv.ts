/** Trials as comma separated values (RFC 4180), safe to open in a spreadsheet. */
import { valueText } from '../model/format';
import type { IStudyView, ITrialRecord } from '../model/protocol';

type Cell = number | string | boolean | null | undefined;

// A spreadsheet takes what begins like this for a formula, and runs it, some also behind blanks or quotes.
const FORMULA = /^(?:[\s"']*[=+\-@＝＋－＠]|[\t\r\n])/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** One row per trial with everything that its table row and its details have as numbers or words. */
export function trialsCsv(view: IStudyView, trials: readonly ITrialRecord[]): string {
  const names = [...new Set(view.space.map(parameter => parameter.name))];
  const metrics = [...new Set(view.trials.flatMap(trial => Object.keys(trial.metrics)))];
  const head = [
    ...['trial', 'state', 'score', 'best_epoch', 'seconds'],
    ...names,
    ...metrics.map(name => (names.includes(name) ? `metric ${name}` : name)),
    ...['epochs', 'why', 'reason']
  ];
  const rows = trials.map(trial => [
    ...[trial.number, trial.state, trial.score, trial.best_epoch, trial.seconds],
    ...names.map(name => (Object.hasOwn(trial.values, name) ? trial.values[name] : null)),
    ...metrics.map(name => (Object.hasOwn(trial.metrics, name) ? trial.metrics[name] : null)),
    ...[trial.epochs, trial.why, trial.reason]
  ]);
  return csvText([head, ...rows]);
}

/** Cells as text: texts in quotes, formulas behind an apostrophe, truth values in Python's words. */
export function csvText(rows: readonly (readonly Cell[])[]): string {
  return rows.map(row => `${row.map(cellText).join(',')}\r\n`).join('');
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) {
    return '';
  }
  if (typeof cell !== 'string') {
    return valueText(cell);
  }
  const harmless = FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;
  return `"${harmless.replaceAll('"', '""')}"`;
}
