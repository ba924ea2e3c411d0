/** The trials as a table: sorted, filtered, with details to unfold, reachable by keyboard. */
import type { IStudyView, ITrialRecord } from '../model/protocol';
import { paretoNumbers } from '../model/trials';
import type { IColumn } from './columns';
import { columnsOf, sorted, subjectsOf } from './columns';
import { trialsCsv } from './csv';
import type { IDetails } from './details';
import { makeDetails } from './details';
import { make } from './dom';
import { parseFilter } from './filter';
import type { IRow, IRowListener } from './rows';
import { fillRow, makeRow } from './rows';
import type { IHands, ISection } from './section';
import { place, sortHead } from './sorting';
import type { StudyStore } from './store';
import { makeTools, saveFile } from './tools';

const NONE: ReadonlySet<number> = new Set();

export interface ITable extends ISection {
  /** Unfold this trial's details and bring them into view. */
  open(trial: number): void;
  /** Which trials' boxes are ticked. */
  setCompared(trials: readonly number[]): void;
}

export interface ITableListener {
  /** Which trial is unfolded, so that its curve can be marked. */
  onUnfold(trial: number | null): void;
  onCompare(trial: number, chosen: boolean): void;
}

export function makeTable(store: StudyStore, hands: IHands, listener: ITableListener): ITable {
  return new TrialTable(store, hands, listener);
}

class TrialTable implements ITable {
  readonly node: HTMLElement;
  private readonly head = make('tr');
  private readonly body = make('tbody');
  private readonly table: HTMLTableElement;
  private readonly empty = make('p', { className: 'tm-empty' });
  private readonly tools;
  private readonly rows = new Map<number, IRow>();
  private readonly rowListener: IRowListener;
  private readonly inside: HTMLTableCellElement;
  private readonly detailsRow: HTMLTableRowElement;
  private columns: readonly IColumn[] = [];
  private listed: readonly ITrialRecord[] = [];
  private pareto = NONE;
  private shownView: IStudyView | null = null;
  private sortColumn = 0;
  private ascending = false;
  private details: IDetails | null = null;
  private compared: readonly number[] = [];

  constructor(
    private readonly store: StudyStore,
    private readonly hands: IHands,
    private readonly listener: ITableListener
  ) {
    const label = store.t('panel.table');
    this.table = make('table', { className: 'tm-table' }, make('thead', {}, this.head), this.body);
    this.inside = make('td');
    this.detailsRow = make('tr', { className: 'tm-details' }, this.inside);
    const redraw = (): void => {
      this.arrange();
    };
    const save = (): void => {
      const { view } = store;
      saveFile(`${view.study}.csv`, 'text/csv', trialsCsv(view, this.listed));
    };
    this.tools = makeTools(store, redraw, save);
    this.rowListener = {
      unfold: number => {
        this.unfold(this.details?.trial === number ? null : number);
      },
      compare: (number, chosen) => {
        listener.onCompare(number, chosen);
      }
    };
    this.node = make(
      'div',
      { className: 'tm-trials' },
      this.tools.node,
      make(
        'div',
        {
          className: 'tm-scroll',
          attributes: { tabindex: '0', role: 'group', 'aria-label': label }
        },
        this.table,
        this.empty
      )
    );
  }

  update(): void {
    const { view } = this.store;
    if (view !== this.shownView) {
      this.fill(view);
      this.shownView = view;
      this.arrange();
    }
    this.updateDetails();
  }

  open(trial: number): void {
    this.update();
    this.unfold(trial);
    this.rows.get(trial)?.button.focus();
  }

  setCompared(trials: readonly number[]): void {
    this.compared = trials;
    for (const [number, { box }] of this.rows) {
      box.checked = trials.includes(number);
    }
  }

  dispose(): void {
    this.details?.dispose();
    this.tools.dispose();
  }

