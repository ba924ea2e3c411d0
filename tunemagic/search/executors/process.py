"""Runs trials in isolated worker processes of this machine; a model that crashes takes only its worker along."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace

from tunemagic.search.executors.forkserver import borrow_server, give_back_server
from tunemagic.search.executors.handle import WorkerHandle
from tunemagic.search.executors.shared import SharedBuffers
from tunemagic.search.executors.slot import Jobs, Slot, stopped_early
from tunemagic.search.job import Report, TrialJob, Work, WorkersStarted
from tunemagic.search.packing import pack_work

__all__ = ["ProcessExecutor"]

_CLOSE_SECONDS = 1.0  # a worker that starts right now may take longer; it then ends by itself


class ProcessExecutor:
    """``workers`` isolated processes, each training one trial at a time with ``threads`` threads.

    They start in the background when the executor is made. A worker that dies loses its trial
    (LOST, for the loop to try again) and is replaced. ``memory_gb`` is what one worker may keep
    resident: the trial that goes beyond FAILED, since another attempt would need as much.
    ``threads`` None leaves the choice to the libraries. Raises UnsendableError when the work
    can't be sent and StorageError when its arrays find no room on the disk.
    """

    kind = "process"

    def __init__(
        self, work: Work, *, workers: int = 1, memory_gb: float | None = None, threads: int | None = None
    ) -> None:
        packed = pack_work(work)
        self.slots = workers
        self._made = time.monotonic()
        self._started = False
        self._started_lock = threading.Lock()
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._jobs = Jobs()
        self._buffers = SharedBuffers(packed.buffers)
        self._server = borrow_server()
        self._closed = False
        content = replace(packed, buffers=())  # these are in the file now
        memory_bytes = None if memory_gb is None else int(memory_gb * 2**30)

        def start_worker() -> WorkerHandle:
            return WorkerHandle(self._server, content, self._buffers, threads=threads, memory_bytes=memory_bytes)

        self._slots = [
            Slot(
                number,
                self._jobs,
                self._reports.put,
                start_worker=start_worker,
                started=self._note_start,
                memory_bytes=memory_bytes,
            )
            for number in range(1, workers + 1)
        ]
        for slot in self._slots:
            slot.start()

    def _note_start(self) -> None:
        """Report the first worker that can train."""
        with self._started_lock:
            if not self._started:
                self._started = True
                self._reports.put(WorkersStarted(seconds=time.monotonic() - self._made))

    def submit(self, job: TrialJob) -> None:
        """Give the job to the first worker that is free."""
        self._jobs.put(job)

    def next_report(self, timeout: float) -> Report | None:
        """The next report, or None when none came within ``timeout`` seconds."""
        try:
            return self._reports.get(timeout=timeout)
        except queue.Empty:
            return None

    def cancel(self, trial: int) -> None:
        """End this trial at its next batch; its worker is killed when it does not."""
        waiting = self._jobs.withdraw(trial)
        if waiting is not None:
            self._reports.put(stopped_early(waiting))
        for slot in self._slots:
            slot.cancel(trial)

    def close(self) -> None:
        """Kill the workers and free everything."""
        if self._closed:
            return
        self._closed = True
        self._jobs.close()
        for slot in self._slots:
            slot.kill()
        deadline = time.monotonic() + _CLOSE_SECONDS
        for slot in self._slots:
            slot.join(max(0.0, deadline - time.monotonic()))
        self._buffers.close()
        give_back_server(self._server)
