/** What the browser knows of a study: fed by messages, asked by views, free of any page. */
import { PROTOCOL_VERSION } from '../model/protocol';
import type {
  IAcknowledgement,
  IAnswer,
  IAsk,
  ICommand,
  IEventBatch,
  IHello,
  IPanelStatus,
  IReplay,
  ISnapshot,
  IStudyView,
  ITexts,
  JSONValue,
  PanelMessage
} from '../model/protocol';
import { viewFromSnapshot } from '../model/snapshot';
import type { TextValues, Translate } from '../model/texts';
import { translator } from '../model/texts';
import { isUnderWay } from '../model/trials';
import { withCurves } from '../model/late';
import { applyAll, EMPTY_VIEW } from '../model/view';
import type { Options } from './questions';
import { Questions } from './questions';

export type Outgoing = IHello | IReplay | ICommand | IAsk;
export type Verb = ICommand['verb'];

const ACK_MILLISECONDS = 2000;
// A replay that is asked for again before its answer can have come only costs messages.
const REPLAY_MILLISECONDS = 1000;
// A kernel that is just starting, or that is busy without a subshell, can miss a hello.
const HELLO_MILLISECONDS = 1000;

const NO_STATUS: IPanelStatus = { session: '', waiting: false, converting: null, read_only: '' };

/** Takes the answer to a command; true when it has shown a refusal itself. */
export type OnAnswer = (answer: IAcknowledgement, buffers: readonly DataView[]) => boolean;

/** A command without an answer; `late` once the user was told so. */
interface IPending {
  readonly verb: Verb;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly onAnswer: OnAnswer;
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
  private shownLine = '';
  private language: ITexts | null = null;
  private toldGood = false;
  private translate: Translate = translator({});
  private readonly page: string;
  private readonly questions: Questions;
  private listeners = new Set<() => void>();

  constructor(
    private readonly send: (message: Outgoing) => void,
    private readonly now: () => number = () => performance.now(),
    private readonly newId: () => string = randomId
  ) {
    this.page = newId();
    this.questions = new Questions(send, this.page);
  }

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

  /** The texts of the user's language, null until they have come; another object when it changes. */
  get texts(): ITexts | null {
    return this.language;
  }

  /** The text of a message id in the user's language. */
  readonly t: Translate = Object.assign(
    (key: string, values?: TextValues) => this.translate(key, values),
    { fact: (sentence: string) => this.translate.fact(sentence) }
  );

  /** A line for the user: a refused command, a busy kernel, or ''. */
  get notice(): string {
    return this.shownNotice;
  }

  /** Whether the notice tells of something that was done. */
  get noticeIsGood(): boolean {
    return this.toldGood;
  }

  /** The magic line that does the same as the latest click, or ''. */
  get line(): string {
    return this.shownLine;
  }

  /** Whether Stop was taken and the search has not ended yet. */
  get stopping(): boolean {
    return isUnderWay(this.current) && this.stoppedSession === this.panelStatus.session;
  }

  /** Whether clicks may change the search: it is under way, and here. */
  get steerable(): boolean {
    return this.isSynced && isUnderWay(this.current) && this.panelStatus.read_only === '';
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
   * `lang` is the page's language. Returns what ends that when the view is gone.
   */
  hello(lang = ''): () => void {
    const greet = (): void => {
      this.send({ kind: 'hello', have: this.current.seq, lang, view: this.page });
    };
    greet();
    const timer = setInterval(() => {
      if (this.isSynced && this.language !== null) {
        clearInterval(timer);
      } else {
        greet();
      }
    }, HELLO_MILLISECONDS);
    return () => {
      clearInterval(timer);
    };
  }

  /** Ask for a picture's info, or a trial's details, now and after each change until `on` is false. */
  ask(topic: string, options: Options, on: boolean): void {
    this.questions.ask(topic, options, on);
  }

  /** Say that everything that is asked is still on screen. */
  keepAsking(): void {
    this.questions.repeat();
  }

  /** The latest answer to this question, or null. */
  answerOf(topic: string, options: Options): IAnswer | null {
    return this.questions.answerOf(topic, options);
  }

  /** Ask the kernel to do something. Its answer, or its silence, becomes the notice. */
  command(
    verb: Verb,
    args: Readonly<Record<string, JSONValue>> = {},
    onAnswer: OnAnswer = () => false
  ): void {
    const id = this.newId();
    const timer = setTimeout(() => {
      pending.late = true;
      this.change(this.t('panel.busy'));
    }, ACK_MILLISECONDS);
    const pending: IPending = { verb, timer, onAnswer, late: false };
    this.pending.set(id, pending);
    this.shownLine = '';
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
    // Texts are taken from any version: they are needed to say that it is another one.
    const plain = message.kind === 'ack' || message.kind === 'texts';
    if (!plain && message.v !== PROTOCOL_VERSION) {
      this.change(this.t('panel.other_version'));
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
        this.takeAnswer(message, buffers);
        break;
      case 'texts':
        this.takeTexts(message);
        break;
      case 'answer':
        this.questions.take(message);
        this.current = withCurves(this.current, message);
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
    this.current = viewFromSnapshot(buffer);
    this.panelStatus = message.status;
    this.isSynced = true;
    this.lastEventAt = this.now() - message.age * 1000;
    this.replayAskedAt = -Infinity;
    // The hello that it answers has ended what was asked before.
    this.questions.repeat();
  }

  private takeEvents(message: IEventBatch): void {
    if (!this.isSynced) {
      return; // the snapshot that hello asked for holds these too
    }
    const { seq } = this.current;
    if (message.from > seq + 1) {
      if (this.now() - this.replayAskedAt >= REPLAY_MILLISECONDS) {
        this.replayAskedAt = this.now();
        this.send({ kind: 'replay', have: seq });
      }
      return;
    }
    const news = message.events.filter(event => event.seq > seq);
    if (news.length > 0) {
      this.current = applyAll(this.current, news);
      this.lastEventAt = this.now();
    }
    this.replayAskedAt = -Infinity;
  }

  private takeTexts(message: ITexts): void {
    // They come with every hello: the same ones again are no reason to draw everything anew.
    if (JSON.stringify(message) !== JSON.stringify(this.language)) {
      this.language = message;
      this.translate = translator(message.texts);
    }
  }

  private takeAnswer(answer: IAcknowledgement, buffers: readonly DataView[]): void {
    const message = { ...answer, message: this.t.fact(answer.message) };
    const command = this.pending.get(message.id);
    if (command !== undefined) {
      clearTimeout(command.timer);
      this.pending.delete(message.id);
      if (command.verb === 'stop' && message.ok) {
        this.stoppedSession = this.panelStatus.session;
      }
    }
    const shown = command?.onAnswer(message, buffers) === true;
    // A late answer clears the hint that it had not come; a failed conversion answers twice.
    const refusal = shown ? '' : this.t('panel.refused', { message: message.message });
    // With a file comes its name, which is no news.
    const news = buffers.length > 0 ? '' : message.message;
    this.shownNotice = message.ok ? news : refusal;
    this.toldGood = message.ok;
    this.shownLine = message.line;
  }

  private change(notice = this.shownNotice): void {
    this.toldGood &&= notice === this.shownNotice;
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
