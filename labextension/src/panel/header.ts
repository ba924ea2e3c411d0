/** Study, state, progress, times and the best value so far. */
import { formatClock, formatScore, remainingSeconds, startingSeconds } from '../model/format';
import { bestTrial, endedTrials, paretoNumbers, skippedTrials } from '../model/trials';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';
import { TEXT } from './text';

export function makeHeader(store: StudyStore): ISection & { readonly title: HTMLElement } {
  const name = make('span', { className: 'tm-name' });
  const state = make('span', { className: 'tm-state' });
  const title = make('div', { className: 'tm-title' }, name, state);
  const bar = make('progress', {
    className: 'tm-progress',
    attributes: { max: '1', value: '0', 'aria-label': TEXT.progress }
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
      setText(name, TEXT.unnamed);
      setText(times, TEXT.waitingForKernel);
      return;
    }
    const done = endedTrials(view);
    const stateText = store.stopping ? TEXT.stopping : TEXT.studyState[view.state];
    const elapsed = store.elapsed();
    const left = view.state === 'running' ? remainingSeconds(view, elapsed) : null;
    const starting = startingSeconds(view, elapsed);
    const skipped = skippedTrials(view);
    const pruned = view.trials.filter(trial => trial.state === 'pruned').length - skipped;
    const count = TEXT.trials(done, view.max_trials, pruned, skipped);
    const parts =
      starting === null
        ? [count, TEXT.elapsed(formatClock(elapsed))]
        : [count, `${TEXT.starting(view.workers)} ${TEXT.seconds(starting)}`];
    if (starting === null && left !== null) {
      parts.push(TEXT.left(formatClock(left)));
    }
    setText(name, view.study === '' ? TEXT.unnamed : view.study);
    setText(state, stateText);
    state.dataset['state'] = view.state;
    bar.value = shareDone(done, view.max_trials, left, elapsed);
    setText(times, parts.join(' · '));
    const leader = bestTrial(view);
    const score = leader === null ? null : formatScore(leader);
    const pareto = view.objectives.length > 0 ? TEXT.paretoTrials(paretoNumbers(view).size) : '';
    setText(before, leader === null ? TEXT.noBest : `${TEXT.best(view.objective)} `);
    setText(bestValue, score ?? '');
    setText(after, leader === null ? '' : ` ${TEXT.bestTrial(leader.number)}${pareto}`);
    setText(
      spoken,
      TEXT.spoken(
        starting === null ? stateText : TEXT.starting(view.workers),
        count,
        score && `${view.objective} ${score}`
      )
    );
  }

  return { node, title, update };
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
