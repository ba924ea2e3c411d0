/** What every part of the panel is: a node that follows the store until it is disposed. */

export interface ISection {
  readonly node: HTMLElement;
  /** Bring the node up to date. Called at most once per frame. */
  update(): void;
  /** Take back whatever reaches outside the node. */
  dispose?(): void;
}
