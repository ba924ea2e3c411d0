/** What the browser knows of a study: fed by messages, asked by views, free of any page. */
import { PROTOCOL_VERSION } from '../model/protocol';
import type {
  IAcknowledgement,
  ICommand,
  IEventBatch,
  IHello,
  IPanelStatus,
  IReplay,
  ISnapshot,
  IStudyView,
  JSONValue,
  PanelMessage
} from '../model/protocol';
import { viewFromSnapshot } from '../model/snapshot';
import { apply, EMPTY_VIEW } from '../model/view';
import { TEXT } from './text';

export type Outgoing = IHello | IReplay | ICommand;
export type Verb = ICommand['verb'];

const ACK_MILLISECONDS = 2000;
// A replay that is asked for again before its answer can have come only costs messages.
const REPLAY_MILLISECONDS = 1000;
// A kernel that is just starting, or that is busy without a subshell, can miss a hello.
const HELLO_MILLISECONDS = 1000;

const NO_STATUS: IPanelStatus = { session: '', waiting: false, converting: false, read_only: '' };

/** A command without an answer; `late` once the user was told so. */
interface IPending {
  readonly verb: Verb;
  readonly timer: ReturnType<typeof setTimeout>;
  late: boolean;
}

/** Applies batches in order, asks for what is missing, and follows commands to their answers. */
export class StudyStore {
  private current: IStudyView = EMPTY_VIEW;
  private panelStatus: IPanelStatus = NO_STATUS;
  private isSynced = false;
  private lastEventAt = 0;
  private replayAskedAt = -Infinity;
  private pending = new Map<string, IPending>();
  private stoppedSession: string | null = null;
  private shownNotice = '';
  private listeners = new Set<() => void>();

  constructor(
    private readonly send: (message: Outgoing) => void,
    private readonly now: () => number = () => performance.now(),
    private readonly newId: () => string = randomId
  ) {}

  get view(): IStudyView {
    return this.current;
  }

  get status(): IPanelStatus {
    return this.panelStatus;
  }

  /** Whether a snapshot has come. Before, there is nothing to show. */
  get synced(): boolean {
    return this.isSynced;
  }

  /** A line for the user: a refused command, a busy kernel, or ''. */
  get notice(): string {
    return this.shownNotice;
  }

  /** Whether Stop was taken and the search has not ended yet. */
  get stopping(): boolean {
    return this.current.state === 'running' && this.stoppedSession === this.panelStatus.session;
  }

  /** Whether an answer to a click of this kind is due. */
  isPending(verb: Verb): boolean {
    return [...this.pending.values()].some(command => command.verb === verb && !command.late);
  }

  /** Seconds of searching, going on between events while the study runs. */
  elapsed(): number {
    const since = this.current.state === 'running' ? (this.now() - this.lastEventAt) / 1000 : 0;
    return this.current.elapsed + Math.max(0, since);
  }

  /** Call `listener` after every change; returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** A view was put on a page: tell the kernel, again and again until it has answered.
   *
   * Returns what ends that when the view is gone.
   */
  hello(): () => void {
    const greet = (): void => {
      this.send({ kind: 'hello', have: this.current.seq, lang: '' });
    };
    greet();
    const timer = setInterval(() => {
      if (this.isSynced) {
        clearInterval(timer);
      } else {
        greet();
      }
    }, HELLO_MILLISECONDS);
    return () => {
      clearInterval(timer);
    };
  }

  /** Ask the kernel to do something. Its answer, or its silence, becomes the notice. */
  command(verb: Verb, args: Readonly<Record<string, JSONValue>> = {}): void {
    const id = this.newId();
    const timer = setTimeout(() => {
      pending.late = true;
      this.change(TEXT.busy);
    }, ACK_MILLISECONDS);
    const pending: IPending = { verb, timer, late: false };
    this.pending.set(id, pending);
    this.send({
      kind: 'command',
      id,
      study: this.current.study,
      session: this.panelStatus.session,
      verb,
      args
    });
    this.change('');
  }

  /** Take one message from the kernel. */
  receive(message: PanelMessage, buffers: readonly DataView[]): void {
    if (message.kind !== 'ack' && message.v !== PROTOCOL_VERSION) {
      this.change(TEXT.otherVersion);
      return;
    }
    switch (message.kind) {
      case 'snapshot':
        this.takeSnapshot(message, buffers[0] ?? new DataView(new ArrayBuffer(0)));
        break;
      case 'events':
        this.takeEvents(message);
        break;
      case 'status':
        this.panelStatus = message.status;
        break;
      case 'ack':
        this.takeAnswer(message);
        break;
    }
    this.change();
  }

  /** Forget the listeners and the timers. */
  dispose(): void {
    for (const { timer } of this.pending.values()) {
      clearTimeout(timer);
    }
    this.pending.clear();
    this.listeners.clear();
  }

  private takeSnapshot(message: ISnapshot, buffer: DataView): void {
    this.current = viewFromSnapshot(message, buffer);
    this.panelStatus = message.status;
    this.isSynced = true;
    this.lastEventAt = this.now() - message.age * 1000;
    this.replayAskedAt = -Infinity;
  }

  private takeEvents(message: IEventBatch): void {
    if (!this.isSynced) {
      return; // the snapshot that hello asked for holds these too
    }
    if (message.from > this.current.seq + 1) {
      if (this.now() - this.replayAskedAt >= REPLAY_MILLISECONDS) {
        this.replayAskedAt = this.now();
        this.send({ kind: 'replay', have: this.current.seq });
      }
      return;
    }
    for (const event of message.events) {
      if (event.seq > this.current.seq) {
        this.current = apply(this.current, event);
        this.lastEventAt = this.now();
      }
    }
    this.replayAskedAt = -Infinity;
  }

  private takeAnswer(message: IAcknowledgement): void {
    const command = this.pending.get(message.id);
    if (command !== undefined) {
      clearTimeout(command.timer);
      this.pending.delete(message.id);
      if (command.verb === 'stop' && message.ok) {
        this.stoppedSession = this.panelStatus.session;
      }
    }
    // A late answer clears the hint that it had not come; a failed conversion answers twice.
    this.shownNotice = message.ok ? message.message : TEXT.refused(message.message);
  }

  private change(notice = this.shownNotice): void {
    this.shownNotice = notice;
    for (const listener of [...this.listeners]) {
      listener();
    }
  }
}

/** Unlikely to come twice. crypto.randomUUID is missing on pages served without https. */
function randomId(): string {
  return Math.random().toString(36).slice(2) + Math.random().toString(36).slice(2);
}
