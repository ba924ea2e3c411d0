"""What runs inside a worker process: unpack the work once, then train one job after the other.

Everything that it says goes over its own pipes. It ends when the kernel's end of the control pipe
is gone, and on Linux also when the fork server is, which the kernel's death ends: neither a long
graph call nor compiled code that holds the interpreter can keep it alive.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import pickle
import resource
import signal
import sys
import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, TextIO

from tunemagic.search.faults import describe_error
from tunemagic.search.job import Report, StopFlag, Work
from tunemagic.search.packing import PackedWork, pack_report, unpack_job, unpack_work

__all__ = ["Hello", "Order", "Ready", "StartFailed", "WorkerStart", "begin", "train"]

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_OUTPUT_BYTES = 2**20  # how much a trial may print while the kernel is too busy to read it
_DATA_SLACK = 512 * 2**20  # bytes that threads' stacks reserve and never touch
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStart:
    """All that a worker gets when it is started.

    It writes to ``reports`` and ``output`` and reads ``control``. ``buffers`` arrive as a list of
    memoryviews (see executors.shared). ``threads`` None leaves the libraries' own choice,
    ``memory_bytes`` None sets no limit.
    """

    reports: Connection
    control: Connection
    output: Connection
    work: PackedWork
    buffers: Any
    threads: int | None
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Hello:
    """First message: the process runs."""

    pid: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Second message: the work is unpacked, jobs may come."""


@dataclass(frozen=True, slots=True)
class StartFailed:
    """Second message instead: the work can't be unpacked here, for the reason in ``text``."""

    text: str


class Order(StrEnum):
    """What a trial is told over the control pipe."""

    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"


class _Worker:
    """This process as a worker. ``flags`` are the stop flags by trial and attempt."""

    def __init__(self, reports: Connection) -> None:
        self._reports = reports
        self._sending = threading.Lock()
        self._flags: dict[tuple[int, int], StopFlag] = {}
        self._flags_lock = threading.Lock()
        self.work: Work | None = None

    def tell(self, message: object) -> None:
        self._send(pickle.dumps(message))

    def _send(self, message: bytes) -> None:
        with self._sending:
            self._reports.send_bytes(message)

    def _report(self, report: Report) -> None:
        self._send(pack_report(report))

    def flag(self, trial: int, attempt: int) -> StopFlag:
        with self._flags_lock:
            return self._flags.setdefault((trial, attempt), StopFlag())

    def train(self, packed_job: bytes) -> None:
        from tunemagic.search.train import run_job

        assert self.work is not None
        job = unpack_job(packed_job, self.work)
        outcome = run_job(job, self._report, self.flag(job.trial, job.attempt))
        with self._flags_lock:
            self._flags.pop((job.trial, job.attempt), None)
        _flush_output()
        self._report(outcome)


_worker: _Worker | None = None


def begin(start: WorkerStart) -> None:
    """Make this process a worker; runs before its first job. Exits when the work can't be unpacked."""
    global _worker
    _end_with_kernel()
    _send_output_to(start.output)
    _worker = worker = _Worker(start.reports)
    worker.tell(Hello(os.getpid()))
    threading.Thread(target=_listen, args=(start.control, worker), name="tunemagic-control", daemon=True).start()
    # A process that the model code forks must not keep the pipes open when this one is dead.
    os.register_at_fork(after_in_child=lambda: _close_all(start.reports, start.control))
    faulthandler.enable()
    try:
        _limit_threads(start.threads)
        worker.work = unpack_work(replace(start.work, buffers=start.buffers))
        _limit_memory(start.memory_bytes)
    # The user's modules are imported here and may raise anything; the kernel shows it.
    except BaseException as error:
        worker.tell(StartFailed(describe_error(error)))
        os._exit(1)
    gc.freeze()  # lives as long as the process, so collections need not walk it
    worker.tell(Ready())


def train(packed_job: bytes) -> None:
    """Run one job in this worker; its reports and its outcome go over the worker's own pipe."""
    assert _worker is not None
    _worker.train(packed_job)


# -- dying with the kernel ------------------------------------------------------------------------


def _end_with_kernel() -> None:
    """Let the fork server die with the kernel, and this process with the fork server."""
    server: Any = forkserver._forkserver
    # While any process holds this descriptor the fork server stays; only the kernel shall.
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
        server._forkserver_alive_fd = None
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died meanwhile
            os._exit(1)


def _listen(control: Connection, worker: _Worker) -> None:
    """On its own thread: cancel, hold and release trials; end the process when the kernel is gone."""
    while True:
        try:
            order, trial, attempt = control.recv()
        except (EOFError, OSError):
            os._exit(1)
        flag = worker.flag(trial, attempt)
        match order:
            case Order.CANCEL:
                flag.set()
            case Order.HOLD:
                flag.hold()
            case Order.RELEASE:
                flag.release()


def _close_all(*pipes: Connection) -> None:
    for pipe in pipes:
        with contextlib.suppress(OSError):
            pipe.close()


# -- output ---------------------------------------------------------------------------------------


def _send_output_to(output: Connection) -> None:
    """Let what Python and compiled code print go into the pipe."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):  # more than this user's pipes may hold
            fcntl.fcntl(output.fileno(), fcntl.F_SETPIPE_SZ, _OUTPUT_BYTES)
    for standard in (1, 2):
        os.dup2(output.fileno(), standard)
    output.close()
    # The streams that Python made at its start remember what they were opened on, such as a file.
    sys.stdout, sys.stderr = _lines_to(1), _lines_to(2)


def _lines_to(fd: int) -> TextIO:
    """A text stream that writes after each line."""
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _flush_output() -> None:
    """Bring what is still in buffers into the pipe, so that it counts as this trial's."""
    # Compiled code first: Python's streams hold back nothing but a line without its end, which must not run into it.
    ctypes.CDLL(None).fflush(None)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed by the model code
            stream.flush()


# -- limits ---------------------------------------------------------------------------------------


def _limit_threads(threads: int | None) -> None:
    """Share the cores among workers; has to come before the backend computes anything."""
    if threads is None:
        return
    import threadpoolctl

    for name in _THREAD_VARIABLES:
        os.environ[name] = str(threads)
    threadpoolctl.threadpool_limits(threads)
    import keras

    match keras.config.backend():
        case "tensorflow":
            import tensorflow

            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
        case "torch":
            import torch

            torch.set_num_threads(threads)
        case "jax":
            flags = f"--xla_cpu_multi_thread_eigen={str(threads > 1).lower()} intra_op_parallelism_threads={threads}"
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()


def _limit_memory(memory_bytes: int | None) -> None:
    """Let one allocation beyond the limit fail at once, as a MemoryError of the trial.

    Limits how much private memory may be added from here on (RLIMIT_DATA). The kernel measures
    what is really resident; a limit on address space would be no limit, since TensorFlow reserves
    far more than it uses.
    """
    if memory_bytes is None or sys.platform != "linux":
        return
    import psutil

    soft = psutil.Process().memory_info().data + memory_bytes + _DATA_SLACK
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
