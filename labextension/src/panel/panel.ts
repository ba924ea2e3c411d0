/** The whole panel: its place on the page, its texts, and redraws at most once per frame. */
import type { ITexts } from '../model/protocol';
import { make } from './dom';
import { makeSections } from './layout';
import type { ISection } from './section';
import type { StudyStore } from './store';
import { followTheme } from './theme';

const CLOCK_MILLISECONDS = 1000;
// The kernel forgets questions that it has not heard for 30 seconds.
const ASK_MILLISECONDS = 10_000;
// Above so many trials a redraw costs too much to be made for each batch.
const MANY_TRIALS = 50;
const CALM_MILLISECONDS = 250;

/** Show the store inside `host`; returns what takes everything back. */
export function mountPanel(host: HTMLElement, store: StudyStore, compact: boolean): () => void {
  // Keys belong to what has the focus here: JupyterLab would move between cells.
  const root = make('div', {
    className: 'tm-panel',
    attributes: { role: 'group', 'data-lm-suppress-shortcuts': '' }
  });
  host.append(root);
  let sections: readonly ISection[] = [];
  let shownTexts: ITexts | null = null;

  function build(): void {
    dropSections(sections);
    shownTexts = store.texts;
    if (shownTexts === null) {
      // Without texts there are no words to say so.
      root.setAttribute('aria-busy', 'true');
      root.replaceChildren(make('div', { className: 'tm-spinner' }));
      sections = [];
      return;
    }
    root.removeAttribute('aria-busy');
    root.lang = shownTexts.lang.replace('_', '-');
    sections = makeSections(store, compact);
    root.replaceChildren(...sections.map(section => section.node));
  }

  function draw(): void {
    if (store.texts !== shownTexts || root.childElementCount === 0) {
      build();
    }
    const { study, seq } = store.view;
    if (shownTexts !== null) {
      const key = study === '' ? 'panel.title' : 'panel.title_named';
      root.setAttribute('aria-label', store.t(key, { study }));
    }
    // The last event that is on screen, for comparing a screen with its journal.
    root.dataset['tmSeq'] = String(seq);
    for (const section of sections) {
      section.update();
    }
  }

  const redraw = paced(draw, () => store.view.trials.length > MANY_TRIALS);
  // A frame later: while themes change, JupyterLab's pages stand without their style sheets.
  const unfollow = followTheme(root, () =>
    requestAnimationFrame(() => {
      for (const section of sections) {
        section.recolour?.();
      }
    })
  );
  const unsubscribe = store.subscribe(redraw.ask);
  const clock = setInterval(() => {
    if (store.view.state === 'running') {
      redraw.ask();
    }
  }, CLOCK_MILLISECONDS);
  const keepAsking = (): void => {
    if (!document.hidden) {
      store.keepAsking();
    }
  };
  const heart = setInterval(keepAsking, ASK_MILLISECONDS);
  document.addEventListener('visibilitychange', keepAsking);
  draw();

  return () => {
    unsubscribe();
    unfollow();
    clearInterval(clock);
    clearInterval(heart);
    document.removeEventListener('visibilitychange', keepAsking);
    redraw.cancel();
    dropSections(sections);
    sections = [];
    root.remove();
  };
}

function dropSections(sections: readonly ISection[]): void {
  for (const section of sections) {
    section.dispose?.();
  }
}

interface IPaced {
  ask(): void;
  cancel(): void;
}

/** Calls `draw` in the next frame, and while it is costly at most four times a second. */
function paced(draw: () => void, isCostly: () => boolean): IPaced {
  let frame: number | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let calmUntil = 0;
  const run = (): void => {
    frame = null;
    draw();
    calmUntil = isCostly() ? performance.now() + CALM_MILLISECONDS : 0;
  };
  const ask = (): void => {
    const wait = calmUntil - performance.now();
    if (frame !== null || timer !== null) {
      return;
    }
    if (wait <= 0) {
      frame = requestAnimationFrame(run);
      return;
    }
    timer = setTimeout(() => {
      timer = null;
      frame = requestAnimationFrame(run);
    }, wait);
  };
  return {
    ask,
    cancel() {
      if (frame !== null) {
        cancelAnimationFrame(frame);
      }
      if (timer !== null) {
        clearTimeout(timer);
      }
    }
  };
}
