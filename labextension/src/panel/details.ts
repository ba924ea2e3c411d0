/** What the unfolded row says of its trial: values, why, how it ended, its log, and what to do next. */
import { formatBytes, formatNumber, formatValue } from '../model/format';
import type { IAnswer, ITrialRecord, JSONValue } from '../model/protocol';
import type { Translate } from '../model/texts';
import { epochsDone } from '../model/trials';
import { make, makeButton, setText } from './dom';
import { sourceLine } from './messages';
import type { IHands } from './section';
import type { StudyStore } from './store';

export interface IDetails {
  readonly node: HTMLElement;
  readonly trial: number;
  /** Bring it up to date with the trial and with the kernel's latest answer. */
  update(trial: ITrialRecord): void;
  dispose(): void;
}

/** Asks the kernel for the trial's log until it is disposed. */
export function makeDetails(store: StudyStore, number: number, hands: IHands): IDetails {
  const { t } = store;
  const options = { trial: String(number) };
  const list = make('dl');
  const log = make('pre', { className: 'tm-source tm-log' });
  const again = makeButton(t('panel.try_again'), t('panel.try_again_title'), () => {
    const values = store.view.trials[number - 1]?.values;
    if (values !== undefined) {
      hands.tryValues(values);
    }
  });
  const head = make('div', { className: 'tm-hint', text: t('panel.log_tail') });
  const node = make(
    'div',
    { className: 'tm-details-box' },
    list,
    head,
    log,
    make('div', { className: 'tm-row' }, again)
  );
  let shownTrial: ITrialRecord | null = null;
  let shownAnswer: IAnswer | null = null;
  head.hidden = log.hidden = true;
  store.ask('trial', options, true);

  return {
    node,
    trial: number,
    update(trial) {
      again.hidden = !store.steerable;
      if (trial !== shownTrial) {
        shownTrial = trial;
        const facts = factsOf(trial, t).filter(([, text]) => text !== '');
        list.replaceChildren(
          ...facts.flatMap(([term, text]) => [make('dt', { text: term }), make('dd', { text })])
        );
      }
      const answer = store.answerOf('trial', options);
      if (answer !== shownAnswer) {
        shownAnswer = answer;
        const lines = logLines(answer?.info?.['log']);
        setText(log, lines.join('\n'));
        head.hidden = log.hidden = lines.length === 0;
      }
    },
    dispose() {
      store.ask('trial', options, false);
    }
  };
}

function logLines(log: JSONValue | undefined): readonly string[] {
  return Array.isArray(log) ? (log as readonly string[]) : [];
}

/** What is said, in order; texts may be empty. */
function factsOf(trial: ITrialRecord, t: Translate): [string, string][] {
  const values = Object.entries(trial.values).map(
    ([name, value]) => `${name} ${formatValue(value)}`
  );
  const metrics = Object.entries(trial.metrics).map(
    ([name, value]) => `${name} ${formatNumber(value)}`
  );
  const said = t.fact(trial.reason);
  const reason = trial.reason.includes(trial.error) ? said : `${t.fact(trial.error)}: ${said}`;
  const epochs = { done: epochsDone(trial), all: trial.epochs };
  return [
    [t('panel.fact.values'), values.join(' · ')],
    [t('panel.fact.why'), proposalText(trial, t)],
    [t('panel.fact.trainer'), t.fact(trial.trainer)],
    [t('panel.fact.worker'), trial.worker === null ? '' : String(trial.worker)],
    [t('panel.fact.reason'), reason],
    [t('panel.fact.line'), sourceLine(trial, t)],
    [t('panel.fact.metrics'), metrics.join(' · ')],
    [t('panel.fact.scores'), trial.scores.map(formatNumber).join(' · ')],
    [t('compare.column.verified'), trial.verified.map(formatNumber).join(' · ')],
    [t('panel.fact.epochs'), t('panel.epochs_of', epochs)],
    [t('panel.fact.attempt'), attemptText(trial, t)],
    [t('panel.fact.weights'), weightsText(trial, t)]
  ];
}

/** Which attempt it is and where it went on; '' for a first one. */
function attemptText(trial: ITrialRecord, t: Translate): string {
  const { attempt, resumed_run: run, resumed_epoch: epoch } = trial;
  if (attempt === 1) {
    return '';
  }
  if (run === 1 && epoch === 0) {
    return String(attempt);
  }
  const key = epoch === 0 ? 'went_on_start' : run > 1 ? 'went_on_run' : 'went_on';
  return t(`panel.${key}`, { attempt, run, epoch });
}

function proposalText(trial: ITrialRecord, t: Translate): string {
  const { why, parent } = trial;
  return parent === null
    ? t.fact(why)
    : `${t.fact(why)} · ${t('panel.parent', { number: parent })}`;
}

function weightsText({ weights }: ITrialRecord, t: Translate): string {
  return weights === null ? '' : t('panel.weights_kept', { size: formatBytes(weights.bytes) });
}
