/** What sorted tables share: heads that are buttons, and rows that keep their place. */
import type { Translate } from '../model/texts';
import { make } from './dom';

/** The cells of a head: a click on one sorts by it. */
export function sortHead(
  columns: readonly { readonly title: string; readonly numeric: boolean }[],
  sorted: number,
  ascending: boolean,
  t: Translate,
  onSort: (position: number) => void
): HTMLTableCellElement[] {
  return columns.map(({ title, numeric }, position) => {
    const button = make('button', {
      className: 'tm-sort',
      text: title,
      attributes: { type: 'button', title: t('panel.sort_by', { column: title }) }
    });
    button.addEventListener('click', () => {
      onSort(position);
    });
    const cell = make('th', { attributes: { scope: 'col' } }, button);
    cell.classList.toggle('tm-number', numeric);
    if (position === sorted) {
      cell.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
    }
    return cell;
  });
}

/** Make these rows the body's, in this order. Rows that stand right stay untouched and keep focus. */
export function place(body: HTMLElement, wanted: readonly HTMLElement[]): void {
  const kept = new Set<Element>(wanted);
  for (const row of [...body.children]) {
    if (!kept.has(row)) {
      row.remove();
    }
  }
  let at = body.firstElementChild;
  for (const row of wanted) {
    if (at === row) {
      at = at.nextElementSibling;
    } else {
      body.insertBefore(row, at);
    }
  }
}
