/** The side panel's list: one row for each study, to open one and to choose two that are compared. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { formatNumber } from '../model/format';
import type { IStudyRow } from '../model/protocol';
import { stateText } from './states';

interface IRowNodes {
  readonly row: HTMLTableRowElement;
  readonly check: HTMLInputElement;
  readonly open: HTMLButtonElement;
  readonly state: HTMLElement;
  readonly trials: HTMLElement;
  readonly best: HTMLElement;
}

/** Draws the list into a table that stays the same node, so that focus is kept while scores change. */
export class StudyTable {
  readonly node = document.createElement('table');
  private readonly body: HTMLTableSectionElement;
  private readonly rows = new Map<string, IRowNodes>();
  /** The studies with a mark, the earlier one first; at most two. */
  private marked: string[] = [];

  constructor(
    private readonly trans: TranslationBundle,
    private readonly onOpen: (study: string) => void,
    private readonly onMark: () => void
  ) {
    this.node.className = 'tunemagic-List';
    this.node.setAttribute('aria-label', trans.__('Searches'));
    const head = this.node.createTHead().insertRow();
    const titles = [
      '⇄',
      trans.__('Search'),
      trans.__('State'),
      trans.__('Trials'),
      trans.__('Best')
    ];
    for (const [index, title] of titles.entries()) {
      const cell = document.createElement('th');
      cell.setAttribute('scope', 'col');
      cell.textContent = title;
      if (index === 0) {
        cell.title = trans.__('Compare: mark two searches');
        cell.setAttribute('aria-label', cell.title);
      }
      head.append(cell);
    }
    this.body = this.node.createTBody();
  }

  /** The two studies to compare, or null. */
  get pair(): readonly [string, string] | null {
    const [left, right] = this.marked;
    return left === undefined || right === undefined ? null : [left, right];
  }

  /** Take all marks away. */
  clear(): void {
    this.marked = [];
    this.showMarks();
  }

  /** Show these studies; `current` is the one whose panel is shown below. */
  draw(studies: readonly IStudyRow[], current: string | null): void {
    const names = new Set(studies.map(study => study.name));
    for (const [name, nodes] of this.rows) {
      if (!names.has(name)) {
        nodes.row.remove();
        this.rows.delete(name);
      }
    }
    this.marked = this.marked.filter(name => names.has(name));
    for (const [index, study] of studies.entries()) {
      const nodes = this.rows.get(study.name) ?? this.addRow(study.name);
      if (this.body.rows[index] !== nodes.row) {
        this.body.insertBefore(nodes.row, this.body.rows[index] ?? null);
      }
      this.fill(nodes, study, study.name === current);
    }
    this.showMarks();
  }

  private addRow(name: string): IRowNodes {
    const row = document.createElement('tr');
    const check = document.createElement('input');
    check.type = 'checkbox';
    check.setAttribute('aria-label', this.trans.__('Compare %1', name));
    check.addEventListener('change', () => {
      this.mark(name, check.checked);
    });
    const open = document.createElement('button');
    open.type = 'button';
    open.textContent = name;
    open.title = name;
    open.addEventListener('click', () => {
      this.onOpen(name);
    });
    row.insertCell().append(check);
    row.insertCell().append(open);
    const cells = { state: row.insertCell(), trials: row.insertCell(), best: row.insertCell() };
    const nodes = { row, check, open, ...cells };
    this.rows.set(name, nodes);
    return nodes;
  }

  private fill(nodes: IRowNodes, study: IStudyRow, isCurrent: boolean): void {
    const { row, open, state, trials, best } = nodes;
    row.dataset['study'] = study.name;
    row.dataset['state'] = study.state;
    row.dataset['where'] = study.where;
    if (isCurrent) {
      open.setAttribute('aria-current', 'true');
    } else {
      open.removeAttribute('aria-current');
    }
    const known = stateText(study.state, this.trans);
    const onDisk = this.trans.__('on disk');
    setText(state, study.where === 'disk' && known !== onDisk ? `${known}, ${onDisk}` : known);
    const total = study.total === null ? '' : `/${study.total}`;
    setText(trials, study.state === '' ? '' : `${study.done}${total}`);
    setText(best, study.best === null ? '' : formatNumber(study.best));
    best.title = study.best === null ? '' : `${study.objective} ${study.best}`;
  }

  private mark(name: string, wanted: boolean): void {
    const others = this.marked.filter(other => other !== name);
    this.marked = wanted ? [...others.slice(-1), name] : others;
    this.showMarks();
    this.onMark();
  }

  private showMarks(): void {
    for (const [name, { check }] of this.rows) {
      check.checked = this.marked.includes(name);
    }
  }
}

function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
