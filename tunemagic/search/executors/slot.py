"""One place for a trial: keeps a worker there, follows its trial, replaces it when it is gone."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tunemagic import events as ev
from tunemagic.search.executors.handle import WorkerDied, WorkerHandle, WorkerUnfit
from tunemagic.search.executors.worker import Order
from tunemagic.search.faults import describe_error
from tunemagic.search.job import Ending, Report, TrialJob, TrialOutcome

__all__ = ["RECYCLE_BYTES", "RECYCLE_TRIALS", "Jobs", "Slot", "stopped_early"]

# TensorFlow never frees the graph of a traced model, about 4.4 MB each. A worker is replaced by a
# fresh one when it has grown by this much since its first trial, but not before so many trials: a
# big model's memory is no leak.
RECYCLE_BYTES = 256 * 2**20
RECYCLE_TRIALS = 20

_TICK_SECONDS = 0.1  # how soon too much memory, a cancelled trial that stays or a silent death is noticed
# A cancelled trial that does not end is stuck in compiled code: its worker is killed. One that has
# finished epochs gets longer, since their weights are lost then.
_CANCEL_SECONDS = 2.0
_CANCEL_SECONDS_WITH_WEIGHTS = 5.0


class Jobs:
    """Jobs that wait for a slot, first come first served. ``take`` gives None once it is closed.

    ``held`` are the trials that are to wait after their epoch, wherever their jobs are.
    """

    def __init__(self) -> None:
        self.held: set[int] = set()
        self._waiting: deque[TrialJob] = deque()
        self._changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no job will be given out any more."""
        return self._closed

    def put(self, job: TrialJob) -> None:
        """Add a job."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()  # one that is retired may be among those who wait

    def take(self, accept: Callable[[TrialJob], None], *, retired: Callable[[], bool]) -> TrialJob | None:
        """Wait for the next job; ``accept`` is called before anybody can ask where it is.

        None also for a slot that is ``retired``.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed or retired())
            if self._closed or retired():
                return None
            job = self._waiting.popleft()
            accept(job)
            return job

    def withdraw(self, trial: int) -> TrialJob | None:
        """Take a trial's job back, if it still waits."""
        with self._changed:
            job = next((job for job in self._waiting if job.trial == trial), None)
            if job is not None:
                self._waiting.remove(job)
            return job

    def look_again(self) -> None:
        """Let every slot that waits see whether it is retired."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let everybody who waits go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class _NotWanted(Exception):
    """Nobody waits any more for the worker that starts."""


class Slot(threading.Thread):
    """A thread that starts a worker, gives it one job after the other and reports what happens.

    ``started`` is called whenever a worker can train. Only ``cancel``, ``hold``, ``release`` and
    ``kill`` may be called from other threads, and ``retired`` set: such a slot takes no job any
    more and ends.
    """

    def __init__(
        self,
        number: int,
        jobs: Jobs,
        report: Callable[[Report], None],
        *,
        start_worker: Callable[[], WorkerHandle],
        started: Callable[[], None],
        memory_bytes: int | None,
    ) -> None:
        super().__init__(name=f"tunemagic-worker-{number}", daemon=True)
        self.number = number
        self.retired = False
        self._jobs = jobs
        self._report = report
        self._start_worker = start_worker
        self._on_started = started
        self._memory_bytes = memory_bytes
        self._worker: WorkerHandle | None = None
        self._trials = 0
        self._first_bytes = 0
        self._job: TrialJob | None = None
        self._cancelled_at: float | None = None
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether it has a trial."""
        return self._job is not None

    def run(self) -> None:
        """Work until the jobs are closed."""
        try:
            while not self._jobs.closed and not self.retired:
                # A worker that does not start is reported by the job that needs it; that one tries again.
                self._try_to_start()
                job = self._jobs.take(self._accept, retired=lambda: self.retired)
                if job is None:
                    return
                outcome = self._attempt(job)
                with self._lock:
                    self._job = self._cancelled_at = None
                self._report(outcome)
                self._recycle()
        finally:
            self._drop_worker()

    def cancel(self, trial: int) -> None:
        """Tell the worker to end this trial, if it runs here."""
        with self._lock:
            if self._job is None or self._job.trial != trial or self._cancelled_at is not None:
                return
            self._cancelled_at = time.monotonic()
            if self._worker is not None:
                self._worker.order(Order.CANCEL, self._job)

    def hold(self, trial: int) -> None:
        """Tell the worker to let this trial wait after its epoch, if it runs here."""
        self._order(Order.HOLD, trial)

    def release(self, trial: int) -> None:
        """Tell the worker to go on with this trial, if it runs here."""
        self._order(Order.RELEASE, trial)

    def _order(self, order: Order, trial: int) -> None:
        with self._lock:
            if self._worker is not None and self._job is not None and self._job.trial == trial:
                self._worker.order(order, self._job)

    def kill(self) -> None:
        """End the worker at once."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()

    # -- the worker ------------------------------------------------------------------------------

    def _try_to_start(self) -> None:
        try:
            self._ready_worker()
        # Whatever it is, the next job meets it too and reports it.
        except Exception:
            self._drop_worker()

    def _ready_worker(self) -> WorkerHandle:
        """A worker that can take a job.

        Raises WorkerDied, WorkerUnfit, _NotWanted, or what starting a process raises.
        """
        worker = self._worker
        if worker is None or not worker.usable:
            self._drop_worker()
            worker = self._start_worker()
            with self._lock:
                self._worker = worker
            self._trials = 0
        while not worker.ready(_TICK_SECONDS):
            if self._jobs.closed or self._cancelled_at is not None or (self.retired and self._job is None):
                raise _NotWanted
        self._on_started()
        return worker

    def _drop_worker(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _recycle(self) -> None:
        """Let a worker go that leaks."""
        if self._worker is None:
            return
        self._trials += 1
        resident = self._worker.resident_bytes()
        if self._trials == 1:
            self._first_bytes = resident
        if self._trials >= RECYCLE_TRIALS and resident > self._first_bytes + RECYCLE_BYTES:
            self._drop_worker()

    # -- a trial ---------------------------------------------------------------------------------

    def _accept(self, job: TrialJob) -> None:
        with self._lock:
            self._job = job
            self._cancelled_at = None

    def _attempt(self, job: TrialJob) -> TrialOutcome:
        """Train the job, whatever it takes; always gives its outcome."""
        trial = _Follower(job)
        try:
            worker = self._ready_worker()
            worker.output.take()  # what came before belongs to no trial
            with self._lock:
                worker.train(job)
                if self._cancelled_at is not None:
                    worker.order(Order.CANCEL, job)
                if job.trial in self._jobs.held:
                    worker.order(Order.HOLD, job)
            outcome = self._follow(worker, trial)
        except _NotWanted:
            outcome = trial.stopped()
        except WorkerDied as death:
            outcome = trial.stopped() if self._cancelled_at is not None else trial.lost(death)
        except WorkerUnfit as fault:
            outcome = trial.failed("worker", f"its worker can't rebuild the cell: {fault}")
        # A fault of tunemagic or of the machine (no process, no pipe): it must not end this thread.
        except Exception as error:
            outcome = trial.failed(type(error).__name__, f"its worker could not be used: {describe_error(error)}")
        log = "" if self._worker is None else self._worker.output.take()
        if self._worker is not None and not self._worker.usable:
            self._drop_worker()
        return replace(outcome, worker=self.number, log=log)

    def _follow(self, worker: WorkerHandle, trial: _Follower) -> TrialOutcome:
        """Pass reports on until the outcome comes or the worker has to be killed."""
        looked = time.monotonic()
        while True:
            report = worker.next_report(_TICK_SECONDS)
            if isinstance(report, TrialOutcome):
                return report
            if report is not None:
                trial.take(report)
                self._report(report)
            now = time.monotonic()
            if report is not None and now - looked < _TICK_SECONDS:
                continue
            looked = now
            if self._cancelled_at is not None and now - self._cancelled_at > trial.patience_seconds:
                worker.kill()
                return trial.stopped()
            used = 0 if self._memory_bytes is None else worker.resident_bytes()
            if self._memory_bytes is not None and used > self._memory_bytes:
                worker.kill()
                limit = f"{self._memory_bytes / 2**30:g}"
                return trial.failed(
                    "out of memory", f"its worker used {used / 2**30:.1f} GB, more than --memory-gb {limit}"
                )


class _Follower:
    """What is known of a trial on this side, for an outcome that its worker can't give any more."""

    def __init__(self, job: TrialJob) -> None:
        self._job = job
        self._since = time.monotonic()
        self._best: ev.EpochEnded | None = None
        self._runs: list[ev.RunEnded] = []

    def take(self, report: Report) -> None:
        """Remember the best epoch, and runs that have ended."""
        work = self._job.work
        if isinstance(report, ev.RunEnded):
            self._runs.append(report)
            self._best = None
        elif isinstance(report, ev.EpochEnded):
            score = report.logs.get(work.objective)
            best = None if self._best is None else self._best.logs[work.objective]
            if score is not None and work.direction.better(score, best):
                self._best = report

    @property
    def patience_seconds(self) -> float:
        """How long the trial may take to end when it is cancelled."""
        return _CANCEL_SECONDS_WITH_WEIGHTS if self._best or self._runs else _CANCEL_SECONDS

    def lost(self, death: WorkerDied) -> TrialOutcome:
        """The worker died of itself."""
        return self._outcome(Ending.LOST, error=death.name, reason=str(death))

    def failed(self, error: str, reason: str) -> TrialOutcome:
        """Trying again would give the same."""
        return self._outcome(Ending.FAILED, error=error, reason=reason)

    def stopped(self) -> TrialOutcome:
        """Cancelled, without an answer of the worker: the best epoch counts, its weights are lost."""
        if self._runs:
            return self._outcome(
                Ending.STOPPED,
                score=sum(run.score for run in self._runs) / len(self._runs),
                best_epoch=self._runs[-1].best_epoch,
                metrics=self._runs[-1].metrics,
            )
        if self._best is None:
            return self._outcome(Ending.STOPPED)
        score = self._best.logs[self._job.work.objective]
        return self._outcome(Ending.STOPPED, score=score, best_epoch=self._best.epoch, metrics=self._best.logs)

    def _outcome(self, ending: Ending, **more: Any) -> TrialOutcome:
        return TrialOutcome(
            trial=self._job.trial,
            attempt=self._job.attempt,
            ending=ending,
            seconds=time.monotonic() - self._since,
            **more,
        )


def stopped_early(job: TrialJob) -> TrialOutcome:
    """The outcome of a job that was cancelled before a worker had it."""
    return _Follower(job).stopped()
