/** Cells that are put into a notebook, and the notebook that they are put into. */
import type { NotebookPanel } from '@jupyterlab/notebook';
import { NotebookActions } from '@jupyterlab/notebook';

/** Insert a code cell below the active one, make it the active one, and run it if wanted. */
export async function insertCell(panel: NotebookPanel, code: string, run: boolean): Promise<void> {
  const notebook = panel.content;
  const { activeCell } = notebook;
  // A notebook that was just made has one empty cell, which is as good as a new one.
  const isFree =
    activeCell?.model.type === 'code' &&
    activeCell.model.sharedModel.getSource().trim() === '' &&
    notebook.widgets.length === 1;
  if (!isFree) {
    NotebookActions.insertBelow(notebook);
    NotebookActions.changeCellType(notebook, 'code');
  }
  notebook.activeCell?.model.sharedModel.setSource(code);
  if (notebook.activeCell !== null) {
    void notebook.scrollToItem(notebook.activeCellIndex, 'smart');
  }
  if (run) {
    await NotebookActions.run(notebook, panel.sessionContext);
  }
}

/** Insert a code cell above the active one, which stays the active one, and run the new one. */
export async function runAbove(panel: NotebookPanel, code: string): Promise<void> {
  const notebook = panel.content;
  NotebookActions.insertAbove(notebook);
  NotebookActions.changeCellType(notebook, 'code');
  notebook.activeCell?.model.sharedModel.setSource(code);
  await NotebookActions.run(notebook, panel.sessionContext);
  notebook.activeCellIndex += 1;
}

/** The active cell's text when it is a code cell, else null. */
export function activeSource(panel: NotebookPanel): string | null {
  const model = panel.content.activeCell?.model;
  return model?.type === 'code' ? model.sharedModel.getSource() : null;
}

/** Replace the active cell's text, as one step that can be undone. */
export function replaceSource(panel: NotebookPanel, code: string): void {
  panel.content.activeCell?.model.sharedModel.setSource(code);
}
