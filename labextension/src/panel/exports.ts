/** What the best model can be exported as, what came of it, and how the artefacts compare. */
import { QUANT_MODES } from '../model/protocol';
import type { IModelExported } from '../model/protocol';
import { compare } from './columns';
import { make, makeButton, setText } from './dom';
import type { IExportDetails } from './exported';
import { cellTexts, exportKey, exportName, makeExportDetails, TITLES } from './exported';
import { makePicture } from './pictures';
import type { IHands, ISection } from './section';
import { place, sortHead } from './sorting';
import type { StudyStore } from './store';

const LITE = 'tflite';
const ALL = 'all';

/** What the kernel answers (widgets/artefacts.py). */
interface IOffer {
  readonly target: string;
  readonly mode: string;
  /** Why it can't be had, or ''. */
  readonly missing: string;
}

// Until the kernel has said what there is.
const USUAL: readonly IOffer[] = QUANT_MODES.map(mode => ({ target: LITE, mode, missing: '' }));

export interface IExports extends ISection {
  /** Unfold this artefact. */
  open(key: string): void;
}

interface IRow {
  readonly row: HTMLTableRowElement;
  readonly button: HTMLButtonElement | null;
  readonly result: IModelExported | null;
}

export function makeExports(store: StudyStore, hands: IHands): IExports {
  const { t } = store;
  const menu = make('select', { className: 'tm-select' });
  const button = makeButton(t('panel.convert'), '', () => {
    convert(menu.value);
  });
  const stop = makeButton(t('panel.stop_convert'), '', () => {
    store.command('cancel');
  });
  const tryIt = makeButton(t('panel.try_it'), t('panel.try_it_title'), () => {
    const { study } = store.view;
    // Names hold nothing that quotes would have to be told from.
    store.command('cell', { code: `%tune demo ${/\s/.test(study) ? `'${study}'` : study}` });
  });
  const busy = make('span', { className: 'tm-busy', attributes: { role: 'status' } });
  const controls = make(
    'div',
    { className: 'tm-row' },
    make('label', {}, make('span', { text: t('panel.export_to') }), menu),
    button,
    stop,
    tryIt,
    busy
  );
  const plane = makePicture(store, 'exports', hands);
  const head = make('tr');
  const body = make('tbody');
  const inside = make('td', { attributes: { colspan: String(TITLES.length) } });
  const unfolded = make('tr', { className: 'tm-details' }, inside);
  const table = make('table', { className: 'tm-table' }, make('thead', {}, head), body);
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
    controls,
    plane.node,
    scroll,
    remarks
  );
  let offers = USUAL;
  let asked = false;
  let shown: readonly IModelExported[] | null = null;
  let offered: readonly IOffer[] | null = null;
  let mayConvert = false;
  let rows: readonly IRow[] = [];
  let details: IExportDetails | null = null;
  let [sortColumn, ascending] = [0, true];

  function convert(value: string): void {
    const [target = LITE, mode = ALL] = value.split(' ');
    store.command('convert', { target, mode });
  }

  function fillMenu(): void {
    const chosen = menu.value === '' ? `${LITE} ${ALL}` : menu.value;
    const all = { target: LITE, mode: ALL, missing: '' };
    const lite = offers.filter(one => one.target === LITE);
    const others = offers.filter(one => one.target !== LITE);
    menu.replaceChildren(
      ...[...lite, all, ...others].map(({ target, mode, missing }) => {
        const family = target === LITE ? `${t('panel.target.tflite')} · ` : '';
        const option = make('option', {
          text:
            family + exportName(target, mode, t) + (missing === '' ? '' : t('panel.not_installed')),
          attributes: { value: `${target} ${mode}`, title: missing }
        });
        option.disabled = missing !== '';
        return option;
      })
    );
    menu.value = chosen;
  }

  /** Ask once: nothing of it changes while the kernel lives. */
  function hearOffers(): void {
    const answer = store.answerOf('targets', {});
    if (answer === null) {
      asked ||= (store.ask('targets', {}, true), true);
      return;
    }
    if (asked) {
      asked = false;
      store.ask('targets', {}, false);
    }
    // The kernel's half of the package computes it: both have the same version.
    offers = (answer.info?.['exports'] as readonly IOffer[] | undefined) ?? USUAL;
  }

  function update(): void {
    const { view, status } = store;
    const ended = view.state === 'finished' || view.state === 'stopped' || view.state === 'failed';
    const may = ended && view.best !== null && status.read_only === '';
    controls.hidden = !may;
    scroll.hidden = view.exports.length === 0;
    node.hidden = !may && scroll.hidden;
    if (may) {
      hearOffers();
    }
    const { converting } = status;
    busy.hidden = stop.hidden = converting === null;
    button.disabled = converting !== null || store.isPending('convert');
    if (converting !== null) {
      stop.disabled = converting.stopping || store.isPending('cancel');
      const { at, count, target, mode } = converting;
      setText(
        busy,
        t(converting.stopping ? 'panel.stopping_convert' : 'panel.converting', {
          at,
          count,
          what: exportName(target, mode, t)
        })
      );
    }
    if (view.exports !== shown || offers !== offered || may !== mayConvert) {
      if (offers !== offered) {
        fillMenu();
      }
      [shown, offered, mayConvert] = [view.exports, offers, may];
      fillRows();
    }
    for (const { row } of rows) {
      const own = row.querySelector<HTMLButtonElement>('.tm-make');
      if (own !== null) {
        own.disabled = button.disabled;
      }
    }
    const drawn = view.exports.some(one => one.score_after !== null && one.bytes !== null);
    plane.node.hidden = !drawn;
    plane.setVisible?.(drawn);
    if (drawn) {
      plane.update();
    }
    details?.update();
  }

  function fillRows(): void {
    const results = shown ?? [];
    const several = new Set(results.map(one => one.trial)).size > 1;
    const made = new Set(results.map(one => `${one.target} ${one.mode}`));
    const open = offers.filter(
      one =>
        mayConvert &&
        results.length > 0 &&
        one.target === LITE &&
        one.missing === '' &&
        !made.has(`${one.target} ${one.mode}`)
    );
    rows = [
      ...results.map(result => resultRow(result, several)),
      ...open.map(({ target, mode }) => offerRow(target, mode))
    ];
    const key = details === null ? null : exportKey(details.result);
    const same = results.find(one => exportKey(one) === key);
    if (same !== details?.result) {
      unfold(same ?? null);
    } else {
      arrange();
    }
    const told = results.filter(one => one.verdict !== 'verified' && one.message !== '');
    remarks.hidden = told.length === 0;
    remarks.replaceChildren(
      ...told.map(one =>
        make('li', {
          text: t('panel.remark', {
            mode: exportName(one.target, one.mode, t),
            message: unnamed(one, t.fact(one.message))
          })
        })
      )
    );
  }

  function resultRow(result: IModelExported, several: boolean): IRow {
    const name = exportName(result.target, result.mode, t);
    const trial =
      several && result.trial !== null
        ? ` · ${t('plot.trial_number', { trial: result.trial })}`
        : '';
    const fold = make('button', {
      className: 'tm-fold',
      text: name + trial,
      attributes: { type: 'button', title: t('panel.details'), 'aria-expanded': 'false' }
    });
    fold.addEventListener('click', () => {
      unfold(details?.result === result ? null : result);
    });
    const verdict = make('span', {
      className: 'tm-verdict',
      text: t(`panel.verdict.${result.verdict}`)
    });
    verdict.dataset['verdict'] = result.verdict;
    const cells = cellTexts(result).map(text => make('td', { className: 'tm-number', text }));
    const row = make('tr', {}, make('td', {}, fold), make('td', {}, verdict), ...cells);
    return { row, button: fold, result };
  }

  function offerRow(target: string, mode: string): IRow {
    const name = exportName(target, mode, t);
    const own = makeButton(t('panel.convert'), t('panel.convert_to', { what: name }), () => {
      convert(`${target} ${mode}`);
    });
    own.setAttribute('aria-label', own.title);
    own.classList.add('tm-small', 'tm-make');
    const cell = make('td', { attributes: { colspan: String(TITLES.length - 1) } }, own);
    return { row: make('tr', {}, make('td', { text: name }), cell), button: null, result: null };
  }

  function unfold(result: IModelExported | null): void {
    details?.dispose();
    details = result === null ? null : makeExportDetails(store, result);
    inside.replaceChildren(...(details === null ? [] : [details.node]));
    details?.update();
    arrange();
  }

  function arrange(): void {
    const [, , keyOf = () => null] = TITLES[sortColumn] ?? [];
    const made = rows.filter(one => one.result !== null);
    const keys = new Map<IRow, string | number | null>(
      made.map((one, index) => [
        one,
        sortColumn === 0 || one.result === null ? index : keyOf(one.result)
      ])
    );
    const sign = ascending ? 1 : -1;
    made.sort((a, b) => {
      const [left, right] = [keys.get(a) ?? null, keys.get(b) ?? null];
      if (left === null || right === null) {
        return Number(left === null) - Number(right === null);
      }
      return sign * compare(left, right);
    });
    head.replaceChildren(
      ...sortHead(
        TITLES.map(([title, numeric]) => ({ title: t(`panel.export.${title}`), numeric })),
        sortColumn,
        ascending,
        t,
        position => {
          ascending = position === sortColumn ? !ascending : true;
          sortColumn = position;
          arrange();
          head.querySelectorAll('button')[position]?.focus();
        }
      )
    );
    for (const { button: fold, result } of made) {
      fold?.setAttribute('aria-expanded', String(result === details?.result));
    }
    place(
      body,
      [...made, ...rows.filter(one => one.result === null)].flatMap(one =>
        one.result !== null && one.result === details?.result ? [one.row, unfolded] : [one.row]
      )
    );
  }

  return {
    node,
    update,
    open(key) {
      const found = rows.find(({ result }) => result !== null && exportKey(result) === key);
      if (found !== undefined) {
        unfold(found.result);
        found.button?.focus();
      }
    },
    recolour: plane.recolour,
    dispose() {
      details?.dispose();
      plane.setVisible?.(false);
      plane.dispose?.();
      if (asked) {
        store.ask('targets', {}, false);
      }
    }
  };
}

/** What is said of an artefact without the name that is in front of a fault: it stands there anyhow. */
function unnamed({ target, mode }: IModelExported, said: string): string {
  const name = `${target === LITE ? mode : target}: `;
  return said.startsWith(name) ? said.slice(name.length) : said;
}
