import assert from 'node:assert/strict';
import { test } from 'node:test';
import { positionOf, ticksOf, valueAt } from '../src/charts/scale';

test('ticks are round and lie inside', () => {
  assert.deepEqual(ticksOf({ low: 0.13, high: 1.02 }, 5, false), [0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticksOf({ low: -3, high: 12 }, 4, false), [0, 5, 10]);
  assert.deepEqual(ticksOf({ low: 0, high: 0.9 }, 10, false)[3], 0.3);
});

test('epochs are whole', () => {
  assert.deepEqual(ticksOf({ low: 1, high: 3 }, 10, false, 1), [1, 2, 3]);
  assert.deepEqual(ticksOf({ low: 1, high: 100 }, 5, false, 1), [20, 40, 60, 80, 100]);
});

test('logarithmic ticks are powers of ten, with steps between few of them', () => {
  assert.deepEqual(ticksOf({ low: 0.009, high: 1100 }, 8, true), [0.01, 0.1, 1, 10, 100, 1000]);
  assert.deepEqual(ticksOf({ low: 0.1, high: 10 }, 8, true), [0.1, 0.2, 0.5, 1, 2, 5, 10]);
  assert.deepEqual(ticksOf({ low: 1e-12, high: 1e12 }, 6, true).length, 7);
  assert.deepEqual(ticksOf({ low: 2, high: 3 }, 5, true), [2, 2.2, 2.4, 2.6, 2.8, 3]);
});

test('positions and values are inverse to each other', () => {
  for (const log of [false, true]) {
    const range = { low: 0.01, high: 100 };
    const middle = positionOf(1, range, log);
    assert.ok(Math.abs(valueAt(middle, range, log) - 1) < 1e-12);
    assert.deepEqual([positionOf(0.01, range, log), positionOf(100, range, log)], [0, 1]);
  }
  assert.equal(positionOf(1, { low: 0.01, high: 100 }, true), 0.5);
});
