/** The pictures that the kernel computes, each in its tab: asks for the info and lets it be painted. */
import { drawBest } from '../charts/best';
import { drawContour } from '../charts/contour';
import { drawImportance } from '../charts/importance';
import { drawPareto } from '../charts/pareto';
import { drawSlice } from '../charts/slice';
import { drawSpread } from '../charts/spread';
import type { Drawn } from '../charts/legend';
import type { IPaint } from '../charts/svg';
import { legendItems } from '../charts/legend';
import { drawTimeline } from '../charts/timeline';
import { formatNumber, formatScore, formatValue } from '../model/format';
import type { IAnswer, PictureKind } from '../model/protocol';
import { make, setText } from './dom';
import { makeMenus } from './menus';
import { makeExportsPlane } from './exportplane';
import { makeParallel } from './parallel';
import type { Options } from './questions';
import type { IHands, ISection } from './section';
import type { StudyStore } from './store';

/** What paints one kind of picture, with the controls above it. */
export interface IPainter {
  readonly controls: readonly Node[];
  /** What stands below the legend. */
  readonly foot?: readonly Node[];
  draw(info: unknown, paint: IPaint): Drawn;
  /** Bring the controls up to date; `resting` is what the read-out says while nothing is hovered. */
  update?(): void;
  resting?(): string;
  dispose?(): void;
}

/** What a painter may ask of its place. */
export interface IPlace {
  readonly stage: HTMLElement;
  redraw(): void;
  /** Put another question to the kernel. */
  choose(options: Options): void;
}

export type Draw<T> = (host: HTMLElement, info: T, paint: IPaint) => Drawn;

/** A section that asks for this picture's info while it is in view, and paints it. */
export function makePicture(store: StudyStore, kind: PictureKind, hands: IHands): ISection {
  // Where keys do something, they must not be the notebook's own, which move between cells.
  const stage = make('div', {
    className: 'tm-stage',
    attributes: { 'data-lm-suppress-shortcuts': '' }
  });
  const empty = make('p', { className: 'tm-empty' });
  const readout = make('div', { className: 'tm-said', attributes: { 'aria-live': 'polite' } });
  const legend = make('ul', { className: 'tm-legend' });
  let options: Options = {};
  let visible = false;
  let shown: IAnswer | null = null;
  let size = '';
  let hovered = '';
  /** How many trials the picture leaves out. */
  let left = 0;
  let frame = 0;
  const painter = painterOf(store, kind, hands, { stage, redraw, choose });
  const node = make(
    'div',
    { className: 'tm-picture' },
    ...(painter.controls.length === 0
      ? []
      : [make('div', { className: 'tm-row' }, ...painter.controls)]),
    readout,
    make('div', { className: 'tm-chart-box' }, stage, empty),
    legend,
    ...(painter.foot ?? [])
  );
  const observer = new ResizeObserver(() => {
    if (size !== sizeOf(stage)) {
      redraw();
    }
  });
  observer.observe(stage);

  function say(): void {
    const resting =
      painter.resting?.() ?? (left > 0 ? store.t('plot.hidden', { count: left }) : '');
    setText(readout, hovered === '' ? resting : hovered);
  }

  function redraw(): void {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }

  function choose(next: Options): void {
    const before = options;
    options = next;
    if (visible) {
      store.ask(kind, next, true);
      store.ask(kind, before, false);
    }
    update();
  }

  function draw(): void {
    // While another question is on its way, the picture of the one before stays.
    const answer = store.answerOf(kind, options) ?? shown;
    size = sizeOf(stage);
    if (stage.clientWidth === 0) {
      return;
    }
    shown = answer;
    let drawn: Drawn = answer?.error ?? '';
    if (drawn === '') {
      const key = stage.querySelector<SVGElement>(':focus')?.dataset['key'];
      const info = answer?.info ?? null;
      left = Number(info?.['hidden'] ?? 0);
      drawn = info === null ? store.t('plot.waiting') : painter.draw(info, paint());
      if (key !== undefined) {
        focusOn(stage, key);
      }
    }
    finish(drawn);
  }

  function finish(drawn: Drawn): void {
    const signs = typeof drawn === 'string' ? [] : drawn;
    setText(empty, typeof drawn === 'string' ? drawn : '');
    // It lies over the picture and would keep the pointer from it.
    empty.hidden = typeof drawn !== 'string';
    if (typeof drawn === 'string') {
      stage.replaceChildren();
    }
    legend.replaceChildren(...legendItems(signs));
    // What scrolls must be reachable by keys too.
    if (stage.scrollHeight > stage.clientHeight || stage.scrollWidth > stage.clientWidth) {
      stage.setAttribute('tabindex', '0');
    } else {
      stage.removeAttribute('tabindex');
    }
    painter.update?.();
    say();
  }

  function paint(): IPaint {
    return {
      width: stage.clientWidth,
      height: stage.clientHeight,
      t: store.t,
      describe: trial => describe(store, trial),
      hover(text) {
        hovered = text;
        say();
      },
      open: hands.openTrial
    };
  }

  function update(): void {
    const answer = store.answerOf(kind, options);
    if (visible && (answer === null || !same(answer, shown))) {
      draw();
    } else {
      painter.update?.();
    }
  }

  return {
    node,
    update,
    setVisible(next) {
      if (next !== visible) {
        visible = next;
        store.ask(kind, options, next);
      }
    },
    dispose() {
      observer.disconnect();
      cancelAnimationFrame(frame);
      painter.dispose?.();
    }
  };
}

