/** Parallel coordinates that steer: brushed trials go to Python, boxes and points to the search. */
import type { Brushes, Span, Value, Values } from '../charts/brush';
import { active, inside, isEmpty, placeOf, regionOf, spanText, valueFor } from '../charts/brush';
import { follow } from '../charts/hand';
import { ParallelPicture } from '../charts/parallel';
import { formatValue } from '../model/format';
import type { IAxis, IParallelInfo } from '../model/protocol';
import { bestTrial } from '../model/trials';
import { make, setText } from './dom';
import type { IPainter, IPlace } from './pictures';
import type { IHands } from './section';
import type { StudyStore } from './store';

const SELECT_MILLISECONDS = 300;
const LONGEST_STEP = 40;

/** A trial that is being composed: its values, and where they lie on the axes. */
interface IPoint {
  readonly values: Readonly<Record<string, Value>>;
  readonly places: ReadonlyMap<string, number>;
}

export function makeParallel(store: StudyStore, hands: IHands, place: IPlace): IPainter {
  const picture = new ParallelPicture(place.stage);
  let info: IParallelInfo = { axes: [], lines: [], best: null, hidden: 0 };
  let brushes: Brushes = new Map();
  let point: IPoint | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const button = (name: string, act: () => void): HTMLButtonElement => {
    const node = make('button', {
      className: 'tm-button',
      text: store.t(`plot.parallel.${name}`),
      attributes: { type: 'button' }
    });
    node.addEventListener('click', act);
    return node;
  };
  const narrow = button('narrow', () => {
    store.command('space', { ...regionOf(info, brushes, store.view) });
  });
  const give = button('select', select);
  give.title = store.t('plot.parallel.select_title');
  const clear = button('clear', () => {
    brushes = new Map();
    select();
    change();
  });
  const compose = button('compose', () => {
    point = point === null ? startingPoint(store, info.axes) : null;
    change();
  });
  const attempt = button('try', () => {
    store.command('try', { values: composed() });
  });
  const edit = button('edit', () => {
    hands.tryValues(composed());
  });
  const hint = make('p', { className: 'tm-hint' });

  /** At once for the hand, whose next move may come before the next frame. */
  function change(): void {
    picture.overlay = { brushes, point: point?.places ?? null };
    place.redraw();
  }

  function composed(): Values {
    return active(point?.values ?? {}, store.view.space);
  }

  function select(): void {
    clearTimeout(timer);
    store.command('select', { trials: brushes.size === 0 ? [] : inside(info, brushes) });
  }

  function onBrush(axis: IAxis, span: Span | null, done: boolean): void {
    const had = brushes.has(axis.name);
    const next = new Map(brushes);
    next.delete(axis.name);
    if (span !== null) {
      next.set(axis.name, span);
    }
    brushes = next;
    clearTimeout(timer);
    if (done && (had || span !== null) && store.status.read_only === '') {
      timer = setTimeout(select, SELECT_MILLISECONDS);
    }
    change();
  }

  function onPoint(axis: IAxis, at: number, stepped: boolean): void {
    if (point !== null && axis !== info.axes.at(-1)) {
      point = movedPoint(store, point, axis, at, stepped);
      change();
    }
  }

  follow(picture, {
    onBrush,
    onPoint,
    onCompose() {
      point ??= startingPoint(store, info.axes);
      change();
    },
    onCancel() {
      point = null;
      change();
    }
  });

  function resting(): string {
    if (point !== null) {
      return textOf(composed());
    }
    const spans = info.axes.flatMap(axis => {
      const span = brushes.get(axis.name);
      return span === undefined ? [] : [`${axis.name} ${spanText(axis, span)}`];
    });
    const all = info.lines.length;
    const count = inside(info, brushes).length;
    const { t } = store;
    const told =
      count === 0 ? t('plot.parallel.none_inside') : t('plot.parallel.inside', { count, all });
    const hidden = { drawn: all, all: all + info.hidden };
    return [
      ...spans,
      ...(spans.length === 0 ? [] : [told]),
      ...(info.hidden === 0 ? [] : [t('plot.parallel.drawn', hidden)])
    ].join(' · ');
  }

  return {
    controls: [narrow, give, clear, attempt, edit, compose],
    foot: [hint],
    draw(next, paint) {
      info = next as IParallelInfo;
      return picture.draw(info, paint);
    },
    update() {
      const composing = point !== null;
      const { t, steerable, status } = store;
      narrow.hidden = give.hidden = clear.hidden = composing;
      attempt.hidden = edit.hidden = !composing;
      narrow.disabled = !steerable || isEmpty(regionOf(info, brushes, store.view));
      give.disabled = brushes.size === 0 || status.read_only !== '';
      clear.disabled = brushes.size === 0;
      attempt.disabled = edit.disabled = !steerable;
      compose.disabled = !composing && (!steerable || info.axes.length < 2);
      compose.setAttribute('aria-pressed', String(composing));
      setText(hint, t(composing ? 'plot.parallel.compose_hint' : 'plot.parallel.hint'));
    },
    resting,
    dispose() {
      clearTimeout(timer);
    }
  };
}

function textOf(values: Values): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${formatValue(value)}`)
    .join(' · ');
}

/** The best trial's values, or the defaults while there is none. */
function startingPoint({ view }: StudyStore, axes: readonly IAxis[]): IPoint {
  const values: Record<string, Value> = { ...bestTrial(view)?.values };
  for (const parameter of view.space) {
    values[parameter.name] ??= parameter.default;
  }
  const places = new Map<string, number>();
  for (const axis of axes) {
    const value = values[axis.name];
    const at = value === undefined ? null : placeOf(axis, value, view);
    if (at !== null) {
      places.set(axis.name, at);
    }
  }
  return { values, places };
}

/** The point with another value on one axis; a step goes on until the value is another one. */
function movedPoint(
  { view }: StudyStore,
  point: IPoint,
  axis: IAxis,
  at: number,
  stepped: boolean
): IPoint {
  const before = point.places.get(axis.name) ?? 0.5;
  let value = valueFor(axis, at, view);
  for (let k = 2; stepped && value === point.values[axis.name] && k <= LONGEST_STEP; k++) {
    value = valueFor(axis, Math.min(1, Math.max(0, before + k * (at - before))), view);
  }
  if (value === undefined) {
    return point;
  }
  const place = placeOf(axis, value, view) ?? at;
  return {
    values: { ...point.values, [axis.name]: value },
    places: new Map(point.places).set(axis.name, place)
  };
}
