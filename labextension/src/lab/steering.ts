/** Commands that act on the current notebook's search, and what is said of what they did. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Asked } from '../kernel/link';
import { NoReply } from '../kernel/link';
import type { KernelTracker } from '../kernel/tracker';
import type { ISideReply, ISteerStudy } from '../model/protocol';
import { targetOf } from './news';

export type Verb = ISteerStudy['verb'];

const LOAD_LINE = '%load_ext tunemagic';

/** Tell the user why something was not done. */
export function warn(message: string): void {
  Notification.warning(message, { autoClose: 8000 });
}

/** Ask the current notebook's kernel. Null after the user was told why there is no answer. */
export async function askKernel(
  tracker: KernelTracker,
  trans: TranslationBundle,
  asked: Asked
): Promise<ISideReply | null> {
  const { link } = tracker;
  if (link === null || !link.loaded) {
    warn(trans.__('tunemagic is not loaded in this notebook: run %1 first.', LOAD_LINE));
    return null;
  }
  try {
    const reply = await link.ask(asked);
    if (!reply.ok) {
      warn(reply.message);
    }
    return reply.ok ? reply : null;
  } catch (error) {
    if (!(error instanceof NoReply)) {
      throw error;
    }
    warn(trans.__('The kernel did not answer. It may be busy: try again, or interrupt it.'));
    return null;
  }
}

/** Do this to the search that runs in the current notebook, or that the side panel shows. */
export async function steer(
  tracker: KernelTracker,
  trans: TranslationBundle,
  verb: Verb,
  shown: string | null
): Promise<void> {
  const study = targetOf(tracker.link?.studies ?? [], shown);
  if (study === undefined && tracker.link?.loaded === true) {
    warn(trans.__('There is no search in this notebook yet.'));
    return;
  }
  const reply = await askKernel(tracker, trans, { kind: 'steer', study: study?.name ?? '', verb });
  if (reply !== null) {
    Notification.info(
      verb === 'report'
        ? trans.__('Report written: %1', reply.message)
        : trans.__('Done: %1', reply.message),
      { autoClose: 5000 }
    );
  }
}
