/** Paints learning curves on a canvas. Decides nothing about trials: see series.ts. */
import { formatNumber } from '../model/format';
import type { IRange } from './scale';
import { positionOf, ticksOf, valueAt } from './scale';
import type { ICurvesInfo, ISeries, Role } from './series';

/** What the pointer is nearest to. `epoch` counts from 1. */
export interface IHover {
  readonly series: ISeries;
  readonly epoch: number;
  readonly value: number;
}

export interface ICurvesListener {
  onHover(hover: IHover | null): void;
  /** The picture shows a part only, or everything again. */
  onZoom(zoomed: boolean): void;
}

/** A part of the picture, by values. */
interface IZoom {
  readonly epochs: IRange;
  readonly values: IRange;
}

/** A corner of the rectangle that is dragged, and where the pointer is now, in pixels. */
interface IDrag {
  readonly fromX: number;
  readonly fromY: number;
  toX: number;
  toY: number;
}

interface IBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const WIDTHS: Readonly<Record<Role, number>> = {
  best: 2.5,
  running: 2,
  selected: 3,
  compared: 3,
  other: 1,
  pruned: 1
};
// Of a trial's several runs the first stands for it.
const LATER_RUN_WIDTH = 1.2;
const DASH = [5, 4];
const DIMMED = 0.35;
const REACH_PIXELS = 24;
const DRAG_PIXELS = 6;
const DOT_PIXELS = 2.5;
const [RIGHT, TOP, BOTTOM] = [12, 8, 36];
const KEY_ZOOM = 1.5;
const KEY_PAN = 0.2;
const PANS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-KEY_PAN, 0],
  ArrowRight: [KEY_PAN, 0],
  ArrowDown: [0, -KEY_PAN],
  ArrowUp: [0, KEY_PAN]
};

/** A chart inside `host`, whose size it follows and whose CSS colours it takes. */
export class CurvesChart {
  private readonly canvas = document.createElement('canvas');
  private readonly observer: ResizeObserver;
  private info: ICurvesInfo | null = null;
  private zoom: IZoom | null = null;
  private drag: IDrag | null = null;
  private hover: IHover | null = null;
  private size = { width: 300, height: 200 };
  private box: IBox = { left: 0, top: 0, width: 1, height: 1 };

  constructor(
    private readonly host: HTMLElement,
    private readonly epochLabel: string,
    private readonly listener: ICurvesListener
  ) {
    host.append(this.canvas);
    host.addEventListener('pointerdown', this.onDown);
    host.addEventListener('pointermove', this.onMove);
    host.addEventListener('pointerup', this.onUp);
    host.addEventListener('pointerleave', this.onLeave);
    host.addEventListener('dblclick', this.onReset);
    host.addEventListener('keydown', this.onKey);
    this.observer = new ResizeObserver(() => {
      this.paint();
    });
    this.observer.observe(host);
  }

  /** Paint these curves, the part that was zoomed into while metric and scale are the same. */
  draw(info: ICurvesInfo): void {
    if (this.info?.metric !== info.metric || this.info.log !== info.log) {
      this.setZoom(null);
    }
    this.info = info;
    this.paint();
  }

  /** Show everything again. */
  resetZoom(): void {
    this.setZoom(null);
    this.paint();
  }

  recolour(): void {
    this.paint();
  }

  dispose(): void {
    this.observer.disconnect();
    this.canvas.remove();
  }

  private setZoom(zoom: IZoom | null): void {
    if (zoom !== this.zoom) {
      this.zoom = zoom;
      this.listener.onZoom(zoom !== null);
    }
  }

  private get epochs(): IRange {
    return this.zoom?.epochs ?? { low: 1, high: this.info?.epochs ?? 2 };
  }

  private get values(): IRange {
    return this.zoom?.values ?? { low: this.info?.low ?? 0, high: this.info?.high ?? 1 };
  }

  private x(epoch: number): number {
    return this.box.left + positionOf(epoch, this.epochs, false) * this.box.width;
  }

  private y(value: number): number {
    const { top, height } = this.box;
    return top + (1 - positionOf(value, this.values, this.info?.log ?? false)) * height;
  }

