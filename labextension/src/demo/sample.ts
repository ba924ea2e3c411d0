/** The sample on screen: a picture to draw on, fields to type in, or a line. */
import { line, svg } from '../charts/svg';
import type { Translate } from '../model/texts';
import { make, makeButton } from '../panel/dom';
import type { ILook, IShownSample } from './messages';
import { makeSheet } from './pen';

const [WIDTH, HEIGHT] = [320, 140];
const MOST_FIELDS = 60;

export interface ISampleView {
  readonly node: HTMLElement;
  show(sample: IShownSample): void;
}

/** `onChange` is called with the numbers that the user has drawn or typed. */
export function makeSample(
  look: ILook,
  t: Translate,
  onChange: (values: readonly number[]) => void
): ISampleView {
  return look.layout === 'image'
    ? drawn(look, t, onChange)
    : look.layout === 'columns'
      ? typed(look, t, onChange)
      : plotted(t);
}

function drawn(
  look: ILook,
  t: Translate,
  onChange: (values: readonly number[]) => void
): ISampleView {
  const tell = (): void => {
    onChange(sheet.values());
  };
  const sheet = makeSheet(look, t('demo.sheet'), tell);
  const clear = makeButton(t('demo.clear'), '', () => {
    sheet.clear();
    tell();
  });
  const hint = make('p', { className: 'tm-demo-hint', text: t('demo.draw') });
  return {
    node: make('div', {}, sheet.node, hint, clear),
    show(sample) {
      sheet.show(sample.picture);
    }
  };
}

function typed(
  look: ILook,
  t: Translate,
  onChange: (values: readonly number[]) => void
): ISampleView {
  const node = make('div', {
    className: 'tm-demo-fields',
    attributes: { role: 'group', 'aria-label': t('demo.columns') }
  });
  let all: number[] = [];
  return {
    node,
    show(sample) {
      all = [...sample.values];
      node.replaceChildren(
        ...all.slice(0, MOST_FIELDS).map((value, index) => {
          const field = make('input', { attributes: { type: 'number', step: 'any' } });
          field.value = String(value);
          field.addEventListener('input', () => {
            const next = field.valueAsNumber;
            field.setAttribute('aria-invalid', String(Number.isNaN(next)));
            if (!Number.isNaN(next)) {
              all[index] = next;
              onChange(all);
            }
          });
          const name = look.names[index] ?? t('demo.column', { number: index });
          return make('label', {}, make('span', { text: name }), field);
        })
      );
    }
  };
}

function plotted(t: Translate): ISampleView {
  const node = make('div');
  return {
    node,
    show({ values }) {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const points = values.map((value, index) => ({
        x: (index / Math.max(1, values.length - 1)) * WIDTH,
        y: HEIGHT - 4 - ((value - low) / (high - low || 1)) * (HEIGHT - 8)
      }));
      node.replaceChildren(
        svg(
          'svg',
          {
            viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
            width: '100%',
            role: 'img',
            'aria-label': t('demo.series', { low, high })
          },
          svg('path', { d: line(points) })
        )
      );
    }
  };
}
