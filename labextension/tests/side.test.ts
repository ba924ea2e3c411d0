import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newsOf, targetOf, toneOf } from '../src/lab/news';
import { readPreferences } from '../src/lab/preferences';
import { stepPath } from '../src/lab/steps';
import type { IStudyRow } from '../src/model/protocol';

function row(name: string, state: string, best: number | null = null, where = 'kernel'): IStudyRow {
  return {
    name,
    where: where as IStudyRow['where'],
    state,
    done: 1,
    total: null,
    objective: 'val_loss',
    best,
    model_id: ''
  };
}

function names(rows: readonly IStudyRow[]): string[] {
  return rows.map(one => one.name);
}

test('searches that begin, end or improve are news; what was there already is none', () => {
  const before = [
    row('a', 'running', 1),
    row('b', 'running'),
    row('c', 'paused', 3),
    row('d', 'finished', 4)
  ];
  const after = [
    row('a', 'running', 0.5),
    row('b', 'running', 2),
    row('c', 'stopped', 2),
    row('d', 'running', 4),
    row('e', 'running'),
    row('f', 'finished', 1),
    row('g', 'running', 1, 'disk')
  ];
  const news = newsOf(before, after);
  assert.deepEqual(names(news.started), ['d', 'e']);
  assert.deepEqual(names(news.done), ['c']);
  assert.deepEqual(names(news.better), ['a']);
  assert.deepEqual(newsOf(after, after), { started: [], done: [], better: [] });
});

test('only a search that ended by itself with a score is told as a success', () => {
  const ended = [row('a', 'finished', 1), row('b', 'finished'), row('c', 'stopped', 1)];
  const broken = [row('d', 'failed', 1), row('e', 'interrupted', 1)];
  assert.deepEqual([...ended, ...broken].map(toneOf), [
    'success',
    'warning',
    'info',
    'error',
    'warning'
  ]);
});

test('a search that is gone after a restart has not ended', () => {
  assert.deepEqual(newsOf([row('a', 'running', 1)], []), { started: [], done: [], better: [] });
});

test('a command is meant for the running search on the screen, else the latest that runs', () => {
  const rows = [
    row('old', 'finished', 1, 'disk'),
    row('a', 'running'),
    row('b', 'running'),
    row('c', 'finished')
  ];
  assert.equal(targetOf(rows, 'a')?.name, 'a');
  assert.equal(targetOf(rows, 'c')?.name, 'b');
  assert.equal(targetOf(rows, null)?.name, 'b');
  assert.equal(targetOf([row('x', 'finished'), row('y', 'stopped')], 'x')?.name, 'x');
  assert.equal(targetOf([row('x', 'finished'), row('y', 'stopped')], null)?.name, 'y');
  assert.equal(targetOf([row('old', 'finished', 1, 'disk')], 'old'), undefined);
});

test('settings of a wrong type count as not given', () => {
  const off = { openOnStart: false, notifyWhenDone: false, notifyWhenBetter: false };
  assert.deepEqual(readPreferences({}), off);
  assert.deepEqual(
    readPreferences({ openOnStart: 'true', notifyWhenDone: 1, notifyWhenBetter: null }),
    off
  );
  assert.deepEqual(readPreferences({ openOnStart: true, notifyWhenDone: [], other: 3 }), {
    ...off,
    openOnStart: true
  });
});

test('a best-so-far curve is level until the next better trial', () => {
  const limits = { low: 0, high: 1 };
  const steps = [
    { trial: 1, best: 0 },
    { trial: 3, best: 0.5 }
  ];
  assert.equal(stepPath({ steps, last: 5 }, limits, 5, 100, 10), 'M0.0 10.0H50.0V5.0H100.0');
  assert.equal(
    stepPath({ steps: [{ trial: 1, best: 9 }], last: 1 }, limits, 1, 100, 10),
    'M0.0 0.0H0.0'
  );
  assert.equal(stepPath({ steps: [], last: 0 }, limits, 5, 100, 10), '');
});
