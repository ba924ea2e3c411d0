/** Which sections the panel has, in their order. */
import type { PictureKind } from '../model/protocol';
import { haveSizes, runsOf } from '../model/trials';
import { makeActions } from './actions';
import type { ICurvesSection } from './curves';
import { makeCurves } from './curves';
import { makeCompare } from './compare';
import { make } from './dom';
import { makeExports } from './exports';
import { makeFindings } from './findings';
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
  const actions = makeActions(store, compact);
  const top = still(make('div', { className: 'tm-top' }, header.title, actions.node));
  const steering = { ...actions, node: make('div', {}, actions.notice, actions.drawers) };
  if (compact) {
    return [top, header, steering];
  }
  const hands: IHands = {
    openTrial(trial) {
      table.open(trial);
    },
    tryValues: actions.tryValues,
    openExport(key) {
      exports.open(key);
    }
  };
  const curves = makeCurves(store);
  let unfolded: number | null = null;
  const mark = (): void => {
    const own = unfolded === null ? [] : [unfolded];
    curves.select(compare.trials.length > 1 ? compare.trials : own);
  };
  const compare = makeCompare(store, trials => {
    table.setCompared(trials);
    mark();
  });
  const table = makeTable(store, hands, {
    onUnfold(trial) {
      unfolded = trial;
      mark();
    },
    onCompare: compare.choose
  });
  const exports = makeExports(store, hands);
  return [
    top,
    header,
    makeSetup(store),
    steering,
    makeMessages(store),
    makeFindings(store, hands),
    makeTabs(store.t('panel.views'), viewTabs(store, curves, hands)),
    compare,
    table,
    exports
  ];
}

/** A node that other sections bring up to date. */
function still(node: HTMLElement): ISection {
  return { node, update: () => undefined };
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
  if (kind === 'pareto') {
    return view.objectives.length > 0 || haveSizes(view);
  }
  return kind !== 'spread' || runsOf(view) > 1;
}
