/** The objective over two hyperparameters, as filled levels with the trials on top. */
import type { IContourInfo } from '../model/protocol';
import { textAt } from './axis';
import type { Drawn } from './legend';
import type { IBox, IPaint } from './svg';
import { scale, sign } from './legend';
import { bestMark, boxOf, frame, picture, placeIn, px, reachable, rings, shaded } from './svg';

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
    trial
  }));
  root.append(...shaded(cellsOf(grid), 'cells', cells => cells.map(cellPath(box, grid)).join('')));
  frame(root, box, x, y);
  root.append(rings(points), bestMark(points, info.best));
  reachable(root, points, paint);
  return [
    scale(`${objective.name}: ${textAt(objective, 0)} … ${textAt(objective, 1)}`),
    { sign: rings([{ x: 9, y: 6 }]), text: t('plot.trial') },
    sign('best', 'diamond', t('plot.best'))
  ];
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

/** Cells lie around positions from 0 to 1; they overlap by a hair, else the background shines through. */
function cellPath(box: IBox, grid: IContourInfo['grid']): (cell: ICell) => string {
  const [across, up] = [grid[0]?.length ?? 1, grid.length];
  return ({ row, column }) => {
    const from = placeIn(box, edge(column - 0.5, across), edge(row + 0.5, up));
    const to = placeIn(box, edge(column + 0.5, across), edge(row - 0.5, up));
    return `M${px(from.x)} ${px(from.y)}H${px(to.x + 0.3)}V${px(to.y + 0.3)}H${px(from.x)}z`;
  };
}

function edge(index: number, count: number): number {
  return count < 2 ? Number(index > 0) : Math.min(1, Math.max(0, index / (count - 1)));
}
