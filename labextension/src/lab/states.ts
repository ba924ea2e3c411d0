/** A study's state in words. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** The word for a state; "" is a study on disk of which nothing more is known yet. */
export function stateText(state: string, trans: TranslationBundle): string {
  switch (state) {
    case '':
      return trans.__('on disk');
    case 'new':
      return trans.__('new');
    case 'running':
      return trans.__('running');
    case 'paused':
      return trans.__('paused');
    case 'finished':
      return trans.__('finished');
    case 'stopped':
      return trans.__('stopped');
    case 'failed':
      return trans.__('failed');
    case 'interrupted':
      return trans.__('interrupted');
    default:
      return state;
  }
}
