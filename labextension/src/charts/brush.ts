/** Brushes on parallel axes: which trials they hold, and which region of the space they mean. */
import type {
  IAxis,
  IParallelInfo,
  IParallelLine,
  IParameter,
  IStudyView
} from '../model/protocol';
import { nearestTick, positionOf, textAt, valueAt } from './axis';

/** The lower and the upper end of a brush, as positions. */
export type Span = readonly [number, number];
/** Brushes by the names of their axes; a trial must lie in all of them. */
export type Brushes = ReadonlyMap<string, Span>;
export type Value = number | string | boolean;
export type Values = Readonly<Record<string, Value>>;

/** A part of the search space, as the command `space` takes it. */
export interface IRegion {
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
  readonly fixed: Values;
  readonly choices: Readonly<Record<string, readonly Value[]>>;
}

/** What says which values an axis of choices has. */
export type Known = Pick<IStudyView, 'space' | 'trials'>;

const DIGITS = 3;
// Positions come from pixels: what is nearer to an end of the axis means the end.
const EDGE = 0.004;

/** Whether a trial's line runs through all brushes. */
export function holds(axes: readonly IAxis[], line: IParallelLine, brushes: Brushes): boolean {
  return axes.every((axis, index) => {
    const span = brushes.get(axis.name);
    const at = line.at[index] ?? null;
    return span === undefined || (at !== null && at >= span[0] - EDGE && at <= span[1] + EDGE);
  });
}

/** The numbers of the trials in all brushes, in ascending order. */
export function inside({ axes, lines }: IParallelInfo, brushes: Brushes): number[] {
  return lines
    .filter(line => holds(axes, line, brushes))
    .map(line => line.trial)
    .sort((a, b) => a - b);
}

/** The span moved by `move` and its upper end by `grow`, kept within 0 to 1 and not turned round. */
export function shifted([low, high]: Span, move: number, grow: number): Span {
  const step = Math.min(1 - high, Math.max(-low, move));
  const from = low + step;
  return [from, Math.min(1, Math.max(from, high + step + grow))];
}

/** On an axis of choices a brush holds at least the choice that it is nearest to. */
export function settled(axis: IAxis, [low, high]: Span): Span {
  const near = axis.ticks[nearestTick(axis.ticks, (low + high) / 2)]?.at;
  return axis.low !== null || near === undefined
    ? [low, high]
    : [Math.min(low, near), Math.max(high, near)];
}

/** The brushes in values: numbers rounded inward, choices by name; the objective has no part in it. */
export function regionOf({ axes }: IParallelInfo, brushes: Brushes, known: Known): IRegion {
  const ranges: Record<string, readonly [number, number]> = {};
  const fixed: Record<string, Value> = {};
  const choices: Record<string, readonly Value[]> = {};
  for (const axis of axes.slice(0, -1)) {
    const span = brushes.get(axis.name);
    if (span === undefined || (span[0] <= EDGE && span[1] >= 1 - EDGE)) {
      continue;
    }
    if (axis.low === null) {
      choices[axis.name] = choicesOf(axis, known).filter((_, index) => {
        const at = axis.ticks[index]?.at ?? -1;
        return at >= span[0] - EDGE && at <= span[1] + EDGE;
      });
    } else {
      const [low, high] = rangeOf(axis, span, known.space);
      if (low < high) {
        ranges[axis.name] = [low, high];
      } else {
        fixed[axis.name] = low;
      }
    }
  }
  return { ranges, fixed, choices };
}

export function isEmpty({ ranges, fixed, choices }: IRegion): boolean {
  return Object.keys({ ...ranges, ...fixed, ...choices }).length === 0;
}

/** The value that a click at this position means. */
export function valueFor(axis: IAxis, at: number, known: Known): Value | undefined {
  const value = endOf(axis, at);
  if (value === null) {
    return choicesOf(axis, known)[nearestTick(axis.ticks, at)];
  }
  return rounded(value, parameterOf(axis, known.space), Math.round);
}

/** Where a value stands on its axis; null where it has no place there. */
export function placeOf(axis: IAxis, value: Value, known: Known): number | null {
  if (axis.low !== null) {
    return typeof value === 'number' ? positionOf(axis, value) : null;
  }
  return axis.ticks[choicesOf(axis, known).indexOf(value)]?.at ?? null;
}

/** What a brush means, for readers. */
export function spanText(axis: IAxis, [low, high]: Span): string {
  if (axis.low === null) {
    return axis.ticks
      .filter(tick => tick.at >= low - EDGE && tick.at <= high + EDGE)
      .map(tick => tick.text)
      .join(', ');
  }
  return `${textAt(axis, low)} … ${textAt(axis, high)}`;
}

/** The values without those of hyperparameters whose conditions these values do not meet. */
export function active(values: Values, space: readonly IParameter[]): Record<string, Value> {
  const kept: Record<string, Value> = {};
  for (const { name, conditions } of space) {
    const value = values[name];
    const meets = conditions.every(({ parent, values: wanted }) =>
      wanted.includes(values[parent] ?? '')
    );
    if (value !== undefined && meets) {
      kept[name] = value;
    }
  }
  return kept;
}

function rangeOf(axis: IAxis, span: Span, space: readonly IParameter[]): Span {
  const parameter = parameterOf(axis, space);
  const [from, to] = [endOf(axis, span[0]) ?? 0, endOf(axis, span[1]) ?? 0];
  const [low, high] = [rounded(from, parameter, Math.ceil), rounded(to, parameter, Math.floor)];
  if (low <= high) {
    return [low, high];
  }
  // No value of the grid lies between the ends: the nearest one.
  const middle = rounded((from + to) / 2, parameter, Math.round);
  return [middle, middle];
}

/** The value at a position; near an end of the axis that end, to the last digit. */
function endOf(axis: IAxis, at: number): number | null {
  return at <= EDGE ? axis.low : at >= 1 - EDGE ? axis.high : valueAt(axis, at);
}

/** A value on its parameter's grid, or with a few digits where there is no grid. */
function rounded(
  value: number,
  parameter: IParameter | undefined,
  round: (value: number) => number
): number {
  const low = parameter?.low ?? 0;
  if (value === 0 || value === parameter?.low || value === parameter?.high) {
    return value;
  }
  // A sum of steps must not fall short of a whole number by its last bit.
  const whole = (steps: number): number => round(Number(steps.toPrecision(9)));
  const step = parameter?.step ?? null;
  if (step !== null && parameter?.sampling !== 'linear') {
    // With sampling by logarithm a step is a factor.
    const steps = whole(Math.log(value / low) / Math.log(step));
    return Number((low * step ** steps).toPrecision(12));
  }
  const digit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - DIGITS + 1);
  const unit = step ?? (parameter?.kind === 'int' ? 1 : digit);
  const from = unit === digit ? 0 : low;
  return Number((from + whole((value - from) / unit) * unit).toPrecision(12));
}

function parameterOf(axis: IAxis, space: readonly IParameter[]): IParameter | undefined {
  return space.find(parameter => parameter.name === axis.name);
}

/** The values behind the ticks of an axis of choices; numbers in order, like `parameter_scales` in Python. */
function choicesOf({ name }: IAxis, { space, trials }: Known): Value[] {
  const values = new Set([
    ...space.filter(parameter => parameter.name === name).flatMap(({ choices }) => choices),
    ...trials.flatMap(trial => trial.values[name] ?? [])
  ]);
  return [...values].every(value => typeof value === 'number')
    ? [...values].sort((a, b) => Number(a) - Number(b))
    : [...values];
}
