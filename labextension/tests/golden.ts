/** Golden journals, written by Python. */
import { readdirSync, readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import type { ISnapshot, ISnapshotBody, IStudyView, StudyEvent } from '../src/model/protocol';

declare const GOLDEN_FOLDER: string;

export interface IExpected {
  readonly events: readonly StudyEvent[];
  readonly view: IStudyView;
  readonly snapshot: ISnapshot;
  readonly body: ISnapshotBody;
  readonly curve_bytes: string;
}

export function goldenNames(): string[] {
  return readdirSync(GOLDEN_FOLDER)
    .filter(name => name.endsWith('.jsonl'))
    .map(name => name.replace('.jsonl', ''));
}

/** The events as they cross the wire: Python has filled in what an older journal lacks. */
export function goldenEvents(name: string): readonly StudyEvent[] {
  return goldenExpected(name).events;
}

export function goldenExpected(name: string): IExpected {
  return JSON.parse(readFileSync(`${GOLDEN_FOLDER}${name}.view.json`, 'utf8')) as IExpected;
}

/** The buffer as Python packs it: length, JSON, curves, compressed. */
export function bufferOf(expected: IExpected): DataView {
  const text = Buffer.from(JSON.stringify(expected.body));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const packed = deflateSync(
    Buffer.concat([length, text, Buffer.from(expected.curve_bytes, 'hex')])
  );
  return new DataView(Uint8Array.from(packed).buffer);
}
