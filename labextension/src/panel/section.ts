/** What every part of the panel is: a node that follows the store until it is disposed. */

export interface ISection {
  readonly node: HTMLElement;
  /** Bring the node up to date. Called at most once per frame, in a tab only while it is shown. */
  update(): void;
  /** It came into view or left it: only in view it should ask the kernel for anything. */
  setVisible?(visible: boolean): void;
  /** Take the colours anew: the theme has changed. */
  recolour?(): void;
  /** Take back whatever reaches outside the node. */
  dispose?(): void;
}

/** What a picture may do to the rest of its panel. */
export interface IHands {
  /** Unfold this trial in the table and mark its curves. */
  openTrial(trial: number): void;
  /** Open the form that tries values, filled with these; the others are those of the best trial. */
  tryValues(values: Readonly<Record<string, number | string | boolean>>): void;
  /** Unfold this artefact in the table of exports. */
  openExport(key: string): void;
}