function painterOf(store: StudyStore, kind: PictureKind, hands: IHands, place: IPlace): IPainter {
  const plain = <T>(draw: Draw<T>): IPainter => ({
    controls: [],
    draw: (info, paint) => draw(place.stage, info as T, paint)
  });
  switch (kind) {
    case 'parallel':
      return makeParallel(store, hands, place);
    case 'importance':
      return plain(drawImportance);
    case 'slice':
      return plain(drawSlice);
    case 'contour':
      return makeMenus(store.t, place, drawContour);
    case 'pareto':
      return makeMenus(store.t, place, drawPareto);
    case 'timeline':
      return plain(drawTimeline);
    case 'spread':
      return plain(drawSpread);
    case 'best':
      return plain(drawBest);
    case 'exports':
      return makeExportsPlane(store, hands, place);
    case 'confusion':
    case 'curves':
      throw new RangeError(
        'expected a picture of the kernel; the panel draws curves and confusion itself.'
      );
  }
}

function same(answer: IAnswer, shown: IAnswer | null): boolean {
  return answer === shown || (answer.seq === shown?.seq && answer.options === shown.options);
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement): string {
  return `${clientWidth} ${clientHeight}`;
}

function focusOn(stage: HTMLElement, key: string): void {
  for (const node of stage.querySelectorAll<SVGElement>('[data-key]')) {
    if (node.dataset['key'] === key) {
      node.focus({ preventScroll: true });
    }
  }
}

/** A trial in one line: its scores, its values, and its state where that is worth a word. */
export function describe({ view, t }: StudyStore, number: number): string {
  const trial = view.trials[number - 1];
  if (trial === undefined) {
    return t('plot.trial_number', { trial: number });
  }
  return [
    t('plot.trial_number', { trial: number }),
    ...(trial.state === 'completed' ? [] : [t(`panel.trial_state.${trial.state}`)]),
    ...(trial.score === null ? [] : [`${view.objective} ${formatScore(trial)}`]),
    ...view.objectives.map(([name]) => `${name} ${formatNumber(trial.metrics[name] ?? null)}`),
    ...Object.entries(trial.values).map(([name, value]) => `${name} ${formatValue(value)}`)
  ].join(' · ');
}
