/** The best score so far, each trial's score, and where chance alone could have led. */
import { formatNumber } from '../model/format';
import type { IBestSoFarInfo, ILimits } from '../model/protocol';
import { linearAxis } from './axis';
import type { Drawn, ISign } from './legend';
import type { IBox, IPaint, IPlace } from './svg';
import { sign } from './legend';
import { bestMark, boxOf, frame, line, path, picture, placeIn, px, reachable, shapes } from './svg';

const TICK_PIXELS = 60;

export function drawBest(host: HTMLElement, info: IBestSoFarInfo, paint: IPaint): Drawn {
  const { t, width, height } = paint;
  const { points, limits, objective, best } = info;
  const last = points.at(-1);
  if (last === undefined || limits === null) {
    return t('plot.empty');
  }
  const count = points.length;
  const values = { objective, count, best: formatNumber(last.best), trial: best ?? '–' };
  const root = picture(host, paint, t('plot.best.said', values), 'group');
  const without = [...info.without_score, ...info.skipped];
  const end = Math.max(2, last.trial, ...without);
  const y = linearAxis(objective, limits.low, limits.high, height / TICK_PIXELS);
  const box = boxOf({ left: 0, top: 0, width, height }, y);
  const across = Math.min(end - 1, box.width / TICK_PIXELS);
  const x = linearAxis(t('plot.trial'), 1, end, across);
  const at = placer(box, limits, end);
  const places = points.map(({ trial, score }) => ({ ...at(trial, score), trial, score }));
  const near = places.filter(({ score }) => score >= limits.low && score <= limits.high);
  const far = places.filter(place => !near.includes(place));
  const lost = without.map(trial => ({ ...at(trial, limits.low), trial }));
  frame(root, box, x, y);
  root.append(
    path('band', bandPath(info, at)),
    path('staircase', `${staircase(info, at)}H${px(box.left + box.width)}`),
    path('dots', shapes('dot', near)),
    path('far', shapes('diamond', far)),
    path('lost', shapes('cross', lost, 3)),
    bestMark(places, best)
  );
  const marks = [...places, ...lost].sort((a, b) => a.trial - b.trial);
  reachable(root, marks, paint);
  return signs(info, far.length > 0, paint);
}

function signs(
  { band, without_score, skipped }: IBestSoFarInfo,
  far: boolean,
  { t }: IPaint
): ISign[] {
  const all: ISign[] = [
    sign('staircase', 'line', t('plot.best.line')),
    sign('dots', 'dot', t('plot.trial')),
    sign('best', 'diamond', t('plot.best'))
  ];
  if (band.length > 1) {
    all.push({ sign: path('band', 'M0 1h18v10h-18z'), text: t('plot.best.band') });
  }
  if (far) {
    all.push(sign('far', 'diamond', t('plot.best.far')));
  }
  if (without_score.length + skipped.length > 0) {
    all.push(sign('lost', 'cross', t('plot.best.lost')));
  }
  return all;
}

type At = (trial: number, score: number) => IPlace;

/** Trials from the first to the last one across; scores beyond the limits lie on the edge. */
function placer(box: IBox, { low, high }: ILimits, end: number): At {
  return (trial, score) => {
    const up = Math.min(1, Math.max(0, (score - low) / (high - low)));
    return placeIn(box, (trial - 1) / (end - 1), up);
  };
}

/** The best score stays until the trial that beats it. */
function staircase({ points }: IBestSoFarInfo, at: At): string {
  return points
    .map(({ trial, best }, index) => {
      const { x, y } = at(trial, best);
      return index === 0 ? `M${px(x)} ${px(y)}` : `H${px(x)}V${px(y)}`;
    })
    .join('');
}

function bandPath({ band }: IBestSoFarInfo, at: At): string {
  const upper = band.map(one => at(one.trial, one.high));
  const lower = band.map(one => at(one.trial, one.low)).reverse();
  return band.length < 2 ? '' : `${line([...upper, ...lower])}z`;
}
