import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IParameter } from '../src/model/protocol';
import type { Values } from '../src/model/values';
import { isActive, rangeText, valueIn } from '../src/model/values';

const UNITS: IParameter = {
  ...{ name: 'units', kind: 'int', default: 32, low: 32, high: 128, step: 32 },
  ...{ sampling: 'linear', choices: [], conditions: [] }
};
const RATE: IParameter = {
  ...{ name: 'lr', kind: 'float', default: 0.01, low: 1e-4, high: 0.1, step: null },
  ...{ sampling: 'log', choices: [], conditions: [{ parent: 'tune', values: [true, 2] }] }
};
const KIND: IParameter = {
  ...{ name: 'kind', kind: 'choice', default: 'relu', low: null, high: null, step: null },
  ...{ sampling: 'linear', choices: ['relu', 1, true], conditions: [] }
};

test('a text is a value only inside the range and of its kind', () => {
  assert.deepEqual(
    ['32', ' 64 ', '16', '129', '64.5', '', 'many', 'Infinity', '1e2'].map(text =>
      valueIn(UNITS, text)
    ),
    [32, 64, null, null, null, null, null, null, 100]
  );
  assert.equal(valueIn(RATE, '1e-3'), 0.001);
});

test('a choice keeps its type', () => {
  assert.deepEqual(
    ['relu', '1', 'True', 'tanh'].map(text => valueIn(KIND, text)),
    ['relu', 1, true, null]
  );
});

test('a parameter is active while all its conditions hold', () => {
  const cases: Values[] = [{ tune: true }, { tune: 2 }, { tune: 1 }, {}];
  assert.deepEqual(
    cases.map(values => isActive(RATE, values)),
    [true, true, false, false]
  );
});

test('ranges read as in Python', () => {
  assert.deepEqual([UNITS, RATE, KIND].map(rangeText), [
    '32 … 128 step 32',
    '0.0001 … 0.1 log',
    'relu | 1 | True'
  ]);
});
