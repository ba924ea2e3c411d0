import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ICurvesInfo } from '../src/charts/series';
import { curvesInfo, metricNames, valueRange } from '../src/charts/series';
import { replay } from '../src/model/view';
import { goldenEvents } from './golden';

test('the objective comes first among the metrics', () => {
  assert.deepEqual(metricNames(replay(goldenEvents('not_finite'))), ['accuracy', 'loss', 'lr']);
});

test('a curve that holds no number is not drawn', () => {
  const info = curvesInfo(replay(goldenEvents('not_finite')), 'accuracy', []);
  assert.deepEqual(info.series, [
    {
      trial: 1,
      run: 1,
      metric: 'val_accuracy',
      role: 'running',
      dashed: false,
      values: [null, 0.5, null]
    }
  ]);
  assert.equal(info.trials, 1);
});

test('the selected trial lies on top of the best one', () => {
  const info = curvesInfo(replay(goldenEvents('finished')), 'accuracy', [1]);
  assert.deepEqual(
    info.series.map(one => [one.trial, one.role]),
    [
      [3, 'other'],
      [4, 'other'],
      [2, 'best'],
      [1, 'selected']
    ]
  );
});

test('training curves are dashed only beside validation curves', () => {
  const view = replay(goldenEvents('finished'));
  assert.equal(
    curvesInfo(view, 'loss', []).series.some(one => one.dashed),
    false
  );
  const [trial] = view.trials;
  assert.ok(trial !== undefined);
  const both = { ...trial, curves: { ...trial.curves, val_loss: [0.5, 0.25, 0.375] } };
  const info = curvesInfo({ ...view, trials: [both] }, 'loss', []);
  assert.deepEqual(
    info.series.map(one => [one.metric, one.dashed]),
    [
      ['loss', true],
      ['val_loss', false]
    ]
  );
});

test('of many trials the highlighted and the latest are drawn', () => {
  const view = replay(goldenEvents('finished'));
  const [first] = view.trials;
  assert.ok(first !== undefined);
  const trials = Array.from({ length: 230 }, (_, index) => ({ ...first, number: index + 1 }));
  const info = curvesInfo({ ...view, trials, best: 2 }, 'accuracy', [5]);
  const drawn = info.series.map(one => one.trial);
  assert.deepEqual([info.drawnTrials, info.trials, drawn.length], [200, 230, 200]);
  assert.deepEqual(drawn.slice(-2), [2, 5]);
  assert.equal(Math.min(...drawn.slice(0, -2)), 33);
});

test('pruned curves are kept last and drawn below all others', () => {
  const view = replay(goldenEvents('pruned'));
  const roles = (...selected: number[]): (number | string)[][] =>
    curvesInfo(view, 'accuracy', selected).series.map(one => [one.trial, one.role]);
  // Trial 3 was pruned, but nothing is better.
  assert.deepEqual(roles(), [
    [2, 'pruned'],
    [1, 'other'],
    [3, 'best']
  ]);
  assert.deepEqual(roles(2).at(-1), [2, 'selected']);
});

test('all runs of a highlighted trial are drawn, of another one the first', () => {
  const view = replay(goldenEvents('runs'));
  const drawn = (info: ICurvesInfo): (number | string)[][] =>
    info.series.map(one => [one.trial, one.run, one.metric]);
  const best = [1, 2, 3, 4].map(run => [1, run, 'val_accuracy']);
  const running = [1, 2, 3].map(run => [2, run, 'val_accuracy']);
  assert.deepEqual(drawn(curvesInfo(view, 'accuracy', [])), [...running, ...best]);
  const ended = view.trials.map(trial => ({ ...trial, state: 'completed' as const }));
  assert.deepEqual(drawn(curvesInfo({ ...view, trials: ended }, 'accuracy', [])), [
    [2, 1, 'val_accuracy'],
    ...best
  ]);
});

test('a metric of a later run can be chosen too', () => {
  assert.deepEqual(metricNames(replay(goldenEvents('runs'))), ['accuracy', 'loss', 'lr']);
});

test('a few outliers do not flatten the other curves', () => {
  const values = Array.from({ length: 99 }, (_, index) => index / 100);
  const range = valueRange([...values, 1e9]);
  assert.equal(range.clipped, true);
  assert.ok(range.high < 10);
  assert.equal(valueRange(values).clipped, false);
});

test('one value and no value have a range too', () => {
  assert.deepEqual(valueRange([]), { low: 0, high: 1, clipped: false });
  const { low, high } = valueRange([0.5]);
  assert.ok(low < 0.5 && high > 0.5);
});

test('two selected trials are told apart and lie on top', () => {
  const info = curvesInfo(replay(goldenEvents('finished')), 'accuracy', [3, 1]);
  assert.deepEqual(
    info.series.slice(-2).map(one => [one.trial, one.role]),
    [
      [1, 'compared'],
      [3, 'selected']
    ]
  );
});

test('on a logarithmic axis values of 0 or less are gaps, and it says so', () => {
  const view = replay(goldenEvents('finished'));
  const [first] = view.trials;
  assert.ok(first !== undefined);
  const trial = { ...first, curves: { loss: [100, 0, 1, -1, 0.01] } };
  const info = curvesInfo({ ...view, trials: [trial], best: null }, 'loss', [], true);
  assert.deepEqual([info.log, info.omitted], [true, true]);
  assert.deepEqual(info.series[0]?.values, [100, null, 1, null, 0.01]);
  assert.ok(info.low > 0.005 && info.low < 0.01 && info.high > 100 && info.high < 200);
  assert.equal(curvesInfo({ ...view, trials: [trial] }, 'loss', []).omitted, false);
});