  private fill(view: IStudyView): void {
    const { space = null, study = '', trials = [] } = this.shownView ?? {};
    if (space !== view.space || study !== view.study || trials.length > view.trials.length) {
      this.startOver(view);
    }
    this.pareto = view.objectives.length > 0 ? paretoNumbers(view) : NONE;
    for (const trial of view.trials) {
      const { number } = trial;
      let one = this.rows.get(number);
      if (one === undefined) {
        one = makeRow(number, this.columns, this.rowListener, this.store.t);
        this.rows.set(number, one);
        this.showColumns(one.cells);
        one.box.checked = this.compared.includes(number);
        one.button.setAttribute('aria-expanded', String(this.details?.trial === number));
      }
      fillRow(
        one,
        trial,
        this.columns,
        this.pareto.has(number),
        number === view.best,
        this.store.t
      );
    }
  }

  private startOver(view: IStudyView): void {
    this.columns = columnsOf(view, number => this.pareto.has(number), this.store.t);
    this.rows.clear();
    this.body.replaceChildren();
    this.drawHead();
    if ((this.details?.trial ?? 0) > view.trials.length) {
      this.unfold(null);
    }
  }

  private unfold(number: number | null): void {
    this.details?.dispose();
    this.details = null;
    this.detailsRow.remove();
    if (number !== null && this.rows.has(number)) {
      this.details = makeDetails(this.store, number, this.hands);
      this.inside.replaceChildren(this.details.node);
    }
    for (const [own, { button }] of this.rows) {
      button.setAttribute('aria-expanded', String(own === number));
    }
    this.updateDetails();
    this.arrange();
    this.listener.onUnfold(this.details === null ? null : number);
  }

  private updateDetails(): void {
    const trial = this.store.view.trials[(this.details?.trial ?? 0) - 1];
    if (trial !== undefined) {
      this.details?.update(trial);
    }
  }

  private sortBy(position: number): void {
    this.ascending = position === this.sortColumn ? !this.ascending : position > 0;
    this.sortColumn = position;
    this.drawHead();
    this.arrange();
    // The head was drawn anew, so focus has to be put back.
    this.head.querySelectorAll('button')[position]?.focus();
  }

  private drawHead(): void {
    const { t } = this.store;
    const cells = sortHead(this.columns, this.sortColumn, this.ascending, t, position => {
      this.sortBy(position);
    });
    this.head.replaceChildren(...cells);
    this.showColumns(cells);
  }

  private showColumns(cells: readonly HTMLElement[]): void {
    cells.forEach((cell, position) => {
      cell.hidden = this.tools.hidden.has(this.columns[position]?.title ?? '');
    });
  }

  /** Put the rows that match the filter in their order, and show the columns that are wanted. */
  private arrange(): void {
    const { trials } = this.store.view;
    const { t } = this.store;
    const column = this.columns[this.sortColumn] ?? this.columns[0];
    if (column === undefined) {
      return;
    }
    const filter = parseFilter(this.tools.filterText, subjectsOf(this.store.view, this.columns, t));
    this.listed = sorted(trials, column, this.ascending).filter(filter.matches);
    const wanted = this.listed.flatMap(({ number }) => {
      const row = this.rows.get(number)?.row;
      const more = this.details?.trial === number ? [this.detailsRow] : [];
      return row === undefined ? [] : [row, ...more];
    });
    place(this.body, wanted);
    this.tools.update(this.columns, filter.wrong, this.listed.length, trials.length);
    this.hideColumns();
    this.table.hidden = trials.length === 0;
    this.empty.hidden = this.listed.length > 0;
    this.empty.textContent = t(trials.length === 0 ? 'panel.no_trials' : 'panel.none_match');
  }

  private shownColumns = '';

  private hideColumns(): void {
    const hidden = [...this.tools.hidden].join('\n');
    if (hidden !== this.shownColumns) {
      this.shownColumns = hidden;
      this.showColumns([...this.head.cells]);
      for (const { cells } of this.rows.values()) {
        this.showColumns(cells);
      }
    }
    this.inside.colSpan = Math.max(1, this.columns.length - this.tools.hidden.size);
  }
}
