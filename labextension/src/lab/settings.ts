/** The setting `openOnStart`: bring the side panel to the front when a search starts. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import type { KernelTracker } from '../kernel/tracker';

/** Watch for searches that start; `settings` is null where nothing can be set. */
export function openOnStart(
  app: JupyterFrontEnd,
  tracker: KernelTracker,
  panelId: string,
  settings: Promise<ISettingRegistry.ISettings> | null
): IDisposable {
  let wanted = false;
  let running = new Set<string>();
  const read = (loaded: ISettingRegistry.ISettings): void => {
    wanted = loaded.get('openOnStart').composite === true;
  };
  const look = (): void => {
    const studies = tracker.link?.studies ?? [];
    const now = new Set(studies.filter(one => one.state === 'running').map(one => one.name));
    if (wanted && [...now].some(name => !running.has(name))) {
      app.shell.activateById(panelId);
    }
    running = now;
  };
  let loadedSettings: ISettingRegistry.ISettings | null = null;
  settings?.then(
    loaded => {
      loadedSettings = loaded;
      loaded.changed.connect(read);
      read(loaded);
    },
    () => undefined // a server that does not know our settings: the default stands
  );
  tracker.changed.connect(look);
  return new DisposableDelegate(() => {
    tracker.changed.disconnect(look);
    loadedSettings?.changed.disconnect(read);
  });
}
