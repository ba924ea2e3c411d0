/** The pictures that the kernel computes, each in its tab. */
import type { PictureKind } from '../model/protocol';
import { make } from './dom';
import type { IHands, ISection } from './section';
import type { StudyStore } from './store';

/** A section that asks for this picture's info while it is in view, and paints it. */
export function makePicture(store: StudyStore, kind: PictureKind, hands: IHands): ISection {
  const node = make('div', { className: 'tm-picture' });
  return {
    node,
    update() {
      void hands;
    },
    setVisible(visible) {
      store.ask(kind, {}, visible);
    }
  };
}
