/** One trial's row in the table. */
import type { ITrialRecord } from '../model/protocol';
import type { Translate } from '../model/texts';
import type { IColumn } from './columns';
import { make, setText } from './dom';

export interface IRow {
  readonly row: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  readonly box: HTMLInputElement;
  readonly cells: readonly HTMLTableCellElement[];
  trial: ITrialRecord | null;
  pareto: boolean;
  best: boolean;
}

export interface IRowListener {
  unfold(number: number): void;
  /** Take this trial among those that are compared, or out. */
  compare(number: number, chosen: boolean): void;
}

export function makeRow(
  number: number,
  columns: readonly IColumn[],
  listener: IRowListener,
  t: Translate
): IRow {
  const box = make('input', {
    attributes: { type: 'checkbox', 'aria-label': t('panel.compare_trial', { number }) }
  });
  box.title = t('panel.compare_title');
  box.addEventListener('change', () => {
    listener.compare(number, box.checked);
  });
  const button = make('button', {
    className: 'tm-fold',
    text: String(number),
    attributes: { type: 'button', title: t('panel.details'), 'aria-expanded': 'false' }
  });
  button.addEventListener('click', () => {
    listener.unfold(number);
  });
  const first = make('td', {}, make('div', { className: 'tm-first' }, box, button));
  const cells = columns.slice(1).map(({ badge, numeric }) => {
    const inside = badge === true ? [make('span', { className: 'tm-badge' })] : [];
    return make('td', numeric ? { className: 'tm-number' } : {}, ...inside);
  });
  const row = make('tr', {}, first, ...cells);
  return { row, button, box, cells: [first, ...cells], trial: null, pareto: false, best: false };
}

/** Write what has changed since the row was filled last. */
export function fillRow(
  one: IRow,
  trial: ITrialRecord,
  columns: readonly IColumn[],
  pareto: boolean,
  best: boolean,
  t: Translate
): void {
  if (one.trial !== trial || one.pareto !== pareto) {
    one.trial = trial;
    one.pareto = pareto;
    columns.forEach((column, position) => {
      const cell = one.cells[position];
      if (cell !== undefined && position > 0) {
        setText(cell.firstElementChild ?? cell, column.text(trial));
      }
    });
    one.row.dataset['state'] = trial.state;
    one.row.title = t.fact(trial.reason === '' ? trial.why : trial.reason);
  }
  if (one.best !== best) {
    one.best = best;
    one.row.classList.toggle('tm-is-best', best);
    setText(one.button, best ? `${trial.number} ★` : String(trial.number));
  }
}
