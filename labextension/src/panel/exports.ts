/** Convert the best model once the search has ended, and what came of it. */
import { formatBytes, formatNumber, formatShare } from '../model/format';
import { QUANT_MODES, type IModelExported } from '../model/protocol';
import type { Translate } from '../model/texts';
import { make } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

const MODES = [...QUANT_MODES, 'all'];
const HEADS = ['mode', 'result', 'size', 'gzip', 'score', 'agreement', 'difference', 'speed'];

export function makeExports(store: StudyStore): ISection {
  const { t } = store;
  const menu = make(
    'select',
    { className: 'tm-select' },
    ...MODES.map(value =>
      make('option', { text: t(`panel.modes.${value}`), attributes: { value } })
    )
  );
  menu.value = 'all';
  const button = make('button', {
    className: 'tm-button',
    text: t('panel.convert'),
    attributes: { type: 'button' }
  });
  const busy = make('span', {
    className: 'tm-busy',
    text: t('panel.converting'),
    attributes: { role: 'status' }
  });
  const row = make(
    'div',
    { className: 'tm-row' },
    make('label', {}, make('span', { text: t('panel.mode') }), menu),
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
      make(
        'tr',
        {},
        ...HEADS.map(head =>
          make('th', { text: t(`panel.export.${head}`), attributes: { scope: 'col' } })
        )
      )
    ),
    body
  );
  const scroll = make(
    'div',
    {
      className: 'tm-scroll',
      attributes: { tabindex: '0', role: 'group', 'aria-label': t('panel.results') }
    },
    table
  );
  const remarks = make('ul', { className: 'tm-remarks' });
  const node = make(
    'div',
    { className: 'tm-exports', attributes: { role: 'group', 'aria-label': t('panel.exports') } },
    make('div', { className: 'tm-caption', text: t('panel.exports') }),
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
      body.replaceChildren(...shown.map(result => exportRow(result, t)));
      const told = shown.filter(result => result.message !== '');
      remarks.replaceChildren(
        ...told.map(result =>
          make('li', {
            text: t('panel.remark', { mode: result.mode, message: t.fact(result.message) })
          })
        )
      );
    }
    remarks.hidden = remarks.childElementCount === 0;
  }

  return { node, update };
}

function exportRow(result: IModelExported, t: Translate): HTMLTableRowElement {
  const scores = `${formatNumber(result.score_before)} → ${formatNumber(result.score_after)}`;
  const texts = [
    formatBytes(result.bytes),
    formatBytes(result.gzip_bytes),
    result.score_after === null ? '–' : scores,
    formatShare(result.agreement),
    formatNumber(result.max_abs_diff),
    formatNumber(result.microseconds)
  ];
  const verdict = make('span', {
    className: 'tm-verdict',
    text: t(`panel.verdict.${result.verdict}`)
  });
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
