"""Runs trials in isolated worker processes of this machine; a model that crashes takes only its worker along."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from dataclasses import replace

from tunemagic.errors import OptionError
from tunemagic.search.executors.cores import usable_cores
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
        self._content = replace(packed, buffers=())  # these are in the file now
        self._threads = threads
        self._memory_bytes = None if memory_gb is None else int(memory_gb * 2**30)
        self._slots: list[Slot] = []
        for number in range(1, workers + 1):
            self._open_slot(number)

    def _open_slot(self, number: int) -> None:
        slot = Slot(
            number,
            self._jobs,
            self._reports.put,
            start_worker=self._start_worker,
            started=self._note_start,
            memory_bytes=self._memory_bytes,
        )
        self._slots.append(slot)
        slot.start()

    def _start_worker(self) -> WorkerHandle:
        return WorkerHandle(
            self._server, self._content, self._buffers, threads=self._threads, memory_bytes=self._memory_bytes
        )

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

    def hold(self, trial: int) -> None:
        """Let this trial wait after its epoch, also when it has not come to a worker yet."""
        self._jobs.held.add(trial)
        for slot in self._slots:
            slot.hold(trial)

    def release(self, trial: int) -> None:
        """Let it go on."""
        self._jobs.held.discard(trial)
        for slot in self._slots:
            slot.release(trial)

    def resize(self, workers: int) -> None:
        """Start further workers, or let some go: idle ones at once, others when their trial has ended.

        Workers that stay keep their threads; those that start later share the cores anew.
        """
        cores = usable_cores()
        if not 1 <= workers <= cores:
            raise OptionError(f"workers: received {workers}; expected 1 to {cores}, the cores of this machine.")
        self.slots = workers
        self._threads = cores // workers if workers > 1 else None
        self._slots = [slot for slot in self._slots if slot.is_alive()]
        # Whoever trains stays, of the others those that came first.
        working = sorted(
            (slot for slot in self._slots if not slot.retired), key=lambda slot: (not slot.busy, slot.number)
        )
        staying = working[:workers]
        for slot in working[workers:]:
            slot.retired = True
        self._jobs.look_again()
        numbers = {slot.number for slot in self._slots}
        free = (number for number in itertools.count(1) if number not in numbers)
        for _ in range(workers - len(staying)):
            self._open_slot(next(free))

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
