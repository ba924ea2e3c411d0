/** Paints axes and curves on a canvas, and knows where values lie on it. */
import { formatNumber } from '../model/format';
import type { IRange } from './scale';
import { positionOf, ticksOf, valueAt } from './scale';
import type { ISeries, Role } from './series';

/** The colour that a name has in the style sheet, such as `best` or `grid`. */
export type Colour = (name: string) => string;

/** Which part of epochs and values is shown. */
export interface IPart {
  readonly epochs: IRange;
  readonly values: IRange;
  readonly log: boolean;
}

export interface ISize {
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
const DOT_PIXELS = 2.5;
const [RIGHT, TOP, BOTTOM] = [12, 8, 36];

/** The rectangle between the axes, in pixels, and what it shows. */
export class Frame {
  readonly top = TOP;
  readonly width: number;
  readonly height: number;

  constructor(
    readonly left: number,
    size: ISize,
    readonly part: IPart
  ) {
    this.width = Math.max(1, size.width - left - RIGHT);
    this.height = Math.max(1, size.height - TOP - BOTTOM);
  }

  x(epoch: number): number {
    return this.left + positionOf(epoch, this.part.epochs, false) * this.width;
  }

  y(value: number): number {
    return TOP + (1 - positionOf(value, this.part.values, this.part.log)) * this.height;
  }

  /** The epoch that is nearest to a pixel. */
  epochAt(x: number): number {
    return Math.round(valueAt((x - this.left) / this.width, this.part.epochs, false));
  }
}

/** Paint both axes; the frame is what lies between them, so it depends on the widest label. */
export function paintAxes(
  context: CanvasRenderingContext2D,
  size: ISize,
  part: IPart,
  epochLabel: string,
  colour: Colour
): Frame {
  const ticks = ticksOf(part.values, Math.max(2, (size.height - TOP - BOTTOM) / 34), part.log);
  const texts = ticks.map(formatNumber);
  const widest = Math.max(16, ...texts.map(text => context.measureText(text).width));
  const frame = new Frame(12 + widest, size, part);
  const [right, bottom] = [frame.left + frame.width, TOP + frame.height];
  context.strokeStyle = colour('grid');
  context.fillStyle = colour('muted');
  context.lineWidth = 1;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.beginPath();
  ticks.forEach((tick, index) => {
    const at = Math.round(frame.y(tick)) + 0.5;
    context.moveTo(frame.left - 4, at);
    context.lineTo(right, at);
    context.fillText(texts[index] ?? '', frame.left - 7, at);
  });
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const tick of ticksOf(part.epochs, Math.max(2, frame.width / 60), false, 1)) {
    const at = Math.round(frame.x(tick)) + 0.5;
    context.moveTo(at, TOP);
    context.lineTo(at, bottom + 4);
    context.fillText(String(tick), at, bottom + 6);
  }
  context.stroke();
  context.fillText(epochLabel, frame.left + frame.width / 2, bottom + 21);
  return frame;
}

export function paintSeries(
  context: CanvasRenderingContext2D,
  frame: Frame,
  series: ISeries,
  colour: Colour
): void {
  context.strokeStyle = context.fillStyle = colour(series.role);
  context.lineWidth = series.run === 1 ? WIDTHS[series.role] : LATER_RUN_WIDTH;
  context.lineJoin = 'round';
  context.setLineDash(series.dashed ? DASH : []);
  context.beginPath();
  let [drawn, last] = [0, -1];
  series.values.forEach((value, index) => {
    if (value === null) {
      return;
    }
    const [x, y] = [frame.x(index + 1), frame.y(value)];
    if (last === index - 1 && drawn > 0) {
      context.lineTo(x, y);
    } else {
      context.moveTo(x, y);
    }
    [drawn, last] = [drawn + 1, index];
  });
  context.stroke();
  context.setLineDash([]);
  // A single value makes no line; a pruned trial has a dot where it was cut off.
  if (drawn === 1 || (drawn > 0 && series.role === 'pruned')) {
    paintDot(context, frame, last + 1, series.values[last] ?? 0);
  }
}

/** A dot at one value, `scale` times as large as the usual one. */
export function paintDot(
  context: CanvasRenderingContext2D,
  frame: Frame,
  epoch: number,
  value: number,
  scale = 1
): void {
  context.beginPath();
  context.arc(frame.x(epoch), frame.y(value), scale * DOT_PIXELS, 0, 2 * Math.PI);
  context.fill();
}
