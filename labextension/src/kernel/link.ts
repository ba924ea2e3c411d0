/** One kernel's studies, heard through the comm that `%load_ext tunemagic` opens there. */
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { UUID } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type {
  ICellOffer,
  IClaimCell,
  ICompareStudies,
  IFormSource,
  IInsertCell,
  IRequestState,
  IShowStudy,
  ISideReply,
  ISteerStudy,
  IStudyList,
  IStudyRow,
  ISuggestCell
} from '../model/protocol';

export const TARGET_NAME = 'tunemagic';
const REPLY_MILLISECONDS = 15_000;
// All pictures of a large search are drawn for it, in a kernel that may be training.
const REPORT_MILLISECONDS = 300_000;

type Request = IShowStudy | ISuggestCell | ISteerStudy | ICompareStudies | IFormSource;
/** A request as it is asked for: its id is given when it is sent. */
export type Asked = Request extends infer One
  ? One extends Request
    ? Omit<One, 'id'>
    : never
  : never;
type Sent = IRequestState | IClaimCell | Request;
type Received = IStudyList | ISideReply | ICellOffer | IInsertCell;

/** Nobody answered: the extension is not loaded, or the kernel is busy and takes no messages. */
export class NoReply extends Error {}

/** Listens to one kernel connection until it is disposed. Runs no code in the kernel. */
export class KernelLink implements IDisposable {
  private rows: readonly IStudyRow[] = [];
  private comm: Kernel.IComm | null = null;
  private disposed = false;
  private readonly page = UUID.uuid4();
  private readonly waiting = new Map<string, (reply: ISideReply | null) => void>();
  private readonly changedSignal = new Signal<this, void>(this);
  private readonly insertedSignal = new Signal<this, IInsertCell>(this);

  /** `claimDelay` is how long to leave a cell that the kernel offers to other pages, in milliseconds. */
  constructor(
    private readonly kernel: Kernel.IKernelConnection,
    private readonly claimDelay: () => number
  ) {
    kernel.registerCommTarget(TARGET_NAME, this.onOpen);
    kernel.statusChanged.connect(this.onStatus, this);
    void this.findComm();
  }

  /** The kernel's studies: those on disk, then its own, the latest last. */
  get studies(): readonly IStudyRow[] {
    return this.rows;
  }

  /** Whether `%load_ext tunemagic` has been run in the kernel. */
  get loaded(): boolean {
    return this.comm !== null && !this.comm.isDisposed;
  }

  /** Emitted when the studies have changed, or the extension was loaded. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** Emitted when the kernel wants this page to insert a cell. */
  get inserted(): ISignal<this, IInsertCell> {
    return this.insertedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Ask the kernel to make a panel for this study; its id comes with the next list. */
  show(study: string): void {
    this.send({ kind: 'show', id: '', study });
  }

  /** Ask the kernel for something. Rejects with NoReply when no answer comes. */
  async ask(asked: Asked): Promise<ISideReply> {
    const id = UUID.uuid4();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reply = await new Promise<ISideReply | null>(resolve => {
      this.waiting.set(id, resolve);
      if (!this.send({ ...asked, id })) {
        resolve(null);
      }
      timer = setTimeout(resolve, patience(asked), null);
    });
    clearTimeout(timer);
    this.waiting.delete(id);
    if (reply === null) {
      throw new NoReply();
    }
    return reply;
  }

  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    this.dropComm();
    if (!this.kernel.isDisposed) {
      this.kernel.removeCommTarget(TARGET_NAME, this.onOpen);
    }
    Signal.clearData(this);
  }

  /** After a page reload the comm is open already, and only its id has to be learnt. */
  private async findComm(): Promise<void> {
    const reply = await this.kernel.requestCommInfo({ target_name: TARGET_NAME });
    const id = reply.content.status === 'ok' ? Object.keys(reply.content.comms).at(-1) : undefined;
    if (id === undefined || this.isOver() || this.comm !== null) {
      return;
    }
    if (!this.kernel.hasComm(id)) {
      this.takeComm(this.kernel.createComm(TARGET_NAME, id));
    }
  }

  /** `disposed` may have changed while something was awaited, which the compiler can't know. */
  private isOver(): boolean {
    return this.disposed || this.kernel.isDisposed;
  }

  private readonly onOpen = (comm: Kernel.IComm): void => {
    if (!this.disposed) {
      this.takeComm(comm);
    }
  };

  private takeComm(comm: Kernel.IComm): void {
    this.dropComm();
    this.comm = comm;
    comm.onMsg = message => {
      this.onMessage(message);
    };
    comm.onClose = () => {
      if (this.comm === comm) {
        this.dropComm();
        this.setRows([]);
      }
    };
    this.send({ kind: 'request_state', lang: document.documentElement.lang });
  }

  /** Stop listening. The comm belongs to the kernel and stays open there for other pages. */
  private dropComm(): void {
    if (this.comm !== null) {
      this.comm.onMsg = () => undefined;
      this.comm.onClose = () => undefined;
      this.comm = null;
    }
    for (const resolve of this.waiting.values()) {
      resolve(null);
    }
  }

  private onMessage(message: KernelMessage.ICommMsgMsg): void {
    // Whatever comes from the kernel is ours, but maybe of another version.
    const data = message.content.data as unknown as Received;
    switch (data.kind) {
      case 'studies':
        this.setRows(data.studies);
        break;
      case 'reply':
        this.waiting.get(data.id)?.(data);
        break;
      case 'offer':
        setTimeout(() => {
          this.send({ kind: 'claim', id: data.id, page: this.page });
        }, this.claimDelay());
        break;
      case 'insert_cell':
        if (data.page === this.page) {
          this.insertedSignal.emit(data);
        }
        break;
    }
  }

  private onStatus(_: Kernel.IKernelConnection, status: KernelMessage.Status): void {
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
      this.dropComm();
      this.setRows([]);
    }
  }

  private send(message: Sent): boolean {
    if (this.comm === null || this.comm.isDisposed || this.kernel.isDisposed) {
      return false;
    }
    this.comm.send(message as unknown as JSONObject);
    return true;
  }

  private setRows(rows: readonly IStudyRow[]): void {
    this.rows = rows;
    this.changedSignal.emit();
  }
}

/** How long to wait for a reply, in milliseconds. */
function patience(asked: Asked): number {
  const isReport = asked.kind === 'steer' && asked.verb === 'report';
  return isReport ? REPORT_MILLISECONDS : REPLY_MILLISECONDS;
}
