/** A canvas that shows a sample and can be drawn on; what is drawn is scaled to the model's input. */
import { make } from '../panel/dom';
import type { ILook } from './messages';

const SIDE = 224;

export interface ISheet {
  readonly node: HTMLCanvasElement;
  /** Show a picture. */
  show(url: string): void;
  clear(): void;
  /** What is on it, as the model takes it: pixels row by row, each with its channels. */
  values(): number[];
}

/** `onDraw` is called while the pen moves. */
export function makeSheet(look: ILook, label: string, onDraw: () => void): ISheet {
  const scale = SIDE / Math.max(look.width, look.height);
  const node = make('canvas', { attributes: { role: 'img', 'aria-label': label } });
  node.width = Math.round(look.width * scale);
  node.height = Math.round(look.height * scale);
  const paint = contextOf(node);
  let last: { readonly x: number; readonly y: number } | null = null;
  let shown = 0;

  function clear(): void {
    shown += 1;
    paint.fillStyle = '#000';
    paint.fillRect(0, 0, node.width, node.height);
  }

  function draw(event: PointerEvent): void {
    const { left, top, width } = node.getBoundingClientRect();
    const zoom = node.width / width;
    const place = { x: (event.clientX - left) * zoom, y: (event.clientY - top) * zoom };
    paint.strokeStyle = '#fff';
    paint.lineCap = paint.lineJoin = 'round';
    paint.lineWidth = Math.max(6, 0.09 * node.height);
    paint.beginPath();
    const from = last ?? place;
    paint.moveTo(from.x, from.y);
    paint.lineTo(place.x, place.y);
    paint.stroke();
    last = place;
    shown += 1;
    onDraw();
  }

  node.addEventListener('pointerdown', event => {
    node.setPointerCapture(event.pointerId);
    draw(event);
  });
  node.addEventListener('pointermove', event => {
    if (last !== null) {
      draw(event);
    }
  });
  for (const end of ['pointerup', 'pointercancel'] as const) {
    node.addEventListener(end, () => {
      last = null;
    });
  }
  clear();

  return {
    node,
    clear,
    show(url) {
      shown += 1;
      const wanted = shown;
      const image = new Image();
      image.addEventListener('load', () => {
        if (wanted === shown) {
          paint.imageSmoothingEnabled = false;
          paint.drawImage(image, 0, 0, node.width, node.height);
        }
      });
      image.src = url;
    },
    values() {
      const small = make('canvas');
      [small.width, small.height] = [look.width, look.height];
      const reader = contextOf(small);
      reader.imageSmoothingQuality = 'high';
      reader.drawImage(node, 0, 0, look.width, look.height);
      const { data } = reader.getImageData(0, 0, look.width, look.height);
      const found: number[] = [];
      for (let at = 0; at < data.length; at += 4) {
        for (let channel = 0; channel < look.channels; channel += 1) {
          const level = (channel === 3 ? 255 : (data[at + channel] ?? 0)) / 255;
          found.push(Number((look.low + level * (look.high - look.low)).toPrecision(5)));
        }
      }
      return found;
    }
  };
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) {
    throw new Error('expected a canvas that can be drawn on.');
  }
  return context;
}
