/** Where values lie along an axis, and which of them are marked: numbers only, no page. */

/** The values at both ends, low < high. */
export interface IRange {
  readonly low: number;
  readonly high: number;
}

const STEPS = [1, 2, 5, 10];

/** The position of a value, 0 at `low` and 1 at `high`. A logarithmic range lies above 0. */
export function positionOf(value: number, { low, high }: IRange, log: boolean): number {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** The value at a position: the inverse of positionOf. */
export function valueAt(position: number, { low, high }: IRange, log: boolean): number {
  return log ? low * (high / low) ** position : low + position * (high - low);
}

/** Round values inside the range, about `count` of them and at least `smallest` apart. */
export function ticksOf(range: IRange, count: number, log: boolean, smallest = 0): number[] {
  if (!log) {
    return evenTicks(range, count, smallest);
  }
  const decades = Math.log10(range.high / range.low);
  if (decades < 1) {
    return evenTicks(range, count, 0); // hardly bent: powers of ten would mark one place or none
  }
  const stride = Math.max(1, Math.ceil(decades / count));
  const within = stride === 1 && 3 * decades <= count ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(range.low)); power <= Math.log10(range.high); power += 1) {
    if (power % stride === 0) {
      ticks.push(...within.map(factor => factor * 10 ** power));
    }
  }
  return ticks.filter(tick => tick >= range.low && tick <= range.high);
}

function evenTicks({ low, high }: IRange, count: number, smallest: number): number[] {
  const rough = Math.max((high - low) / Math.max(1, count), smallest);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find(factor => factor * unit >= rough * (1 - 1e-9)) ?? 10) * unit;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Rounded, since 3 x 0.1 is not 0.3.
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) =>
    Number(((first + index) * step).toPrecision(12))
  );
}
