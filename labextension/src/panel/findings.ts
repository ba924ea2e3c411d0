/** What the diagnosis says of the model and the space, with a button for each remedy. */
import { formatNumber, valueText } from '../model/format';
import type { JSONValue } from '../model/protocol';
import type { Translate } from '../model/texts';
import { copyButton } from './copy';
import { make, makeButton } from './dom';
import type { IHands, ISection } from './section';
import type { StudyStore, Verb } from './store';

type Json = Readonly<Record<string, JSONValue>>;

const VERBS: readonly string[] = ['space', 'try', 'cell'];

export function makeFindings(store: StudyStore, hands: IHands): ISection {
  const { t } = store;
  const title = make('div', { className: 'tm-caption', text: t('panel.diagnosis') });
  const healthy = make('p', { className: 'tm-healthy', text: t('panel.healthy') });
  const list = make('div', { className: 'tm-findings-list' });
  const node = make(
    'div',
    { className: 'tm-findings', attributes: { role: 'group', 'aria-label': t('panel.diagnosis') } },
    title,
    healthy,
    list
  );
  let shown: readonly Json[] = [];

  function update(): void {
    const { findings, state, best } = store.view;
    const ended = state === 'finished' || state === 'stopped';
    healthy.hidden = findings.length > 0;
    node.hidden = findings.length === 0 && (!ended || best === null);
    if (findings !== shown) {
      shown = findings;
      list.replaceChildren(...findings.map(finding => findingNode(finding, store, hands)));
    }
  }

  return { node, update };
}

function findingNode(finding: Json, store: StudyStore, hands: IHands): HTMLElement {
  const { t } = store;
  const verdict = textIn(finding['verdict']);
  const evidence = recordIn(finding['evidence']);
  const head = make(
    'p',
    {},
    make('strong', {
      text: saidOf(`diagnosis.${verdict}.title`, evidence, t) ?? verdict.replaceAll('_', ' ')
    })
  );
  const { trial } = finding;
  if (typeof trial === 'number') {
    const button = makeButton(t('panel.trial', { number: trial }), t('panel.details'), () => {
      hands.openTrial(trial);
    });
    button.classList.add('tm-small');
    head.append(' ', button);
  }
  const remedies = listIn(finding['remedies']).map(recordIn);
  return make(
    'div',
    { className: 'tm-finding' },
    head,
    make('p', { text: saidOf(`diagnosis.${verdict}.text`, evidence, t) ?? shown(evidence) }),
    ...(remedies.length === 0
      ? []
      : [make('ol', {}, ...remedies.map(remedy => remedyNode(remedy, store)))])
  );
}

function remedyNode(remedy: Json, store: StudyStore): HTMLElement {
  const { t } = store;
  const id = textIn(remedy['id']);
  const said = make('span', { text: saidOf(`remedy.${id}`, recordIn(remedy['values']), t) ?? id });
  const node = make('li', {}, said);
  const action = recordIn(remedy['action']);
  const verb = textIn(action['verb']);
  if (VERBS.includes(verb)) {
    node.append(' ', actionButton(verb as Verb, recordIn(action['args']), node, store));
  }
  return node;
}

function actionButton(verb: Verb, args: Json, item: HTMLElement, store: StudyStore): HTMLElement {
  const { t } = store;
  const button = makeButton(actionText(verb, args, t), '', () => {
    store.command(verb, args, answer => {
      if (!answer.ok && verb === 'cell') {
        item.querySelector('.tm-code')?.remove();
        const code = make('pre', { className: 'tm-source', text: textIn(args['code']) });
        item.append(
          make(
            'div',
            { className: 'tm-code' },
            code,
            copyButton(t, () => code.textContent)
          )
        );
      }
      return false;
    });
  });
  button.classList.add('tm-small');
  return button;
}

/** What the button does, in a few words. */
function actionText(verb: Verb, args: Json, t: Translate): string {
  if (verb === 'cell') {
    return t('panel.insert_cell');
  }
  if (verb === 'try') {
    return t('panel.do_try', { values: shown(args['values'] ?? null) });
  }
  const wishes = [
    ...Object.entries(recordIn(args['ranges'])).map(([name, range]) => {
      const [low = null, high = null] = listIn(range);
      return t('panel.do_range', { name, low: shown(low), high: shown(high) });
    }),
    ...Object.entries(recordIn(args['fixed'])).map(([name, value]) =>
      t('panel.do_fix', { name, value: shown(value) })
    ),
    ...Object.entries(recordIn(args['choices'])).map(([name, values]) =>
      t('panel.do_choices', { name, values: shown(values) })
    )
  ];
  return wishes.join(t('panel.comma'));
}

/** A text of the catalogue with its values; null when it has none. */
function saidOf(key: string, values: Json, t: Translate): string | null {
  const texts: Record<string, string | number> = Object.fromEntries(
    Object.entries(values).map(([word, value]) => [word, shown(value)])
  );
  const { count } = values;
  const text = t(key, typeof count === 'number' ? { ...texts, count } : texts);
  return text === key ? null : text;
}

function shown(value: JSONValue): string {
  if (value === null || typeof value === 'number') {
    return formatNumber(value);
  }
  if (typeof value !== 'object') {
    return valueText(value);
  }
  return isList(value)
    ? value.map(shown).join(', ')
    : Object.entries(value)
        .map(([name, each]) => `${name}=${shown(each)}`)
        .join(', ');
}

function isList(value: JSONValue | undefined): value is readonly JSONValue[] {
  return Array.isArray(value);
}

function listIn(value: JSONValue | undefined): readonly JSONValue[] {
  return isList(value) ? value : [];
}

function recordIn(value: JSONValue | undefined): Json {
  return typeof value === 'object' && value !== null && !isList(value) ? value : {};
}

function textIn(value: JSONValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
