/** All trials across all hyperparameters: draws lines, axes, brushes and a composed point. */
import type { IAxis, IParallelInfo, IParallelLine } from '../model/protocol';
import { textAt, thinned } from './axis';
import type { Brushes } from './brush';
import { holds, spanText } from './brush';
import type { Drawn } from './legend';
import type { IPaint, IPlace } from './svg';
import { scale, sign } from './legend';
import { label, path, picture, placeOn, px, shaded, svg } from './svg';

/** What is drawn over the lines. Positions of the composed point by axis; null while there is none. */
export interface IOverlay {
  readonly brushes: Brushes;
  readonly point: ReadonlyMap<string, number> | null;
}

const LEAST_GAP = 52;
const SIDE = 14;
const TOP = 44;
const BOTTOM = 14;
const HIT_PIXELS = 18;
const TICK_ROOM = 110;
const LINE_REACH = 14;
const NOTHING: IParallelInfo = { axes: [], lines: [], best: null, hidden: 0 };

/** The picture inside `host`; what a hand does to it is heard in hand.ts. */
export class ParallelPicture {
  overlay: IOverlay = { brushes: new Map(), point: null };
  paint: IPaint | null = null;
  /** The trial whose line stays marked. */
  marked: number | null = null;
  private info = NOTHING;
  private readonly high = path('highlight', '');
  private focused = 0;

  constructor(readonly host: HTMLElement) {}

  draw(info: IParallelInfo, paint: IPaint): Drawn {
    [this.info, this.paint] = [info, paint];
    const { t } = paint;
    const { axes, lines, best } = info;
    if (lines.length === 0) {
      return t('plot.empty');
    }
    const names = axes.map(axis => axis.name).join(', ');
    const root = picture(
      this.host,
      { width: this.width + 2 * SIDE, height: paint.height },
      best === null
        ? t('plot.empty')
        : t('plot.parallel.said', { count: lines.length, names, best }),
      'group'
    );
    root.append(...this.lines(), this.high, ...axes.map((axis, index) => this.axis(axis, index)));
    const { point } = this.overlay;
    if (point !== null) {
      root.append(...this.composed(point));
    }
    this.highlight(this.marked);
    const unranked = lines.some(one => one.rank === null);
    return [
      scale(t('plot.parallel.rank')),
      sign('best-line', 'line', t('plot.best')),
      ...(unranked ? [sign('unranked', 'line', t('plot.parallel.unranked'))] : [])
    ];
  }

  /** From the upper edge of the picture to a position, and back. */
  y(at: number): number {
    return TOP + (1 - at) * this.height;
  }

  at(y: number): number {
    return Math.min(1, Math.max(0, 1 - (y - TOP) / this.height));
  }

  get height(): number {
    return (this.paint?.height ?? 0) - TOP - BOTTOM;
  }

  place(event: MouseEvent): IPlace {
    return placeOn(this.host.firstElementChild ?? this.host, event);
  }

  axisUnder(event: Event): { readonly axis: IAxis; readonly index: number } | null {
    const node = event.target instanceof Element ? event.target.closest('.tm-axis') : null;
    const index = node === null ? -1 : [...this.axisNodes()].indexOf(node as SVGGElement);
    const axis = this.info.axes[index];
    return axis === undefined ? null : { axis, index };
  }

  /** The trial whose line is nearest to a place between two axes, of those that are brushed. */
  lineAt({ x, y }: IPlace): number | null {
    const { axes, lines } = this.info;
    const left = Math.max(0, Math.min(axes.length - 2, Math.floor((x - SIDE) / this.gap)));
    const share = (x - this.x(left)) / this.gap;
    let [found, best]: [number | null, number] = [null, LINE_REACH];
    for (const line of lines) {
      const [from, to] = [line.at[left] ?? null, line.at[left + 1] ?? null];
      if (from !== null && to !== null && holds(axes, line, this.overlay.brushes)) {
        const distance = Math.abs(this.y(from + share * (to - from)) - y);
        if (distance <= best) {
          [found, best] = [line.trial, distance];
        }
      }
    }
    return found;
  }

  highlight(trial: number | null): void {
    const line = this.info.lines.find(one => one.trial === trial);
    this.high.setAttribute('d', line === undefined ? '' : this.d(line.at));
  }

  /** One axis is a stop for the Tab key; arrows lead to the others. */
  focusAxis(index: number): void {
    this.focused = Math.min(this.info.axes.length - 1, Math.max(0, index));
    this.axisNodes().forEach((node, at) => {
      node.setAttribute('tabindex', at === this.focused ? '0' : '-1');
      if (at === this.focused) {
        node.focus({ preventScroll: true });
      }
    });
  }

  private axisNodes(): NodeListOf<SVGGElement> {
    return this.host.querySelectorAll('.tm-axis');
  }

