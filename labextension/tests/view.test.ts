import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IStudyView, ITrialRecord } from '../src/model/protocol';
import { viewFromSnapshot } from '../src/model/snapshot';
import {
  bestTrial,
  endedTrials,
  epochsDone,
  paretoNumbers,
  runsOf,
  spreadOf,
  trialOf
} from '../src/model/trials';
import { apply, replay } from '../src/model/view';
import { bufferOf, goldenEvents, goldenExpected, goldenNames } from './golden';

/** Curves travel as float32. */
function rounded(view: IStudyView): IStudyView {
  const short = (curves: ITrialRecord['curves']): ITrialRecord['curves'] =>
    Object.fromEntries(
      Object.entries(curves).map(([metric, curve]) => [
        metric,
        curve.map(value => (value === null ? null : cut(value)))
      ])
    );
  return {
    ...view,
    trials: view.trials.map(trial => ({
      ...trial,
      curves: short(trial.curves),
      more_curves: trial.more_curves.map(short)
    }))
  };
}

/** A number as a snapshot carries it: float32 without the lowest eight bits. */
function cut(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint8(3, 0);
  return view.getFloat32(0);
}

test('there are golden journals to test with', () => {
  assert.ok(goldenNames().length >= 11);
});

for (const name of goldenNames()) {
  test(`the golden journal "${name}" gives its golden view`, () => {
    assert.deepEqual(replay(goldenEvents(name)), goldenExpected(name).view);
  });

  test(`the golden snapshot "${name}" gives the same view as its events`, () => {
    const expected = goldenExpected(name);
    const view = viewFromSnapshot(bufferOf(expected));
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

test('the epochs of a trial are those of its latest run', () => {
  const view = replay(goldenEvents('runs'));
  assert.deepEqual([runsOf(view), ...view.trials.map(epochsDone)], [4, 2, 2]);
});

test('the spread is that of the scores of the runs', () => {
  const [four, two] = replay(goldenEvents('runs')).trials;
  assert.ok(four !== undefined && two !== undefined);
  // The runs gave 0.75, 0.75, 0.875 and 0.625.
  assert.ok(Math.abs((spreadOf(four) ?? 0) - Math.sqrt(0.03125 / 3)) < 1e-12);
  assert.equal(spreadOf(two), 0);
  assert.equal(spreadOf({ ...two, scores: [0.5] }), null);
});

test('the Pareto set holds what nothing beats, equal ones too', () => {
  const view = replay(goldenEvents('pareto'));
  assert.deepEqual([...paretoNumbers(view)].sort(), [1, 2, 4]);
  assert.deepEqual([...paretoNumbers({ ...view, objectives: [] })], [5]);
  assert.deepEqual([...paretoNumbers({ ...view, objectives: [['params', 'max']] })], [2]);
});

test('a snapshot whose buffer is too short is refused', () => {
  const expected = goldenExpected('finished');
  const short = bufferOf({ ...expected, curve_bytes: expected.curve_bytes.slice(0, 16) });
  assert.throws(() => viewFromSnapshot(short), RangeError);
  assert.throws(() => viewFromSnapshot(new DataView(new ArrayBuffer(4))));
});
