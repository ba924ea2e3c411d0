/** Paints learning curves on a canvas. Decides nothing about trials: see series.ts. */
import type { Colour, IPart } from './paint';
import { Frame, paintAxes, paintDot, paintSeries } from './paint';
import { valueAt } from './scale';
import type { ICurvesInfo, ISeries } from './series';

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

/** A corner of the rectangle that is dragged, and where the pointer is now, in pixels. */
interface IDrag {
  readonly fromX: number;
  readonly fromY: number;
  toX: number;
  toY: number;
}

const DIMMED = 0.35;
const REACH_PIXELS = 24;
const DRAG_PIXELS = 6;
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
  private zoom: IPart | null = null;
  private drag: IDrag | null = null;
  private hover: IHover | null = null;
  private size = { width: 300, height: 200 };
  private frame = new Frame(0, this.size, this.part);

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

  private setZoom(zoom: IPart | null): void {
    if (zoom !== this.zoom) {
      this.zoom = zoom;
      this.listener.onZoom(zoom !== null);
    }
  }

  /** What is shown: what was zoomed into, or everything. */
  private get part(): IPart {
    const { epochs = 2, low = 0, high = 1, log = false } = this.info ?? {};
    return this.zoom ?? { epochs: { low: 1, high: epochs }, values: { low, high }, log };
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
    const colour: Colour = name => style.getPropertyValue(`--tm-${name}`).trim();
    context.font = `11px ${style.fontFamily}`;
    const frame = paintAxes(context, this.size, this.part, this.epochLabel, colour);
    this.frame = frame;
    context.save();
    context.beginPath();
    // Half a line's width beyond: the best value often lies at the very edge.
    context.rect(frame.left, frame.top - 2, frame.width + 2, frame.height + 4);
    context.clip();
    for (const series of info.series) {
      const dimmed = this.hover !== null && !isSame(this.hover.series, series);
      context.globalAlpha = dimmed ? DIMMED : 1;
      paintSeries(context, frame, series, colour);
    }
    context.restore();
    this.paintMarks(context, colour);
  }

  private paintMarks(context: CanvasRenderingContext2D, colour: Colour): void {
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
      paintDot(context, this.frame, epoch, value, 2);
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
    const epoch = this.frame.epochAt(x);
    let [found, reach]: [IHover | null, number] = [null, REACH_PIXELS];
    for (const series of this.info?.series ?? []) {
      const value = series.values[epoch - 1] ?? null;
      // Of equally near ones the one on top.
      if (value !== null && Math.abs(this.frame.y(value) - y) <= reach) {
        reach = Math.abs(this.frame.y(value) - y);
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
    const { left, top, width, height } = this.frame;
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
      const { left, top, width, height } = this.frame;
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
    const { epochs, values, log } = this.part;
    const whole = this.info?.epochs ?? 2;
    const [first, last] = xs.map(x => valueAt(x, epochs, false)).sort((a, b) => a - b);
    const [low, high] = ys.map(y => valueAt(y, values, log)).sort((a, b) => a - b);
    if (first === undefined || last === undefined || low === undefined || high === undefined) {
      return;
    }
    const span = Math.min(whole - 1, Math.max(1, last - first));
    const start = Math.min(whole - span, Math.max(1, first));
    if (high > low) {
      this.setHover(null);
      this.setZoom({ epochs: { low: start, high: start + span }, values: { low, high }, log });
    }
  }
}

function isSame(a: ISeries, b: ISeries): boolean {
  return a.trial === b.trial && a.run === b.run && a.metric === b.metric;
}
