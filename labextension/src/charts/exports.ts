/** Artefacts: size or time of one sample across, score up; hollow where they are not verified. */
import type { IExportPoint, IExportsInfo } from '../model/protocol';
import type { Drawn } from './legend';
import { sign } from './legend';
import type { IPaint, Shape } from './svg';
import { boxOf, frame, label, path, picture, placeIn, px, reachable, shapes, svg } from './svg';
import { textWidth } from './axis';

// Each way to store numbers has its colour, from panel.css; others are grey. The name stands beside it.
const COLOURS: Readonly<Record<string, string>> = {
  none: 'best',
  float16: 'selected',
  dynamic: 'running',
  int8: 'compared'
};
// Where a name may stand by its mark, to which side and how far down, the best place first.
const PLACES = [
  [0, -10],
  [0, 18],
  [1, 4],
  [-1, 4],
  [0, 31],
  [0, -22],
  [0, 44]
] as const;

export function drawExports(host: HTMLElement, info: IExportsInfo, paint: IPaint): Drawn {
  const { t } = paint;
  if (info.x === null || info.y === null || info.points.length === 0) {
    return t('plot.exports.few');
  }
  const x = { ...info.x, name: t(`plot.exports.${info.across}`) };
  const box = boxOf({ left: 0, top: 0, width: paint.width, height: paint.height }, info.y);
  const points = info.points
    .map((point, trial) => ({ ...point, ...placeIn(box, point.x, point.y), trial }))
    .sort((a, b) => a.x - b.x);
  const sentence = t('plot.exports.said', {
    x: x.name,
    y: info.y.name,
    names: points.map(point => point.name).join(', ')
  });
  const root = picture(host, paint, sentence, 'group');
  frame(root, box, x, info.y);
  const signs = [];
  if (info.before !== null) {
    const { left, y } = { ...box, ...placeIn(box, 0, info.before) };
    root.append(path('range', `M${px(left)} ${px(y)}h${px(box.width)}`));
    signs.push(sign('range', 'line', t('plot.exports.before')));
  }
  const names = svg('g', { class: 'tm-axis' });
  const bottom = box.top + box.height;
  const taken = points.map(({ x, y }) => ({ x, y: y + 4, half: 6 }));
  for (const point of points) {
    const mark = path(
      `mark tm-${point.verified ? 'filled' : 'hollow'}`,
      shapes(shapeOf(point), [point], 6)
    );
    mark.style.setProperty('--tm-shade', `var(--tm-${COLOURS[point.mode] ?? 'muted'})`);
    // Beyond the edge, where it would press the others together.
    const text = point.name + (info.points[point.trial]?.y === 0 ? ' ↓' : '');
    const half = textWidth(text) / 2;
    const places = PLACES.map(([side, down]) => ({
      x: Math.max(half, Math.min(paint.width - half, point.x + side * (half + 9))),
      y: point.y + down,
      half
    }));
    // Above the highest marks stands the axis' name, below the lowest its ticks.
    const place = places.find(
      ({ x, y }) =>
        y > box.top + 8 &&
        y < bottom + 5 &&
        taken.every(one => Math.abs(one.y - y) >= 12 || Math.abs(one.x - x) > one.half + half)
    ) ?? { x: point.x, y: point.y - 10, half };
    taken.push(place);
    // The others on top: where a TF Lite file lies at the same place both are seen.
    root.insertBefore(
      mark,
      point.target === 'tflite' ? (root.querySelector('.tm-mark') ?? null) : null
    );
    names.append(label(text, place.x, place.y, 'middle'));
  }
  root.append(names);
  reachable(root, points, paint);
  const has = (test: (point: IExportPoint) => boolean): boolean => points.some(test);
  for (const [shape, isLite] of [
    ['circle', true],
    ['diamond', false]
  ] as const) {
    if (has(point => (point.target === 'tflite') === isLite)) {
      signs.push(sign('filled', shape, t(`plot.exports.${shape}`)));
    }
  }
  if (has(point => !point.verified)) {
    signs.push(sign('hollow', 'circle', t('plot.exports.hollow')));
  }
  return signs;
}

function shapeOf({ target }: IExportPoint): Shape {
  return target === 'tflite' ? 'circle' : 'diamond';
}
