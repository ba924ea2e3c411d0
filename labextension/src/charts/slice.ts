/** The score over each hyperparameter by itself, as small pictures side by side. */
import type { ISliceInfo } from '../model/protocol';
import type { Drawn } from './legend';
import type { IMark, IPaint } from './svg';
import { scale, sign } from './legend';
import { bestMark, boxOf, frame, path, picture, placeIn, reachable, shaded, shapes } from './svg';

const LEAST_WIDTH = 200;
const LEAST_HEIGHT = 140;

export function drawSlice(host: HTMLElement, info: ISliceInfo, paint: IPaint): Drawn {
  const { t } = paint;
  const count = info.axes.length;
  const trials = new Set(info.points.flat().map(point => point.trial)).size;
  if (trials === 0) {
    return t('plot.empty');
  }
  const most = Math.max(1, Math.floor(paint.width / LEAST_WIDTH));
  const rows = Math.ceil(count / most);
  const columns = Math.ceil(count / rows);
  const width = paint.width / columns;
  const height = Math.max(LEAST_HEIGHT, paint.height / rows);
  const names = info.axes.map(axis => axis.name).join(', ');
  const root = picture(
    host,
    { width: paint.width, height: rows * height },
    t('plot.slice.said', { objective: info.objective.name, names, count: trials }),
    'group'
  );
  const marks: IMark[] = [];
  info.axes.forEach((axis, index) => {
    const left = (index % columns) * width;
    const top = Math.floor(index / columns) * height;
    const box = boxOf({ left, top, width, height }, info.objective);
    const points = (info.points[index] ?? []).map(point => ({
      ...placeIn(box, point.x, point.y),
      trial: point.trial,
      share: point.order
    }));
    frame(root, box, axis, info.objective);
    root.append(
      path('rim', shapes('dot', points)),
      ...shaded(points, 'dots', some => shapes('dot', some)),
      bestMark(points, info.best)
    );
    marks.push(...points);
  });
  reachable(root, marks, paint);
  return [scale(t('plot.slice.order')), sign('best', 'diamond', t('plot.best'))];
}
