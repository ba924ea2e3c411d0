import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { IEventBatch, IPanelStatus, StudyEvent } from '../src/model/protocol';
import { replay } from '../src/model/view';
import { StudyStore } from '../src/panel/store';
import type { Outgoing } from '../src/panel/store';
import { TEXT } from '../src/panel/text';
import { bufferOf, goldenEvents, goldenExpected } from './golden';

const STATUS: IPanelStatus = { session: 's2', waiting: true, converting: false, read_only: '' };

function batch(events: readonly StudyEvent[]): IEventBatch {
  const [from, to] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
  return { kind: 'events', v: 1, from, to, events };
}

/** A store that has taken the golden snapshot, on a clock that stands still. */
function makeStore(name: string) {
  const sent: Outgoing[] = [];
  const clock = { now: 0 };
  const store = new StudyStore(
    message => sent.push(message),
    () => clock.now,
    () => `id-${sent.length}`
  );
  const expected = goldenExpected(name);
  store.receive({ ...expected.snapshot, status: STATUS }, [bufferOf(expected)]);
  return { store, sent, clock };
}

test('events that come twice change nothing', () => {
  const { store } = makeStore('finished');
  const before = store.view;
  store.receive(batch(goldenEvents('finished')), []);
  assert.equal(store.view, before);
});

test('batches before the first snapshot wait for it', () => {
  const sent: Outgoing[] = [];
  const store = new StudyStore(message => sent.push(message));
  store.receive(batch(goldenEvents('finished').slice(3)), []);
  assert.deepEqual([store.synced, sent], [false, []]);
});

test('a gap asks once a second for what is missing, and replayed events close it', () => {
  const events = goldenEvents('resumed');
  const { store, sent, clock } = makeStore('resumed');
  const next = (count: number): StudyEvent[] =>
    Array.from({ length: count }, (_, index) => ({
      v: 1,
      type: 'StudyNoted',
      seq: events.length + 1 + index,
      at: 0,
      elapsed: 20,
      text: `note ${index}`
    }));
  store.receive(batch(next(4).slice(2, 3)), []);
  store.receive(batch(next(4).slice(3)), []);
  assert.deepEqual(sent, [{ kind: 'replay', have: events.length }]);
  clock.now = 1000;
  store.receive(batch(next(5).slice(4)), []);
  assert.equal(sent.length, 2);
  store.receive(batch(next(5)), []);
  assert.deepEqual(store.view, {
    ...replay([...events, ...next(5)]),
    trials: store.view.trials
  });
});

test('a running study ages between events, an ended one does not', () => {
  const running = makeStore('resumed');
  const ended = makeStore('finished');
  running.clock.now = ended.clock.now = 3000;
  // The golden snapshots are half a second old.
  assert.equal(running.store.elapsed(), running.store.view.elapsed + 3.5);
  assert.equal(ended.store.elapsed(), ended.store.view.elapsed);
});

test('a command carries the session on screen', () => {
  const { store, sent } = makeStore('resumed');
  store.command('stop');
  assert.deepEqual(sent, [
    { kind: 'command', id: 'id-0', study: 'digits', session: 's2', verb: 'stop', args: {} }
  ]);
  assert.equal(store.isPending('stop'), true);
  store.receive({ kind: 'ack', id: 'id-0', ok: true, done: true, message: '' }, []);
  assert.deepEqual([store.isPending('stop'), store.stopping, store.notice], [false, true, '']);
});

test('a late answer takes the hint away again', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { store } = makeStore('resumed');
    store.command('stop');
    mock.timers.tick(2000);
    assert.deepEqual([store.notice, store.isPending('stop')], [TEXT.busy, false]);
    store.receive({ kind: 'ack', id: 'id-0', ok: true, done: true, message: '' }, []);
    assert.deepEqual([store.notice, store.stopping], ['', true]);
  } finally {
    mock.timers.reset();
  }
});

test('a disposed store is silent', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { store } = makeStore('resumed');
    let calls = 0;
    store.subscribe(() => (calls += 1));
    store.command('stop');
    store.dispose();
    mock.timers.tick(5000);
    assert.equal(calls, 1);
  } finally {
    mock.timers.reset();
  }
});

test('hello is repeated until a snapshot has come', t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const sent: Outgoing[] = [];
  const store = new StudyStore(message => sent.push(message));
  store.hello();
  t.mock.timers.tick(2500);
  assert.deepEqual(sent, Array(3).fill({ kind: 'hello', have: 0 }));
  const expected = goldenExpected('finished');
  store.receive({ ...expected.snapshot, status: STATUS }, [bufferOf(expected)]);
  t.mock.timers.tick(5000);
  assert.equal(sent.length, 3);
});

test('hello falls silent with its view', t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const sent: Outgoing[] = [];
  const fallSilent = new StudyStore(message => sent.push(message)).hello();
  t.mock.timers.tick(1500);
  fallSilent();
  t.mock.timers.tick(5000);
  assert.equal(sent.length, 2);
});
