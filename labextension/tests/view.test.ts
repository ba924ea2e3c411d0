import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IStudyView } from '../src/model/protocol';
import { viewFromSnapshot } from '../src/model/snapshot';
import { apply, bestTrial, endedTrials, replay, trialOf } from '../src/model/view';
import { bufferOf, goldenEvents, goldenExpected, goldenNames } from './golden';

/** Curves travel as float32. */
function rounded(view: IStudyView): IStudyView {
  return {
    ...view,
    trials: view.trials.map(trial => ({
      ...trial,
      curves: Object.fromEntries(
        Object.entries(trial.curves).map(([metric, curve]) => [
          metric,
          curve.map(value => (value === null ? null : Math.fround(value)))
        ])
      )
    }))
  };
}

test('there are golden journals to test with', () => {
  assert.ok(goldenNames().length >= 6);
});

for (const name of goldenNames()) {
  test(`the golden journal "${name}" gives its golden view`, () => {
    assert.deepEqual(replay(goldenEvents(name)), goldenExpected(name).view);
  });

  test(`the golden snapshot "${name}" gives the same view as its events`, () => {
    const expected = goldenExpected(name);
    const view = viewFromSnapshot(expected.snapshot, bufferOf(expected));
    assert.deepEqual(view, rounded(expected.view));
  });
}

test('apply changes neither the view nor the event', () => {
  const events = goldenEvents('finished');
  const before = replay(events.slice(0, -1));
  const copy = structuredClone(before);
  const last = events.at(-1);
  assert.ok(last !== undefined);
  apply(before, last);
  assert.deepEqual(before, copy);
});

test('a trial that is not there is refused by name', () => {
  const view = replay(goldenEvents('failed'));
  assert.throws(() => trialOf(view, 3), /expected a trial from 1 to 2; received 3/);
});

test('the best trial and the number of ended trials follow the view', () => {
  const view = replay(goldenEvents('resumed'));
  assert.equal(bestTrial(view)?.number, 2);
  assert.equal(endedTrials(view), 2);
});

test('a snapshot whose buffer is too short is refused', () => {
  const expected = goldenExpected('finished');
  assert.throws(
    () => viewFromSnapshot(expected.snapshot, new DataView(new ArrayBuffer(4))),
    RangeError
  );
});
