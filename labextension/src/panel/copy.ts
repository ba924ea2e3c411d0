/** A button that copies a text, also on pages without https. */
import type { Translate } from '../model/texts';
import { make, makeButton, setText } from './dom';

const SAID_MILLISECONDS = 1500;

export function copyButton(t: Translate, textOf: () => string): HTMLButtonElement {
  const button = makeButton(t('panel.copy'), '', () => {
    void copy(textOf(), button).then(() => {
      setText(button, t('panel.copied'));
      setTimeout(() => {
        setText(button, t('panel.copy'));
      }, SAID_MILLISECONDS);
    });
  });
  button.classList.add('tm-small');
  return button;
}

async function copy(text: string, beside: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages without https have no clipboard, and some frames are not allowed to write to it.
    const area = make('textarea', {
      className: 'tm-spoken',
      attributes: { 'aria-hidden': 'true' }
    });
    area.value = text;
    beside.after(area);
    area.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way that is left
    document.execCommand('copy');
    area.remove();
    beside.focus();
  }
}
