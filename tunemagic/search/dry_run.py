"""What a search would cost, told from a warm-up trial on a few batches. Nothing is recorded or kept."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import psutil

from tunemagic.errors import TrialError
from tunemagic.events import EpochEnded
from tunemagic.request import Tuner
from tunemagic.search.executors.base import Executor
from tunemagic.search.few import batch_size_of
from tunemagic.search.job import Ending, TrialJob, TrialOutcome, Work, WorkersStarted
from tunemagic.search.parts import run_on
from tunemagic.search.train import kept_random_state

__all__ = ["MakeExecutor", "TrialCost", "epoch_share", "warm_up"]

# What runs trials of this work, and in words why that.
MakeExecutor: TypeAlias = Callable[[Work], tuple[Executor, str]]

_FEW = 4  # batches of the first look
_EPOCHS = 3  # the first one also builds, traces and compiles; the faster of the others is like all later ones
_LOOK_SECONDS = 1.0  # small models get as many batches as they train in this time, so that fixed costs do not count
_POLL_SECONDS = 0.1
_BRACKET_FACTOR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCost:
    """What one training with the default values costs.

    ``first_seconds`` is building and compiling, ``again_seconds`` the same for a structure that was
    trained before (None where that was not tried), ``epoch_seconds`` one epoch on all batches with
    its validation, None when nobody knows how many batches there are; ``epochs`` how many a trial
    has (``from_cell`` when the cell says so). ``memory`` is by how many bytes the processes of
    this machine grew at most. ``batches`` of ``all_batches`` were trained on; ``trainer`` says how.
    ``executor``, ``executor_reason`` and ``workers`` say where, as ExecutorChosen does.
    """

    first_seconds: float
    again_seconds: float | None
    epoch_seconds: float | None
    epochs: int
    from_cell: bool
    memory: int
    batches: int
    all_batches: int | None
    trainer: str
    executor: str
    executor_reason: str
    workers: int

    def training_seconds(self, epochs: float) -> float | None:
        """Seconds for one training of this many epochs."""
        return None if self.epoch_seconds is None else self.first_seconds + epochs * self.epoch_seconds


@dataclass(frozen=True, slots=True)
class _Look:
    """What training on a few batches showed: seconds, bytes."""

    first: float
    epoch: float
    memory: int
    trainer: str


def warm_up(work: Work, hp: Any, make_executor: MakeExecutor, *, epochs: int, seed: int) -> TrialCost:
    """Train once with the values in ``hp`` on a few batches, where the trials of this work would run.

    ``epochs`` is what a trial has when the cell does not say. Raises TrialError when that trial
    fails. An interrupt ends it.
    """
    batches, own_epochs = _amounts(work, hp)
    single = replace(work.only_training(), folds=0)
    executor, reason = make_executor(single)
    try:
        few = _FEW if batches is None else min(_FEW, batches)
        look = _look(executor, single, hp, few, seed)
        first, again = look, None
        more = few if batches is None else min(int(few * _LOOK_SECONDS / max(look.epoch, 1e-4)), batches)
        if more > few:
            few = more
            look = _look(executor, single, hp, few, seed, trial=2)
            again = look.first
    finally:
        executor.close()
    return TrialCost(
        first_seconds=max(first.first, look.first),
        again_seconds=again,
        epoch_seconds=None if batches is None else look.epoch * batches / few,
        epochs=own_epochs or epochs,
        from_cell=own_epochs is not None,
        memory=max(first.memory, look.memory),
        batches=few,
        all_batches=batches,
        trainer=first.trainer,
        executor=executor.kind,
        executor_reason=reason,
        workers=executor.slots,
    )


def epoch_share(tuner: Tuner, epochs: int) -> float:
    """The mean share of its epochs that a trial trains: 1, except under Hyperband's brackets.

    There most trials are short, and a promoted one only trains what its parent has not. Over all
    brackets of one round, as Keras Tuner lays them out (Li et al. 2018, algorithm 1).
    """
    if tuner not in (Tuner.HYPERBAND, Tuner.BOHB) or epochs < 2:
        return 1.0
    logarithm = math.log(epochs, _BRACKET_FACTOR)
    trials = trained = 0
    for bracket in range(1 + int(logarithm + 1e-9)):
        last = math.ceil(1 + logarithm) / (bracket + 1)
        before = 0
        for rung in range(bracket + 1):
            size = math.ceil(last * _BRACKET_FACTOR ** (bracket - rung))
            until = math.ceil(epochs / _BRACKET_FACTOR ** (bracket - rung))
            trials += size
            trained += size * (until - before)
            before = until
    return trained / (trials * epochs)


def _amounts(work: Work, hp: Any) -> tuple[int | None, int | None]:
    """Batches in an epoch, None when unknown, and the cell's own number of epochs, if it has one."""
    with kept_random_state():
        setup, data, _ = run_on(work.program, hp, work.data)
    own = setup.fit.get("epochs")
    epochs = own if isinstance(own, int) and own > 0 else None
    if not data.is_arrays:
        count = int(data.x.cardinality())
        return (count if count > 0 else None), epochs
    rows = len(data.x)
    if work.folds:
        held = 0 if data.train_rows is None else len(data.val_rows)
        rows = math.ceil((rows + held) * (work.folds - 1) / work.folds)
    return math.ceil(rows / batch_size_of(setup)), epochs


def _look(executor: Executor, work: Work, hp: Any, batches: int, seed: int, *, trial: int = 1) -> _Look:
    """Train on this many batches for a few epochs."""
    job = TrialJob(
        trial=trial, attempt=1, work=work, hp=hp, epochs=_EPOCHS, seed=seed, fixed_epochs=True, batches=batches
    )
    began, least, most = time.monotonic(), _resident_bytes(), 0
    ends: list[float] = []
    executor.submit(job)
    while True:
        report = executor.next_report(_POLL_SECONDS)
        most = max(most, _resident_bytes())
        if isinstance(report, WorkersStarted):
            began, least, most = time.monotonic(), _resident_bytes(), 0
        elif isinstance(report, EpochEnded):
            ends.append(time.monotonic() - began)
        elif isinstance(report, TrialOutcome):
            break
    if report.ending is not Ending.FINISHED or not ends:
        where = "" if report.line is None else f"line {report.line}: "
        reason = report.reason or report.error or report.ending
        raise TrialError(f"the warm-up trial failed: {where}{reason}", line=report.line, source=report.source)
    epoch = min((later - earlier for earlier, later in itertools.pairwise(ends)), default=ends[0])
    return _Look(max(0.0, ends[0] - epoch), epoch, max(0, most - least), report.trainer)


def _resident_bytes() -> int:
    """Memory of this process and of all that it started."""
    own = psutil.Process()
    total = 0
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return total
