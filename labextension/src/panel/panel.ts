/** The whole panel: puts the sections together and redraws them at most once per frame. */
import { makeActions } from './actions';
import { makeCurves } from './curves';
import { make } from './dom';
import { makeExports } from './exports';
import { makeHeader } from './header';
import { makeMessages } from './messages';
import type { ISection } from './section';
import { makeSetup } from './setup';
import type { StudyStore } from './store';
import { makeTable } from './table';
import { TEXT } from './text';
import { followTheme } from './theme';

const CLOCK_MILLISECONDS = 1000;

/** Show the store inside `host`; returns what takes everything back. */
export function mountPanel(host: HTMLElement, store: StudyStore, compact: boolean): () => void {
  const header = makeHeader(store);
  const actions = makeActions(store);
  const top = make('div', { className: 'tm-top' }, header.title, actions.node);
  const root = make('div', { className: 'tm-panel', attributes: { role: 'group' } });
  const sections: ISection[] = [header, actions];
  root.append(top, header.node);
  let recolour = (): void => undefined;
  if (compact) {
    root.append(actions.notice);
  } else {
    const setup = makeSetup(store);
    const curves = makeCurves(store);
    const table = makeTable(store, trial => {
      curves.select(trial);
    });
    const more = [makeMessages(store), curves, table, makeExports(store)];
    sections.push(setup, ...more);
    root.append(setup.node, actions.notice, ...more.map(section => section.node));
    recolour = () => {
      curves.recolour();
    };
  }
  host.append(root);

  let frame: number | null = null;
  const draw = (): void => {
    frame = null;
    root.setAttribute('aria-label', TEXT.panel(store.view.study));
    // The last event that is on screen, for comparing a screen with its journal.
    root.dataset['tmSeq'] = String(store.view.seq);
    for (const section of sections) {
      section.update();
    }
  };
  const redraw = (): void => {
    frame ??= requestAnimationFrame(draw);
  };
  // A frame later: while themes change, JupyterLab's pages stand without their style sheets.
  const unfollow = followTheme(root, () =>
    requestAnimationFrame(() => {
      recolour();
    })
  );
  const unsubscribe = store.subscribe(redraw);
  const clock = setInterval(() => {
    if (store.view.state === 'running') {
      redraw();
    }
  }, CLOCK_MILLISECONDS);
  draw();

  return () => {
    unsubscribe();
    unfollow();
    clearInterval(clock);
    if (frame !== null) {
      cancelAnimationFrame(frame);
    }
    recolour = () => undefined;
    for (const section of sections) {
      section.dispose?.();
    }
    root.remove();
  };
}
