/** The list of plugins. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { IInsertion } from './kernel/tracker';
import { KernelTracker } from './kernel/tracker';
import { insertCell } from './lab/cells';
import { addCommands } from './lab/commands';
import { TuneSidePanel } from './lab/panel';
import { watchSearches } from './lab/settings';

const PLUGIN_ID = 'tunemagic:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'A side panel that shows the Keras searches of the current notebook, and commands.',
  autoStart: true,
  requires: [INotebookTracker],
  // Notebook 7 offers fewer services than JupyterLab on some pages.
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ISettingRegistry, ILauncher],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    settings: ISettingRegistry | null,
    launcher: ILauncher | null
  ) => {
    const trans = (translator ?? nullTranslator).load('tunemagic');
    const tracker = new KernelTracker(notebooks);
    const panel = new TuneSidePanel(tracker, trans);
    app.shell.add(panel, 'right', { rank: 900, type: 'Tune' });
    restorer?.add(panel, panel.id);
    const commands = addCommands({ app, tracker, panel, trans, palette, launcher });
    const loading = settings?.load(PLUGIN_ID) ?? null;
    const watching = watchSearches(app, tracker, panel.id, trans, loading);
    const insert = (_: KernelTracker, { notebook, code, run }: IInsertion): void => {
      void insertCell(notebook, code, run);
    };
    tracker.inserted.connect(insert);
    panel.disposed.connect(() => {
      tracker.inserted.disconnect(insert);
      watching.dispose();
      commands.dispose();
      tracker.dispose();
    });
  }
};

export default [plugin];
