/** A filter of trials: `lr<0.01 state=pruned units>=64`, other words are looked for in every column. */
import type { Cell } from './columns';

/** What a filter can ask about. `names` are in lower case; `texts` are what is shown. */
export interface ISubject<T> {
  readonly names: readonly string[];
  value(item: T): Cell;
  texts(item: T): readonly string[];
}

export interface IFilter<T> {
  /** What of the filter makes no sense, or ''. */
  readonly wrong: string;
  matches(item: T): boolean;
}

type Test<T> = (item: T) => boolean;

const TOKEN = /("[^"]*"|[^\s<>=!"]+)\s*(<=|>=|!=|=|<|>)\s*("[^"]*"|[^\s"]+)|"[^"]*"|\S+/g;

/** Read a filter; all its conditions must hold. One that makes no sense matches everything. */
export function parseFilter<T>(text: string, subjects: readonly ISubject<T>[]): IFilter<T> {
  const tests: Test<T>[] = [];
  for (const [token, name, operator, value] of text.matchAll(TOKEN)) {
    const test =
      name === undefined || operator === undefined || value === undefined
        ? wordTest(bare(token), subjects)
        : conditionTest(bare(name), operator, bare(value), subjects);
    if (test === null) {
      return { wrong: token, matches: () => true };
    }
    tests.push(test);
  }
  return { wrong: '', matches: item => tests.every(test => test(item)) };
}

function bare(token: string): string {
  return token.replaceAll('"', '');
}

/** An operator without both of its sides is a mistake, not a word. */
function wordTest<T>(word: string, subjects: readonly ISubject<T>[]): Test<T> | null {
  const wanted = word.toLowerCase();
  if (/[<>=]/.test(word)) {
    return null;
  }
  return item =>
    subjects.some(subject => subject.texts(item).some(text => text.toLowerCase().includes(wanted)));
}

function conditionTest<T>(
  name: string,
  operator: string,
  value: string,
  subjects: readonly ISubject<T>[]
): Test<T> | null {
  const subject = subjects.find(one => one.names.includes(name.toLowerCase()));
  if (subject === undefined) {
    return null;
  }
  const number = Number(value);
  if (operator === '=' || operator === '!=') {
    const wanted = value.toLowerCase();
    const equal: Test<T> = item =>
      subject.value(item) === number ||
      subject.texts(item).some(text => text.toLowerCase() === wanted);
    return operator === '=' ? equal : item => !equal(item);
  }
  if (Number.isNaN(number)) {
    return null;
  }
  return item => {
    const own = subject.value(item);
    return typeof own === 'number' && compares(own, operator, number);
  };
}

function compares(own: number, operator: string, number: number): boolean {
  switch (operator) {
    case '<':
      return own < number;
    case '<=':
      return own <= number;
    case '>':
      return own > number;
    default:
      return own >= number;
  }
}
