/** Two objectives against each other, and the trials that nothing beats in both. */
import type { IParetoInfo } from '../model/protocol';
import type { Drawn } from './legend';
import type { IPaint, IPlace } from './svg';
import { sign } from './legend';
import { boxOf, frame, path, picture, placeIn, px, reachable, shapes } from './svg';

export function drawPareto(host: HTMLElement, info: IParetoInfo, paint: IPaint): Drawn {
  const { t } = paint;
  const { x, y } = info;
  if (x === null || y === null) {
    return t('plot.pareto.few');
  }
  if (info.points.length === 0) {
    return t('plot.empty');
  }
  const box = boxOf({ left: 0, top: 0, width: paint.width, height: paint.height }, y);
  const points = info.points
    .map(point => ({
      ...placeIn(box, point.x, point.y),
      trial: point.trial,
      front: point.front
    }))
    .sort((a, b) => a.x - b.x || a.y - b.y);
  const front = points.filter(point => point.front);
  const sentence = t('plot.pareto.said', {
    x: x.name,
    y: y.name,
    trials: front.map(point => point.trial).join(', '),
    count: points.length
  });
  const root = picture(host, paint, sentence, 'group');
  frame(root, box, x, y);
  root.append(
    path('staircase', staircase(front)),
    path(
      'dots',
      shapes(
        'dot',
        points.filter(point => !point.front)
      )
    ),
    path('best', shapes('diamond', front, 6))
  );
  reachable(root, points, paint);
  return [
    sign('best', 'diamond', t('plot.pareto.front')),
    sign('dots', 'dot', t('plot.pareto.others'))
  ];
}

/** The edge of what the front beats: down to the next trial's height, then across to it. */
function staircase(front: readonly IPlace[]): string {
  return front
    .map(({ x, y }, index) => (index === 0 ? `M${px(x)} ${px(y)}` : `V${px(y)}H${px(x)}`))
    .join('');
}
