/** The list of plugins. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { KernelTracker } from './kernel/tracker';
import { addCommands } from './lab/commands';
import { TuneSidePanel } from './lab/panel';
import { openOnStart } from './lab/settings';

const PLUGIN_ID = 'tunemagic:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: 'A side panel that shows the Keras searches of the current notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  // Notebook 7 offers fewer services than JupyterLab on some pages.
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    settings: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('tunemagic');
    const tracker = new KernelTracker(notebooks);
    const sidePanel = new TuneSidePanel(tracker, trans);
    app.shell.add(sidePanel, 'right', { rank: 900, type: 'Tune' });
    restorer?.add(sidePanel, sidePanel.id);
    const commands = addCommands(app, sidePanel.id, trans, palette);
    const opening = openOnStart(app, tracker, sidePanel.id, settings?.load(PLUGIN_ID) ?? null);
    sidePanel.disposed.connect(() => {
      opening.dispose();
      commands.dispose();
      tracker.dispose();
    });
  }
};

export default [plugin];
