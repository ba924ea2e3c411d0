/** Golden journals, written by Python. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ISnapshot, IStudyView, StudyEvent } from '../src/model/protocol';

declare const GOLDEN_FOLDER: string;

export interface IExpected {
  readonly events: readonly StudyEvent[];
  readonly view: IStudyView;
  readonly snapshot: ISnapshot;
  readonly buffer: string;
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

export function bufferOf(expected: IExpected): DataView {
  return new DataView(Uint8Array.from(Buffer.from(expected.buffer, 'hex')).buffer);
}
