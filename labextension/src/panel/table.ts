/** The trials as a table: sortable, with details to unfold, reachable by keyboard. */
import { formatBytes, formatNumber } from '../model/format';
import type { IStudyView, ITrialRecord } from '../model/protocol';
import type { Translate } from '../model/texts';
import { epochsDone, paretoNumbers } from '../model/trials';
import type { IColumn } from './columns';
import { columnsOf, sorted } from './columns';
import { make, setText } from './dom';
import { sourceLine } from './messages';
import type { ISection } from './section';
import type { StudyStore } from './store';

/** One trial's row and, below it, the row of its details. */
interface IRow {
  readonly row: HTMLTableRowElement;
  readonly details: HTMLTableRowElement;
  readonly button: HTMLButtonElement;
  readonly cells: readonly HTMLTableCellElement[];
  trial: ITrialRecord | null;
  pareto: boolean;
}

const NONE: ReadonlySet<number> = new Set();

/** `onSelect` is told which trial is unfolded, so that its curve can be marked. */
export function makeTable(store: StudyStore, onSelect: (trial: number | null) => void): ISection {
  const { t } = store;
  const head = make('tr');
  const body = make('tbody');
  const table = make('table', { className: 'tm-table' }, make('thead', {}, head), body);
  const empty = make('p', { className: 'tm-empty', text: t('panel.no_trials') });
  const node = make(
    'div',
    {
      className: 'tm-scroll',
      attributes: { tabindex: '0', role: 'group', 'aria-label': t('panel.table') }
    },
    table,
    empty
  );
  const rows = new Map<number, IRow>();
  let columns: readonly IColumn[] = [];
  let pareto = NONE;
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
          attributes: { type: 'button', title: t('panel.sort_by', { column: column.title }) }
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
    columns = columnsOf(view, number => pareto.has(number), t);
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
    pareto = view.objectives.length > 0 ? paretoNumbers(view) : NONE;
    for (const trial of view.trials) {
      let one = rows.get(trial.number);
      if (one === undefined) {
        one = makeRow(trial.number, columns, unfold, t);
        one.details.hidden = trial.number !== unfolded;
        one.button.setAttribute('aria-expanded', String(trial.number === unfolded));
        rows.set(trial.number, one);
      }
      if (one.trial !== trial || one.pareto !== pareto.has(trial.number)) {
        one.trial = trial;
        one.pareto = pareto.has(trial.number);
        fillRow(one, trial, columns, t);
      }
      one.row.classList.toggle('tm-is-best', trial.number === view.best);
      setText(one.button, trial.number === view.best ? `${trial.number} ★` : String(trial.number));
    }
    table.hidden = view.trials.length === 0;
    empty.hidden = !table.hidden;
    shownView = view;
    order();
  }

  return { node, update };
}

function makeRow(
  number: number,
  columns: readonly IColumn[],
  unfold: (number: number) => void,
  t: Translate
): IRow {
  const button = make('button', {
    className: 'tm-fold',
    attributes: { type: 'button', title: t('panel.details') }
  });
  button.addEventListener('click', () => {
    unfold(number);
  });
  const first = make('td', { className: 'tm-number' }, button);
  const cells = columns
    .slice(1)
    .map(({ badge }) =>
      make('td', {}, ...(badge === true ? [make('span', { className: 'tm-badge' })] : []))
    );
  const row = make('tr', {}, first, ...cells);
  const inside = make('td', { attributes: { colspan: String(columns.length) } });
  const details = make('tr', { className: 'tm-details' }, inside);
  return { row, details, button, cells: [first, ...cells], trial: null, pareto: false };
}

function fillRow(one: IRow, trial: ITrialRecord, columns: readonly IColumn[], t: Translate): void {
  columns.forEach((column, position) => {
    const cell = one.cells[position];
    if (cell !== undefined && position > 0) {
      setText(cell.firstElementChild ?? cell, column.text(trial));
      cell.classList.toggle('tm-number', column.numeric);
    }
  });
  one.row.dataset['state'] = trial.state;
  one.row.title = trial.reason === '' ? trial.why : trial.reason;
  const list = make('dl');
  for (const [term, text] of factsOf(trial, t)) {
    list.append(make('dt', { text: term }), make('dd', { text }));
  }
  one.details.firstElementChild?.replaceChildren(list);
}

/** Which attempt it is and where it went on; '' for a first one. */
function attemptText(trial: ITrialRecord, t: Translate): string {
  const { attempt, resumed_run: run, resumed_epoch: epoch } = trial;
  if (attempt === 1) {
    return '';
  }
  if (run === 1 && epoch === 0) {
    return String(attempt);
  }
  const key = epoch === 0 ? 'went_on_start' : run > 1 ? 'went_on_run' : 'went_on';
  return t(`panel.${key}`, { attempt, run, epoch });
}

/** What the details say, in order; nothing that is empty. */
function factsOf(trial: ITrialRecord, t: Translate): [string, string][] {
  const metrics = Object.entries(trial.metrics).map(
    ([name, value]) => `${name} ${formatNumber(value)}`
  );
  const reason = trial.reason.includes(trial.error)
    ? trial.reason
    : `${trial.error}: ${trial.reason}`;
  const facts: [string, string][] = [
    [t('panel.fact.why'), proposalText(trial, t)],
    [t('panel.fact.trainer'), trial.trainer],
    [t('panel.fact.worker'), trial.worker === null ? '' : String(trial.worker)],
    [t('panel.fact.reason'), reason],
    [t('panel.fact.line'), sourceLine(trial, t)],
    [t('panel.fact.metrics'), metrics.join(' · ')],
    [t('panel.fact.scores'), trial.scores.map(formatNumber).join(' · ')],
    [t('panel.fact.epochs'), t('panel.epochs_of', { done: epochsDone(trial), all: trial.epochs })],
    [t('panel.fact.attempt'), attemptText(trial, t)],
    [t('panel.fact.weights'), weightsText(trial, t)]
  ];
  return facts.filter(([, text]) => text !== '');
}

function proposalText(trial: ITrialRecord, t: Translate): string {
  const { why, parent } = trial;
  return parent === null ? why : `${why} · ${t('panel.parent', { number: parent })}`;
}

function weightsText({ weights }: ITrialRecord, t: Translate): string {
  return weights === null ? '' : t('panel.weights_kept', { size: formatBytes(weights.bytes) });
}
