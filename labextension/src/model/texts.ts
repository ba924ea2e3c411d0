/** Texts by message id, in the language that the kernel has chosen.
 *
 * The twin of `Catalogue` in `tunemagic/i18n`. The kernel sends the texts; nothing is bundled.
 */

import { factTranslator } from './facts';

export type TextValues = Readonly<Record<string, string | number>>;

/** The text of a message id with its `{placeholders}` filled in. */
export type TextOf = (key: string, values?: TextValues) => string;

/** A language's texts; `fact` says a sentence of a journal in that language. */
export type Translate = TextOf & { readonly fact: (sentence: string) => string };

/** One language's texts; a text that is missing comes as its id. */
export function translator(texts: Readonly<Record<string, string>>): Translate {
  const textOf: TextOf = (key, values = {}) => {
    const text = own(texts, formOf(key, values, texts)) ?? key;
    return text.replace(/\{(\w+)\}/g, (found, name: string) => String(own(values, name) ?? found));
  };
  return Object.assign(textOf, { fact: factTranslator(texts, textOf) });
}

/** `count` chooses between `KEY.one` and `KEY.other` where the catalogue has these forms. */
function formOf(key: string, values: TextValues, texts: Readonly<Record<string, string>>): string {
  if (own(values, 'count') === undefined || own(texts, `${key}.other`) === undefined) {
    return key;
  }
  const one = `${key}.one`;
  return values['count'] === 1 && own(texts, one) !== undefined ? one : `${key}.other`;
}

/** What the record itself holds: ids and names may be called like a method of every object. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
