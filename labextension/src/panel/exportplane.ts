/** The plane of artefacts with a switch for what runs across. */
import { drawExports } from '../charts/exports';
import type { IExportsInfo } from '../model/protocol';
import { make, makeButton } from './dom';
import { describeExport } from './exported';
import type { IPainter, IPlace } from './pictures';
import type { IHands } from './section';
import type { StudyStore } from './store';

const ACROSS = ['size', 'gzip', 'latency'];

export function makeExportsPlane(
  store: StudyStore,
  hands: IHands,
  { stage, choose }: IPlace
): IPainter {
  const { t } = store;
  const buttons = ACROSS.map(x =>
    makeButton(t(`plot.exports.${x}`), '', () => {
      mark(x);
      choose({ x });
    })
  );
  const mark = (x: string): void => {
    buttons.forEach((button, index) => {
      button.classList.add('tm-small');
      button.setAttribute('aria-pressed', String(ACROSS[index] === x));
    });
  };
  mark('size');
  return {
    controls: [make('span', { text: t('plot.exports.across') }), ...buttons],
    draw(info, paint) {
      const { points } = info as IExportsInfo;
      return drawExports(stage, info as IExportsInfo, {
        ...paint,
        describe: index => describeExport(store, points[index]?.key ?? ''),
        open(index) {
          hands.openExport(points[index]?.key ?? '');
        }
      });
    }
  };
}