  private paint(): void {
    const { info, host, canvas } = this;
    const context = canvas.getContext('2d');
    if (host.clientWidth > 0 && host.clientHeight > 0) {
      // A hidden host keeps the size it had.
      this.size = { width: host.clientWidth, height: host.clientHeight };
    }
    if (info === null || context === null) {
      return;
    }
    const { width, height } = this.size;
    const ratio = devicePixelRatio;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) {
      [canvas.width, canvas.height] = [wide, high];
      [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(host);
    const colour = (name: string): string => style.getPropertyValue(`--tm-${name}`).trim();
    context.font = `11px ${style.fontFamily}`;
    this.paintAxes(context, colour, info.log);
    context.save();
    context.beginPath();
    // Half a line's width beyond: the best value often lies at the very edge.
    context.rect(this.box.left, this.box.top - 2, this.box.width + 2, this.box.height + 4);
    context.clip();
    for (const series of info.series) {
      const dimmed = this.hover !== null && !isSame(this.hover.series, series);
      context.globalAlpha = dimmed ? DIMMED : 1;
      this.paintSeries(context, series, colour(series.role));
    }
    context.restore();
    this.paintMarks(context, colour);
  }

  private paintAxes(
    context: CanvasRenderingContext2D,
    colour: (name: string) => string,
    log: boolean
  ): void {
    const { width, height } = this.size;
    const valueTicks = ticksOf(this.values, Math.max(2, (height - TOP - BOTTOM) / 34), log);
    const texts = valueTicks.map(formatNumber);
    const left = 12 + Math.max(16, ...texts.map(text => context.measureText(text).width));
    this.box = { left, top: TOP, width: width - left - RIGHT, height: height - TOP - BOTTOM };
    const bottom = TOP + this.box.height;
    context.strokeStyle = colour('grid');
    context.fillStyle = colour('muted');
    context.lineWidth = 1;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.beginPath();
    valueTicks.forEach((tick, index) => {
      const at = Math.round(this.y(tick)) + 0.5;
      context.moveTo(left - 4, at);
      context.lineTo(width - RIGHT, at);
      context.fillText(texts[index] ?? '', left - 7, at);
    });
    context.textAlign = 'center';
    context.textBaseline = 'top';
    for (const tick of ticksOf(this.epochs, Math.max(2, this.box.width / 60), false, 1)) {
      const at = Math.round(this.x(tick)) + 0.5;
      context.moveTo(at, TOP);
      context.lineTo(at, bottom + 4);
      context.fillText(String(tick), at, bottom + 6);
    }
    context.stroke();
    context.fillText(this.epochLabel, left + this.box.width / 2, bottom + 21);
  }

  private paintSeries(context: CanvasRenderingContext2D, series: ISeries, colour: string): void {
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = series.run === 1 ? WIDTHS[series.role] : LATER_RUN_WIDTH;
    context.lineJoin = 'round';
    context.setLineDash(series.dashed ? DASH : []);
    context.beginPath();
    let [drawn, last] = [0, -1];
    series.values.forEach((value, index) => {
      if (value === null) {
        return;
      }
      const [x, y] = [this.x(index + 1), this.y(value)];
      if (last === index - 1 && drawn > 0) {
        context.lineTo(x, y);
      } else {
        context.moveTo(x, y);
      }
      [drawn, last] = [drawn + 1, index];
    });
    context.stroke();
    context.setLineDash([]);
    const value = series.values[last];
    // A single value makes no line; a pruned trial has a dot where it was cut off.
    if ((drawn === 1 || series.role === 'pruned') && value !== null && value !== undefined) {
      paintDot(context, this.x(last + 1), this.y(value), DOT_PIXELS);
    }
  }

  private paintMarks(context: CanvasRenderingContext2D, colour: (name: string) => string): void {
    if (this.drag !== null) {
      const { fromX, fromY, toX, toY } = this.drag;
      context.globalAlpha = 0.15;
      context.fillStyle = colour('focus');
      context.fillRect(fromX, fromY, toX - fromX, toY - fromY);
      context.globalAlpha = 1;
      context.strokeStyle = colour('focus');
      context.strokeRect(fromX, fromY, toX - fromX, toY - fromY);
    } else if (this.hover !== null) {
      const { series, epoch, value } = this.hover;
      context.fillStyle = colour(series.role);
      paintDot(context, this.x(epoch), this.y(value), 2 * DOT_PIXELS);
    }
  }

  private setHover(hover: IHover | null): void {
    const { hover: old } = this;
    if (hover?.series !== old?.series || hover?.epoch !== old?.epoch) {
      this.hover = hover;
      this.listener.onHover(hover);
      this.paint();
    }
  }

  /** The curve that is nearest at the pointer's epoch, within reach. */
  private hoverAt(x: number, y: number): IHover | null {
    const position = (x - this.box.left) / this.box.width;
    const epoch = Math.round(valueAt(position, this.epochs, false));
    let [found, reach]: [IHover | null, number] = [null, REACH_PIXELS];
    for (const series of this.info?.series ?? []) {
      const value = series.values[epoch - 1] ?? null;
      // Of equally near ones the one on top.
      if (value !== null && Math.abs(this.y(value) - y) <= reach) {
        reach = Math.abs(this.y(value) - y);
        found = { series, epoch, value };
      }
    }
    return found;
  }

  private place(event: MouseEvent): [number, number] {
    const { left, top } = this.host.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  private readonly onDown = (event: PointerEvent): void => {
    // A finger scrolls the page.
    if (event.button === 0 && event.pointerType !== 'touch') {
      const [x, y] = this.place(event);
      this.drag = { fromX: x, fromY: y, toX: x, toY: y };
      this.host.setPointerCapture(event.pointerId);
    }
  };

  private readonly onMove = (event: PointerEvent): void => {
    const [x, y] = this.place(event);
    if (this.drag === null) {
      this.setHover(this.hoverAt(x, y));
      return;
    }
    const { left, top, width, height } = this.box;
    this.drag.toX = Math.min(left + width, Math.max(left, x));
    this.drag.toY = Math.min(top + height, Math.max(top, y));
    this.paint();
  };

  private readonly onUp = (): void => {
    const { drag } = this;
    this.drag = null;
    if (drag !== null) {
      const wide = Math.abs(drag.toX - drag.fromX) >= DRAG_PIXELS;
      const high = Math.abs(drag.toY - drag.fromY) >= DRAG_PIXELS;
      const { left, top, width, height } = this.box;
      const share = (pixel: number, from: number, size: number): number =>
        Math.min(1, Math.max(0, (pixel - from) / size));
      if (wide || high) {
        // A flat rectangle means the whole height, a narrow one the whole width.
        const xs = wide ? [drag.fromX, drag.toX].map(x => share(x, left, width)) : [0, 1];
        const ys = high ? [drag.fromY, drag.toY].map(y => 1 - share(y, top, height)) : [0, 1];
        this.zoomTo(xs, ys);
      }
      this.paint();
    }
  };

  private readonly onLeave = (): void => {
    if (this.drag === null) {
      this.setHover(null);
    }
  };

  private readonly onReset = (): void => {
    this.resetZoom();
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const pan = this.zoom === null ? undefined : PANS[event.key];
    if (event.key === 'Escape') {
      this.drag = null;
      this.resetZoom();
    } else if (event.key === '+' || event.key === '=' || event.key === '-') {
      const half = event.key === '-' ? KEY_ZOOM / 2 : 0.5 / KEY_ZOOM;
      this.zoomTo([0.5 - half, 0.5 + half], [0.5 - half, 0.5 + half]);
    } else if (pan !== undefined) {
      const [right, up] = pan;
      this.zoomTo([right, 1 + right], [up, 1 + up]);
    } else {
      return;
    }
    event.preventDefault();
    this.paint();
  };

  /** Show this part, given as positions in what is shown now; never less than one epoch. */
  private zoomTo(xs: readonly number[], ys: readonly number[]): void {
    const log = this.info?.log ?? false;
    const whole = this.info?.epochs ?? 2;
    const [first, last] = xs.map(x => valueAt(x, this.epochs, false)).sort((a, b) => a - b);
    const [low, high] = ys.map(y => valueAt(y, this.values, log)).sort((a, b) => a - b);
    if (first === undefined || last === undefined || low === undefined || high === undefined) {
      return;
    }
    const span = Math.min(whole - 1, Math.max(1, last - first));
    const start = Math.min(whole - span, Math.max(1, first));
    if (high > low) {
      this.setHover(null);
      this.setZoom({ epochs: { low: start, high: start + span }, values: { low, high } });
    }
  }
}

function paintDot(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function isSame(a: ISeries, b: ISeries): boolean {
  return a.trial === b.trial && a.run === b.run && a.metric === b.metric;
}
