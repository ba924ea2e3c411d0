/** What all pictures are drawn with: nodes, marks, scales of colour, axes and reachable points. */
import type { IAxis, ITick } from '../model/protocol';
import type { Translate } from '../model/texts';
import { clip, textWidth, thinned } from './axis';

/** What a picture needs besides its info. */
export interface IPaint {
  /** The room in pixels; a picture may be higher or wider, its host scrolls. */
  readonly width: number;
  readonly height: number;
  readonly t: Translate;
  /** A trial in one line, for the read-out. */
  describe(trial: number): string;
  /** Put a line into the read-out; '' takes it back. */
  hover(text: string): void;
  /** Show a trial's details. */
  open(trial: number): void;
}

/** A point that can be pointed at and reached with arrow keys; `reach` is half the length of a bar. */
export interface IMark {
  readonly x: number;
  readonly y: number;
  readonly trial: number;
  readonly reach?: number;
}

export interface IBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface IPlace {
  readonly x: number;
  readonly y: number;
}

type Attributes = Readonly<Record<string, string | number>>;

const NAMESPACE = 'http://www.w3.org/2000/svg';
export const SHADES = 6;
const PALEST_PERCENT = 28;
const REACH_PIXELS = 24;
const STEPS: Readonly<Record<string, number>> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1
};
/** The shape of each sign around a point, `r` pixels to each side. */
const SHAPES = {
  dot: () => 'h0',
  circle: (r: number) => `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  diamond: (r: number) => `m0 ${-r}l${r} ${r} ${-r} ${r} ${-r} ${-r}z`,
  cross: (r: number) => `m${-r} ${-r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}`
} as const;

export type Shape = keyof typeof SHAPES;

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/** A path that can't be pointed at. Many marks share one path: thousands of nodes would be slow. */
export function path(className: string, d: string): SVGPathElement {
  return svg('path', { class: `tm-${className}`, d });
}

/** Pixels as text, to a tenth. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A line through the points. */
export function line(points: readonly IPlace[]): string {
  return points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('');
}

export function shapes(shape: Shape, points: readonly IPlace[], r = 4): string {
  return points.map(({ x, y }) => `M${px(x)} ${px(y)}${SHAPES[shape](r)}`).join('');
}

/** A text, cut to `room` pixels; then the whole one comes as a tooltip. */
export function label(
  text: string,
  x: number,
  y: number,
  anchor: 'start' | 'middle' | 'end',
  room = Infinity
): SVGTextElement {
  const cut = clip(text, room);
  const node = svg('text', { x: px(x), y: px(y), 'text-anchor': anchor }, cut);
  if (cut !== text) {
    node.append(svg('title', {}, text));
  }
  return node;
}

/** A colour from pale for 0 to full for 1, on any background. */
export function shade(share: number): string {
  const percent = Math.round(PALEST_PERCENT + (100 - PALEST_PERCENT) * share);
  return `color-mix(in srgb, var(--tm-best) ${percent}%, var(--tm-back))`;
}

/** One path for each of a few shades, the palest first; `d` draws all items of one shade. */
export function shaded<T extends { readonly share: number }>(
  items: readonly T[],
  className: string,
  d: (items: readonly T[]) => string
): SVGPathElement[] {
  const levels = Array.from({ length: SHADES }, (): T[] => []);
  for (const item of items) {
    levels[Math.min(SHADES - 1, Math.floor(item.share * SHADES))]?.push(item);
  }
  return levels.map((level, index) => {
    const node = path(className, d(level));
    node.style.setProperty('--tm-shade', shade(index / (SHADES - 1)));
    return node;
  });
}

/** The picture's root, told to screen readers in one sentence. */
export function picture(
  host: HTMLElement,
  { width, height }: { readonly width: number; readonly height: number },
  sentence: string,
  role = 'img'
): SVGSVGElement {
  const root = svg('svg', { width, height, class: 'tm-svg', role, 'aria-label': sentence });
  host.replaceChildren(root);
  return root;
}

/** The room inside of a frame that has these axes around it. */
export function boxOf(outer: IBox, y: IAxis | null): IBox {
  const widest = Math.max(0, ...(y?.ticks ?? []).map(tick => textWidth(tick.text)));
  const left = Math.min(outer.width / 3, 12 + widest);
  const top = y === null ? 4 : 20;
  return {
    left: outer.left + left,
    top: outer.top + top,
    width: Math.max(1, outer.width - left - 16),
    height: Math.max(1, outer.height - top - 36)
  };
}

export function placeIn(box: IBox, x: number, y: number): IPlace {
  return { x: box.left + x * box.width, y: box.top + (1 - y) * box.height };
}

/** Grid, ticks and names of the axes of a box. */
export function frame(root: SVGElement, box: IBox, x: IAxis | null, y: IAxis | null): void {
  const { left, top, width, height } = box;
  const bottom = top + height;
  const room = Math.max(40, width / Math.max(1, x?.ticks.length ?? 1) - 6);
  const across = thinned(x?.ticks ?? [], width, tick => Math.min(room, textWidth(tick.text)));
  const up = thinned(y?.ticks ?? [], height, () => 12);
  const at = (tick: ITick): IPlace => placeIn(box, tick.at, tick.at);
  root.append(
    path(
      'grid',
      across.map(tick => `M${px(at(tick).x)} ${px(top)}v${px(height)}`).join('') +
        up.map(tick => `M${px(left)} ${px(at(tick).y)}h${px(width)}`).join('') +
        `M${px(left)} ${px(bottom)}h${px(width)}`
    ),
    ...across.map(tick => label(tick.text, at(tick).x, bottom + 14, 'middle', room)),
    ...up.map(tick => label(tick.text, left - 6, at(tick).y + 4, 'end', left - 6)),
    ...(x === null ? [] : [label(x.name, left + width / 2, bottom + 29, 'middle', width)]),
    ...(y === null ? [] : [label(y.name, left, top - 8, 'start', width)])
  );
}

/** Let pointer and arrow keys find the marks; a click or Enter opens the trial of one. */
export function reachable(root: SVGSVGElement, marks: readonly IMark[], paint: IPaint): void {
  const ring = svg('circle', { r: 7, class: 'tm-ring', role: 'button', 'data-key': 'ring' });
  // A redrawn picture goes on at the mark that was reached last.
  const host = root.parentElement ?? document.body;
  let at = Number(host.dataset['tmAt'] ?? 0) % Math.max(1, marks.length);
  const show = (index: number | null): void => {
    const mark = index === null ? undefined : marks[index];
    if (index !== null && mark !== undefined) {
      at = index;
      host.dataset['tmAt'] = String(index);
      ring.setAttribute('cx', px(mark.x));
      ring.setAttribute('cy', px(mark.y));
      ring.setAttribute('aria-label', paint.describe(mark.trial));
    }
    ring.classList.toggle('tm-shown', mark !== undefined);
    paint.hover(mark === undefined ? '' : paint.describe(mark.trial));
  };
  const open = (): void => {
    const mark = marks[at];
    if (mark !== undefined) {
      paint.open(mark.trial);
    }
  };
  if (marks.length === 0) {
    return;
  }
  root.append(ring);
  show(at);
  show(null);
  ring.setAttribute('tabindex', '0');
  root.addEventListener('pointermove', event => {
    show(nearest(marks, placeOn(root, event)));
  });
  root.addEventListener('pointerleave', () => {
    show(null);
  });
  root.addEventListener('click', event => {
    const index = nearest(marks, placeOn(root, event));
    if (index !== null) {
      show(index);
      open();
    }
  });
  ring.addEventListener('focus', () => {
    show(at);
  });
  ring.addEventListener('blur', () => {
    show(null);
  });
  ring.addEventListener('keydown', event => {
    const step = STEPS[event.key];
    if (step !== undefined) {
      show((at + step + marks.length) % marks.length);
    } else if (event.key === 'Enter' || event.key === ' ') {
      open();
    } else if (event.key === 'Escape') {
      ring.blur();
    } else {
      return;
    }
    event.preventDefault();
  });
}

/** Where an event happened, in the picture's pixels. */
export function placeOn(root: Element, event: MouseEvent): IPlace {
  const { left, top } = root.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

function nearest(marks: readonly IMark[], { x, y }: IPlace): number | null {
  let [found, best]: [number | null, number] = [null, REACH_PIXELS];
  marks.forEach((mark, index) => {
    const aside = Math.max(0, Math.abs(mark.x - x) - (mark.reach ?? 0));
    const distance = Math.hypot(aside, mark.y - y);
    if (distance < best) {
      [found, best] = [index, distance];
    }
  });
  return found;
}

/** The best trial among the points. */
export function bestMark(
  points: readonly (IPlace & { readonly trial: number })[],
  best: number | null
): SVGPathElement {
  const found = points.filter(point => point.trial === best);
  return path('best', shapes('diamond', found, 6));
}

/** Dots with a rim, which are seen on light and dark ground. */
export function rings(points: readonly IPlace[]): SVGGElement {
  const d = shapes('dot', points);
  return svg('g', {}, path('rim', d), path('core', d));
}
