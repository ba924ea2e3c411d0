/** What is new in a kernel's list of studies, as plain values: no JupyterLab in here. */
import type { IStudyRow } from '../model/protocol';

/** Studies that began, ended, or have a better score, each by its row. */
export interface INews {
  readonly started: readonly IStudyRow[];
  readonly done: readonly IStudyRow[];
  readonly better: readonly IStudyRow[];
}

const UNDER_WAY = ['running', 'paused'];

/** Whether a study runs or is paused, in this kernel. */
export function isUnderWay(row: IStudyRow): boolean {
  return row.where === 'kernel' && UNDER_WAY.includes(row.state);
}

/** How to tell that a search has ended: only one that has something to show for it has succeeded. */
export function toneOf({ state, best }: IStudyRow): 'success' | 'info' | 'warning' | 'error' {
  switch (state) {
    case 'failed':
      return 'error';
    case 'finished':
      return best === null ? 'warning' : 'success';
    case 'stopped':
      return 'info';
    default:
      return 'warning';
  }
}

/** Compare two lists of one kernel. What the first list of a page holds is no news, except in that it runs. */
export function newsOf(before: readonly IStudyRow[], after: readonly IStudyRow[]): INews {
  const known = new Map(before.map(row => [row.name, row]));
  const started = after.filter(row => {
    const old = known.get(row.name);
    return isUnderWay(row) && (old === undefined || !isUnderWay(old));
  });
  const was = after.filter(row => {
    const old = known.get(row.name);
    return old !== undefined && isUnderWay(old) && row.where === 'kernel';
  });
  return {
    started,
    done: was.filter(row => !isUnderWay(row)),
    // A best score changes only for the better; the first score is none better than others.
    better: was.filter(row => {
      const old = known.get(row.name)?.best ?? null;
      return isUnderWay(row) && old !== null && row.best !== null && row.best !== old;
    })
  };
}

/** The study that a command is meant for: the one on the screen, if it runs, else the latest that runs. */
export function targetOf(rows: readonly IStudyRow[], shown: string | null): IStudyRow | undefined {
  const own = rows.filter(row => row.where === 'kernel');
  const onScreen = own.find(row => row.name === shown);
  if (onScreen !== undefined && isUnderWay(onScreen)) {
    return onScreen;
  }
  return own.filter(isUnderWay).at(-1) ?? onScreen ?? own.at(-1);
}
