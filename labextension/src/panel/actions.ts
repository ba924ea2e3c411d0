/** The buttons that steer a search, and the line that says what came of a click. */
import { epochsDone } from '../model/trials';
import { copyButton } from './copy';
import { make, makeButton, setText } from './dom';
import type { IDrawer } from './drawer';
import { makeDrawer, oneAtATime } from './drawer';
import type { ISection } from './section';
import { makeSpace } from './space';
import { makeBudget, makeTry } from './steering';
import type { StudyStore, Verb } from './store';

export interface IActions extends ISection {
  /** What a click came to: a refusal, and the magic line that does the same. */
  readonly notice: HTMLElement;
  /** The boxes that the buttons open. */
  readonly drawers: HTMLElement;
  tryValues(values: Readonly<Record<string, number | string | boolean>>): void;
}

/** A compact panel has the plain buttons only. */
export function makeActions(store: StudyStore, compact: boolean): IActions {
  const { t } = store;
  const send =
    (verb: Verb): (() => void) =>
    () => {
      store.command(verb);
    };
  const pause = makeButton('', '', () => {
    store.command(store.view.state === 'paused' ? 'resume' : 'pause');
  });
  const stop = makeButton(t('panel.stop'), t('panel.stop_title'), send('stop'));
  stop.classList.add('tm-stop');
  const detach = makeButton(t('panel.detach'), t('panel.detach_title'), send('detach'));
  const skip = makeSkip(store);
  const tryDrawer = makeTry(store);
  const drawers: readonly IDrawer[] = [skip, tryDrawer, makeSpace(store), makeBudget(store)];
  oneAtATime(drawers);
  const steering = compact ? [] : drawers.slice(1).map(drawer => drawer.button);
  const node = make(
    'div',
    { className: 'tm-actions' },
    ...[pause, skip.button, stop, ...steering, detach]
  );
  const notice = makeNotice(store);
  let wasWaiting = false;

  function update(): void {
    const steerable = store.steerable;
    const waiting = steerable && store.status.waiting;
    wasWaiting ||= waiting;
    node.hidden = !steerable;
    detach.hidden = !wasWaiting;
    // It keeps its place, so that the other buttons stay under the pointer.
    detach.style.visibility = waiting ? 'visible' : 'hidden';
    const paused = store.view.state === 'paused';
    setText(pause, t(paused ? 'panel.resume' : 'panel.pause'));
    pause.title = t(paused ? 'panel.resume_title' : 'panel.pause_title');
    pause.disabled = store.isPending('pause') || store.isPending('resume') || store.stopping;
    stop.disabled = store.isPending('stop') || store.stopping;
    skip.button.disabled = !store.view.trials.some(trial => trial.state === 'running');
    detach.disabled = store.isPending('detach');
    if (!steerable) {
      for (const drawer of drawers) {
        drawer.close();
      }
    }
    notice.update();
  }

  return {
    node,
    notice: notice.node,
    drawers: make('div', { className: 'tm-drawers' }, ...drawers.map(drawer => drawer.box)),
    update,
    tryValues(values) {
      if (store.steerable) {
        tryDrawer.openWith(values);
      }
    }
  };
}

/** Skips the trial that runs; of several the user chooses one. */
function makeSkip(store: StudyStore): IDrawer {
  const { t } = store;
  const list = make('div', { className: 'tm-row' });
  const drawer = makeDrawer(t('panel.skip'), t('panel.skip_title'), list, () => {
    const running = store.view.trials.filter(trial => trial.state === 'running');
    list.replaceChildren(
      make('span', { text: t('panel.skip_which') }),
      ...running.map(trial =>
        makeButton(
          t('panel.trial_at', {
            number: trial.number,
            done: epochsDone(trial),
            all: trial.epochs
          }),
          '',
          () => {
            store.command('skip', { trial: trial.number });
            drawer.close();
          }
        )
      )
    );
  });
  const { open } = drawer;
  drawer.open = () => {
    const running = store.view.trials.filter(trial => trial.state === 'running');
    const [only] = running;
    if (running.length > 1) {
      open();
    } else if (only !== undefined) {
      store.command('skip', { trial: only.number });
    }
  };
  return drawer;
}

/** One line is kept free for it, so that nothing jumps when it comes. */
function makeNotice(store: StudyStore): ISection {
  const { t } = store;
  const said = make('span', { className: 'tm-told', attributes: { role: 'alert' } });
  const line = make('code', { className: 'tm-line' });
  const same = make(
    'span',
    { className: 'tm-same' },
    make('span', { text: t('panel.same_as') }),
    line,
    copyButton(t, () => line.textContent)
  );
  const node = make('div', { className: 'tm-notice' }, said, same);
  return {
    node,
    update() {
      setText(said, store.notice === '' ? t.fact(store.status.read_only) : store.notice);
      said.dataset['good'] = String(store.noticeIsGood);
      setText(line, store.line);
      same.hidden = store.line === '';
    }
  };
}
