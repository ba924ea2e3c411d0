"""Runs trials on a Dask cluster: the user's own, on one machine or many.

Each trial is one Dask task, sent to one worker process and to no other, so Dask never runs it
again by itself: only the search decides about a second attempt, and its journal has it.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import queue
import time
from collections.abc import Iterable
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import OptionError
from tunemagic.search.executors.dask_link import DaskLink
from tunemagic.search.executors.dask_worker import name_of, state_packet
from tunemagic.search.faults import describe_error
from tunemagic.search.job import Ending, Report, StateTaken, TrialJob, TrialOutcome, Work, WorkersStarted
from tunemagic.search.packing import pack_job, unpack_report

__all__ = ["DaskExecutor"]

_LOOK_SECONDS = 1.0  # how often the cluster is asked which workers it has
_DEAD_SECONDS = 5.0  # how long a worker that was found dead is not asked again: the cluster may list it still
_WORKER_SECONDS = 60.0  # how long a job waits for a worker when the last one has died
_CLOSE_SECONDS = 15.0  # how long cancelled trials may take to end


@dataclasses.dataclass(slots=True)
class _Placed:
    """An unfinished job.

    ``address`` is None while it waits for a worker, ``future`` (Dask's) while it is being sent.
    """

    job: TrialJob
    since: float
    address: str | None = None
    future: Any = None
    cancelled: bool = False
    held: bool = False

    def message(self, kind: str, **more: Any) -> dict[str, Any]:
        """A message about this attempt, such as workers send."""
        return {"kind": kind, "trial": self.job.trial, "attempt": self.job.attempt, **more}


class DaskExecutor:
    """One trial at a time on every worker process of the cluster; what Executor promises.

    ``client`` is a distributed.Client (see cluster.connect); ``owns_client`` closes it in the end,
    because it was made for this study. ``slots`` follows the cluster as workers come and go, up
    to ``most``.
    Raises UnsendableError when the work can't be sent.
    """

    kind = "dask"

    def __init__(self, work: Work, client: Any, *, owns_client: bool = False, most: int | None = None) -> None:
        self._inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._own_client = client if owns_client else None
        self._most = most
        try:
            self._link = DaskLink(work, client, self._inbox.put)
        except BaseException:
            self._close_own_client()
            raise
        self._made = time.monotonic()
        self._unfinished: dict[int, _Placed] = {}
        self._numbers: dict[str, int] = {}  # workers by address in the order in which they were seen
        self._alive: set[str] = set()
        self._died: dict[str, float] = {}
        self._look: concurrent.futures.Future[dict[str, int]] | None = None
        self._looked = 0.0
        self._started = False
        self._closed = False
        try:
            self._see(self._link.workers())
        except BaseException:
            self._link.close()
            self._close_own_client()
            raise

    @property
    def slots(self) -> int:
        """The number of worker processes now; at least 1, since a job may wait for a worker."""
        found = max(1, len(self._alive))
        return found if self._most is None else min(found, self._most)

    def submit(self, job: TrialJob) -> None:
        """Send the job to a free worker; it waits for one when there is none."""
        self._unfinished[job.trial] = _Placed(job, time.monotonic())
        self._place_waiting()

    def next_report(self, timeout: float) -> Report | None:
        """The next report, or None when none came within ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            self._tend()
            left = deadline - time.monotonic()
            try:
                message = self._inbox.get(timeout=min(max(left, 0.0), _LOOK_SECONDS))
            except queue.Empty:
                if left <= 0:
                    return None
                continue
            report = self._understand(message)
            if report is not None:
                return report

    def cancel(self, trial: int) -> None:
        """Tell the trial's worker to end it."""
        placed = self._unfinished.get(trial)
        if placed is None:
            return
        placed.cancelled = True
        if placed.address is None:
            self._inbox.put(placed.message("dropped"))
        elif placed.future is not None:
            self._link.cancel(placed.address, name_of(trial, placed.job.attempt))

    def hold(self, trial: int) -> None:
        """Tell the trial's worker to let it wait after its epoch."""
        self._set_held(trial, True)

    def release(self, trial: int) -> None:
        """Tell the trial's worker to go on with it."""
        self._set_held(trial, False)

    def _set_held(self, trial: int, held: bool) -> None:
        placed = self._unfinished.get(trial)
        if placed is None or placed.held == held:
            return
        placed.held = held
        if placed.address is not None and placed.future is not None:
            self._link.hold(placed.address, name_of(trial, placed.job.attempt), held)

    def resize(self, workers: int) -> None:
        """Use at most so many of the cluster's workers; how many there are is the cluster's business."""
        if workers < 1:
            raise OptionError(f"workers: received {workers}; expected at least 1.")
        self._most = workers

    def close(self) -> None:
        """Cancel what runs, wait for it, and free what the workers hold for the study."""
        if self._closed:
            return
        self._closed = True
        for trial in tuple(self._unfinished):
            self.cancel(trial)
        deadline = time.monotonic() + _CLOSE_SECONDS
        while self._unfinished and time.monotonic() < deadline:
            self.next_report(0.1)
        for placed in tuple(self._unfinished.values()):
            self._release(placed)
        self._link.close()
        self._close_own_client()

    def _close_own_client(self) -> None:
        if self._own_client is not None:
            self._own_client.close()

    # -- workers ---------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Once a second: see which workers there are, give up trials of lost ones, place waiting jobs."""
        if self._look is not None and self._look.done():
            look, self._look = self._look, None
            # A scheduler that does not answer has lost its workers to us.
            self._see({} if look.exception() is not None else look.result())
            self._give_up_lost()
            self._place_waiting()
        now = time.monotonic()
        if self._look is None and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            self._look = self._link.aside(self._link.workers)

    def _see(self, found: Iterable[str]) -> None:
        now = time.monotonic()
        self._died = {address: at for address, at in self._died.items() if now - at < _DEAD_SECONDS}
        for address in self._alive.difference(found):
            self._link.forget(address)
        self._alive = set(found).difference(self._died)
        for address in found:
            self._numbers.setdefault(address, len(self._numbers) + 1)

    def _bury(self, address: str) -> None:
        self._died[address] = time.monotonic()
        self._alive.discard(address)
        self._link.forget(address)

    def _give_up_lost(self) -> None:
        now = time.monotonic()
        for placed in self._unfinished.values():
            if placed.address is None and now - placed.since > _WORKER_SECONDS:
                reason = f"the Dask cluster had no free worker for {_WORKER_SECONDS:g} s"
                self._inbox.put(placed.message("lost", reason=reason))
            elif placed.future is not None and placed.address not in self._alive:
                self._inbox.put(placed.message("lost", reason=_died_text(placed)))

    def _place_waiting(self) -> None:
        for placed in self._unfinished.values():
            busy = {other.address for other in self._unfinished.values()}
            free = sorted(self._alive.difference(busy), key=lambda address: self._numbers[address])
            if placed.address is None and free:
                self._place(placed, free[0])

    def _place(self, placed: _Placed, address: str) -> None:
        """Begin to send all that the trial needs to this worker."""
        job = placed.job
        placed.address = address

        def tell(sending: concurrent.futures.Future[Any]) -> None:
            if sending.cancelled() or sending.exception() is not None:
                self._inbox.put(placed.message("unsent"))
            else:
                self._inbox.put(placed.message("sent", future=sending.result()))

        # Without the work, which has the data with it and is there already.
        packed = pack_job(job)
        name = name_of(job.trial, job.attempt)
        self._link.aside(self._link.start, name, packed, job.trial, job.attempt, address).add_done_callback(tell)

    def _sent(self, placed: _Placed, future: Any) -> None:
        placed.future = future
        future.add_done_callback(lambda ended: self._inbox.put(placed.message("ended")))
        if placed.cancelled:
            self.cancel(placed.job.trial)
        elif placed.held and placed.address is not None:
            self._link.hold(placed.address, name_of(placed.job.trial, placed.job.attempt), True)

    def _unsent(self, placed: _Placed) -> None:
        """The worker died since we looked: the job waits for another one, unless it is not wanted any more."""
        if placed.address is not None:
            self._bury(placed.address)
        placed.address = None
        if placed.cancelled:
            self.cancel(placed.job.trial)
        else:
            self._place_waiting()

    # -- reports ---------------------------------------------------------------------------------

    def _understand(self, message: dict[str, Any]) -> Report | None:
        """The report that a message stands for; None when it is about an attempt that is over."""
        placed = self._unfinished.get(message["trial"])
        if placed is None or placed.job.attempt != message["attempt"]:
            return None
        match message["kind"]:
            case "sent":
                self._sent(placed, message["future"])
            case "unsent":
                self._unsent(placed)
            case "started":
                return self._first_start()
            case "event":
                event: Any = ev.event_from_json(message["event"])
                return event  # type: ignore[no-any-return]  # an EpochEnded or a RunEnded
            case "state":
                return self._state(placed, message)
            case "outcome":
                return self._finish(placed)
            case "ended":
                return self._ended(placed)
            case "lost":
                return self._end(placed, Ending.LOST, "worker lost", message["reason"])
            case "dropped":
                return self._end(placed, Ending.STOPPED, "", "")
        return None

    def _first_start(self) -> Report | None:
        if self._started:
            return None
        self._started = True
        return WorkersStarted(seconds=time.monotonic() - self._made)

    def _state(self, placed: _Placed, message: dict[str, Any]) -> Report | None:
        """Fetch a training state; None when a later one has replaced it or its worker is gone."""
        job, run, epoch = placed.job, message["run"], message["epoch"]
        state = self._take(placed, state_packet(name_of(job.trial, job.attempt), run, epoch))
        if state is None:
            return None
        return StateTaken(trial=job.trial, attempt=job.attempt, run=run, epoch=epoch, state=state)

    def _finish(self, placed: _Placed) -> Report:
        packed = self._take(placed, name_of(placed.job.trial, placed.job.attempt))
        if packed is None:
            return self._end(placed, Ending.LOST, "worker lost", _died_text(placed))
        outcome = unpack_report(packed)
        assert isinstance(outcome, TrialOutcome)
        self._release(placed)
        return dataclasses.replace(outcome, worker=self._number(placed))

    def _take(self, placed: _Placed, packet: str) -> bytes | None:
        return None if placed.address is None else self._link.take(placed.address, packet)

    def _ended(self, placed: _Placed) -> Report:
        """The task is over and no outcome was told: its worker died, or something failed outside the trial."""
        if placed.future.status == "finished":
            return self._finish(placed)
        error = placed.future.exception(timeout=_LOOK_SECONDS) if placed.future.status == "error" else None
        if error is None or type(error).__name__ == "KilledWorker":
            return self._end(placed, Ending.LOST, "worker lost", _died_text(placed))
        return self._end(placed, Ending.LOST, type(error).__name__, describe_error(error))

    def _end(self, placed: _Placed, ending: Ending, error: str, reason: str) -> TrialOutcome:
        self._release(placed)
        if ending is Ending.LOST and placed.address is not None:
            self._bury(placed.address)
        return TrialOutcome(
            trial=placed.job.trial,
            attempt=placed.job.attempt,
            ending=ending,
            seconds=time.monotonic() - placed.since,
            error=error,
            reason=reason,
            worker=self._number(placed),
        )

    def _number(self, placed: _Placed) -> int | None:
        return None if placed.address is None else self._numbers[placed.address]

    def _release(self, placed: _Placed) -> None:
        self._unfinished.pop(placed.job.trial, None)
        if placed.future is not None:
            self._link.release(placed.future)


def _died_text(placed: _Placed) -> str:
    return f"the Dask worker {placed.address} died during the trial"
