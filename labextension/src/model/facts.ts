/** Sentences that stand in journals, in the reader's language: the twin of `tunemagic/i18n/facts.py`.
 *
 * The kernel sends each template twice, as `fact.ID` in the panel's language and as
 * `english.fact.ID` as it stands in journals; for an English panel it sends none.
 */

import { FACT_LABELS, FACT_NUMBERS } from './protocol';
import type { TextOf } from './texts';

const ENGLISH = 'english.';
const PREFIX = 'english.fact.';
const DEEPEST = 8;
const LONGEST = 600;
const REMEMBERED = 4096;

interface IPattern {
  readonly key: string;
  readonly names: readonly string[];
  readonly expression: RegExp;
}

/** What makes a sentence of a journal one of the panel's language; unknown sentences stay as they are. */
export function factTranslator(
  texts: Readonly<Record<string, string>>,
  textOf: TextOf
): (sentence: string) => string {
  const patterns = Object.keys(texts)
    .filter(id => id.startsWith(PREFIX))
    .map(id => ({ key: id.slice(ENGLISH.length), text: texts[id] ?? '' }))
    // Of two that fit, the one with more text of its own comes first.
    .sort(
      (one, other) => ownLength(other.text) - ownLength(one.text) || (one.key < other.key ? -1 : 1)
    )
    .map(({ key, text }) => patternOf(key, text));
  const known = new Map<string, string>();

  const said = (sentence: string, deepest: number): string => {
    const found = sentence.length > LONGEST ? null : firstMatch(patterns, sentence);
    if (found === null) {
      return sentence;
    }
    const values = found.values.map(([name, part]) => [
      name,
      /^fact|^reason$/.test(name) && deepest > 0 ? said(part, deepest - 1) : part
    ]);
    return textOf(found.key, Object.fromEntries(values) as Record<string, string>);
  };
  return sentence => {
    if (patterns.length === 0 || sentence === '') {
      return sentence;
    }
    let text = known.get(sentence);
    if (text === undefined) {
      text = said(sentence, DEEPEST);
      if (known.size >= REMEMBERED) {
        known.clear();
      }
      known.set(sentence, text);
    }
    return text;
  };
}

function firstMatch(
  patterns: readonly IPattern[],
  sentence: string
): { key: string; values: [string, string][] } | null {
  for (const { key, names, expression } of patterns) {
    const match = expression.exec(sentence);
    if (match !== null) {
      return { key, values: names.map((name, place) => [name, match[place + 1] ?? '']) };
    }
  }
  return null;
}

function patternOf(key: string, text: string): IPattern {
  const names: string[] = [];
  const pieces = text.split(/\{(\w+)\}/).map((piece, place) => {
    if (place % 2 === 0) {
      return piece.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
    }
    const before = names.indexOf(piece);
    if (before >= 0) {
      return `\\${before + 1}`; // the same as the first time
    }
    names.push(piece);
    return FACT_NUMBERS.test(piece)
      ? '(-?[\\d,.]+(?:e[-+]\\d+)?)'
      : piece === 'label'
        ? FACT_LABELS
        : piece.startsWith('fact')
          ? '(.+?)'
          : '((?:(?!; ).)+?)';
  });
  return { key, names, expression: new RegExp(`^${pieces.join('')}$`, 's') };
}

function ownLength(text: string): number {
  return text.replace(/\{\w+\}/g, '').length;
}
