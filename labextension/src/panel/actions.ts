/** Stop and Detach, and the line that says what came of a click. */
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

export function makeActions(store: StudyStore): ISection & { readonly notice: HTMLElement } {
  const { t } = store;
  const stop = make('button', {
    className: 'tm-button tm-stop',
    text: t('panel.stop'),
    attributes: { type: 'button', title: t('panel.stop_title') }
  });
  const detach = make('button', {
    className: 'tm-button',
    text: t('panel.detach'),
    attributes: { type: 'button', title: t('panel.detach_title') }
  });
  const notice = make('div', { className: 'tm-notice', attributes: { role: 'alert' } });
  const node = make('div', { className: 'tm-actions' }, stop, detach);
  let [wasRunning, wasWaiting] = [false, false];
  stop.addEventListener('click', () => {
    store.command('stop');
  });
  detach.addEventListener('click', () => {
    store.command('detach');
  });

  function update(): void {
    const running = store.steerable;
    const waiting = running && store.status.waiting;
    wasRunning ||= running;
    wasWaiting ||= waiting;
    node.hidden = !wasRunning;
    detach.hidden = !wasWaiting;
    // Buttons that are hidden later keep their place: the header must not jump.
    stop.style.visibility = running ? 'visible' : 'hidden';
    detach.style.visibility = waiting ? 'visible' : 'hidden';
    stop.disabled = store.isPending('stop') || store.stopping;
    detach.disabled = store.isPending('detach');
    setText(notice, store.notice === '' ? store.status.read_only : store.notice);
  }

  return { node, notice, update };
}
