/** How far the runs of each trial lie apart: dots, their mean, and one standard deviation around it. */
import type { ISpreadInfo } from '../model/protocol';
import { textWidth } from './axis';
import type { Drawn } from './legend';
import type { IPaint } from './svg';
import { sign } from './legend';
import { frame, label, path, picture, px, reachable, shapes } from './svg';

const [LEAST_ROW, MOST_ROW] = [18, 26];

export function drawSpread(host: HTMLElement, info: ISpreadInfo, paint: IPaint): Drawn {
  const { t, width } = paint;
  const { objective, rows } = info;
  if (objective === null || rows.length === 0) {
    return t('plot.spread.few');
  }
  const names = rows.map(({ trial }) => t('plot.trial_number', { trial }));
  const left = Math.min(width / 3, 14 + Math.max(...names.map(textWidth)));
  const row = Math.max(LEAST_ROW, Math.min(MOST_ROW, (paint.height - 46) / rows.length));
  const box = { left, top: 6, width: width - left - 16, height: rows.length * row };
  const root = picture(
    host,
    { width, height: box.height + 44 },
    t('plot.spread.said', { objective: objective.name, count: rows.length, runs: info.runs }),
    'group'
  );
  frame(root, box, objective, null);
  const marks = rows.map((one, index) => {
    const y = box.top + (index + 0.5) * row;
    const across = (at: number): number => box.left + at * box.width;
    const [low, mean, high] = [across(one.low), across(one.mean), across(one.high)];
    root.append(
      label(names[index] ?? '', left - 8, y + 4, 'end', left - 10),
      path(
        'range',
        `M${px(low)} ${px(y)}H${px(high)}M${px(low)} ${px(y - 4)}v8M${px(high)} ${px(y - 4)}v8`
      ),
      path(
        'dots',
        shapes(
          'dot',
          one.scores.map(score => ({ x: across(score), y }))
        )
      ),
      path('mean', `M${px(mean)} ${px(y - 9)}v18`)
    );
    return { x: mean, y, reach: box.width, trial: one.trial };
  });
  reachable(root, marks, paint);
  return [
    sign('dots', 'dot', t('plot.spread.runs')),
    sign('mean', 'line', t('plot.spread.mean')),
    sign('range', 'line', t('plot.spread.deviation'))
  ];
}
