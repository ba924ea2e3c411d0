/** One kernel's studies, heard through the comm that `%load_ext tunemagic` opens there. */
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { IRequestState, IShowStudy, IStudyList, IStudyRow } from '../model/protocol';

export const TARGET_NAME = 'tunemagic';

/** Listens to one kernel connection until it is disposed. Runs no code in the kernel. */
export class KernelLink implements IDisposable {
  private rows: readonly IStudyRow[] = [];
  private comm: Kernel.IComm | null = null;
  private disposed = false;
  private readonly changedSignal = new Signal<this, void>(this);

  constructor(private readonly kernel: Kernel.IKernelConnection) {
    kernel.registerCommTarget(TARGET_NAME, this.onOpen);
    kernel.statusChanged.connect(this.onStatus, this);
    void this.findComm();
  }

  /** The kernel's studies, the latest last. */
  get studies(): readonly IStudyRow[] {
    return this.rows;
  }

  /** Emitted when the studies have changed. */
  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Ask the kernel to make a panel for this study; its id comes with the next list. */
  show(study: string): void {
    this.send({ kind: 'show', study });
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
        this.comm = null;
        this.setRows([]);
      }
    };
    this.send({ kind: 'request_state' });
  }

  /** Stop listening. The comm belongs to the kernel and stays open there for other pages. */
  private dropComm(): void {
    if (this.comm !== null) {
      this.comm.onMsg = () => undefined;
      this.comm.onClose = () => undefined;
      this.comm = null;
    }
  }

  private onMessage(message: KernelMessage.ICommMsgMsg): void {
    const data = message.content.data as Partial<IStudyList>;
    if (data.kind === 'studies' && data.studies !== undefined) {
      this.setRows(data.studies);
    }
  }

  private onStatus(_: Kernel.IKernelConnection, status: KernelMessage.Status): void {
    if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
      this.dropComm();
      this.setRows([]);
    }
  }

  private send(message: IRequestState | IShowStudy): void {
    if (this.comm !== null && !this.comm.isDisposed && !this.kernel.isDisposed) {
      this.comm.send({ ...message });
    }
  }

  private setRows(rows: readonly IStudyRow[]): void {
    this.rows = rows;
    this.changedSignal.emit();
  }
}
