/** How much each hyperparameter matters, as bars. */
import { formatShare } from '../model/format';
import type { IImportanceInfo } from '../model/protocol';
import type { Drawn } from './legend';
import type { IPaint } from './svg';
import { label, path, picture, px } from './svg';

const [LEAST_ROW, MOST_ROW] = [20, 28];
const BAR_PIXELS = 16;
const TEXT_ROOM = 60;

export function drawImportance(host: HTMLElement, info: IImportanceInfo, paint: IPaint): Drawn {
  const { t, width } = paint;
  const { bars, objective, trials, needed } = info;
  if (bars.length === 0) {
    return trials < needed
      ? t('plot.importance.few', { needed, count: trials })
      : t('plot.importance.none');
  }
  const words = bars.map(bar => `${bar.name} ${formatShare(bar.share)}`).join(', ');
  const how = t(`plot.importance.${info.transform}`, {
    objective,
    count: trials
  });
  const high = Math.max(LEAST_ROW, Math.min(MOST_ROW, (paint.height - 34) / bars.length));
  const root = picture(
    host,
    { width, height: bars.length * high + 32 },
    t('plot.importance.said', { objective, bars: words, how })
  );
  const room = Math.min(200, width * 0.35);
  const longest = Math.max(...bars.map(bar => bar.share), 1e-9);
  const full = width - room - TEXT_ROOM - 12;
  root.append(label(how, 4, 14, 'start', width - 8));
  bars.forEach(({ name, share }, row) => {
    const y = 28 + row * high;
    const length = Math.max(1, (share / longest) * full);
    root.append(
      label(name, room, y + 12, 'end', room - 4),
      path('bar', `M${px(room + 8)} ${px(y)}h${px(length)}v${BAR_PIXELS}h${px(-length)}z`),
      label(formatShare(share), room + 14 + length, y + 12, 'start')
    );
  });
  return [];
}
