/** Golden journals, written by Python. */
import { readdirSync, readFileSync } from 'node:fs';
import type { ISnapshot, IStudyView, StudyEvent } from '../src/model/protocol';

declare const GOLDEN_FOLDER: string;

export interface IExpected {
  readonly view: IStudyView;
  readonly snapshot: ISnapshot;
  readonly buffer: string;
}

export function goldenNames(): string[] {
  return readdirSync(GOLDEN_FOLDER)
    .filter(name => name.endsWith('.jsonl'))
    .map(name => name.replace('.jsonl', ''));
}

/** Journal lines are eight hex digits of a checksum, a blank, and the event. */
export function goldenEvents(name: string): StudyEvent[] {
  return readFileSync(`${GOLDEN_FOLDER}${name}.jsonl`, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line.slice(9)) as StudyEvent);
}

export function goldenExpected(name: string): IExpected {
  return JSON.parse(readFileSync(`${GOLDEN_FOLDER}${name}.view.json`, 'utf8')) as IExpected;
}

export function bufferOf(expected: IExpected): DataView {
  return new DataView(Uint8Array.from(Buffer.from(expected.buffer, 'hex')).buffer);
}
