/** What the signs of a picture mean. */
import type { Shape } from './svg';
import { path, SHADES, shaded, shapes, svg } from './svg';

/** A sign of the legend and what it means. */
export interface ISign {
  readonly sign: SVGElement;
  readonly text: string;
}

/** The signs of a drawn picture, or the sentence that says why there is none. */
export type Drawn = readonly ISign[] | string;

/** What the signs of a picture mean, as a list. */
export function legendItems(signs: readonly ISign[]): HTMLLIElement[] {
  return signs.map(({ sign, text }) => {
    const item = document.createElement('li');
    const width = sign.classList.contains('tm-scale') ? 60 : 18;
    item.append(svg('svg', { width, height: 12, 'aria-hidden': 'true' }, sign), text);
    return item;
  });
}

/** A sign of the legend: the shape in the middle, or a line from end to end. */
export function sign(className: string, shape: Shape | 'line', text: string): ISign {
  const d = shape === 'line' ? 'M0 6h18' : shapes(shape, [{ x: 9, y: 6 }]);
  return { sign: path(className, d), text };
}

/** The scale of shades as a sign of the legend. */
export function scale(text: string): ISign {
  const levels = Array.from({ length: SHADES }, (_, index) => ({ share: index / SHADES, index }));
  const bars = shaded(levels, 'cells', items =>
    items.map(({ index }) => `M${index * 10} 1h10v10h-10z`).join('')
  );
  return { sign: svg('g', { class: 'tm-scale' }, ...bars), text };
}
