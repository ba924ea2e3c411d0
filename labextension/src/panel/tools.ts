/** What stands above the table: filter, columns, download. */
import type { IColumn } from './columns';
import { make, makeButton, setText } from './dom';
import type { IDrawer } from './drawer';
import { makeDrawer } from './drawer';
import { makeInput } from './form';
import type { StudyStore } from './store';

const FILTER_MILLISECONDS = 150;

export interface ITools {
  readonly node: HTMLElement;
  readonly filterText: string;
  /** Titles of the columns that the user has hidden. */
  readonly hidden: ReadonlySet<string>;
  /** `wrong` is what of the filter makes no sense; `shown` of `all` trials match it. */
  update(columns: readonly IColumn[], wrong: string, shown: number, all: number): void;
  dispose(): void;
}

export function makeTools(store: StudyStore, onChange: () => void, onDownload: () => void): ITools {
  const { t } = store;
  const filter = makeInput('', t('panel.filter'));
  filter.type = 'search';
  filter.placeholder = t('panel.filter_example');
  filter.title = t('panel.filter_title');
  filter.classList.add('tm-filter');
  const said = make('span', { className: 'tm-filtered', attributes: { role: 'status' } });
  const hidden = new Set<string>();
  let columns: readonly IColumn[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const boxes = make('div', { className: 'tm-row' });
  const drawer: IDrawer = makeDrawer(t('panel.columns'), t('panel.columns_title'), boxes, () => {
    boxes.replaceChildren(
      ...columns.slice(1).map(({ title }) => {
        const box = make('input', { attributes: { type: 'checkbox' } });
        box.checked = !hidden.has(title);
        box.addEventListener('change', () => {
          if (box.checked) {
            hidden.delete(title);
          } else {
            hidden.add(title);
          }
          onChange();
        });
        return make('label', {}, box, make('span', { text: title }));
      })
    );
  });
  const download = makeButton(t('panel.csv'), t('panel.csv_title'), onDownload);
  filter.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, FILTER_MILLISECONDS);
  });
  const node = make(
    'div',
    { className: 'tm-tools' },
    make('div', { className: 'tm-row' }, filter, drawer.button, download, said),
    drawer.box
  );
  return {
    node,
    get filterText() {
      return filter.value;
    },
    hidden,
    update(nextColumns, wrong, shown, all) {
      columns = nextColumns;
      download.disabled = shown === 0;
      filter.classList.toggle('tm-filter-wrong', wrong !== '');
      filter.setAttribute('aria-invalid', String(wrong !== ''));
      const count = shown < all ? t('panel.filtered', { shown, all }) : '';
      setText(said, wrong === '' ? count : t('panel.filter_wrong', { part: wrong }));
    },
    dispose() {
      clearTimeout(timer);
    }
  };
}

/** Let the browser save a content as a file. */
export function saveFile(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = make('a', { attributes: { href: url, download: name } });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it after the click has been handled.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  });
}
