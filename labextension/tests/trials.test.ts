import assert from 'node:assert/strict';
import { test } from 'node:test';
import { haveSizes } from '../src/model/trials';
import { replay } from '../src/model/view';
import { goldenEvents } from './golden';

test('models of several sizes can be compared by them', () => {
  const view = replay(goldenEvents('finished'));
  const sized = (...sizes: readonly (number | null)[]): boolean =>
    haveSizes({
      ...view,
      trials: view.trials.map((trial, index) => ({
        ...trial,
        metrics: Object.fromEntries(sizes.slice(index, index + 1).map(size => ['parameters', size]))
      }))
    });
  assert.deepEqual(
    [sized(), sized(10), sized(10, 10), sized(10, null), sized(10, 20)],
    [false, false, false, false, true]
  );
});
