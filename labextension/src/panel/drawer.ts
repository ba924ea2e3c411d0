/** A button and the box that it opens: a form that is out of the way until it is wanted. */
import { make, makeButton, uniqueId } from './dom';

export interface IDrawer {
  readonly button: HTMLButtonElement;
  readonly box: HTMLElement;
  readonly isOpen: boolean;
  open: () => void;
  close(): void;
}

/** `onOpen` fills the box anew. Esc closes it and gives the focus back to the button. */
export function makeDrawer(
  label: string,
  title: string,
  content: HTMLElement,
  onOpen: () => void
): IDrawer {
  const id = uniqueId();
  const button = makeButton(label, title);
  const box = make(
    'div',
    { className: 'tm-drawer', attributes: { id, role: 'group', 'aria-label': label } },
    content
  );
  button.setAttribute('aria-controls', id);

  function show(open: boolean): void {
    box.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
  }

  const drawer: IDrawer = {
    button,
    box,
    get isOpen() {
      return !box.hidden;
    },
    open() {
      onOpen();
      show(true);
      box.querySelector<HTMLElement>('input, select, button')?.focus();
    },
    close() {
      if (box.contains(document.activeElement)) {
        button.focus();
      }
      show(false);
    }
  };
  show(false);
  button.addEventListener('click', () => {
    if (drawer.isOpen) {
      drawer.close();
    } else {
      drawer.open();
    }
  });
  box.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      // Hosts have their own use for Esc: JupyterLab leaves the cell.
      event.stopPropagation();
      drawer.close();
    }
  });
  return drawer;
}

/** Of these drawers at most one is open. */
export function oneAtATime(drawers: readonly IDrawer[]): void {
  for (const drawer of drawers) {
    const { open } = drawer;
    drawer.open = () => {
      for (const other of drawers) {
        if (other !== drawer) {
          other.close();
        }
      }
      open();
    };
  }
}
