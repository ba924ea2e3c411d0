import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { IAnswer, IEventBatch, IPanelStatus, ITexts, StudyEvent } from '../src/model/protocol';
import { apply, replay } from '../src/model/view';
import { StudyStore } from '../src/panel/store';
import type { Outgoing } from '../src/panel/store';
import { bufferOf, goldenEvents, goldenExpected } from './golden';

const STATUS: IPanelStatus = { session: 's2', waiting: true, converting: null, read_only: '' };

function batch(events: readonly StudyEvent[]): IEventBatch {
  const [from, to] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
  return { kind: 'events', v: 1, from, to, events };
}

function texts(busy: string): ITexts {
  return { kind: 'texts', v: 1, lang: 'en', texts: { 'panel.busy': busy } };
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
  store.receive({ kind: 'ack', id: 'id-0', ok: true, done: true, message: '', line: '' }, []);
  assert.deepEqual([store.isPending('stop'), store.stopping, store.notice], [false, true, '']);
});

test('a late answer takes the hint away again', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { store } = makeStore('resumed');
    store.command('stop');
    mock.timers.tick(2000);
    assert.deepEqual([store.notice, store.isPending('stop')], ['panel.busy', false]);
    store.receive({ kind: 'ack', id: 'id-0', ok: true, done: true, message: '', line: '' }, []);
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

test('hello is repeated until texts and a snapshot have come', t => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const sent: Outgoing[] = [];
  const store = new StudyStore(
    message => sent.push(message),
    undefined,
    () => 'page'
  );
  store.hello('zh-CN');
  t.mock.timers.tick(1500);
  assert.deepEqual(sent, Array(2).fill({ kind: 'hello', have: 0, lang: 'zh-CN', view: 'page' }));
  const expected = goldenExpected('finished');
  store.receive({ ...expected.snapshot, status: STATUS }, [bufferOf(expected)]);
  t.mock.timers.tick(1000);
  assert.equal(sent.length, 3);
  store.receive(texts('a'), []);
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

test('texts are the same object until other ones come', () => {
  const store = new StudyStore(() => undefined);
  assert.deepEqual([store.texts, store.t('panel.busy')], [null, 'panel.busy']);
  store.receive(texts('busy'), []);
  const first = store.texts;
  store.receive(texts('busy'), []);
  assert.equal(store.texts, first);
  store.receive(texts('bezig'), []);
  assert.notEqual(store.texts, first);
  assert.equal(store.t('panel.busy'), 'bezig');
});

test('a paused study stands still', () => {
  const { store, clock } = makeStore('resumed');
  const seq = store.view.seq + 1;
  store.receive(batch([{ v: 1, type: 'StudyPaused', seq, at: 0, elapsed: 21 }]), []);
  clock.now = 60_000;
  assert.deepEqual([store.elapsed(), store.steerable], [21, true]);
  const more: StudyEvent = { v: 1, type: 'StudyContinued', seq: seq + 1, at: 0, elapsed: 21 };
  store.receive(batch([more]), []);
  clock.now = 62_000;
  assert.equal(store.elapsed(), 23);
});

test('an answer brings the line that does the same, the next click takes it away', () => {
  const { store } = makeStore('resumed');
  store.command('pause');
  const line = '%tune pause digits';
  store.receive({ kind: 'ack', id: 'id-0', ok: true, done: true, message: '', line }, []);
  assert.equal(store.line, line);
  store.command('resume');
  assert.equal(store.line, '');
});

test('what a journal would say in English is told in the language of the panel', () => {
  const { store } = makeStore('resumed');
  const told: Record<string, string> = {
    'panel.refused': '未执行：{message}',
    'fact.random': '随机抽取',
    'english.fact.random': 'drawn at random'
  };
  store.receive({ kind: 'texts', v: 1, lang: 'zh_CN', texts: told }, []);
  const answer = { kind: 'ack', done: true, message: 'drawn at random', line: '' } as const;
  store.command('space');
  store.receive({ ...answer, id: 'id-0', ok: true }, []);
  assert.equal(store.notice, '随机抽取');
  const seen: string[] = [];
  store.command('space', {}, ({ message }) => seen.push(message) > 1);
  store.receive({ ...answer, id: 'id-1', ok: false }, []);
  assert.deepEqual([seen, store.notice], [['随机抽取'], '未执行：随机抽取']);
});

test('a refusal that its form shows is no notice', () => {
  const { store } = makeStore('resumed');
  const told: string[] = [];
  const refusal = { kind: 'ack', ok: false, done: true, message: 'no', line: '' } as const;
  store.command('try', {}, answer => told.push(answer.message) > 0);
  store.receive({ ...refusal, id: 'id-0' }, []);
  assert.deepEqual([told, store.notice], [['no'], '']);
  store.command('stop');
  store.receive({ ...refusal, id: 'id-1' }, []);
  assert.equal(store.notice, 'panel.refused');
});

test('the kernel hears of the first who asks and of the last who ends', () => {
  const { store, sent } = makeStore('finished');
  const options = { x: 'a', y: 'b' };
  const ask = { kind: 'ask', view: 'id-0', topic: 'contour', options, on: true };
  store.ask('contour', { x: 'a', y: 'b' }, true);
  store.ask('contour', { y: 'b', x: 'a' }, true);
  store.ask('contour', { x: 'a', y: 'b' }, false);
  assert.deepEqual(sent, [ask]);
  store.ask('contour', { x: 'a', y: 'b' }, false);
  store.ask('contour', { x: 'a', y: 'b' }, false);
  assert.deepEqual(sent, [ask, { ...ask, on: false }]);
});

test('what is on screen is asked again and again, what was ended is not', () => {
  const { store, sent } = makeStore('finished');
  store.ask('best', {}, true);
  store.ask('spread', {}, true);
  store.ask('spread', {}, false);
  store.keepAsking();
  assert.deepEqual(sent.slice(3), [sent[0]]);
});

test('answers are found by their options, and a new snapshot repeats the questions', () => {
  const { store, sent } = makeStore('finished');
  const answer: IAnswer = {
    ...{ kind: 'answer', v: 1, topic: 'contour', options: { y: 'b', x: 'a' } },
    ...{ seq: 3, info: { names: [] }, error: '' }
  };
  store.ask('contour', { x: 'a', y: 'b' }, true);
  store.receive(answer, []);
  assert.equal(store.answerOf('contour', { x: 'a', y: 'b' }), answer);
  assert.equal(store.answerOf('contour', {}), null);
  const expected = goldenExpected('finished');
  store.receive({ ...expected.snapshot, status: STATUS }, [bufferOf(expected)]);
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[1], sent[0]);
});

test('answers to old questions are forgotten, those that are still asked are not', () => {
  const { store } = makeStore('finished');
  const answer = (x: number): IAnswer => ({
    ...{ kind: 'answer', v: 1, topic: 'contour', options: { x: String(x) } },
    ...{ seq: 3, info: null, error: '' }
  });
  store.ask('contour', { x: '0' }, true);
  for (let x = 0; x < 40; x += 1) {
    store.receive(answer(x), []);
  }
  const kept = [0, 1, 39].map(x => store.answerOf('contour', { x: String(x) }) !== null);
  assert.deepEqual(kept, [true, false, true]);
});

test('a thousand events a second end in the same state as their replay, whatever the batches', () => {
  const events = flood(100, 30);
  const expected = goldenExpected('finished');
  const store = new StudyStore(() => undefined);
  store.receive({ ...expected.snapshot, status: STATUS }, [bufferOf(expected)]);
  const before = store.view;
  const after = events.map(event => ({ ...event, seq: event.seq + before.seq }));
  for (let at = 0, size = 1; at < after.length; at += size, size = (size * 7) % 125) {
    store.receive(batch(after.slice(at, at + size)), []);
  }
  let view = before;
  for (const event of after) {
    view = apply(view, event);
  }
  assert.deepEqual(store.view, view);
  assert.equal(store.view.trials.length, before.trials.length + 100);
});

/** Trials whose epochs are interleaved, four at a time, numbered after those of the golden study. */
function flood(trials: number, epochs: number): StudyEvent[] {
  const first = goldenExpected('finished').view.trials.length + 1;
  const events: StudyEvent[] = [];
  const stamp = (): { v: number; seq: number; at: number; elapsed: number } => ({
    ...{ v: 1, seq: events.length + 1, at: 0, elapsed: events.length / 1000 }
  });
  for (let group = 0; group < trials; group += 4) {
    const numbers = [0, 1, 2, 3].map(offset => first + group + offset);
    for (const trial of numbers) {
      events.push({
        ...{ type: 'TrialStarted', trial, attempt: 1, values: {}, epochs, why: '', parent: null },
        ...{ memo: {}, resumed_epoch: 0, resumed_run: 1, queued: false },
        ...stamp()
      });
    }
    for (let epoch = 1; epoch <= epochs; epoch += 1) {
      for (const trial of numbers) {
        const logs = { loss: trial / epoch, ...(epoch > 3 ? { late: epoch } : {}) };
        events.push({ type: 'EpochEnded', trial, attempt: 1, epoch, logs, run: 1, ...stamp() });
      }
    }
  }
  return events;
}

test('curves that a snapshot left out come with the answer about their trial', () => {
  const { store } = makeStore('finished');
  const whole = goldenExpected('finished');
  const { curves } = whole.body;
  const kept = curves.kept.map(() => false);
  const body = { ...whole.body, curves: { ...curves, kept } };
  store.receive({ ...whole.snapshot, status: STATUS }, [
    bufferOf({ ...whole, body, curve_bytes: '' })
  ]);
  assert.deepEqual(store.view.trials[0]?.curves['val_accuracy'], [null, null, null]);
  const told = [{ val_accuracy: [0.5, 0.75, 0.625] }];
  const answer = { kind: 'answer', v: 1, topic: 'trial', seq: 1, error: '' } as const;
  store.receive({ ...answer, options: { trial: '1' }, info: { curves: told } }, []);
  assert.deepEqual(store.view.trials[0].curves, told[0]);
  const before = store.view;
  store.receive({ ...answer, options: { trial: '1' }, info: { curves: [{ loss: [1] }] } }, []);
  assert.equal(store.view, before); // what is there stays
});
