/** Study, state, progress, times and the best value so far. */
import { formatClock, formatScore, remainingSeconds, startingSeconds } from '../model/format';
import type { Translate } from '../model/texts';
import { bestTrial, endedTrials, paretoNumbers, skippedTrials } from '../model/trials';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

export function makeHeader(store: StudyStore): ISection & { readonly title: HTMLElement } {
  const { t } = store;
  const name = make('span', { className: 'tm-name' });
  const state = make('span', { className: 'tm-state' });
  const title = make('div', { className: 'tm-title' }, name, state);
  const bar = make('progress', {
    className: 'tm-progress',
    attributes: { max: '1', value: '0', 'aria-label': t('panel.progress') }
  });
  const times = make('span', { className: 'tm-times' });
  const best = make('span', { className: 'tm-best' });
  const bestValue = make('strong');
  const [before, after] = [document.createTextNode(''), document.createTextNode('')];
  best.append(before, bestValue, after);
  const facts = make('div', { className: 'tm-facts' }, times, best);
  // Only this sentence is read out: a clock in a live region would never be silent.
  const spoken = make('span', { className: 'tm-spoken', attributes: { role: 'status' } });
  const node = make('div', { className: 'tm-header' }, bar, facts, spoken);

  function update(): void {
    const { view } = store;
    if (!store.synced) {
      setText(name, t('panel.unnamed'));
      setText(times, t('panel.waiting_for_kernel'));
      return;
    }
    const done = endedTrials(view);
    const stateText = t(`panel.study.${store.stopping ? 'stopping' : view.state}`);
    const elapsed = store.elapsed();
    const left = view.state === 'running' ? remainingSeconds(view, elapsed) : null;
    const starting = startingSeconds(view, elapsed);
    const skipped = skippedTrials(view);
    const pruned = view.trials.filter(trial => trial.state === 'pruned').length - skipped;
    const count = countText(done, view.max_trials, pruned, skipped, t);
    const workers = t('panel.starting', { count: view.workers });
    const parts =
      starting === null
        ? [count, t('panel.elapsed', { clock: formatClock(elapsed) })]
        : [count, `${workers} ${t('panel.seconds', { seconds: Math.floor(starting) })}`];
    if (starting === null && left !== null) {
      parts.push(t('panel.left', { clock: formatClock(left) }));
    }
    setText(name, view.study === '' ? t('panel.unnamed') : view.study);
    setText(state, stateText);
    state.dataset['state'] = view.state;
    bar.value = shareDone(done, view.max_trials, left, elapsed);
    setText(times, parts.join(' · '));
    const leader = bestTrial(view);
    const score = leader === null ? null : formatScore(leader);
    const pareto =
      view.objectives.length > 0
        ? ` · ${t('panel.pareto_trials', { count: paretoNumbers(view).size })}`
        : '';
    setText(
      before,
      leader === null ? t('panel.no_best') : `${t('panel.best', { objective: view.objective })} `
    );
    setText(bestValue, score ?? '');
    setText(
      after,
      leader === null ? '' : ` ${t('panel.best_trial', { number: leader.number })}${pareto}`
    );
    setText(
      spoken,
      t(score === null ? 'panel.spoken' : 'panel.spoken_best', {
        state: starting === null ? stateText : workers,
        done: count,
        best: `${view.objective} ${score ?? ''}`
      })
    );
  }

  return { node, title, update };
}

/** How many trials have ended, of how many, and how many of them were cut short. */
function countText(
  done: number,
  total: number | null,
  pruned: number,
  skipped: number,
  t: Translate
): string {
  const trials =
    total === null
      ? t('panel.trials', { count: done })
      : t('panel.trials_of', { done, count: total });
  const cut = [
    ...(pruned > 0 ? [t('panel.count_pruned', { count: pruned })] : []),
    ...(skipped > 0 ? [t('panel.count_skipped', { count: skipped })] : [])
  ];
  return cut.length > 0
    ? t('panel.count_cut', { trials, cut: cut.join(t('panel.comma')) })
    : trials;
}

/** By trials where their number is known, else by time. */
function shareDone(
  done: number,
  total: number | null,
  left: number | null,
  elapsed: number
): number {
  if (total !== null) {
    return Math.min(1, done / total);
  }
  return left === null ? 1 : elapsed / Math.max(1e-9, elapsed + left);
}
