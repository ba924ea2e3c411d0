/** Which sections the panel has, in their order. */
import type { PictureKind } from '../model/protocol';
import { runsOf } from '../model/trials';
import { makeActions } from './actions';
import type { ICurvesSection } from './curves';
import { makeCurves } from './curves';
import { make } from './dom';
import { makeExports } from './exports';
import { makeHeader } from './header';
import { makeMessages } from './messages';
import { makePicture } from './pictures';
import type { IHands, ISection } from './section';
import { makeSetup } from './setup';
import type { StudyStore } from './store';
import { makeTable } from './table';
import type { ITab } from './tabs';
import { makeTabs } from './tabs';

const PICTURES: readonly PictureKind[] = [
  'best',
  'parallel',
  'importance',
  'slice',
  'contour',
  'pareto',
  'timeline',
  'spread'
];

/** All sections of a full panel; of a compact one the header and the buttons only. */
export function makeSections(store: StudyStore, compact: boolean): ISection[] {
  const header = makeHeader(store);
  const actions = makeActions(store);
  const top = {
    node: make('div', { className: 'tm-top' }, header.title, actions.node),
    update: () => undefined
  };
  const notice = { node: actions.notice, update: () => undefined };
  if (compact) {
    return [top, header, { ...actions, node: notice.node }];
  }
  const curves = makeCurves(store);
  const table = makeTable(store, trial => {
    curves.select(trial === null ? [] : [trial]);
  });
  return [
    top,
    header,
    makeSetup(store),
    { ...actions, node: notice.node },
    makeMessages(store),
    makeTabs(
      store.t('panel.views'),
      viewTabs(store, curves, {
        openTrial: () => undefined,
        tryValues: () => undefined
      })
    ),
    table,
    makeExports(store)
  ];
}

function viewTabs(store: StudyStore, curves: ICurvesSection, hands: IHands): ITab[] {
  const pictures = PICTURES.map(kind => ({
    title: store.t(`panel.view.${kind}`),
    make: () => makePicture(store, kind, hands),
    offered: () => isOffered(store, kind)
  }));
  return [{ title: store.t('panel.view.curves'), make: () => curves }, ...pictures];
}

function isOffered({ view }: StudyStore, kind: PictureKind): boolean {
  switch (kind) {
    case 'pareto':
      return view.objectives.length > 0;
    case 'spread':
      return runsOf(view) > 1;
    default:
      return true;
  }
}
