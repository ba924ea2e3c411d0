/** Whether the page behind a node is dark, and news when that changes. */

/** Dark or light by the first opaque background behind the node; light when there is none. */
function themeOf(node: Element): 'dark' | 'light' {
  for (let at: Element | null = node; at !== null; at = parentOf(at)) {
    const [red, green = 0, blue = 0, alpha = 1] = numbersIn(getComputedStyle(at).backgroundColor);
    // A node outside of the page has no colours at all.
    if (red !== undefined && alpha > 0.5) {
      // Weights of the eye's sensitivity to the three colours (ITU-R BT.709).
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128 ? 'dark' : 'light';
    }
  }
  return 'light';
}

function parentOf(node: Element): Element | null {
  if (node.parentElement !== null) {
    return node.parentElement;
  }
  const root = node.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

function numbersIn(colour: string): number[] {
  return (colour.match(/[\d.]+/g) ?? []).map(Number);
}

/** Keep `data-tm-theme` right and call `onChange` after each change; returns what ends that. */
export function followTheme(node: HTMLElement, onChange: () => void): () => void {
  const refresh = (): void => {
    const theme = themeOf(node.parentElement ?? node);
    if (node.dataset['tmTheme'] !== theme) {
      node.dataset['tmTheme'] = theme;
      onChange();
    }
  };
  const observer = new MutationObserver(refresh);
  for (const target of [document.documentElement, document.body]) {
    observer.observe(target, {
      attributes: true,
      attributeFilter: ['class', 'style', 'data-jp-theme-name', 'data-jp-theme-light', 'data-theme']
    });
  }
  // Hosts draw a view before they put it on the page: it gets its size when it is there.
  const arrival = new ResizeObserver(refresh);
  arrival.observe(node);
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', refresh);
  refresh();
  return () => {
    observer.disconnect();
    arrival.disconnect();
    media.removeEventListener('change', refresh);
  };
}
