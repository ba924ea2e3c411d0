/** Which worker trained which trial when. */
import type { ITimelineBar, ITimelineInfo, TrialState } from '../model/protocol';
import { linearAxis, textWidth, timeUnit } from './axis';
import type { Drawn, ISign } from './legend';
import type { IBox, IMark, IPaint } from './svg';
import { frame, label, path, picture, px, reachable, svg } from './svg';

const LANE_PIXELS = 30;
const BAR_PIXELS = 20;
const HATCH_PIXELS = 6;
const TICK_PIXELS = 90;

interface IBar extends IMark {
  readonly state: TrialState;
  readonly width: number;
}

export function drawTimeline(host: HTMLElement, info: ITimelineInfo, paint: IPaint): Drawn {
  const { t, width } = paint;
  const { lanes, bars, seconds } = info;
  if (bars.length === 0) {
    return t('plot.timeline.few');
  }
  const names = lanes.map(lane =>
    lane === 0 ? t('plot.timeline.kernel') : t('plot.timeline.worker', { worker: lane })
  );
  const left = Math.min(width / 4, 12 + Math.max(...names.map(textWidth)));
  const high = Math.max(LANE_PIXELS, Math.min(60, (paint.height - 50) / lanes.length));
  const box = { left, top: 8, width: width - left - 16, height: lanes.length * high };
  const root = picture(
    host,
    { width, height: box.height + 50 },
    t('plot.timeline.said', { count: bars.length, lanes: lanes.length }),
    'group'
  );
  const [unit, size] = timeUnit(seconds);
  const end = Math.max(seconds, 1e-3) / size;
  frame(root, box, linearAxis(unit, 0, end, Math.max(2, box.width / TICK_PIXELS)), null);
  names.forEach((name, lane) => {
    root.append(label(name, left - 6, box.top + (lane + 0.5) * high + 4, 'end', left - 8));
  });
  const drawn = bars.map(bar => barOf(bar, info, box));
  const states = [...new Set(drawn.map(bar => bar.state))];
  const signs = states.map(state =>
    signOf(
      state,
      drawn.filter(bar => bar.state === state)
    )
  );
  root.append(...signs, ...drawn.filter(hasNumber).map(numberOf));
  reachable(root, drawn, paint);
  return states.map((state): ISign => {
    const bar = { x: 9, y: 6, width: 18, trial: 0, state };
    return { sign: signOf(state, [bar], 10), text: t(`state.${state}`) };
  });
}

/** Only a plain bar has a ground that a number can be read on. */
function hasNumber({ state, width, trial }: IBar): boolean {
  return state === 'completed' && width > textWidth(String(trial)) + 6;
}

function numberOf({ trial, x, y }: IBar): SVGTextElement {
  const text = label(String(trial), x, y + 4, 'middle');
  text.classList.add('tm-inverse');
  return text;
}

function barOf(bar: ITimelineBar, info: ITimelineInfo, box: IBox): IBar {
  const scale = box.width / Math.max(info.seconds, 1e-3);
  const width = Math.max(3, (bar.end - bar.start) * scale - 1);
  const lane = Math.max(0, info.lanes.indexOf(bar.lane));
  return {
    x: box.left + bar.start * scale + width / 2,
    y: box.top + ((lane + 0.5) * box.height) / info.lanes.length,
    reach: width / 2,
    trial: bar.trial,
    state: bar.state,
    width
  };
}

/** All bars of one state: told apart by filling, border and hatching as well as by colour. */
function signOf(state: TrialState, bars: readonly IBar[], high = BAR_PIXELS): SVGGElement {
  const outline = bars.map(
    ({ x, y, width }) =>
      `M${px(x - width / 2)} ${px(y - high / 2)}h${px(width)}v${high}h${px(-width)}z`
  );
  const inner = bars.map(bar => innerOf(state, bar, high));
  return svg(
    'g',
    { class: `tm-bars-${state}` },
    path('outline', outline.join('')),
    path('inner', inner.join(''))
  );
}

function innerOf(state: TrialState, { x, y, width }: IBar, high: number): string {
  const [left, half] = [x - width / 2, high / 2];
  if (state === 'failed') {
    const r = Math.min(width / 2, half) * 0.7;
    return `M${px(x - r)} ${px(y - r)}l${px(2 * r)} ${px(2 * r)}m0 ${px(-2 * r)}l${px(-2 * r)} ${px(2 * r)}`;
  }
  if (state !== 'pruned') {
    return '';
  }
  let d = '';
  for (let at = HATCH_PIXELS / 2; at < width; at += HATCH_PIXELS) {
    const slant = Math.min(HATCH_PIXELS, width - at);
    d += `M${px(left + at)} ${px(y + half)}l${px(slant)} ${-high}`;
  }
  return d;
}
