/** The objective over two hyperparameters, as filled levels with the trials on top. */
import type { IContourInfo } from '../model/protocol';
import { textAt } from './axis';
import type { Drawn, IBox, IPaint } from './svg';
import {
  boxOf,
  frame,
  path,
  picture,
  placeIn,
  px,
  reachable,
  scale,
  shaded,
  shapes,
  sign
} from './svg';

export function drawContour(host: HTMLElement, info: IContourInfo, paint: IPaint): Drawn {
  const { t } = paint;
  const { x, y, objective, grid } = info;
  if (x === null || y === null) {
    return t('plot.contour.few');
  }
  if (info.points.length === 0) {
    return t('plot.empty');
  }
  const [x_name, y_name, count] = [x.name, y.name, info.points.length];
  const root = picture(
    host,
    paint,
    t('plot.contour.said', { objective: objective.name, x: x_name, y: y_name, count }),
    'group'
  );
  const box = boxOf({ left: 0, top: 0, width: paint.width, height: paint.height }, y);
  const points = info.points.map(({ trial, x: across, y: up }) => ({
    ...placeIn(box, across, up),
    trial,
    text: paint.describe(trial)
  }));
  root.append(...shaded(cellsOf(grid), 'cells', cells => cells.map(cellPath(box, grid)).join('')));
  frame(root, box, x, y);
  root.append(
    path('open', shapes('dot', points)),
    path('open-inner', shapes('dot', points)),
    path(
      'best',
      shapes(
        'diamond',
        points.filter(point => point.trial === info.best),
        6
      )
    )
  );
  reachable(root, points, paint);
  return [
    scale(`${objective.name}: ${textAt(objective, 0)} … ${textAt(objective, 1)}`),
    { ...sign('open', 'dot', t('plot.trial')), sign: openDot() },
    sign('best', 'diamond', t('plot.best'))
  ];
}

function openDot(): SVGElement {
  const at = [{ x: 9, y: 6 }];
  return path('open', shapes('dot', at));
}

interface ICell {
  readonly row: number;
  readonly column: number;
  readonly share: number;
}

function cellsOf(grid: IContourInfo['grid']): ICell[] {
  return grid.flatMap((levels, row) =>
    levels.flatMap((share, column) => (share === null ? [] : [{ row, column, share }]))
  );
}

/** Neighbours overlap by a hair, else the background shines through between them. */
function cellPath(box: IBox, grid: IContourInfo['grid']): (cell: ICell) => string {
  const wide = box.width / Math.max(1, grid[0]?.length ?? 1);
  const high = box.height / Math.max(1, grid.length);
  return ({ row, column }) => {
    const [x, y] = [box.left + column * wide, box.top + box.height - (row + 1) * high];
    return `M${px(x)} ${px(y)}h${px(wide + 0.3)}v${px(high + 0.3)}h${px(-wide - 0.3)}z`;
  };
}
