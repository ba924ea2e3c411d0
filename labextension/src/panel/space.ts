/** The space that is searched, and the form that narrows, widens or fixes its ranges. */
import { valueText } from '../model/format';
import type { IParameter, JSONValue } from '../model/protocol';
import type { Value } from '../model/values';
import { isRange, rangeText } from '../model/values';
import { make } from './dom';
import type { IDrawer } from './drawer';
import { makeDrawer } from './drawer';
import type { Arguments } from './form';
import { flag, makeForm, makeInput, numberIn } from './form';
import type { StudyStore } from './store';

/** What one row of the form asks for: nothing, a part of the command, or something impossible. */
type Wish =
  | { readonly kind: 'none' }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'ranges' | 'fixed' | 'choices'; readonly value: JSONValue };

interface ISpaceRow {
  readonly name: string;
  readonly node: HTMLElement;
  read(): Wish;
}

const NONE: Wish = { kind: 'none' };
const WRONG: Wish = { kind: 'wrong' };

export function makeSpace(store: StudyStore): IDrawer {
  const { t } = store;
  let rows: readonly ISpaceRow[] = [];

  function read(): Arguments | null {
    const args = { ranges: {}, fixed: {}, choices: {} } as Record<
      'ranges' | 'fixed' | 'choices',
      Record<string, JSONValue>
    >;
    const wrong: string[] = [];
    for (const row of rows) {
      const wish = row.read();
      if (wish.kind === 'wrong') {
        wrong.push(row.name);
      } else if (wish.kind !== 'none') {
        args[wish.kind][row.name] = wish.value;
      }
    }
    const nothing = Object.values(args).every(part => Object.keys(part).length === 0);
    form.complain(
      wrong.length > 0
        ? t('panel.wrong_ranges', { names: wrong.join(t('panel.comma')) })
        : nothing
          ? t('panel.nothing_changed')
          : ''
    );
    return wrong.length > 0 || nothing ? null : args;
  }

  const form = makeForm(store, 'space', t('panel.apply'), read, () => {
    drawer.close();
  });
  form.fields.className = 'tm-space';
  const drawer = makeDrawer(t('panel.space'), t('panel.space_title'), form.node, () => {
    const byName = new Map<string, IParameter>();
    for (const parameter of store.view.space) {
      byName.set(parameter.name, byName.get(parameter.name) ?? parameter);
    }
    rows = [...byName.values()].map(parameter => makeSpaceRow(parameter, store));
    form.fields.replaceChildren(...rows.map(row => row.node));
    form.complain('');
  });
  return drawer;
}

function makeSpaceRow(parameter: IParameter, store: StudyStore): ISpaceRow {
  return isRange(parameter) ? makeRangeRow(parameter, store) : makeChoicesRow(parameter);
}

function makeRangeRow(parameter: IParameter, { t }: StudyStore): ISpaceRow {
  const { name } = parameter;
  const labels = ['low', 'high', 'fixed'].map(word => t(`panel.space.${word}`));
  const before = [String(parameter.low), String(parameter.high), ''];
  const inputs = before.map((text, index) => makeInput(text, `${name}: ${labels[index] ?? ''}`));
  const labelled = inputs.map((input, index) =>
    make('span', { className: 'tm-part' }, make('span', { text: labels[index] ?? '' }), input)
  );
  return {
    name,
    node: rowNode(parameter, labelled),
    read() {
      const values = inputs.map(input => numberIn(input.value));
      const [low = null, high = null, fixed = null] = values;
      const isFixed = inputs[2]?.value.trim() !== '';
      const bad = values.map(value => value === null);
      const crossed = low !== null && high !== null && low > high;
      inputs.forEach((input, index) => {
        const asked = isFixed === (index === 2);
        flag(input, asked && ((bad[index] ?? false) || (crossed && !isFixed)));
      });
      if (isFixed) {
        return fixed === null ? WRONG : { kind: 'fixed', value: fixed };
      }
      if (low === null || high === null || crossed) {
        return WRONG;
      }
      const changed = low !== parameter.low || high !== parameter.high;
      return changed ? { kind: 'ranges', value: [low, high] } : NONE;
    }
  };
}

function makeChoicesRow(parameter: IParameter): ISpaceRow {
  const boxes = parameter.choices.map(choice => {
    const input = make('input', { attributes: { type: 'checkbox' } });
    input.checked = true;
    input.disabled = parameter.choices.length < 2;
    return { choice, input };
  });
  const labels = boxes.map(({ choice, input }) =>
    make('label', {}, input, make('span', { text: valueText(choice) }))
  );
  return {
    name: parameter.name,
    node: rowNode(parameter, labels),
    read() {
      const kept: Value[] = boxes.filter(box => box.input.checked).map(box => box.choice);
      for (const { input } of boxes) {
        flag(input, kept.length === 0);
      }
      if (kept.length === 0) {
        return WRONG;
      }
      return kept.length === boxes.length ? NONE : { kind: 'choices', value: kept };
    }
  };
}

function rowNode(parameter: IParameter, parts: readonly HTMLElement[]): HTMLElement {
  return make(
    'fieldset',
    { className: 'tm-space-row' },
    make(
      'legend',
      {},
      make('strong', { text: parameter.name }),
      make('small', { className: 'tm-hint', text: rangeText(parameter) })
    ),
    ...parts
  );
}
