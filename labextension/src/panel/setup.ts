/** How the search runs: its strategy, its pruner and where trials are trained, each with the reason. */
import type { IStudyView } from '../model/protocol';
import type { Translate } from '../model/texts';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

export function makeSetup(store: StudyStore): ISection {
  const { t } = store;
  const search = make('p');
  const place = make('p');
  const node = make(
    'div',
    { className: 'tm-setup', attributes: { role: 'group', 'aria-label': t('panel.setup') } },
    search,
    place
  );

  function update(): void {
    const { view } = store;
    setText(search, searchText(view, t));
    setText(place, placeText(view, t));
    // A running study has a place soon: its line is kept free, so that nothing jumps when it comes.
    place.hidden = view.executor === '' && view.state !== 'running';
  }

  return { node, update };
}

function searchText(view: IStudyView, t: Translate): string {
  if (view.strategy === '') {
    return '';
  }
  const parts = [because(t('panel.strategy', { name: view.strategy }), view.strategy_reason, t)];
  if (view.pruner !== 'none') {
    parts.push(because(t('panel.pruner', { name: view.pruner }), view.pruner_reason, t));
  }
  if (view.repeats > 1 || view.folds > 0) {
    parts.push(runsText(view, t));
  }
  if (view.model_limits !== '') {
    parts.push(view.model_limits);
  }
  return parts.join(' · ');
}

function placeText(view: IStudyView, t: Translate): string {
  const { executor, executor_reason: reason, workers } = view;
  switch (executor) {
    case '':
      return '';
    case 'inline':
      return because(t('panel.runs_in_kernel'), reason, t);
    case 'process':
      return because(t('panel.runs_isolated', { count: workers }), reason, t);
    case 'dask':
      return because(clusterText(workers, t), reason, t);
    case 'replay':
      return because(t('panel.runs_replayed'), reason, t);
    default:
      return because(executor, reason, t);
  }
}

function runsText({ repeats, folds }: IStudyView, t: Translate): string {
  return [
    ...(repeats > 1 ? [t('panel.repeats', { count: repeats })] : []),
    ...(folds > 0 ? [t('panel.folds', { count: folds })] : [])
  ].join(' × ');
}

function clusterText(workers: number, t: Translate): string {
  const where = t('panel.runs_on_cluster');
  return workers > 0 ? where + t('panel.comma') + t('panel.workers', { count: workers }) : where;
}

function because(what: string, reason: string, t: Translate): string {
  return reason === '' ? what : t('panel.because', { what, reason: t.fact(reason) });
}
