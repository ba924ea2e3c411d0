/** Axes as numbers: values and positions, ticks, and the room that texts take. No page. */
import { formatNumber } from '../model/format';
import type { IAxis, ITick } from '../model/protocol';

// Mean advances of an 11 px sans-serif font, rounded up: a text that seems to fit does fit.
const NARROW_PIXELS = 6.4;
const WIDE_PIXELS = 11.5;
const FIRST_WIDE = 0x2e80; // where the scripts of East Asia begin
const GAP_PIXELS = 6;
const STEPS = [1, 2, 5, 10];

/** About how wide a text is in the pictures' font, in pixels. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    width += (character.codePointAt(0) ?? 0) < FIRST_WIDE ? NARROW_PIXELS : WIDE_PIXELS;
  }
  return width;
}

/** The text, or its beginning and an ellipsis where it is wider than `room` pixels. */
export function clip(text: string, room: number): string {
  if (textWidth(text) <= room) {
    return text;
  }
  let kept = '';
  for (const character of text) {
    if (kept !== '' && textWidth(kept + character) > room - NARROW_PIXELS) {
      break;
    }
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** The value at a position from 0 to 1; null on an axis of choices. */
export function valueAt({ low, high, log }: IAxis, at: number): number | null {
  if (low === null || high === null) {
    return null;
  }
  return log && low > 0 && high > 0 ? low * (high / low) ** at : low + at * (high - low);
}

/** The position of a value, within 0 to 1; null on an axis of choices. */
export function positionOf({ low, high, log }: IAxis, value: number): number | null {
  if (low === null || high === null) {
    return null;
  }
  if (low === high) {
    return 0.5;
  }
  const at =
    log && low > 0 && high > 0
      ? Math.log(value / low) / Math.log(high / low)
      : (value - low) / (high - low);
  return Math.min(1, Math.max(0, at));
}

/** The index of the tick nearest to a position; -1 without ticks. */
export function nearestTick(ticks: readonly ITick[], at: number): number {
  return ticks.reduce(
    (best, tick, index) =>
      best < 0 || Math.abs(tick.at - at) < Math.abs((ticks[best]?.at ?? 0) - at) ? index : best,
    -1
  );
}

/** What a position means, for readers: a number or the nearest choice. */
export function textAt(axis: IAxis, at: number): string {
  const value = valueAt(axis, at);
  return value === null
    ? (axis.ticks[nearestTick(axis.ticks, at)]?.text ?? '')
    : formatNumber(Number(value.toPrecision(3)));
}

/** The ticks that fit beside each other on `pixels`, each `room(tick)` pixels long. */
export function thinned(
  ticks: readonly ITick[],
  pixels: number,
  room: (tick: ITick) => number
): ITick[] {
  let end = -Infinity;
  return [...ticks]
    .sort((a, b) => a.at - b.at)
    .filter(tick => {
      const half = room(tick) / 2;
      const fits = tick.at * pixels - half >= end;
      end = fits ? tick.at * pixels + half + GAP_PIXELS : end;
      return fits;
    });
}

/** A linear axis with at most about `count` round ticks. */
export function linearAxis(
  name: string,
  low: number,
  high: number,
  count: number,
  text: (value: number) => string = formatNumber
): IAxis {
  const rough = (high - low) / Math.max(1, count);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * (STEPS.find(one => one * unit >= rough * 0.999) ?? 10);
  const ticks: ITick[] = [];
  for (let k = Math.ceil(low / step - 1e-6); k * step <= high + 1e-6 * step; k++) {
    const value = Number((k * step).toPrecision(12));
    ticks.push({ at: (value - low) / (high - low), text: text(value) });
  }
  return { name, low, high, log: false, ticks };
}

/** The unit in which that many seconds make a short number, and how many seconds it has. */
export function timeUnit(seconds: number): ['s' | 'min' | 'h', number] {
  return seconds > 7200 ? ['h', 3600] : seconds > 120 ? ['min', 60] : ['s', 1];
}
