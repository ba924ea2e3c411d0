/** Settings in force: bring the side panel to the front, tell of searches that end or improve. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import type { KernelTracker } from '../kernel/tracker';
import { formatNumber } from '../model/format';
import type { IStudyRow } from '../model/protocol';
import { newsOf, toneOf } from './news';
import { DEFAULTS, readPreferences } from './preferences';

/** Watch the searches of all open notebooks; `settings` is null where nothing can be set. */
export function watchSearches(
  app: JupyterFrontEnd,
  tracker: KernelTracker,
  panelId: string,
  trans: TranslationBundle,
  settings: Promise<ISettingRegistry.ISettings> | null
): IDisposable {
  let wanted = DEFAULTS;
  const seen = new WeakMap<NotebookPanel, readonly IStudyRow[]>();
  const read = (loaded: ISettingRegistry.ISettings): void => {
    wanted = readPreferences(loaded.composite);
  };
  const look = (_: KernelTracker, notebook: NotebookPanel): void => {
    const rows = tracker.linkOf(notebook)?.studies ?? [];
    const news = newsOf(seen.get(notebook) ?? [], rows);
    seen.set(notebook, rows);
    if (wanted.openOnStart && notebook === tracker.notebook && news.started.length > 0) {
      app.shell.activateById(panelId);
    }
    for (const row of wanted.notifyWhenDone ? news.done : []) {
      Notification.emit(doneText(row, trans), toneOf(row), { autoClose: false });
    }
    for (const row of wanted.notifyWhenBetter ? news.better : []) {
      Notification.info(betterText(row, trans), { autoClose: 5000 });
    }
  };
  let loadedSettings: ISettingRegistry.ISettings | null = null;
  settings?.then(
    loaded => {
      loadedSettings = loaded;
      loaded.changed.connect(read);
      read(loaded);
    },
    () => undefined // a server that does not know our settings: the defaults stand
  );
  tracker.studiesChanged.connect(look);
  return new DisposableDelegate(() => {
    tracker.studiesChanged.disconnect(look);
    loadedSettings?.changed.disconnect(read);
  });
}

function doneText(row: IStudyRow, trans: TranslationBundle): string {
  if (row.state === 'failed') {
    return row.best === null
      ? trans.__('Search %1 has failed.', row.name)
      : trans.__(
          'Search %1 has failed: best %2 %3 in %4 trials.',
          row.name,
          row.objective,
          formatNumber(row.best),
          row.done
        );
  }
  return row.best === null
    ? trans.__('Search %1 has ended without a score.', row.name)
    : trans.__(
        'Search %1 has ended: best %2 %3 in %4 trials.',
        row.name,
        row.objective,
        formatNumber(row.best),
        row.done
      );
}

function betterText(row: IStudyRow, trans: TranslationBundle): string {
  return trans.__(
    'Search %1: better %2 %3 after %4 trials.',
    row.name,
    row.objective,
    formatNumber(row.best),
    row.done
  );
}
