/** Pointer and keys on parallel axes: brushes are drawn, moved and sized, points are set. */
import type { IAxis } from '../model/protocol';
import type { Span } from './brush';
import { settled, shifted } from './brush';
import type { ParallelPicture } from './parallel';

/** What is heard of a hand. */
export interface IHandEvents {
  /** A brush has changed, null when it is gone; `done` once the hand has left it. */
  onBrush(axis: IAxis, span: Span | null, done: boolean): void;
  /** The composed point was moved on this axis, at least to the next value where `stepped`. */
  onPoint(axis: IAxis, at: number, stepped: boolean): void;
  /** Enter on an axis: a point is to be composed. */
  onCompose(): void;
  /** Escape: leave off composing. */
  onCancel(): void;
}

const GRIP_PIXELS = 7;
const CLICK_PIXELS = 3;
const KEY_STEP = 0.05;

interface IDrag {
  readonly axis: IAxis;
  readonly from: number;
  readonly kind: 'new' | 'low' | 'high' | 'move';
  readonly before: Span | null;
  moved: boolean;
}

/** Hear what is done to the picture, for as long as its host lives. */
export function follow(picture: ParallelPicture, events: IHandEvents): void {
  const { host } = picture;
  let drag: IDrag | null = null;
  // The click that ends a press on an axis is no click on a line.
  let pressed = false;

  function press(event: PointerEvent): void {
    const under = picture.axisUnder(event);
    pressed = under !== null;
    if (under === null || event.button !== 0) {
      return;
    }
    const { axis, index } = under;
    const { y } = picture.place(event);
    const at = picture.at(y);
    event.preventDefault();
    host.setPointerCapture(event.pointerId);
    const before = picture.overlay.brushes.get(axis.name) ?? null;
    drag = { axis, from: at, kind: kindOf(picture, before, y), before, moved: false };
    picture.focusAxis(index);
    if (picture.overlay.point !== null) {
      events.onPoint(axis, at, false);
    }
  }

  function move(event: PointerEvent): void {
    if (drag === null) {
      hover(event);
      return;
    }
    const at = picture.at(picture.place(event).y);
    if (picture.overlay.point !== null) {
      events.onPoint(drag.axis, at, false);
    } else if (drag.moved || Math.abs(at - drag.from) * picture.height >= CLICK_PIXELS) {
      drag.moved = true;
      events.onBrush(drag.axis, spanOf(drag, at), false);
    }
  }

  function release(): void {
    const held = drag;
    drag = null;
    if (held !== null && picture.overlay.point === null) {
      const span = picture.overlay.brushes.get(held.axis.name);
      // A click beside a brush takes it away.
      const gone = span === undefined || (held.kind === 'new' && !held.moved);
      events.onBrush(held.axis, gone ? null : settled(held.axis, span), true);
    }
  }

  function cancel(): boolean {
    const held = drag;
    drag = null;
    if (held?.moved === true) {
      events.onBrush(held.axis, held.before, true);
    }
    return held !== null;
  }

  function hover(event: PointerEvent): void {
    const trial = picture.axisUnder(event) === null ? picture.lineAt(picture.place(event)) : null;
    picture.highlight(trial ?? picture.marked);
    picture.paint?.hover(trial === null ? '' : picture.paint.describe(trial));
  }

  function leave(): void {
    if (drag === null) {
      picture.highlight(picture.marked);
      picture.paint?.hover('');
    }
  }

  function click(event: MouseEvent): void {
    if (!pressed && picture.overlay.point === null) {
      picture.marked = picture.lineAt(picture.place(event));
      picture.highlight(picture.marked);
      if (picture.marked !== null) {
        picture.paint?.open(picture.marked);
      }
    }
  }

  function key(event: KeyboardEvent): void {
    const under = picture.axisUnder(event);
    if (event.key === 'Escape') {
      if (!cancel()) {
        events.onCancel();
      }
    } else if (under !== null && axisKey(event, under.axis, under.index)) {
      event.preventDefault();
    }
  }

  function axisKey({ key, shiftKey }: KeyboardEvent, axis: IAxis, index: number): boolean {
    switch (key) {
      case 'ArrowLeft':
        picture.focusAxis(index - 1);
        return true;
      case 'ArrowRight':
        picture.focusAxis(index + 1);
        return true;
      case 'ArrowUp':
      case 'ArrowDown':
        step(axis, key === 'ArrowUp' ? 1 : -1, shiftKey);
        return true;
      case 'Enter':
      case ' ':
        events.onCompose();
        return true;
      case 'Delete':
      case 'Backspace':
        events.onBrush(axis, null, true);
        return true;
      default:
        return false;
    }
  }

  /** One step of the arrow keys: of the composed point, of a brush, or of its upper end. */
  function step(axis: IAxis, sign: number, grow: boolean): void {
    const size = sign * stepOf(axis);
    const { brushes, point } = picture.overlay;
    if (point !== null) {
      events.onPoint(axis, Math.min(1, Math.max(0, (point.get(axis.name) ?? 0.5) + size)), true);
      return;
    }
    const span = brushes.get(axis.name);
    const next =
      span === undefined
        ? settled(axis, sign > 0 ? [0.5, 1] : [0, 0.5])
        : shifted(span, grow ? 0 : size, grow ? size : 0);
    events.onBrush(axis, next, true);
  }

  host.addEventListener('pointerdown', press);
  host.addEventListener('pointermove', move);
  host.addEventListener('pointerup', release);
  host.addEventListener('pointercancel', cancel);
  host.addEventListener('pointerleave', leave);
  host.addEventListener('click', click);
  host.addEventListener('keydown', key);
}

/** Whether a press at this height takes an end of the brush, all of it, or begins another. */
function kindOf(picture: ParallelPicture, brush: Span | null, y: number): IDrag['kind'] {
  if (brush === null) {
    return 'new';
  }
  const [low, high] = [picture.y(brush[0]), picture.y(brush[1])];
  if (Math.abs(y - high) <= GRIP_PIXELS) {
    return 'high';
  }
  if (Math.abs(y - low) <= GRIP_PIXELS) {
    return 'low';
  }
  return y > high && y < low ? 'move' : 'new';
}

function spanOf({ kind, before, from }: IDrag, at: number): Span {
  if (kind === 'move' && before !== null) {
    return shifted(before, at - from, 0);
  }
  const fixed = kind === 'new' || before === null ? from : kind === 'low' ? before[1] : before[0];
  return [Math.min(fixed, at), Math.max(fixed, at)];
}

/** From choice to choice, else a small part of the axis. */
function stepOf({ low, ticks }: IAxis): number {
  const [first, second] = ticks;
  return low !== null || first === undefined || second === undefined
    ? KEY_STEP
    : Math.abs(second.at - first.at);
}
