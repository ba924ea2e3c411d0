/** What the kernel is asked for while it is on screen, and its latest answers. */
import type { IAnswer, IAsk } from '../model/protocol';

export type Options = Readonly<Record<string, string>>;

// Answers to questions that nobody asks any more are kept, so that a tab is drawn at once when it
// is opened again; but not those of every pair of hyperparameters there is.
const KEPT = 16;

/** Counts who asks: the kernel hears of the first and of the last one only. */
export class Questions {
  private readonly asking = new Map<string, { readonly ask: IAsk; count: number }>();
  private readonly answers = new Map<string, IAnswer>();

  /** `view` is who asks: the kernel keeps those of several pages apart. */
  constructor(
    private readonly send: (message: IAsk) => void,
    private readonly view: string
  ) {}

  /** Begin to ask, or end it: as often as it was begun. */
  ask(topic: string, options: Options, on: boolean): void {
    const key = keyOf(topic, options);
    const asked = this.asking.get(key);
    if (on && asked !== undefined) {
      asked.count += 1;
    } else if (on) {
      const ask: IAsk = { kind: 'ask', view: this.view, topic, options, on };
      this.asking.set(key, { ask, count: 1 });
      this.send(ask);
    } else if (asked !== undefined) {
      asked.count -= 1;
      if (asked.count === 0) {
        this.asking.delete(key);
        this.send({ ...asked.ask, on: false });
      }
    }
  }

  /** Ask everything again: the kernel forgets what it has not heard for a while, or was made anew. */
  repeat(): void {
    for (const { ask } of this.asking.values()) {
      this.send(ask);
    }
  }

  answerOf(topic: string, options: Options): IAnswer | null {
    return this.answers.get(keyOf(topic, options)) ?? null;
  }

  take(answer: IAnswer): void {
    const key = keyOf(answer.topic, answer.options);
    this.answers.delete(key);
    this.answers.set(key, answer);
    for (const old of this.answers.keys()) {
      if (this.answers.size <= KEPT) {
        break;
      }
      if (!this.asking.has(old)) {
        this.answers.delete(old);
      }
    }
  }
}

function keyOf(topic: string, options: Options): string {
  return JSON.stringify([topic, ...Object.entries(options).sort()]);
}
