/** The side panel: the current notebook's studies, one of them shown by the same live panel as in the cell. */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';
import type { KernelLink } from '../kernel/link';
import { NoReply } from '../kernel/link';
import type { KernelTracker } from '../kernel/tracker';
import type { IStudyComparisonInfo, IStudyRow } from '../model/protocol';
import { drawComparison, drawNote } from './compare';
import { tuneIcon } from './icon';
import { StudyTable } from './list';

const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';
const PANEL_ID = 'tunemagic-panel';

/** Lists the studies of the current notebook's kernel, shows one of them and compares two. */
export class TuneSidePanel extends Widget {
  private readonly list: StudyTable;
  private readonly scroller = document.createElement('div');
  private readonly comparison = document.createElement('section');
  private readonly hint = document.createElement('p');
  private readonly bar = new Widget();
  private view: Widget | null = null;
  /** What `view` shows, or is about to: to draw only when something else is wanted. */
  private shown: { readonly notebook: NotebookPanel; readonly modelId: string } | null = null;
  /** What was chosen in the list, by notebook: one that comes to the front again shows it again. */
  private readonly chosen = new WeakMap<NotebookPanel, string>();
  private notebook: NotebookPanel | null = null;
  /** What the comparison was asked for: to ask again when a score has changed. */
  private compared = '';

  constructor(
    private readonly tracker: KernelTracker,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.id = PANEL_ID;
    this.title.icon = tuneIcon;
    this.title.caption = trans.__('Tune: searches of the current notebook');
    this.addClass('tunemagic-SidePanel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Tune'));
    this.list = new StudyTable(
      trans,
      study => {
        this.choose(study);
      },
      () => {
        this.refresh();
      }
    );
    this.scroller.className = 'tunemagic-SidePanel-list';
    this.scroller.append(this.list.node);
    this.comparison.className = 'tunemagic-Compare';
    this.comparison.setAttribute('aria-label', trans.__('Comparison'));
    this.comparison.hidden = true;
    this.hint.className = 'tunemagic-SidePanel-hint';
    this.bar.node.append(this.scroller, this.comparison, this.hint);
    const layout = new PanelLayout();
    this.layout = layout;
    layout.addWidget(this.bar);
    tracker.changed.connect(this.refresh, this);
    this.refresh();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.tracker.changed.disconnect(this.refresh, this);
    super.dispose();
  }

  /** The study on the screen, or null. */
  get study(): string | null {
    return this.current(this.tracker.link?.studies ?? [])?.name ?? null;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.refresh();
  }

  private choose(study: string): void {
    const { link, notebook } = this.tracker;
    if (notebook !== null) {
      this.chosen.set(notebook, study);
    }
    // Its journal may have grown since it was read: another process may have gone on with it.
    if (link?.studies.some(one => one.name === study && one.where === 'disk') === true) {
      link.show(study);
    }
    this.refresh();
  }

  /** The chosen study; without a choice the latest one of this kernel. */
  private current(studies: readonly IStudyRow[]): IStudyRow | undefined {
    const { notebook } = this.tracker;
    const chosen = notebook === null ? undefined : this.chosen.get(notebook);
    return (
      studies.find(one => one.name === chosen) ??
      studies.filter(one => one.where === 'kernel').at(-1)
    );
  }

  private refresh(): void {
    const { link, notebook } = this.tracker;
    if (notebook !== this.notebook) {
      this.notebook = notebook;
      this.list.clear();
    }
    const studies = link?.studies ?? [];
    const study = this.current(studies);
    this.list.draw([...studies].reverse(), study?.name ?? null);
    this.scroller.hidden = studies.length === 0 || (studies.length === 1 && study !== undefined);
    this.hint.textContent = this.hintText(notebook, study);
    this.hint.hidden = this.hint.textContent === '';
    void this.compare(link, studies);
    if (study === undefined || notebook === null) {
      this.drop();
    } else if (study.model_id !== '') {
      void this.draw(notebook, study.model_id);
    } else if (this.isVisible) {
      link?.show(study.name);
    }
  }

  private async compare(link: KernelLink | null, studies: readonly IStudyRow[]): Promise<void> {
    const { pair } = this.list;
    this.comparison.hidden = pair === null;
    if (pair === null || link === null) {
      this.compared = '';
      return;
    }
    const rows = pair.map(name => studies.find(one => one.name === name));
    const wanted = JSON.stringify([pair, rows.map(row => [row?.state, row?.done, row?.best])]);
    if (wanted === this.compared) {
      return;
    }
    this.compared = wanted;
    try {
      const reply = await link.ask({ kind: 'compare', studies: [...pair] });
      if (this.compared !== wanted) {
        return;
      }
      if (reply.ok && reply.comparison !== null) {
        drawComparison(
          this.comparison,
          reply.comparison as unknown as IStudyComparisonInfo,
          this.trans
        );
      } else {
        drawNote(this.comparison, reply.message);
      }
    } catch (error) {
      if (!(error instanceof NoReply)) {
        throw error;
      }
      this.compared = '';
    }
  }

  private hintText(notebook: NotebookPanel | null, study: IStudyRow | undefined): string {
    if (notebook === null) {
      return this.trans.__('Open a notebook to see its searches.');
    }
    if (study === undefined) {
      return this.trans.__(
        'No search in this notebook yet. Run %load_ext tunemagic and a cell that begins with %%tune.'
      );
    }
    return notebook.content.rendermime.mimeTypes.includes(WIDGET_MIME)
      ? ''
      : this.trans.__('This page can not show widgets: install ipywidgets beside JupyterLab.');
  }

  private async draw(notebook: NotebookPanel, modelId: string): Promise<void> {
    if (this.shown?.notebook === notebook && this.shown.modelId === modelId) {
      return;
    }
    this.drop();
    const { rendermime } = notebook.content;
    if (!rendermime.mimeTypes.includes(WIDGET_MIME)) {
      return;
    }
    const wanted = { notebook, modelId };
    this.shown = wanted;
    const data = { model_id: modelId, version_major: 2, version_minor: 0 };
    const renderer = rendermime.createRenderer(WIDGET_MIME);
    this.view = renderer;
    (this.layout as PanelLayout).addWidget(renderer);
    await renderer.renderModel(
      rendermime.createModel({ data: { [WIDGET_MIME]: data }, trusted: true })
    );
  }

  private drop(): void {
    this.shown = null;
    this.view?.dispose();
    this.view = null;
  }
}
