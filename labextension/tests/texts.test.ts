import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { translator } from '../src/model/texts';

declare const SOURCE_FOLDER: string;
declare const CATALOGUE_FOLDER: string;

function catalogue(name: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(`${CATALOGUE_FOLDER}${name}.json`, 'utf8')) as Record<
    string,
    string
  >;
}

/** Ids as they stand in the sources; of composed ones the part before the first value. */
function usedKeys(): { whole: string[]; begun: string[] } {
  const sources = ['panel', 'charts', 'model']
    .flatMap(folder =>
      readdirSync(`${SOURCE_FOLDER}${folder}`).map(file => `${SOURCE_FOLDER}${folder}/${file}`)
    )
    .map(file => readFileSync(file, 'utf8'));
  const text = sources.join('\n');
  const keys = [...text.matchAll(/['`]((?:panel|plot|compare|why)\.[\w. -]*)(['`$])/g)];
  const pick = (ends: string): string[] =>
    keys.filter(([, , end]) => ends.includes(end ?? '')).map(([, key]) => key ?? '');
  return { whole: pick(`'\``), begun: pick('$') };
}

test('placeholders are filled in, unknown ones stay', () => {
  const t = translator({ a: '{x} and {y}', b: 'plain' });
  assert.equal(t('a', { x: 1 }), '1 and {y}');
  assert.equal(t('b', { x: 1 }), 'plain');
});

test('values are put in as they are', () => {
  const t = translator({ a: '{x}' });
  assert.equal(t('a', { x: '$& {x} <b>' }), '$& {x} <b>');
});

test('a count chooses its form', () => {
  const t = translator({
    'n.one': '{count} trial',
    'n.other': '{count} trials',
    m: '{count} of m'
  });
  assert.deepEqual(
    [t('n', { count: 1 }), t('n', { count: 0 }), t('n', { count: 2 }), t('m', { count: 1 })],
    ['1 trial', '0 trials', '2 trials', '1 of m']
  );
});

test('a text that is missing comes as its id, also where every object has such a name', () => {
  const t = translator({});
  assert.deepEqual([t('no.such'), t('toString')], ['no.such', 'toString']);
});

test('every id in the sources has a text in each language', () => {
  const { whole, begun } = usedKeys();
  assert.ok(whole.length > 100);
  for (const language of ['en', 'zh_CN']) {
    const ids = Object.keys(catalogue(language));
    const missing = whole.filter(
      key =>
        !ids.includes(key) &&
        !ids.includes(`${key}.other`) &&
        !ids.some(id => id.startsWith(`${key}.`))
    );
    const unfinished = begun.filter(part => !ids.some(id => id.startsWith(part)));
    assert.deepEqual({ missing, unfinished }, { missing: [], unfinished: [] });
  }
});

test("every text of the panel's own is used", () => {
  const { whole, begun } = usedKeys();
  const unused = Object.keys(catalogue('en'))
    .filter(id => id.startsWith('panel.'))
    .map(id => id.replace(/\.(one|other)$/, ''))
    .filter(id => !whole.includes(id) && !begun.some(part => id.startsWith(part)));
  assert.deepEqual(unused, []);
});
