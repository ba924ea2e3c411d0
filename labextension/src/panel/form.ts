/** A small form: labelled fields, a line for what is wrong, and a button that sends a command. */
import type { JSONValue } from '../model/protocol';
import { make, makeButton, setText, uniqueId } from './dom';
import type { StudyStore, Verb } from './store';

export interface IForm {
  readonly node: HTMLFormElement;
  /** Where the fields go. */
  readonly fields: HTMLElement;
  /** Say what is wrong, or nothing with ''. */
  complain(text: string): void;
}

export type Arguments = Readonly<Record<string, JSONValue>>;

/** `read` gives the command's arguments, or null after it has marked what is wrong with `flag`. */
export function makeForm(
  store: StudyStore,
  verb: Verb,
  submitText: string,
  read: () => Arguments | null,
  onDone: () => void
): IForm {
  const fields = make('div', { className: 'tm-fields' });
  const error = make('p', { className: 'tm-wrong', attributes: { role: 'alert' } });
  const submit = makeButton(submitText);
  submit.type = 'submit';
  const node = make('form', { className: 'tm-form' }, fields, error, submit);
  // What is wrong is said by the panel itself, in its own language.
  node.noValidate = true;
  node.addEventListener('submit', event => {
    event.preventDefault();
    setText(error, '');
    const args = read();
    if (args === null) {
      node.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return;
    }
    store.command(verb, args, answer => {
      setText(error, answer.ok ? '' : answer.message);
      if (answer.ok) {
        onDone();
      }
      return true;
    });
  });
  return {
    node,
    fields,
    complain(text) {
      setText(error, text);
    }
  };
}

export interface IField<T extends HTMLElement> {
  readonly node: HTMLElement;
  readonly input: T;
  readonly hint: HTMLElement;
}

/** A field with its label above and a hint below. */
export function makeField<T extends HTMLInputElement | HTMLSelectElement>(
  label: string,
  input: T,
  hintText: string
): IField<T> {
  const hint = make('small', { className: 'tm-hint', text: hintText });
  hint.id = uniqueId();
  input.setAttribute('aria-describedby', hint.id);
  const node = make(
    'div',
    { className: 'tm-field' },
    make('label', {}, make('span', { className: 'tm-label', text: label }), input),
    hint
  );
  return { node, input, hint };
}

export function makeInput(value: string, label = ''): HTMLInputElement {
  const input = make('input', {
    className: 'tm-input',
    attributes: { type: 'text', autocomplete: 'off', spellcheck: 'false' }
  });
  input.value = value;
  if (label !== '') {
    input.setAttribute('aria-label', label);
  }
  return input;
}

/** Mark the field as wrong, or as right again. */
export function flag(input: HTMLElement, wrong: boolean): void {
  if (wrong) {
    input.setAttribute('aria-invalid', 'true');
  } else {
    input.removeAttribute('aria-invalid');
  }
}

/** The number that a text says, or null; what is empty is no number. */
export function numberIn(text: string): number | null {
  const value = text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
