/** The side panel: the current notebook's studies, shown by the same live panel as in the cell. */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { PanelLayout, Widget } from '@lumino/widgets';
import type { KernelTracker } from '../kernel/tracker';
import type { IStudyRow } from '../model/protocol';
import { tuneIcon } from './icon';

const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';
const PANEL_ID = 'tunemagic-panel';

/** Shows one study of the current notebook's kernel; a menu chooses among several. */
export class TuneSidePanel extends Widget {
  private readonly menu = document.createElement('select');
  private readonly hint = document.createElement('p');
  private readonly bar = new Widget();
  private view: Widget | null = null;
  /** What `view` shows, or is about to: to draw only when something else is wanted. */
  private shown: { readonly notebook: NotebookPanel; readonly modelId: string } | null = null;
  private chosen: string | null = null;

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
    this.menu.className = 'tunemagic-SidePanel-menu';
    this.menu.setAttribute('aria-label', trans.__('Search to show'));
    this.hint.className = 'tunemagic-SidePanel-hint';
    this.bar.node.append(this.menu, this.hint);
    const layout = new PanelLayout();
    this.layout = layout;
    layout.addWidget(this.bar);
    this.menu.addEventListener('change', this);
    tracker.changed.connect(this.refresh, this);
    this.refresh();
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.menu.removeEventListener('change', this);
    this.tracker.changed.disconnect(this.refresh, this);
    super.dispose();
  }

  /** The DOM's way to call an object that listens. */
  handleEvent(event: Event): void {
    if (event.type === 'change') {
      this.chosen = this.menu.value;
      this.refresh();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.refresh();
  }

  private refresh(): void {
    const { link, notebook } = this.tracker;
    const studies = link?.studies ?? [];
    const study = studies.find(one => one.name === this.chosen) ?? studies.at(-1);
    this.fillMenu(studies, study);
    this.hint.textContent = this.hintText(notebook, study);
    this.hint.hidden = this.hint.textContent === '';
    if (study === undefined || notebook === null) {
      this.drop();
    } else if (study.model_id !== '') {
      void this.draw(notebook, study.model_id);
    } else if (this.isVisible) {
      link?.show(study.name);
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

  private fillMenu(studies: readonly IStudyRow[], study: IStudyRow | undefined): void {
    const names = studies.map(one => one.name);
    if (names.join('\n') !== [...this.menu.options].map(option => option.value).join('\n')) {
      this.menu.replaceChildren(...names.map(name => new Option(name, name)));
    }
    this.menu.hidden = names.length < 2;
    if (study !== undefined) {
      this.menu.value = study.name;
    }
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
