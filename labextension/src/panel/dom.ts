/** Nodes without HTML text: everything that is shown passes through textContent. */

const PAGE_PART = Math.random().toString(36).slice(2);

interface IOptions {
  readonly className?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** An element with a class, a text, attributes and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: IOptions = {},
  ...children: Node[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (options.className !== undefined) {
    node.className = options.className;
  }
  if (options.text !== undefined) {
    node.textContent = options.text;
  }
  for (const [name, value] of Object.entries(options.attributes ?? {})) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Change the text only when it differs, so that selections and screen readers are left alone. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

let ids = 0;

/** An id that no other panel on the page has, whichever copy of this module made it. */
export function uniqueId(): string {
  ids += 1;
  return `tm-${PAGE_PART}-${ids}`;
}

/** A button with a text, and a longer one for the pointer. */
export function makeButton(
  text: string,
  title = '',
  onClick?: (event: MouseEvent) => void
): HTMLButtonElement {
  const button = make('button', { className: 'tm-button', text, attributes: { type: 'button' } });
  button.title = title;
  if (onClick !== undefined) {
    button.addEventListener('click', onClick);
  }
  return button;
}
