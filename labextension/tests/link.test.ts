import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import type { Kernel } from '@jupyterlab/services';
import { KernelLink, NoReply } from '../src/kernel/link';
import type { Asked } from '../src/kernel/link';

/** A link whose comm is open; `reply` answers the latest request. */
function makeLink(t: TestContext): { link: KernelLink; reply: () => void } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lab = globalThis as { document?: unknown };
  lab.document ??= { documentElement: { lang: 'en' } };
  const sent: { id?: string }[] = [];
  const comm = { isDisposed: false, send: (message: { id?: string }) => sent.push(message) };
  const heard: { onMsg?: (message: unknown) => void } = comm as object;
  let open: (comm: unknown) => void = () => undefined;
  const kernel = {
    isDisposed: false,
    statusChanged: { connect: () => true },
    registerCommTarget: (_: string, opened: typeof open) => (open = opened),
    requestCommInfo: () => Promise.resolve({ content: { status: 'ok', comms: {} } })
  };
  const link = new KernelLink(kernel as unknown as Kernel.IKernelConnection, () => 0);
  open(comm);
  return {
    link,
    reply: () => {
      const id = sent.at(-1)?.id;
      heard.onMsg?.({ content: { data: { kind: 'reply', id, ok: true, message: 'here' } } });
    }
  };
}

const REPORT: Asked = { kind: 'steer', study: 'digits', verb: 'report' };
const STOP: Asked = { kind: 'steer', study: 'digits', verb: 'stop' };

test('a report may take minutes, a click may not', async t => {
  const { link, reply } = makeLink(t);
  const stopped = link.ask(STOP);
  const written = link.ask(REPORT);
  t.mock.timers.tick(60_000);
  await assert.rejects(stopped, NoReply);
  reply();
  assert.equal((await written).message, 'here');
});

test('a reply ends the waiting for it', async t => {
  const { link, reply } = makeLink(t);
  const cleared = t.mock.method(globalThis, 'clearTimeout');
  const asked = link.ask(STOP);
  reply();
  await asked;
  assert.equal(cleared.mock.callCount(), 1);
});
