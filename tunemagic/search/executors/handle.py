"""The kernel's end of one worker process: its pipes, its death, its memory."""

from __future__ import annotations

import concurrent.futures
import contextlib
import signal
import threading
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any

import psutil

from tunemagic.search.executors.forkserver import WorkerContext, WorkerServer
from tunemagic.search.executors.output import LastLines
from tunemagic.search.executors.shared import SharedBuffers
from tunemagic.search.executors.worker import Hello, Order, Ready, StartFailed, WorkerStart, begin, train
from tunemagic.search.job import Report, TrialJob
from tunemagic.search.packing import PackedWork, pack_job, unpack_report

__all__ = ["WorkerDied", "WorkerHandle", "WorkerUnfit"]

_EXIT_CODE_SECONDS = 5.0  # how long the pool may take to notice a death that we saw first
_WORDS = {
    "SIGKILL": "its worker was killed; the memory may have run out",
    "SIGSEGV": "its worker crashed in compiled code",
    "SIGBUS": "its worker crashed in compiled code",
    "SIGFPE": "its worker crashed in compiled code",
    "SIGILL": "its worker crashed: this processor lacks an instruction",
    "SIGABRT": "its worker was aborted by compiled code",
}


class WorkerDied(Exception):
    """The process is gone. ``name`` is the signal's name or the exit code in words."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{_WORDS.get(name, 'its worker ended')} ({name})")
        self.name = name


class WorkerUnfit(Exception):
    """The process could not unpack the work; the text says why."""


class WorkerHandle:
    """One worker, alone in a Pebble pool of its own, so that its pipes are nobody else's.

    Making it takes until the fork server has forked: seconds when that still imports. Only one
    thread may use it, except for ``order`` and ``kill``. A worker that died is closed and
    replaced by a new one, pipes and all, since it may have left half a message in them.
    """

    def __init__(
        self,
        server: WorkerServer,
        packed: PackedWork,
        buffers: SharedBuffers,
        *,
        threads: int | None,
        memory_bytes: int | None,
    ) -> None:
        from pebble import ProcessPool

        context = WorkerContext(server)
        self._reports, reports = context.Pipe(duplex=False)
        control, self._control = context.Pipe(duplex=False)
        output, printed = context.Pipe(duplex=False)
        start = WorkerStart(
            reports=reports,
            control=control,
            output=printed,
            work=replace(packed, buffers=()),
            buffers=buffers,
            threads=threads,
            memory_bytes=memory_bytes,
        )
        self._pool = ProcessPool(max_workers=1, context=context, initializer=begin, initargs=(start,))
        self._process: psutil.Process | None = None
        self._task: Future[None] | None = None
        self._killed = False
        self._ready = False
        self._lock = threading.Lock()
        self.output = LastLines(output)
        try:
            self._started = self._pool.active  # asking starts the process
        except (BrokenProcessPool, OSError, EOFError):
            self._started = False
        finally:
            # The worker alone holds these now: its death ends our reads, and Pebble can't start another with them.
            for pipe in (reports, control, printed):
                pipe.close()

    # -- talking ---------------------------------------------------------------------------------

    def ready(self, timeout: float) -> bool:
        """Whether the worker can take a job, waiting at most ``timeout`` seconds.

        Raises WorkerDied or WorkerUnfit when it never will.
        """
        if self._ready:
            return True
        match self._next_message(timeout):
            case Hello(pid):
                with self._lock, contextlib.suppress(psutil.NoSuchProcess):
                    self._process = psutil.Process(pid)
                if self._killed:
                    self.kill()
                return False
            case StartFailed(text):
                raise WorkerUnfit(text)
            case Ready():
                self._ready = True
        return self._ready

    def train(self, job: TrialJob) -> None:
        """Give the worker a job. Raises WorkerDied when it is gone."""
        try:
            self._task = self._pool.schedule(train, args=[pack_job(job)])
        except RuntimeError:  # Pebble has noticed that the process is gone
            raise self._death() from None

    def next_report(self, timeout: float) -> Report | None:
        """The next report of the job, None when none came in time.

        Raises WorkerDied, or whatever went wrong in the worker beside the trial itself.
        """
        report: Report | None = self._next_message(timeout)
        return report

    def order(self, order: Order, job: TrialJob) -> None:
        """Tell the job in the worker to stop, to wait or to go on, if it is there."""
        with self._lock, contextlib.suppress(OSError):
            self._control.send((order, job.trial, job.attempt))

    def _next_message(self, timeout: float) -> Any:
        try:
            if self._reports.poll(timeout):
                return unpack_report(self._reports.recv_bytes())
            done = not self._started or (self._task is not None and self._task.done())
            if not done or self._reports.poll(0):
                return None
        except (EOFError, OSError):
            raise self._death() from None
        raise self._death()

    def _death(self) -> Exception:
        """How the process ended, as Pebble knows it: asked when its pipe has ended or its job came back."""
        from pebble import ProcessExpired

        if self._task is None:
            return WorkerDied("while it started")
        try:
            error = self._task.exception(_EXIT_CODE_SECONDS)
        except concurrent.futures.TimeoutError:
            return WorkerDied("for an unknown reason")
        match error:
            case ProcessExpired(exitcode=code) if code < 0:
                return WorkerDied(signal.Signals(-code).name)
            case ProcessExpired(exitcode=code):
                return WorkerDied(f"exit code {code}")
            case None | BrokenProcessPool():  # Pebble counts an exit code of 0 as no death
                return WorkerDied("exit code 0")
            case Exception():
                return error
        return WorkerDied(type(error).__name__)

    # -- the process -----------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether it may get a job, now or when it is ready. Asked between jobs, when only an end can come."""
        try:
            return self._started and not self._killed and not (self._ready and self._reports.poll(0))
        except OSError:
            return False

    def resident_bytes(self) -> int:
        """Its resident memory, including what it shares with others; 0 when it is gone."""
        if self._process is None:
            return 0
        try:
            resident: int = self._process.memory_info().rss
        except psutil.NoSuchProcess:
            return 0
        return resident

    def kill(self) -> None:
        """End the process at once."""
        self._killed = True
        with self._lock, contextlib.suppress(psutil.NoSuchProcess):
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """End the process and free everything."""
        self.kill()
        self._pool.stop()  # type: ignore[no-untyped-call]
        with contextlib.suppress(RuntimeError):
            self._pool.join()
        with self._lock:
            self._control.close()
        self._reports.close()
        self.output.close()
