/** A study's view from the columns and the float32 buffer of a snapshot message. */
import type { ISnapshot, IStudyView, ITrialRecord, TrialColumns } from './protocol';

type Curves = Record<string, readonly (number | null)[]>;

/** Rebuild the view. Throws RangeError when the buffer is shorter than the message says. */
export function viewFromSnapshot(message: ISnapshot, buffer: DataView): IStudyView {
  const byTrial = new Map<number, Curves[]>();
  for (const { trial, run, metric, offset, length } of message.curves) {
    const runs = byTrial.get(trial) ?? [{}];
    while (runs.length < run) {
      runs.push({});
    }
    const curves = runs[run - 1];
    if (curves !== undefined) {
      curves[metric] = Array.from({ length }, (_, index) => {
        const value = buffer.getFloat32(4 * (offset + index), true);
        return Number.isNaN(value) ? null : value;
      });
    }
    byTrial.set(trial, runs);
  }
  const { trials } = message.view;
  return {
    ...message.view,
    trials: trials.number.map((number, row) => trialAt(trials, row, byTrial.get(number) ?? []))
  };
}

function trialAt(columns: TrialColumns, row: number, runs: readonly Curves[]): ITrialRecord {
  const [curves = {}, ...more_curves] = runs;
  const record: Record<string, unknown> = { curves, more_curves };
  for (const [name, column] of Object.entries(columns)) {
    record[name] = column[row];
  }
  // Every column of TrialColumns has been read, which the type can't follow.
  return record as unknown as ITrialRecord;
}
