/** The best score so far, each trial's score, and where chance alone could have led. */
import { formatNumber } from '../model/format';
import type { IBestSoFarInfo } from '../model/protocol';
import { linearAxis } from './axis';
import type { Drawn, IBox, IPaint, IPlace } from './svg';
import { boxOf, frame, line, path, picture, placeIn, px, reachable, shapes, sign } from './svg';

const TICK_PIXELS = 60;

export function drawBest(host: HTMLElement, info: IBestSoFarInfo, paint: IPaint): Drawn {
  const { t } = paint;
  const { points, limits, objective, band } = info;
  const last = points.at(-1);
  if (last === undefined || limits === null) {
    return t('plot.empty');
  }
  const without = [...info.without_score, ...info.skipped];
  const end = Math.max(2, last.trial, ...without);
  const outer = { left: 0, top: 0, width: paint.width, height: paint.height };
  const { low, high } = limits;
  const y = linearAxis(objective, low, high, paint.height / TICK_PIXELS);
  const box = boxOf(outer, y);
  const count = Math.min(end - 1, box.width / TICK_PIXELS);
  const whole = (value: number): string => (Number.isInteger(value) ? String(value) : '');
  const x = linearAxis(t('plot.trial'), 1, end, count, whole);
  const at = (trial: number, score: number): IPlace =>
    placeIn(box, (trial - 1) / (end - 1), Math.min(1, Math.max(0, (score - low) / (high - low))));
  const root = picture(
    host,
    paint,
    t('plot.best.said', {
      objective,
      count: points.length,
      best: formatNumber(last.best),
      trial: info.best ?? '–'
    }),
    'group'
  );
  const far = (score: number): boolean => score < low || score > high;
  const places = points.map(point => ({ ...at(point.trial, point.score), ...point }));
  const lost = without.map(trial => ({ ...at(trial, low), trial }));
  frame(root, box, { ...x, ticks: x.ticks.filter(tick => tick.text !== '') }, y);
  root.append(
    path('band', bandPath(info, at)),
    path('staircase', staircase(info, end, box, at)),
    path(
      'dots',
      shapes(
        'dot',
        places.filter(point => !far(point.score))
      )
    ),
    path(
      'far',
      shapes(
        'diamond',
        places.filter(point => far(point.score))
      )
    ),
    path('lost', shapes('cross', lost, 3)),
    path(
      'best',
      shapes(
        'diamond',
        places.filter(point => point.trial === info.best),
        6
      )
    )
  );
  const marks = [...places, ...lost].sort((a, b) => a.trial - b.trial);
  reachable(
    root,
    marks.map(({ trial, ...place }) => ({
      x: place.x,
      y: place.y,
      trial,
      text: paint.describe(trial)
    })),
    paint
  );
  return [
    sign('staircase', 'line', t('plot.best.line')),
    sign('dots', 'dot', t('plot.trial')),
    sign('best', 'diamond', t('plot.best')),
    ...(band.length === 0
      ? []
      : [{ sign: path('band', 'M0 1h18v10h-18z'), text: t('plot.best.band') }]),
    ...(places.some(point => far(point.score)) ? [sign('far', 'diamond', t('plot.best.far'))] : []),
    ...(lost.length === 0 ? [] : [sign('lost', 'cross', t('plot.best.lost'))])
  ];
}

type At = (trial: number, score: number) => IPlace;

/** The best score stays until the trial that beats it. */
function staircase({ points }: IBestSoFarInfo, end: number, box: IBox, at: At): string {
  const steps = points.map(({ trial, best }, index) => {
    const { x, y } = at(trial, best);
    return index === 0 ? `M${px(x)} ${px(y)}` : `H${px(x)}V${px(y)}`;
  });
  return `${steps.join('')}H${px(at(end, 0).x > 0 ? box.left + box.width : 0)}`;
}

function bandPath({ band }: IBestSoFarInfo, at: At): string {
  const upper = band.map(one => at(one.trial, one.high));
  const lower = band.map(one => at(one.trial, one.low)).reverse();
  return band.length < 2 ? '' : `${line([...upper, ...lower])}z`;
}
