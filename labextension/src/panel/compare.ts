/** Two ticked trials side by side: what differs, and whether the difference is more than noise. */
import type { IAnswer } from '../model/protocol';
import { make, makeButton, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

/** What the kernel answers (analysis/answers.py): sentences, and rows of what, first, second, difference. */
interface ICompareAnswer {
  readonly trials: readonly [number, number];
  readonly verdict: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ICompare extends ISection {
  readonly trials: readonly number[];
  /** Take a trial in or out; of more than two the latest two are compared. */
  choose(trial: number, chosen: boolean): void;
}

/** `onChange` is told which trials are ticked. */
export function makeCompare(
  store: StudyStore,
  onChange: (trials: readonly number[]) => void
): ICompare {
  const { t } = store;
  const title = make('div', { className: 'tm-caption' });
  const said = make('p', { attributes: { role: 'status' } });
  const body = make('tbody');
  const [first, second] = [make('th'), make('th')];
  const head = make(
    'tr',
    {},
    make('th', { text: t('compare.column.what') }),
    first,
    second,
    make('th', { text: t('compare.column.difference') })
  );
  const table = make('table', { className: 'tm-table' }, make('thead', {}, head), body);
  for (const cell of head.cells) {
    cell.scope = 'col';
  }
  const close = makeButton(t('panel.close'), '', () => {
    change([]);
  });
  const node = make(
    'div',
    { className: 'tm-compare', attributes: { role: 'group', 'aria-label': t('panel.compare') } },
    make('div', { className: 'tm-row' }, title, close),
    said,
    table
  );
  let trials: readonly number[] = [];
  let asked: Readonly<Record<string, string>> | null = null;
  let shown: IAnswer | null = null;
  node.hidden = true;

  function change(next: readonly number[]): void {
    if (asked !== null) {
      store.ask('compare', asked, false);
    }
    trials = next;
    const [a, b] = next;
    asked = a === undefined || b === undefined ? null : { a: String(a), b: String(b) };
    if (asked !== null) {
      store.ask('compare', asked, true);
    }
    shown = null;
    body.replaceChildren();
    table.hidden = true;
    setText(said, asked === null ? t('panel.compare_hint') : '');
    setText(title, t('panel.compare_trials', { trials: next.join(' – ') }));
    node.hidden = next.length === 0;
    onChange(next);
    update();
  }

  function update(): void {
    if (trials.some(trial => trial > store.view.trials.length)) {
      change([]); // another study is shown, or the same one from its beginning
      return;
    }
    const answer = asked === null ? null : store.answerOf('compare', asked);
    if (answer === null || answer === shown) {
      return;
    }
    shown = answer;
    table.hidden = answer.info === null;
    if (answer.info === null) {
      setText(said, answer.error);
      return;
    }
    // The kernel's half of the package computes it: both have the same version.
    const { trials: pair, verdict, rows } = answer.info as unknown as ICompareAnswer;
    setText(said, verdict.join(' '));
    setText(first, t('compare.column.trial', { trial: pair[0] }));
    setText(second, t('compare.column.trial', { trial: pair[1] }));
    body.replaceChildren(
      ...rows.map(texts => make('tr', {}, ...texts.map(text => make('td', { text }))))
    );
  }

  return {
    node,
    get trials() {
      return trials;
    },
    choose(trial, chosen) {
      const others = trials.filter(other => other !== trial);
      change(chosen ? [...others, trial].slice(-2) : others);
    },
    update,
    dispose() {
      if (asked !== null) {
        store.ask('compare', asked, false);
      }
    }
  };
}
