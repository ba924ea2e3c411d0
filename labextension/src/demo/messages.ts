/** What crosses the comm of the widget to try a model out: the twins of tunemagic/widgets/demo.py. */

export interface ILook {
  readonly layout: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly low: number;
  readonly high: number;
  readonly names: readonly string[];
}

export interface IDemoFile {
  readonly mode: string;
  readonly name: string;
  readonly bytes: number | null;
}

export interface ISetup {
  readonly kind: 'setup';
  readonly texts: Readonly<Record<string, string>>;
  readonly look: ILook;
  readonly count: number;
  readonly files: readonly IDemoFile[];
  readonly labels: readonly string[];
  readonly classes: boolean;
}

export interface IAnswered {
  readonly outputs: readonly number[];
  readonly text: string;
  readonly microseconds: number;
}

export interface IShownSample {
  readonly row: number;
  readonly picture: string;
  readonly values: readonly number[];
}

export interface IReply {
  readonly sample: IShownSample | null;
  readonly truth: string;
  readonly keras: IAnswered;
  readonly file: IAnswered;
  readonly same: boolean;
}

export interface IDemoAnswer {
  readonly kind: 'answer';
  readonly id: number;
  readonly reply: IReply | null;
  readonly error: string;
}

export type What = 'row' | 'wrong' | 'flip' | 'values';

export interface IQuestion {
  readonly what: What;
  readonly row: number;
  readonly values: readonly number[];
}
