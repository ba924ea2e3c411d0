/** The forms that steer a running search: more budget, other ranges, values to try. */
import { valueText } from '../model/format';
import type { IParameter } from '../model/protocol';
import type { Value, Values } from '../model/values';
import { isActive, isRange, rangeText, valueIn } from '../model/values';
import { bestTrial } from '../model/trials';
import { make } from './dom';
import type { IDrawer } from './drawer';
import { makeDrawer } from './drawer';
import type { Arguments, IField } from './form';
import { flag, makeField, makeForm, makeInput, numberIn } from './form';
import type { StudyStore } from './store';

/** Trials, minutes and workers; only what was changed is sent. */
export function makeBudget(store: StudyStore): IDrawer {
  const { t } = store;
  const names = ['max_trials', 'minutes', 'workers'] as const;
  const fields = names.map(name =>
    makeField(t(`panel.budget.${name}`), makeInput(''), t(`panel.budget.${name}_hint`))
  );
  let before: readonly string[] = [];
  const read = (): Arguments | null => {
    const args: Record<string, number> = {};
    const wrong = fields.filter(({ input }, index) => {
      const name = names[index];
      const value = numberIn(input.value);
      const changed = input.value.trim() !== before[index];
      // Half a minute is a budget, half a trial is none.
      const right = value !== null && value > 0 && (name === 'minutes' || Number.isInteger(value));
      flag(input, changed && !right);
      if (changed && value !== null && name !== undefined) {
        args[name] = value;
      }
      return changed && !right;
    });
    form.complain(wrong.length === 0 ? '' : t('panel.budget.wrong'));
    return wrong.length === 0 ? args : null;
  };
  const form = makeForm(store, 'budget', t('panel.apply'), read, () => {
    drawer.close();
  });
  form.fields.append(...fields.map(field => field.node));
  const drawer = makeDrawer(t('panel.budget'), t('panel.budget_title'), form.node, () => {
    const { max_trials, minutes, workers } = store.view;
    before = [max_trials, minutes, workers === 0 ? null : workers].map(value =>
      value === null ? '' : String(value)
    );
    fields.forEach(({ input }, index) => {
      input.value = before[index] ?? '';
      flag(input, false);
    });
    form.complain('');
  });
  return drawer;
}

export interface ITryDrawer extends IDrawer {
  /** Open with these values; the others are the best trial's or the defaults. */
  openWith(values: Values): void;
}

/** One field per hyperparameter; those that are not active for the chosen values are hidden. */
export function makeTry(store: StudyStore): ITryDrawer {
  const { t } = store;
  let wanted: Values = {};
  let rows: { readonly parameter: IParameter; readonly field: IField<Input> }[] = [];

  /** Every active parameter's field with its value, null where it is wrong. Parents come first. */
  function collect(): Map<string, Value | null> {
    const values = new Map<string, Value | null>();
    const good: Record<string, Value> = {};
    for (const { parameter, field } of rows) {
      const active = isActive(parameter, good) && !Object.hasOwn(good, parameter.name);
      field.node.hidden = !active;
      const value = active ? valueIn(parameter, field.input.value) : null;
      if (active) {
        values.set(parameter.name, value);
      }
      if (value !== null) {
        good[parameter.name] = value;
      }
      flag(field.input, active && value === null);
    }
    return values;
  }

  const form = makeForm(
    store,
    'try',
    t('panel.try'),
    () => {
      const values = [...collect()];
      const wrong = values.filter(([, value]) => value === null).map(([name]) => name);
      form.complain(
        wrong.length > 0 ? t('panel.wrong_values', { names: wrong.join(t('panel.comma')) }) : ''
      );
      return wrong.length > 0 ? null : { values: Object.fromEntries(values) };
    },
    () => {
      drawer.close();
    }
  );
  form.fields.addEventListener('change', collect);
  const drawer = makeDrawer(t('panel.try_values'), t('panel.try_title'), form.node, () => {
    const { view } = store;
    const from: Values = { ...bestTrial(view)?.values, ...wanted };
    wanted = {};
    rows = view.space.map(parameter => {
      const { name } = parameter;
      const given = Object.hasOwn(from, name) ? from[name] : undefined;
      const input = makeValueInput(parameter, given ?? parameter.default);
      return { parameter, field: makeField(name, input, rangeText(parameter)) };
    });
    form.fields.replaceChildren(...rows.map(row => row.field.node));
    form.complain('');
    collect();
  });
  return Object.assign(drawer, {
    openWith(values: Values) {
      wanted = values;
      drawer.open();
    }
  });
}

type Input = HTMLInputElement | HTMLSelectElement;

function makeValueInput(parameter: IParameter, value: Value): Input {
  if (isRange(parameter)) {
    return makeInput(String(value));
  }
  const options = parameter.choices.map(choice =>
    make('option', { text: valueText(choice), attributes: { value: valueText(choice) } })
  );
  const menu = make('select', { className: 'tm-select' }, ...options);
  menu.value = valueText(value);
  return menu;
}
