import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatBytes,
  formatClock,
  formatNumber,
  formatScore,
  formatSeconds,
  formatShare,
  formatValue,
  remainingSeconds,
  startingSeconds
} from '../src/model/format';
import { EMPTY_VIEW, replay } from '../src/model/view';
import { goldenEvents } from './golden';

test('numbers keep four digits and no needless zeros', () => {
  const texts = [0.95321, 0.5, 12, 1234.56, 0.000123, 0.00001234, 3.4e21, -0.25, 99999.9, null];
  assert.deepEqual(texts.map(formatNumber), [
    '0.9532',
    '0.5',
    '12',
    '1235',
    '0.000123',
    '1.23e-5',
    '3.4e21',
    '-0.25',
    '100000',
    '–'
  ]);
});

test('values of every kind become text', () => {
  assert.deepEqual([true, 'relu', 0.01, undefined].map(formatValue), ['True', 'relu', '0.01', '–']);
});

test('clocks count minutes and hours', () => {
  assert.deepEqual([0, 59.9, 200, 3600, 36_610].map(formatClock), [
    '0:00',
    '0:59',
    '3:20',
    '1:00:00',
    '10:10:10'
  ]);
});

test('seconds of a trial are as precise as they are short', () => {
  assert.deepEqual([null, 0.4211, 12.34, 200].map(formatSeconds), [
    '–',
    '0.42 s',
    '12.3 s',
    '3:20'
  ]);
});

test('sizes are in decimal units', () => {
  assert.deepEqual([null, 999, 20_480, 123_456, 2_500_000].map(formatBytes), [
    '–',
    '999 B',
    '20.5 kB',
    '123 kB',
    '2.5 MB'
  ]);
});

test('a share below one is never shown as 100 %', () => {
  assert.deepEqual([null, 1, 0.9999, 0.75].map(formatShare), ['–', '100.0 %', '99.9 %', '75.0 %']);
});

test('the remaining time counts whole trials and part of the running one', () => {
  const view = replay(goldenEvents('resumed'));
  // Two trials and one of five epochs in 22 seconds: ten seconds each, 3.8 trials to go.
  const trials = view.trials.map(trial => (trial.number === 3 ? { ...trial, epochs: 5 } : trial));
  assert.equal(Math.round(remainingSeconds({ ...view, trials }, 22) ?? -1), 38);
});

test('the limit reached first counts', () => {
  assert.equal(remainingSeconds({ ...EMPTY_VIEW, minutes: 2, max_trials: 5 }, 90), 30);
});

test('before the first epoch nothing is promised', () => {
  assert.equal(remainingSeconds({ ...EMPTY_VIEW, max_trials: 5 }, 3), null);
});

test('of several runs each counts for its part of a trial', () => {
  const view = replay(goldenEvents('runs'));
  // One trial, and of the other's four runs two and a half, in 26 seconds: 16 each, 2.375 to go.
  assert.equal(remainingSeconds(view, 26), 38);
});

test('a score comes with the spread of its runs', () => {
  const [done, running] = replay(goldenEvents('runs')).trials;
  assert.ok(done !== undefined && running !== undefined);
  assert.deepEqual([done, running, { ...done, scores: [] }].map(formatScore), [
    '0.75 ± 0.1',
    '–',
    '0.75'
  ]);
});

test('the seconds of starting workers are counted until one is ready', () => {
  const events = goldenEvents('workers');
  const at = (count: number): number | null => {
    const view = replay(events.slice(0, count));
    return startingSeconds(view, view.elapsed + 3);
  };
  const chosen = events.findIndex(event => event.type === 'ExecutorChosen');
  const ready = events.findIndex(event => event.type === 'WorkersReady');
  assert.deepEqual([at(chosen), at(chosen + 1), at(ready + 1)], [null, 3, null]);
  // In the kernel nothing is started.
  assert.equal(at(events.length), null);
});

test('who trains is ready, and who has ended waits for nobody', () => {
  const view = { ...EMPTY_VIEW, executor: 'dask', workers_since: 10 };
  assert.equal(startingSeconds({ ...view, state: 'running' }, 12), 2);
  assert.equal(startingSeconds({ ...view, state: 'running', workers_ready: true }, 12), null);
  assert.equal(startingSeconds({ ...view, state: 'stopped' }, 12), null);
});
