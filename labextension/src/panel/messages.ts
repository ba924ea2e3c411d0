/** Notes of the search, and what went wrong when it failed, with the user's own line. */
import type { IStudyView, ITrialRecord } from '../model/protocol';
import type { Translate } from '../model/texts';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

export function makeMessages(store: StudyStore): ISection {
  const { t } = store;
  const failureText = make('p');
  const source = make('pre', { className: 'tm-source' });
  const failure = make(
    'div',
    { className: 'tm-failure', attributes: { role: 'group', 'aria-label': t('panel.failure') } },
    make('strong', { text: t('panel.failure') }),
    failureText,
    source
  );
  const list = make('ul', {
    className: 'tm-notes',
    attributes: { 'aria-label': t('panel.notes') }
  });
  const node = make('div', { className: 'tm-messages' }, failure, list);
  let shown: readonly string[] = [];

  function update(): void {
    const { view } = store;
    failure.hidden = view.state !== 'failed';
    // Other reasons to end are no fault of the trial that failed last.
    const trial = view.end_reason === 'failures' ? lastFailure(view) : undefined;
    setText(failureText, t.fact(view.end_message));
    setText(source, trial === undefined ? '' : sourceLine(trial, t));
    source.hidden = source.textContent === '';
    list.hidden = view.notes.length === 0;
    if (view.notes !== shown) {
      shown = view.notes;
      list.replaceChildren(...shown.map(text => make('li', { text: t.fact(text) })));
    }
    node.hidden = failure.hidden && list.hidden;
  }

  return { node, update };
}

function lastFailure(view: IStudyView): ITrialRecord | undefined {
  return view.trials.filter(trial => trial.state === 'failed').at(-1);
}

/** The user's line that failed, with its number; '' when the fault lies in no line of the cell. */
export function sourceLine(trial: ITrialRecord, t: Translate): string {
  if (trial.line === null) {
    return '';
  }
  const where = t('panel.line', { number: trial.line });
  return trial.source === null ? where : `${where}: ${trial.source.trim()}`;
}
