/** How the search runs: its strategy, its pruner and where trials are trained, each with the reason. */
import type { IStudyView } from '../model/protocol';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';
import { TEXT } from './text';

export function makeSetup(store: StudyStore): ISection {
  const search = make('p');
  const place = make('p');
  const node = make(
    'div',
    { className: 'tm-setup', attributes: { role: 'group', 'aria-label': TEXT.setup } },
    search,
    place
  );

  function update(): void {
    const { view } = store;
    setText(search, searchText(view));
    setText(place, placeText(view));
    // A running study has a place soon: its line is kept free, so that nothing jumps when it comes.
    place.hidden = view.executor === '' && view.state !== 'running';
  }

  return { node, update };
}

function searchText(view: IStudyView): string {
  if (view.strategy === '') {
    return '';
  }
  const parts = [TEXT.because(TEXT.strategy(view.strategy), view.strategy_reason)];
  if (view.pruner !== 'none') {
    parts.push(TEXT.because(TEXT.pruner(view.pruner), view.pruner_reason));
  }
  if (view.repeats > 1 || view.folds > 0) {
    parts.push(TEXT.runs(view.repeats, view.folds));
  }
  return parts.join(' · ');
}

function placeText({ executor, executor_reason: reason, workers }: IStudyView): string {
  switch (executor) {
    case '':
      return '';
    case 'inline':
      return TEXT.because(TEXT.runsInKernel, reason);
    case 'process':
      return TEXT.because(TEXT.runsIsolated(workers), reason);
    case 'dask':
      return TEXT.because(TEXT.runsOnCluster(workers), reason);
    case 'replay':
      return TEXT.because(TEXT.runsReplayed, reason);
    default:
      return TEXT.because(executor, reason);
  }
}
