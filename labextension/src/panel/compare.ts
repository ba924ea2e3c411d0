/** Two ticked trials side by side: what differs, and whether the difference is more than noise. */
import { formatNumber, formatValue } from '../model/format';
import type { Direction, IAnswer, TrialState } from '../model/protocol';
import type { Translate } from '../model/texts';
import { isBetter, isOpen } from '../model/trials';
import { make, makeButton, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

/** The parts of `CompareInfo` (tunemagic/analysis/compare.py) that are shown. */
interface ICompareInfo {
  readonly study: string;
  readonly objective: string;
  readonly direction: Direction;
  readonly first: ISide;
  readonly second: ISide;
  readonly values: readonly IPair[];
  readonly metrics: readonly IPair[];
  readonly noise: INoise | null;
}

interface ISide {
  readonly trial: number;
  readonly state: TrialState;
  readonly score: number | null;
  readonly epochs_done: number;
}

interface IPair {
  readonly name: string;
  readonly first: number | string | boolean | null;
  readonly second: number | string | boolean | null;
  readonly difference?: number | null;
}

interface INoise {
  readonly source: string;
  readonly means: readonly [number, number];
  readonly difference: number;
  readonly margin: number | null;
  readonly inside: boolean | null;
  readonly runs: readonly [number, number];
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
    const info = answer.info as unknown as ICompareInfo;
    setText(said, verdictLines(info, t).join(' '));
    setText(first, t('compare.column.trial', { trial: info.first.trial }));
    setText(second, t('compare.column.trial', { trial: info.second.trial }));
    body.replaceChildren(
      ...differenceRows(info).map(texts =>
        make('tr', {}, ...texts.map(text => make('td', { text })))
      )
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

/** The twin of `compare_verdict`: which trial is better, and whether that is inside the noise. */
function verdictLines(info: ICompareInfo, t: Translate): string[] {
  const { first, second, noise, objective, direction } = info;
  const lines = [first, second]
    .filter(side => isOpen(side.state))
    .map(side => t('compare.running', { trial: side.trial, epochs: side.epochs_done }));
  if (noise === null) {
    return [...lines, t('compare.no_score')];
  }
  const { means, margin } = noise;
  const difference = formatNumber(short(Math.abs(noise.difference)));
  if (noise.difference === 0) {
    lines.push(t('compare.equal', { objective }));
  } else {
    const { trial } = isBetter(direction, means[1], means[0]) ? second : first;
    // Later trainings from other seeds have means of their own, beside the scores in the table.
    const known = [first.score, second.score].every(
      (score, side) =>
        score === null || Math.abs(score - (means[side] ?? 0)) <= 1e-6 * Math.abs(score)
    );
    const better = known ? 'compare.better' : 'compare.better_means';
    lines.push(t(better, { trial, difference, objective }));
  }
  if (margin === null) {
    const unknown = Math.min(...noise.runs) < 2 ? 'compare.unknown_noise' : 'compare.no_spread';
    return [...lines, t(unknown, { study: info.study })];
  }
  const key = noise.inside === true ? 'compare.inside' : 'compare.outside';
  const source = t(`compare.source.${noise.source}`);
  return [...lines, t(key, { margin: formatNumber(short(margin)), source })];
}

/** The twin of `difference_texts`: the score first, then values, then metrics. */
function differenceRows({ objective, first, second, values, metrics }: ICompareInfo): string[][] {
  const gap = first.score === null || second.score === null ? null : second.score - first.score;
  return [
    [objective, formatNumber(first.score), formatNumber(second.score), signed(gap)],
    ...values.map(({ name, first: one, second: other }) => [
      name,
      formatValue(one ?? undefined),
      formatValue(other ?? undefined),
      ''
    ]),
    ...metrics
      .filter(({ name }) => name !== objective)
      .map(({ name, first: one, second: other, difference }) => [
        name,
        formatValue(one ?? undefined),
        formatValue(other ?? undefined),
        signed(difference ?? null)
      ])
  ];
}

function signed(difference: number | null): string {
  if (difference === null) {
    return '';
  }
  return `${difference > 0 ? '+' : ''}${formatNumber(short(difference))}`;
}

/** To three digits: what is left of a difference of floats is no more exact. */
function short(value: number): number {
  return Number(value.toPrecision(3));
}
