"""The runs of one trial: repeats with other seeds, folds with other splits, and what they give together."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import StorageError
from tunemagic.randomness import seeded
from tunemagic.search.borrowed import borrowed_by
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData
from tunemagic.search.device import device_values
from tunemagic.search.estimate import check_size
from tunemagic.search.few import few_batches
from tunemagic.search.folds import Fold, joined
from tunemagic.search.job import Report, StopFlag, TrialJob
from tunemagic.search.parts import fold_of, run_on
from tunemagic.search.seeds import own_names, run_seed
from tunemagic.search.state import Best, RunResult, Snapshot, TrainingState, state_from_bytes, state_to_bytes
from tunemagic.search.training import learn_scales, train_model
from tunemagic.search.watch import Cancelled, Watch

__all__ = ["TrialRuns"]


class TrialRuns:
    """Trains a trial's runs one after the other, from a saved state on when the job has one.

    ``best`` is the best epoch of the best run, ``model`` what the cell built in that run; both
    None before the first epoch has ended. ``trainer`` says how the first run was trained.
    ``device`` is what the gauge said of the model, by name.
    ``results`` holds the finished runs, ``last_run`` and ``last_epoch`` how far training came.
    """

    def __init__(self, job: TrialJob, report: Callable[[Report], None], stop: StopFlag) -> None:
        self._job = job
        self._report = report
        self._stop = stop
        self._count = max(job.work.repeats, 1) * max(job.work.folds, 1)
        self._state_at = time.monotonic() + job.work.state_seconds
        self._state = None if job.state is None else state_from_bytes(job.state)
        self._winner_run = 0
        self._ends: list[Snapshot] = []
        self.results: list[RunResult] = []
        self.best: Best | None = None
        self.model: Any = None
        self.trainer = ""
        self.device: dict[str, float] = {}
        self.last_run = 1
        self.last_epoch = 0
        if self._state is not None:
            self._take_up(self._state)

    def _take_up(self, state: TrainingState) -> None:
        ends = len(state.ends) + 1 if self._job.from_parent else self._count
        if len(state.finished) != state.run - 1 or not 1 <= state.run <= self._count or ends != self._count:
            raise StorageError(
                f"the saved training state is of run {state.run}; expected one of a trial with {self._count}. "
                "Go on with the numbers of repeats and folds that the study was started with."
            )
        if not self._job.from_parent:
            self.results, self._ends = list(state.finished), list(state.ends)
            self.best, self._winner_run = state.winner, state.winner_run

    def train(self) -> None:
        """Train all runs that are not finished. Returns early when the trial is stopped."""
        for run in range(len(self.results) + 1, self._count + 1):
            watch = self._watch(run)
            try:
                model = self._train_run(run, watch)
            except Cancelled:
                return
            finally:
                self._state_at, self.last_run, self.last_epoch = watch.state_at, run, watch.epochs
            if watch.best is None:
                return
            self._end_run(run, watch, watch.best, model)

    @property
    def score(self) -> float | None:
        """The mean over the finished runs; before the first one is finished that of its best epoch."""
        if self.results:
            return statistics.fmean(result.score for result in self.results)
        return None if self.best is None else self.best.score

    @property
    def metrics(self) -> dict[str, float | None]:
        """Means over the finished runs of their best epochs' metrics; None where one was not finite."""
        if len(self.results) < 2:
            return {} if self.best is None else dict(self.best.metrics)
        names = self.results[0].metrics
        return {name: _mean([result.metrics.get(name) for result in self.results]) for name in names}

    def end_state(self) -> bytes | None:
        """The training state after the last epoch of all runs; None unless the job asks to keep it."""
        if len(self._ends) < self._count:
            return None
        *ends, last = self._ends
        finished = self.results[: self._count - 1]
        return state_to_bytes(TrainingState(run=self._count, now=last, best=None, finished=finished, ends=ends))

    # -- one run -------------------------------------------------------------------------------------

    def _watch(self, run: int) -> Watch:
        watch = Watch(self._job, self._report, self._stop, self._state_of, run=run)
        watch.state_at = self._state_at
        if self._state is not None and not self._job.from_parent and run == self._state.run:
            watch.best, watch.epochs = self._state.best, self._state.now.epoch
        return watch

    def _start(self, run: int) -> Snapshot | None:
        """Where this run goes on, None where it starts afresh."""
        if self._state is None:
            return None
        if self._job.from_parent:
            return [*self._state.ends, self._state.now][run - 1]
        return self._state.now if run == self._state.run else None

    def _train_run(self, run: int, watch: Watch) -> Any:
        job, seed = self._job, run_seed(self._job.seed, run)
        if self._state is None:
            watch.batch_ended()  # else the model is needed all the same, for the best weights so far
        with seeded(seed):
            with own_names(borrowed_by(job.work.program).names()):
                setup, data, fold = self._build(run)
            check_size(setup.model, data, job.work.max_params)
            learn_scales(setup, data, fold)
            self.device = self.device or device_values(job, setup.model, data, self._stop)
            self.model = self.model or setup.model
            if setup.fit_method is not None:
                watch.state_at = math.inf  # what a fit of the user's keeps to itself is in no state
            try:
                train_model(job, setup, data, watch, fold=fold, seed=seed, start=self._start(run))
            finally:
                self.trainer = self.trainer or watch.trainer
                if watch.best is not None and not self.results:
                    self.best = watch.best  # counts also when the first run is cut off
        return setup.model

    def _build(self, run: int) -> tuple[TrialSetup, TrainingData, Fold | None]:
        """What the cell makes of this run's part of the data, and the data as it left it; joined with folds."""
        job, work = self._job, self._job.work
        fold = fold_of(work.data, work.folds, run, seed=work.seed)
        setup, data, fold = run_on(work.program, job.hp, work.data, fold)
        if job.batches is not None:
            setup, data = few_batches(setup, data, job.batches)
            fold = fold_of(data, work.folds, run, seed=work.seed)
        return setup, data if fold is None else joined(data), fold

    def _end_run(self, run: int, watch: Watch, best: Best, model: Any) -> None:
        job = self._job
        result = RunResult(score=best.score, best_epoch=best.epoch, metrics=best.metrics)
        first = not self.results
        self.results.append(result)
        if watch.end is not None:
            self._ends.append(watch.end)
        if first or self.best is None or job.work.direction.better(best.score, self.best.score):
            self.best, self._winner_run, self.model = best, run, model
        if self._count > 1:
            self._report(
                ev.RunEnded(
                    trial=job.trial,
                    attempt=job.attempt,
                    run=run,
                    score=best.score,
                    best_epoch=best.epoch,
                    metrics=dict(best.metrics),
                )
            )

    def _state_of(self, watch: Watch) -> bytes:
        return state_to_bytes(
            TrainingState(
                run=watch.run,
                now=watch.snapshot(),
                best=watch.best,
                finished=self.results,
                winner=self.best if self.results else None,
                winner_run=self._winner_run,
                ends=self._ends,
            )
        )


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return statistics.fmean(numbers) if len(numbers) == len(values) else None
