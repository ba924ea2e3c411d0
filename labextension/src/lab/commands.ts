/** Commands of the side panel. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { DisposableSet } from '@lumino/disposable';
import { tuneIcon } from './icon';

export const SHOW_PANEL = 'tunemagic:show-panel';

/** Register the commands, and name them in the palette where there is one. */
export function addCommands(
  app: JupyterFrontEnd,
  panelId: string,
  trans: TranslationBundle,
  palette: ICommandPalette | null
): IDisposable {
  const added = new DisposableSet();
  added.add(
    app.commands.addCommand(SHOW_PANEL, {
      label: trans.__('Tune: show panel'),
      caption: trans.__('Show the searches of the current notebook in the side bar'),
      icon: tuneIcon,
      describedBy: { args: { type: 'object', properties: {}, additionalProperties: false } },
      execute: () => {
        app.shell.activateById(panelId);
      }
    })
  );
  if (palette !== null) {
    added.add(palette.addItem({ command: SHOW_PANEL, category: trans.__('Tune') }));
  }
  return added;
}
