/** Convert the best model once the search has ended, and what came of it. */
import { formatBytes, formatNumber, formatShare } from '../model/format';
import type { IModelExported } from '../model/protocol';
import { make } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';
import { TEXT } from './text';

const HEADS = [
  TEXT.exportMode,
  TEXT.result,
  TEXT.size,
  TEXT.gzip,
  TEXT.scoreChange,
  TEXT.agreement,
  TEXT.difference,
  TEXT.speed
];

export function makeExports(store: StudyStore): ISection {
  const menu = make(
    'select',
    { className: 'tm-select' },
    ...Object.entries(TEXT.modes).map(([value, text]) =>
      make('option', { text, attributes: { value } })
    )
  );
  menu.value = 'all';
  const button = make('button', {
    className: 'tm-button',
    text: TEXT.convert,
    attributes: { type: 'button' }
  });
  const busy = make('span', {
    className: 'tm-busy',
    text: TEXT.converting,
    attributes: { role: 'status' }
  });
  const row = make(
    'div',
    { className: 'tm-row' },
    make('label', {}, make('span', { text: TEXT.mode }), menu),
    button,
    busy
  );
  const body = make('tbody');
  const table = make(
    'table',
    { className: 'tm-table' },
    make(
      'thead',
      {},
      make('tr', {}, ...HEADS.map(text => make('th', { text, attributes: { scope: 'col' } })))
    ),
    body
  );
  const scroll = make(
    'div',
    {
      className: 'tm-scroll',
      attributes: { tabindex: '0', role: 'group', 'aria-label': TEXT.results }
    },
    table
  );
  const remarks = make('ul', { className: 'tm-remarks' });
  const node = make(
    'div',
    { className: 'tm-exports', attributes: { role: 'group', 'aria-label': TEXT.exports } },
    make('div', { className: 'tm-caption', text: TEXT.exports }),
    row,
    scroll,
    remarks
  );
  let shown: readonly IModelExported[] = [];
  button.addEventListener('click', () => {
    store.command('convert', { mode: menu.value });
  });

  function update(): void {
    const { view, status } = store;
    const ended = view.state === 'finished' || view.state === 'stopped' || view.state === 'failed';
    row.hidden = !ended || view.best === null || status.read_only !== '';
    scroll.hidden = view.exports.length === 0;
    node.hidden = row.hidden && scroll.hidden;
    button.disabled = status.converting || store.isPending('convert');
    busy.hidden = !status.converting;
    if (view.exports !== shown) {
      shown = view.exports;
      body.replaceChildren(...shown.map(exportRow));
      const told = shown.filter(result => result.message !== '');
      remarks.replaceChildren(
        ...told.map(result => make('li', { text: TEXT.remark(result.mode, result.message) }))
      );
    }
    remarks.hidden = remarks.childElementCount === 0;
  }

  return { node, update };
}

function exportRow(result: IModelExported): HTMLTableRowElement {
  const scores = TEXT.arrow(formatNumber(result.score_before), formatNumber(result.score_after));
  const texts = [
    formatBytes(result.bytes),
    formatBytes(result.gzip_bytes),
    result.score_after === null ? '–' : scores,
    formatShare(result.agreement),
    formatNumber(result.max_abs_diff),
    formatNumber(result.microseconds)
  ];
  const verdict = make('span', { className: 'tm-verdict', text: TEXT.verdict[result.verdict] });
  verdict.dataset['verdict'] = result.verdict;
  const row = make(
    'tr',
    {},
    make('td', { text: result.mode }),
    make('td', {}, verdict),
    ...texts.map(text => make('td', { text }))
  );
  row.title = result.path;
  return row;
}