  private isObjective(index: number): boolean {
    return index === this.info.axes.length - 1;
  }

  private get gaps(): number {
    return Math.max(1, this.info.axes.length - 1);
  }

  /** From the first axis to the last; many axes make it wider than the host, which then scrolls. */
  private get width(): number {
    return Math.max((this.paint?.width ?? 0) - 2 * SIDE, this.gaps * LEAST_GAP);
  }

  private get gap(): number {
    return this.width / this.gaps;
  }

  private x(index: number): number {
    return SIDE + index * this.gap;
  }

  private lines(): SVGPathElement[] {
    const { axes, lines, best } = this.info;
    const d = (some: readonly IParallelLine[]): string => some.map(one => this.d(one.at)).join('');
    const brushed = lines.filter(one => holds(axes, one, this.overlay.brushes));
    const ranked = brushed.flatMap(one =>
      one.rank === null ? [] : [{ ...one, share: 1 - one.rank }]
    );
    return [
      path('pale', brushed.length === lines.length ? '' : d(lines)),
      path('unranked', d(brushed.filter(one => one.rank === null))),
      ...shaded(ranked, 'lines', d),
      path('best-line', d(brushed.filter(one => one.trial === best)))
    ];
  }

  /** A line across the axes, with a gap where there is no value; a lone value is a dot. */
  private d(at: readonly (number | null)[]): string {
    let d = '';
    at.forEach((position, index) => {
      if (position !== null) {
        const place = `${px(this.x(index))} ${px(this.y(position))}`;
        d += (at[index - 1] ?? null) === null ? `M${place}h0` : `L${place}`;
      }
    });
    return d;
  }

  private axis(axis: IAxis, index: number): SVGGElement {
    const x = this.x(index);
    const span = this.overlay.brushes.get(axis.name);
    const last = this.isObjective(index);
    const { height } = this;
    // Names take turns in two rows, so that each has the room of two gaps.
    const nameY = index % 2 === 0 ? 14 : 29;
    const room = (index === 0 || last ? 1 : 2) * this.gap - 14;
    const name =
      index === 0
        ? label(axis.name, 4, nameY, 'start', room + SIDE)
        : last
          ? label(axis.name, x + SIDE - 4, nameY, 'end', room + SIDE)
          : label(axis.name, x, nameY, 'middle', room);
    const ticks = thinned(axis.ticks, height, () => 13);
    const tickRoom = Math.min(this.gap - 12, TICK_ROOM);
    const node = svg(
      'g',
      this.attributesOf(axis, index),
      svg('rect', {
        class: 'tm-hit',
        x: px(x - HIT_PIXELS),
        y: TOP - 8,
        width: 2 * HIT_PIXELS,
        height: height + 16
      }),
      path(
        'axis-line',
        `M${px(x)} ${TOP}v${px(height)}` +
          ticks.map(tick => `M${px(x - 3)} ${px(this.y(tick.at))}h6`).join('')
      ),
      name,
      ...ticks.map(tick =>
        last
          ? label(tick.text, x - 6, this.y(tick.at) + 4, 'end', tickRoom)
          : label(tick.text, x + 6, this.y(tick.at) + 4, 'start', tickRoom)
      )
    );
    if (span !== undefined) {
      const top = this.y(span[1]);
      const long = Math.max(2, this.y(span[0]) - top);
      node.append(path('brush', `M${px(x - 7)} ${px(top)}h14v${px(long)}h-14z`));
    }
    return node;
  }

  /** An axis is a slider for screen readers: its value is the brush, or the composed point. */
  private attributesOf(axis: IAxis, index: number): Record<string, string | number> {
    const { brushes, point } = this.overlay;
    const at = point?.get(axis.name);
    const span = brushes.get(axis.name) ?? [0, 1];
    const whole = brushes.has(axis.name)
      ? spanText(axis, span)
      : this.paint?.t('plot.parallel.all');
    return {
      class: 'tm-axis',
      tabindex: index === this.focused ? 0 : -1,
      role: 'slider',
      'aria-orientation': 'vertical',
      'aria-label': axis.name,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
      'aria-valuenow': Math.round(100 * (at ?? (span[0] + span[1]) / 2)),
      'aria-valuetext': at === undefined ? (whole ?? '') : textAt(axis, at),
      'data-key': `axis ${axis.name}`
    };
  }

  private composed(point: ReadonlyMap<string, number>): SVGPathElement[] {
    const { axes } = this.info;
    const places = axes.map((axis, index) =>
      this.isObjective(index) ? null : (point.get(axis.name) ?? null)
    );
    const dots = places.map((at, index) =>
      at === null ? '' : `M${px(this.x(index))} ${px(this.y(at))}h0`
    );
    return [path('composed-line', this.d(places)), path('composed-dots', dots.join(''))];
  }
}
