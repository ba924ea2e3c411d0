import assert from 'node:assert/strict';
import { test } from 'node:test';
import { translator } from '../src/model/texts';
import { replay } from '../src/model/view';
import { columnsOf, subjectsOf } from '../src/panel/columns';
import { csvText, trialsCsv } from '../src/panel/csv';
import { parseFilter } from '../src/panel/filter';
import { goldenEvents } from './golden';

const t = translator({
  'panel.column.best_epoch': 'best epoch',
  'panel.trial_state.pruned': '已剪枝'
});

/** Which trials of a golden study match. */
function matching(name: string, text: string): number[] | string {
  const view = replay(goldenEvents(name));
  const filter = parseFilter(
    text,
    subjectsOf(
      view,
      columnsOf(view, () => false, t),
      t
    )
  );
  const found = view.trials.filter(filter.matches).map(trial => trial.number);
  return filter.wrong === '' ? found : filter.wrong;
}

test('conditions compare numbers, and all of them must hold', () => {
  assert.deepEqual(matching('finished', 'trial>=2 trial<4'), [2, 3]);
  assert.deepEqual(matching('finished', 'trial != 1 TRIAL<= 2'), [2]);
  assert.deepEqual(matching('finished', '"best epoch">99'), []);
  assert.deepEqual(matching('finished', ''), [1, 2, 3, 4]);
});

test('a state has its word in every language', () => {
  assert.deepEqual(matching('pruned', 'state=pruned'), [2, 3]);
  assert.deepEqual(matching('pruned', 'state=已剪枝'), [2, 3]);
  assert.deepEqual(matching('pruned', 'state=skipped'), [4]);
  assert.deepEqual(matching('pruned', 'state!=pruned'), [1, 4]);
});

test('other words are looked for in every column', () => {
  assert.deepEqual(matching('finished', 'Random'), [1, 2, 3, 4]);
  assert.deepEqual(matching('finished', 'nowhere'), []);
});

test('what makes no sense is named, and hides nothing', () => {
  assert.equal(matching('finished', 'units>=32 nothing=3'), 'nothing=3');
  assert.equal(matching('finished', 'units<many'), 'units<many');
  assert.equal(matching('finished', 'units<'), 'units<');
});

test('cells are quoted where they must be', () => {
  assert.equal(
    csvText([
      ['a', 'b,c', 'say "hi"', 'two\nlines'],
      [1, null, true, undefined]
    ]),
    '"a","b,c","say ""hi""","two\nlines"\r\n1,,True,\r\n'
  );
});

test('what a spreadsheet would run is text, plain numbers stay numbers', () => {
  const formulas = [
    ...['=1+1', '+SUM(A1)', '-2+3', '@x', '\tx', '\rx', '\nx', ' =1', '\u00a0@x', `' =1`],
    ...['＝1+1', '＋1', '－1', '＠x', ' ＝1']
  ];
  assert.equal(csvText([formulas]), `"'${formulas.join('","\'')}"\r\n`);
  assert.equal(csvText([['"=1', '-2.5e-3', '+7', -3]]), `"'""=1","-2.5e-3","+7",-3\r\n`);
});

test('trials are written with their values, metrics and reasons', () => {
  const view = replay(goldenEvents('pareto'));
  const [head, first] = trialsCsv(view, view.trials.slice(0, 1)).split('\r\n');
  assert.ok(head?.startsWith('"trial","state","score","best_epoch","seconds","units","lr",'));
  assert.ok(head?.endsWith(',"epochs","why","reason"'));
  assert.ok(first?.startsWith('1,"completed",'));
});
