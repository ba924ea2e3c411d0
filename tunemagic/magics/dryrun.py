"""``--dry-run``: the space, its size, and what the search would cost. Nothing is started or kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.wording import clock
from tunemagic.errors import TrialError
from tunemagic.events import EpochEnded
from tunemagic.magics.tables import Table
from tunemagic.request import DEFAULT_TRIALS, Tuner, TuneRequest
from tunemagic.search.data import TrainingData
from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.search.job import Ending, TrialJob, TrialOutcome, TrialProgram, Work
from tunemagic.search.probe import Discovery, discover

__all__ = ["Estimate", "dry_run_table", "estimate"]

_WARM_UP_EPOCHS = 2  # the first one also builds, traces and compiles; the second one is like all later ones
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one trial costs: seconds until its first epoch has ended, and for each further epoch."""

    first_epoch: float
    next_epoch: float

    def trial_seconds(self, epochs: int) -> float:
        """Seconds for a whole trial."""
        return self.first_epoch + (epochs - 1) * self.next_epoch


def estimate(request: TuneRequest, program: TrialProgram, data: TrainingData, found: Discovery) -> Estimate:
    """Time one trial with the default values for two epochs at most.

    Raises TrialError when that trial fails. An interrupt ends it.
    """
    epochs = min(request.epochs, _WARM_UP_EPOCHS)
    job = TrialJob(
        trial=1,
        attempt=1,
        work=Work(program=program, data=data, objective=found.objective, direction=found.direction),
        hp=found.hyperparameters,
        epochs=epochs,
        seed=request.seed or 0,
        fixed_epochs=True,
    )
    executor = InlineExecutor()
    began = time.monotonic()
    ends: list[float] = []
    try:
        executor.submit(job)
        while True:
            report = executor.next_report(_POLL_SECONDS)
            if isinstance(report, EpochEnded):
                ends.append(time.monotonic() - began)
            elif isinstance(report, TrialOutcome):
                break
    finally:
        executor.close()
    if report.ending is Ending.FAILED or not ends:
        where = "" if report.line is None else f"line {report.line}: "
        raise TrialError(f"the warm-up trial failed: {where}{report.reason}", line=report.line, source=report.source)
    return Estimate(first_epoch=ends[0], next_epoch=ends[-1] - ends[-2] if len(ends) > 1 else ends[0])


def dry_run_table(request: TuneRequest, program: TrialProgram, data: TrainingData) -> Table:
    """The search space, one row per hyperparameter, and the cost in the lines below."""
    found = discover(program, data, request.objective)
    cost = estimate(request, program, data, found)
    rows = tuple((p.name, str(p.kind), p.describe(), str(p.default)) for p in found.space.parameters)
    return Table(
        caption=f"Dry run: {request.name or 'study'}, {request.tuner}, {found.objective} ({found.direction})",
        columns=("hyperparameter", "kind", "range", "default"),
        rows=rows,
        notes=_notes(request, data, found, cost),
    )


def _notes(request: TuneRequest, data: TrainingData, found: Discovery, cost: Estimate) -> tuple[str, ...]:
    combinations = found.space.combinations()
    trials = _trials(request, combinations)
    seconds = cost.trial_seconds(request.epochs)
    notes: list[Any] = [
        f"data: {data.description}",
        f"combinations: {'infinitely many' if combinations is None else format(combinations, ',d')}",
    ]
    if found.parameter_count is not None:
        notes.append(f"weights of the default model: {found.parameter_count:,}")
    notes.append(f"one trial of {request.epochs} epochs: about {seconds:.1f} s with the default values")
    if trials is not None:
        notes.append(f"{trials} trials: about {clock(trials * seconds)}")
    if request.minutes is not None:
        notes.append(
            f"ends after {request.minutes:g} min at the latest: about {int(60 * request.minutes / seconds)} trials"
        )
    return (*notes, *data.warnings, "Nothing was started and nothing was written.")


def _trials(request: TuneRequest, combinations: int | None) -> int | None:
    """How many trials the search would run at most; None when only time limits it."""
    limits = [limit for limit in (request.max_trials, combinations) if limit is not None]
    if request.tuner is Tuner.GRID or request.max_trials is not None:
        return min(limits, default=None)
    return None if request.minutes is not None else min([*limits, DEFAULT_TRIALS])
