/** The extension's commands. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import { Notification } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import { DisposableSet } from '@lumino/disposable';
import type { KernelTracker } from '../kernel/tracker';
import { activeSource, insertCell, replaceSource, runAbove } from './cells';
import { tuneIcon } from './icon';
import type { TuneSidePanel } from './panel';
import type { Verb } from './steering';
import { askKernel, steer, warn } from './steering';

export const SHOW_PANEL = 'tunemagic:show-panel';
export const NEW_CELL = 'tunemagic:new-cell';
export const TUNE_CELL = 'tunemagic:tune-cell';

const LOAD_LINE = '%load_ext tunemagic';
const FORM_LINE = '%tune form';
const NO_ARGUMENTS = { args: { type: 'object', properties: {}, additionalProperties: false } };

/** What the commands work with; palette and launcher are null where there are none. */
export interface ISurroundings {
  readonly app: JupyterFrontEnd;
  readonly tracker: KernelTracker;
  readonly panel: TuneSidePanel;
  readonly trans: TranslationBundle;
  readonly palette: ICommandPalette | null;
  readonly launcher: ILauncher | null;
}

/** Register the commands, and name them in the palette and the launcher. */
export function addCommands(around: ISurroundings): IDisposable {
  const { app, tracker, panel, trans, palette, launcher } = around;
  const added = new DisposableSet();
  const hasNotebook = (): boolean => tracker.notebook !== null;
  const add = (id: string, options: CommandRegistry.ICommandOptions): void => {
    added.add(app.commands.addCommand(id, { describedBy: NO_ARGUMENTS, ...options }));
    if (palette !== null) {
      added.add(palette.addItem({ command: id, category: trans.__('Tune') }));
    }
  };
  add(SHOW_PANEL, {
    label: trans.__('Tune: show panel'),
    caption: trans.__('Show the searches of the current notebook in the side bar'),
    icon: tuneIcon,
    execute: () => {
      app.shell.activateById(panel.id);
    }
  });
  add(NEW_CELL, {
    label: trans.__('Tune: new tuning cell'),
    caption: trans.__('Open a form that writes a %%tune cell'),
    icon: tuneIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          cwd: {
            type: 'string',
            description:
              'Folder for a new notebook when there is no current one, or from the launcher'
          }
        }
      }
    },
    execute: async args => {
      await newCell(around, typeof args['cwd'] === 'string' ? args['cwd'] : null);
    }
  });
  add(TUNE_CELL, {
    label: trans.__('Tune: tune this cell'),
    caption: trans.__('Turn the active cell into a %%tune cell with a range behind each literal'),
    icon: tuneIcon,
    isEnabled: hasNotebook,
    execute: () => tuneCell(around)
  });
  for (const [verb, label, caption] of verbs(trans)) {
    add(`tunemagic:${verb}`, {
      label,
      caption,
      isEnabled: hasNotebook,
      execute: () => steer(tracker, trans, verb, panel.study)
    });
  }
  if (launcher !== null) {
    added.add(launcher.add({ command: NEW_CELL, category: trans.__('Notebook'), rank: 900 }));
  }
  return added;
}

function verbs(trans: TranslationBundle): readonly (readonly [Verb, string, string])[] {
  return [
    ['pause', trans.__('Tune: pause the search'), trans.__('After the epochs that run now')],
    ['resume', trans.__('Tune: resume the search'), trans.__('Go on with a search that is paused')],
    ['stop', trans.__('Tune: stop the search'), trans.__('Keep all results')],
    [
      'skip',
      trans.__('Tune: skip the running trials'),
      trans.__('End them with their best epochs so far')
    ],
    ['report', trans.__('Tune: write a report'), trans.__('One HTML file beside the search')]
  ];
}

/** Open the form below the active cell; from the launcher in a notebook of its own. */
async function newCell({ app, tracker, trans }: ISurroundings, cwd: string | null): Promise<void> {
  if (cwd !== null || tracker.notebook === null) {
    await app.serviceManager.kernelspecs.ready;
    const kernelName = app.serviceManager.kernelspecs.specs?.default ?? '';
    const made = (await app.commands.execute('notebook:create-new', {
      ...(cwd === null ? {} : { cwd }),
      ...(kernelName === '' ? {} : { kernelName })
    })) as NotebookPanel | undefined;
    if (made === undefined) {
      return;
    }
    await made.context.ready;
    await made.sessionContext.ready;
    await insertCell(made, LOAD_LINE, true);
    await insertCell(made, FORM_LINE, true);
    return;
  }
  const { notebook, link } = tracker;
  if (link?.loaded === true) {
    const code = activeSource(notebook);
    // The form begins with this cell; it is no matter when the kernel is too busy to hear of it.
    await Promise.race([
      link.ask({ kind: 'source', code: code ?? '' }).catch(() => null),
      new Promise(resolve => setTimeout(resolve, 1000))
    ]);
    await insertCell(notebook, FORM_LINE, true);
  } else {
    Notification.info(
      trans.__('tunemagic was not loaded in this notebook; the new cell loads it.'),
      {
        autoClose: 5000
      }
    );
    await insertCell(notebook, `${LOAD_LINE}\n${FORM_LINE}`, true);
  }
}

/** Replace the active cell by its %%tune cell. */
async function tuneCell({ tracker, trans }: ISurroundings): Promise<void> {
  const { notebook, link } = tracker;
  if (notebook === null) {
    return;
  }
  const code = activeSource(notebook);
  if (code === null) {
    warn(trans.__('Choose a code cell that builds a Keras model first.'));
    return;
  }
  if (link?.loaded !== true) {
    Notification.warning(
      trans.__('tunemagic is not loaded in this notebook: run %1 first.', LOAD_LINE),
      {
        actions: [
          {
            label: trans.__('Load it'),
            caption: trans.__('Insert a cell with %1 above and run it', LOAD_LINE),
            callback: () => {
              void runAbove(notebook, LOAD_LINE);
            }
          }
        ],
        autoClose: false
      }
    );
    return;
  }
  const cell = notebook.content.activeCell;
  const reply = await askKernel(tracker, trans, { kind: 'suggest', code });
  // Meanwhile the user may have gone to another cell or typed on.
  if (reply !== null && notebook.content.activeCell === cell && activeSource(notebook) === code) {
    replaceSource(notebook, reply.code);
  }
}
