/** A link to the kernel of every open notebook, and which of them is the current one. */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IInsertCell } from '../model/protocol';
import { KernelLink } from './link';

// A page that is not in front leaves a cell that a kernel offers to those that are.
const BEHIND_MILLISECONDS = 400;
const HIDDEN_MILLISECONDS = 800;

/** A cell that a kernel wants to have in its notebook. */
export interface IInsertion {
  readonly notebook: NotebookPanel;
  readonly code: string;
  readonly run: boolean;
}

/** Follows notebooks as they open, close, come to the front and change their kernels.
 *
 * Every kernel is listened to, not only the current notebook's: JupyterLab closes a comm whose
 * target nobody has registered when it is opened.
 */
export class KernelTracker implements IDisposable {
  private readonly links = new Map<NotebookPanel, KernelLink>();
  private readonly watched = new Map<ISessionContext, NotebookPanel>();
  private disposed = false;
  private readonly changedSignal = new Signal<this, void>(this);
  private readonly studiesSignal = new Signal<this, NotebookPanel>(this);
  private readonly insertedSignal = new Signal<this, IInsertion>(this);

  constructor(private readonly notebooks: INotebookTracker) {
    notebooks.widgetAdded.connect(this.onAdded, this);
    notebooks.currentChanged.connect(this.emit, this);
    notebooks.forEach(notebook => {
      this.watch(notebook);
    });
  }

  /** The current notebook, or null. */
  get notebook(): NotebookPanel | null {
    return this.notebooks.currentWidget;
  }

  /** The link to the current notebook's kernel, or null. */
  get link(): KernelLink | null {
    return this.notebook === null ? null : this.linkOf(this.notebook);
  }

  /** The link to a notebook's kernel, or null. */
  linkOf(notebook: NotebookPanel): KernelLink | null {
    return this.links.get(notebook) ?? null;
  }

  /** Emitted when another notebook or kernel is current, or the current one's studies change. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** Emitted with a notebook, current or not, when its kernel's studies have changed. */
  get studiesChanged(): ISignal<this, NotebookPanel> {
    return this.studiesSignal;
  }

  /** Emitted when a kernel wants a cell in its notebook. */
  get inserted(): ISignal<this, IInsertion> {
    return this.insertedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    for (const link of this.links.values()) {
      link.dispose();
    }
    this.links.clear();
    this.watched.clear();
    Signal.clearData(this);
  }

  private onAdded(_: INotebookTracker, notebook: NotebookPanel): void {
    this.watch(notebook);
  }

  private watch(notebook: NotebookPanel): void {
    this.watched.set(notebook.sessionContext, notebook);
    notebook.sessionContext.kernelChanged.connect(this.onKernel, this);
    notebook.disposed.connect(this.forget, this);
    this.onKernel(notebook.sessionContext);
  }

  private forget(notebook: NotebookPanel): void {
    this.links.get(notebook)?.dispose();
    this.links.delete(notebook);
    for (const [context, owner] of this.watched) {
      if (owner === notebook) {
        this.watched.delete(context);
      }
    }
    this.emit();
  }

  private onKernel(context: ISessionContext): void {
    const notebook = this.watched.get(context);
    if (notebook === undefined) {
      return;
    }
    this.links.get(notebook)?.dispose();
    this.links.delete(notebook);
    const kernel = context.session?.kernel ?? null;
    if (kernel !== null) {
      const link = new KernelLink(kernel, () => this.claimDelay(notebook));
      link.changed.connect(this.onLink, this);
      link.inserted.connect(this.onInsert, this);
      this.links.set(notebook, link);
    }
    this.emit();
  }

  private claimDelay(notebook: NotebookPanel): number {
    if (document.hidden) {
      return HIDDEN_MILLISECONDS;
    }
    return notebook === this.notebook ? 0 : BEHIND_MILLISECONDS;
  }

  private onLink(link: KernelLink): void {
    const notebook = this.notebookOf(link);
    if (notebook !== undefined) {
      this.studiesSignal.emit(notebook);
    }
    if (link === this.link) {
      this.emit();
    }
  }

  private onInsert(link: KernelLink, { code, run }: IInsertCell): void {
    const notebook = this.notebookOf(link);
    if (notebook !== undefined) {
      this.insertedSignal.emit({ notebook, code, run });
    }
  }

  private notebookOf(link: KernelLink): NotebookPanel | undefined {
    return [...this.links].find(([, other]) => other === link)?.[0];
  }

  private emit(): void {
    this.changedSignal.emit();
  }
}
