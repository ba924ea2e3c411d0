/** The trials as a table: sortable, with details to unfold, reachable by keyboard. */
import { formatBytes, formatNumber } from '../model/format';
import type { IStudyView, ITrialRecord } from '../model/protocol';
import { epochsDone } from '../model/trials';
import type { IColumn } from './columns';
import { columnsOf, sorted } from './columns';
import { make, setText } from './dom';
import { sourceLine } from './messages';
import type { ISection } from './section';
import type { StudyStore } from './store';
import { TEXT } from './text';

/** One trial's row and, below it, the row of its details. */
interface IRow {
  readonly row: HTMLTableRowElement;
  readonly details: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  readonly cells: readonly HTMLTableCellElement[];
  trial: ITrialRecord | null;
}

/** `onSelect` is told which trial is unfolded, so that its curve can be marked. */
export function makeTable(store: StudyStore, onSelect: (trial: number | null) => void): ISection {
  const head = make('tr');
  const body = make('tbody');
  const table = make('table', { className: 'tm-table' }, make('thead', {}, head), body);
  const empty = make('p', { className: 'tm-empty', text: TEXT.noTrials });
  const node = make(
    'div',
    {
      className: 'tm-scroll',
      attributes: { tabindex: '0', role: 'group', 'aria-label': TEXT.table }
    },
    table,
    empty
  );
  const rows = new Map<number, IRow>();
  let columns: readonly IColumn[] = [];
  let shownView: IStudyView | null = null;
  let sortColumn = 0;
  let ascending = false;
  let unfolded: number | null = null;

  function unfold(number: number): void {
    unfolded = unfolded === number ? null : number;
    for (const [own, { details, button }] of rows) {
      details.hidden = own !== unfolded;
      button.setAttribute('aria-expanded', String(own === unfolded));
    }
    onSelect(unfolded);
  }

  function sortBy(position: number): void {
    ascending = position === sortColumn ? !ascending : position > 0;
    sortColumn = position;
    drawHead();
    order();
  }

  function drawHead(): void {
    head.replaceChildren(
      ...columns.map((column, position) => {
        const button = make('button', {
          className: 'tm-sort',
          text: column.title,
          attributes: { type: 'button', title: TEXT.sortBy(column.title) }
        });
        button.addEventListener('click', () => {
          sortBy(position);
          // The head was drawn anew, so focus has to be put back.
          head.querySelectorAll('button')[position]?.focus();
        });
        const cell = make('th', { attributes: { scope: 'col' } }, button);
        cell.classList.toggle('tm-number', column.numeric);
        if (position === sortColumn) {
          cell.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
        }
        return cell;
      })
    );
  }

  function order(): void {
    const column = columns[sortColumn] ?? columns[0];
    if (column === undefined) {
      return;
    }
    const wanted = sorted(store.view.trials, column, ascending).flatMap(trial => {
      const one = rows.get(trial.number);
      return one === undefined ? [] : [one.row, one.details];
    });
    wanted.forEach((row, position) => {
      // Rows that stand right stay untouched and keep their focus.
      if (body.children[position] !== row) {
        body.insertBefore(row, body.children[position] ?? null);
      }
    });
  }

  function startOver(view: IStudyView): void {
    columns = columnsOf(view);
    rows.clear();
    body.replaceChildren();
    drawHead();
  }

  function update(): void {
    const { view } = store;
    if (view === shownView) {
      return;
    }
    const { space = null, study = '', trials = [] } = shownView ?? {};
    if (space !== view.space || study !== view.study || trials.length > view.trials.length) {
      startOver(view);
    }
    for (const trial of view.trials) {
      let one = rows.get(trial.number);
      if (one === undefined) {
        one = makeRow(trial.number, columns.length, unfold);
        one.details.hidden = trial.number !== unfolded;
        one.button.setAttribute('aria-expanded', String(trial.number === unfolded));
        rows.set(trial.number, one);
      }
      if (one.trial !== trial) {
        one.trial = trial;
        fillRow(one, trial, columns);
      }
      one.row.classList.toggle('tm-is-best', trial.number === view.best);
      setText(
        one.button,
        trial.number === view.best ? TEXT.bestNumber(trial.number) : String(trial.number)
      );
    }
    table.hidden = view.trials.length === 0;
    empty.hidden = !table.hidden;
    shownView = view;
    order();
  }

  return { node, update };
}

function makeRow(number: number, width: number, unfold: (number: number) => void): IRow {
  const button = make('button', {
    className: 'tm-fold',
    attributes: { type: 'button', title: TEXT.details }
  });
  button.addEventListener('click', () => {
    unfold(number);
  });
  const first = make('td', { className: 'tm-number' }, button);
  const cells = Array.from({ length: width - 1 }, () => make('td'));
  const row = make('tr', {}, first, ...cells);
  const inside = make('td', { attributes: { colspan: String(width) } });
  const details = make('tr', { className: 'tm-details' }, inside);
  return { row, details, button, cells: [first, ...cells], trial: null };
}

function fillRow(one: IRow, trial: ITrialRecord, columns: readonly IColumn[]): void {
  columns.forEach((column, position) => {
    const cell = one.cells[position];
    if (cell !== undefined && position > 0) {
      setText(cell, column.text(trial));
      cell.classList.toggle('tm-number', column.numeric);
    }
  });
  one.row.dataset['state'] = trial.state;
  one.row.title = trial.reason === '' ? trial.why : trial.reason;
  const list = make('dl');
  for (const [term, text] of factsOf(trial)) {
    list.append(make('dt', { text: term }), make('dd', { text }));
  }
  one.details.firstElementChild?.replaceChildren(list);
}

/** What the details say, in order; nothing that is empty. */
function factsOf(trial: ITrialRecord): [string, string][] {
  const metrics = Object.entries(trial.metrics).map(
    ([name, value]) => `${name} ${formatNumber(value)}`
  );
  const reason = trial.reason.includes(trial.error)
    ? trial.reason
    : `${trial.error}: ${trial.reason}`;
  const facts: [string, string][] = [
    [TEXT.why, trial.why],
    [TEXT.reason, reason],
    [TEXT.yourLine, sourceLine(trial)],
    [TEXT.metrics, metrics.join(' · ')],
    [TEXT.epochs, TEXT.epochsOf(epochsDone(trial), trial.epochs)],
    [TEXT.attempt, trial.attempt > 1 ? String(trial.attempt) : ''],
    [TEXT.weights, trial.weights === null ? '' : TEXT.weightsKept(formatBytes(trial.weights.bytes))]
  ];
  return facts.filter(([, text]) => text !== '');
}
