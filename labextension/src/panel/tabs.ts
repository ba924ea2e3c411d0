/** Tabs after the WAI-ARIA pattern: one stop for Tab, arrow keys in between, drawn when first shown. */
import { make, setText, uniqueId } from './dom';
import type { ISection } from './section';

export interface ITab {
  readonly title: string;
  make(): ISection;
  /** Whether there is anything to show; always, when left out. */
  offered?(): boolean;
}

interface IShownTab {
  readonly tab: ITab;
  readonly button: HTMLButtonElement;
  readonly panel: HTMLElement;
  section: ISection | null;
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 };

export function makeTabs(label: string, tabs: readonly ITab[]): ISection {
  const all = tabs.map(makeTab);
  const strip = make(
    'div',
    { className: 'tm-tabs', attributes: { role: 'tablist', 'aria-label': label } },
    ...all.map(one => one.button)
  );
  const node = make('div', { className: 'tm-views' }, strip, ...all.map(one => one.panel));
  let shown = all[0];

  function show(next: IShownTab): void {
    if (shown !== next) {
      shown?.section?.setVisible?.(false);
      shown = next;
    }
    for (const { button, panel } of all) {
      const chosen = button === next.button;
      button.setAttribute('aria-selected', String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      panel.hidden = !chosen;
    }
    if (next.section === null) {
      next.section = next.tab.make();
      next.panel.append(next.section.node);
    }
    next.section.setVisible?.(true);
    next.section.update();
  }

  for (const one of all) {
    one.button.addEventListener('click', () => {
      show(one);
    });
  }
  strip.addEventListener('keydown', event => {
    const offered = all.filter(one => !one.button.hidden);
    const at = offered.findIndex(one => one === shown);
    const step = STEPS[event.key];
    const place =
      step !== undefined
        ? (at + step + offered.length) % offered.length
        : event.key === 'Home'
          ? 0
          : event.key === 'End'
            ? offered.length - 1
            : null;
    const next = place === null ? undefined : offered[place];
    if (next !== undefined) {
      event.preventDefault();
      show(next);
      next.button.focus();
      next.button.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    }
  });

  return {
    node,
    update() {
      for (const { tab, button } of all) {
        button.hidden = !(tab.offered?.() ?? true);
      }
      const [first] = all;
      if (shown !== undefined && first !== undefined) {
        if (shown.section === null || shown.button.hidden) {
          show(shown.button.hidden ? first : shown);
        } else {
          shown.section.update();
        }
      }
    },
    recolour() {
      for (const { section } of all) {
        section?.recolour?.();
      }
    },
    dispose() {
      shown?.section?.setVisible?.(false);
      for (const { section } of all) {
        section?.dispose?.();
      }
    }
  };
}

function makeTab(tab: ITab): IShownTab {
  const [buttonId, panelId] = [uniqueId(), uniqueId()];
  const button = make('button', {
    className: 'tm-tab',
    attributes: { type: 'button', role: 'tab', id: buttonId, 'aria-controls': panelId }
  });
  setText(button, tab.title);
  const panel = make('div', {
    className: 'tm-view',
    attributes: { role: 'tabpanel', id: panelId, 'aria-labelledby': buttonId }
  });
  return { tab, button, panel, section: null };
}
