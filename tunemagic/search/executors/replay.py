"""Answers trials from learning curves on record instead of training."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tunemagic import events as ev
from tunemagic.errors import OptionError
from tunemagic.search.coordinates import Axis, Coordinate, coordinates_of
from tunemagic.search.job import Ending, Report, TrialJob, TrialOutcome
from tunemagic.search.replay_table import ReplayRow, ReplayTable
from tunemagic.space import Value
from tunemagic.trial import TrialRecord

__all__ = ["NearestRows", "ReplayExecutor"]


@dataclass(slots=True)
class _Running:
    """A trial on its way along a row's curves; ``epoch`` is the last one that was reported."""

    job: TrialJob
    row: int
    epoch: int
    best_epoch: int | None = None
    cancelled: bool = False
    held: bool = False


class ReplayExecutor:
    """Trials follow the nearest row that no earlier trial has had; no threads, no weights.

    A trial that goes on from another one (a Hyperband rung) stays in its row. Running trials
    take turns, one epoch each, so ``slots`` trials run side by side as on real workers.
    ``earlier`` are the trials of a resumed study: their rows are taken as they were.
    """

    kind = "replay"

    def __init__(self, table: ReplayTable, *, slots: int = 1, earlier: Sequence[TrialRecord] = ()) -> None:
        self.slots = slots
        self._table = table
        self._rows = NearestRows(table)
        self._row_of: dict[int, int] = {}
        self._running: deque[_Running] = deque()
        for trial in earlier:
            parent = None if trial.parent is None else self._row_of.get(trial.parent)
            self._row_of[trial.number] = self._rows.take(trial.values) if parent is None else parent

    def submit(self, job: TrialJob) -> None:
        """Find the job's row."""
        if job.from_parent and job.state is not None:
            row = self._row_of[job.trial] = int(job.state)
        elif job.trial in self._row_of:
            row = self._row_of[job.trial]
        else:
            row = self._row_of[job.trial] = self._rows.take(job.hp.values)
        self._running.append(_Running(job, row, job.initial_epoch))

    def next_report(self, timeout: float) -> Report | None:
        """The next epoch or outcome; None when nothing runs, or after ``timeout`` when all are held."""
        if not self._running:
            return None
        trial = self._next()
        if trial is None:
            time.sleep(timeout)
            return None
        job, row = trial.job, self._table.rows[trial.row]
        if trial.cancelled or trial.epoch >= min(job.epochs, row.epochs):
            return self._outcome(trial, row)
        trial.epoch += 1
        logs = _metrics(row, trial.epoch)
        value = logs.get(job.work.objective)
        best = None if trial.best_epoch is None else _metrics(row, trial.best_epoch)[job.work.objective]
        if value is not None and job.work.direction.better(value, best):
            trial.best_epoch = trial.epoch
        self._running.append(trial)
        return ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=trial.epoch, logs=logs)

    def _next(self) -> _Running | None:
        """The trial whose turn it is, taken out of the row; None when all of them wait."""
        for _ in range(len(self._running)):
            trial = self._running.popleft()
            if trial.cancelled or not trial.held:
                return trial
            self._running.append(trial)
        return None

    def _outcome(self, trial: _Running, row: ReplayRow) -> TrialOutcome:
        job = trial.job
        logs = {} if trial.best_epoch is None else _metrics(row, trial.best_epoch)
        failed = not trial.cancelled and bool(row.error) and trial.epoch >= row.epochs
        ending = Ending.STOPPED if trial.cancelled else Ending.FAILED if failed else Ending.FINISHED
        return TrialOutcome(
            trial=job.trial,
            attempt=job.attempt,
            ending=ending,
            seconds=0.0,
            score=None if failed else logs.get(job.work.objective),
            best_epoch=None if failed else trial.best_epoch,
            metrics={} if failed else logs,
            state=str(trial.row).encode() if job.keep_state else None,
            state_epoch=trial.epoch,
            hp=job.hp,
            error=row.error if failed else "",
            reason=row.reason if failed else "",
            trainer=f"replayed from row {trial.row + 1} of {self._table.name}: "
            + ", ".join(f"{name}={value}" for name, value in row.values.items()),
        )

    def cancel(self, trial: int) -> None:
        """End this trial before its next epoch."""
        for each in self._running:
            each.cancelled |= each.job.trial == trial

    def hold(self, trial: int) -> None:
        """Report no further epoch of this trial for now. Its state is in the table, so none is taken."""
        for each in self._running:
            each.held |= each.job.trial == trial

    def release(self, trial: int) -> None:
        """Go on with it."""
        for each in self._running:
            each.held &= each.job.trial != trial

    def resize(self, workers: int) -> None:
        """Always refused: nothing is trained, so nothing would be faster."""
        raise OptionError(f"workers: received {workers}; a replay trains nothing and has no workers.")

    def close(self) -> None:
        """Forget what runs."""
        self._running.clear()


def _metrics(row: ReplayRow, epoch: int) -> dict[str, float | None]:
    return {name: curve[epoch - 1] for name, curve in row.curves.items() if len(curve) >= epoch}


class NearestRows:
    """Finds the unused row nearest to some values.

    Distance is Euclidean in the unit cube: numbers by their place in the range (by the logarithm
    where it is sampled so), choices of rising numbers by their rank, other choices 0 or 1. A
    parameter that is active on one side only counts 1.
    """

    def __init__(self, table: ReplayTable) -> None:
        import numpy as np

        self._coordinates = coordinates_of(table.space)
        self._ranked = np.array([each.axis is not Axis.CHOICE for each in self._coordinates], dtype=bool)
        self._points = np.array([self._point(row.values) for row in table.rows]).reshape(len(table.rows), -1)
        self._used = np.zeros(len(table.rows), dtype=bool)

    def take(self, values: Mapping[str, Value]) -> int:
        """The index of the nearest unused row, which is used from now on; of equal ones the first.

        When all rows are used, they may all be used again.
        """
        import numpy as np

        if self._used.all():
            self._used[:] = False
        point = self._point(values)
        away = np.abs(self._points - point)
        away = np.where(self._ranked, away, away > 0)
        inactive = np.isnan(self._points) | np.isnan(point)
        away[inactive] = (np.isnan(self._points) != np.isnan(point))[inactive]
        distance = np.where(self._used, np.inf, (away**2).sum(axis=1))
        row = int(distance.argmin())
        self._used[row] = True
        return row

    def _point(self, values: Mapping[str, Value]) -> list[float]:
        return [_place(coordinate, values) for coordinate in self._coordinates]


def _place(coordinate: Coordinate, values: Mapping[str, Value]) -> float:
    """Where the value lies on its axis, 0 to 1; which choice it is; NaN where it is not active."""
    parameter = coordinate.parameter
    known = parameter.name in values and parameter.active(values)
    position = coordinate.position(values[parameter.name]) if known else None
    if position is None:
        return math.nan
    if isinstance(position, (str, bool)) or coordinate.axis is Axis.CHOICE:
        return coordinate.choices.index(position)
    low, high = coordinate.low, coordinate.high
    if coordinate.log:
        return math.log(position / low) / math.log(high / low)
    return (position - low) / (high - low)
