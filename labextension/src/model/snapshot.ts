/** A study's view from the packed buffer of a snapshot message (see `snapshot` in widgets/wire.py). */
import { unzlibSync } from 'fflate';
import type {
  ICurveTable,
  ISnapshotBody,
  IStudyView,
  ITrialRecord,
  TrialColumns
} from './protocol';

type Curves = Record<string, readonly (number | null)[]>;

const LENGTH_BYTES = 4;
const FLOAT_BYTES = 4;

/** Rebuild the view. Throws an Error when the buffer is not whole. */
export function viewFromSnapshot(buffer: DataView): IStudyView {
  const content = unzlibSync(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength));
  const head = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const end = LENGTH_BYTES + head.getUint32(0, true);
  const text = new TextDecoder().decode(content.subarray(LENGTH_BYTES, end));
  const { view, curves } = JSON.parse(text) as ISnapshotBody;
  const byTrial = curvesByTrial(curves, floatsOf(content.subarray(end)));
  const { trials } = view;
  return {
    ...view,
    trials: trials.number.map((number, row) => trialAt(trials, row, byTrial.get(number) ?? []))
  };
}

/** Numbers whose first bytes all come first, then their second ones, and so on. */
function floatsOf(planes: Uint8Array): Float32Array {
  const count = planes.length / FLOAT_BYTES;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < FLOAT_BYTES; plane++) {
    for (let index = 0; index < count; index++) {
      bytes[FLOAT_BYTES * index + plane] = planes[plane * count + index] ?? 0;
    }
  }
  const numbers = new DataView(bytes.buffer);
  return Float32Array.from({ length: count }, (_, index) =>
    numbers.getFloat32(FLOAT_BYTES * index, true)
  );
}

/** Each trial's curves, run by run. One whose values were left out has nothing but its length. */
function curvesByTrial(table: ICurveTable, values: Float32Array): ReadonlyMap<number, Curves[]> {
  const byTrial = new Map<number, Curves[]>();
  let offset = 0;
  table.trial.forEach((trial, row) => {
    const [run = 1, length = 0, metric = 0] = [
      table.run[row],
      table.length[row],
      table.metric[row]
    ];
    const kept = table.kept[row] === true;
    if (kept && offset + length > values.length) {
      throw new RangeError(`expected ${offset + length} numbers; received ${values.length}.`);
    }
    const runs = byTrial.get(trial) ?? [];
    while (runs.length < run) {
      runs.push({});
    }
    const curves = runs[run - 1];
    if (curves !== undefined) {
      curves[table.names[metric] ?? ''] = Array.from({ length }, (_, epoch) => {
        const value = kept ? (values[offset + epoch] ?? NaN) : NaN;
        return Number.isNaN(value) ? null : value;
      });
    }
    offset += kept ? length : 0;
    byTrial.set(trial, runs);
  });
  return byTrial;
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
