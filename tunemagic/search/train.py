"""Run one trial: train its runs, measure its best model, and say in one outcome what came of it.

No checkpoint on disk per epoch, no progress bar, no TensorBoard: the best epoch's weights are
copied in memory. How a model is trained stands in ``search.training``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import TrialError
from tunemagic.randomness import kept_random_state
from tunemagic.search.estimate import TooLarge, estimate_parameters, too_large
from tunemagic.search.faults import describe_divergence, describe_error, user_frame
from tunemagic.search.job import Ending, Measure, Report, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.runs import TrialRuns
from tunemagic.search.training import build_weights, fit_arguments
from tunemagic.search.watch import Diverged
from tunemagic.search.weights import weights_to_bytes

__all__ = ["build_weights", "fit_arguments", "kept_random_state", "run_job"]


def run_job(job: TrialJob, report: Callable[[Report], None], stop: StopFlag) -> TrialOutcome:
    """Build, train and score one trial; never raises for what the user's code does.

    Calls ``report`` after every epoch and run, and with each training state that is taken. Setting
    ``stop`` ends training at the next batch; the best epoch so far then counts, the unfinished one
    does not; while it is held the trial waits after its epoch, and that counts as no time of its own.
    ``metrics`` of the outcome hold the best epoch's (means of several runs), the number
    of the model's ``parameters``, what ``Work.gauge`` said of it, and what ``Work.measure`` gives for a finished trial.
    """
    started = time.monotonic()
    runs: TrialRuns | None = None
    try:
        _check_limit(job)
        runs = TrialRuns(job, report, stop)
        runs.train()
        outcome = _outcome(job, runs, stopped=stop.is_set())
    except TooLarge as error:
        outcome = TrialOutcome(
            trial=job.trial, attempt=job.attempt, ending=Ending.SKIPPED, seconds=0.0, hp=job.hp, reason=str(error)
        )
    # Whatever the user's model code raises ends its trial only, SystemExit and out of memory included.
    except BaseException as error:
        outcome = _failure(job, error, "" if runs is None else runs.trainer)
    return replace(outcome, seconds=time.monotonic() - started - stop.held_seconds)


def _check_limit(job: TrialJob) -> None:
    limit = job.work.max_params
    if limit is None:
        return
    with kept_random_state():
        count = estimate_parameters(job.work.program, job.hp, job.work.data)
    if count is not None and count > limit:
        raise TooLarge(too_large(count, limit))


def _outcome(job: TrialJob, runs: TrialRuns, *, stopped: bool) -> TrialOutcome:
    best, weights = runs.best, None
    metrics = runs.metrics
    if best is not None:
        weights = weights_to_bytes(runs.model, best.weights)
        metrics.setdefault("parameters", float(runs.model.count_params()))
        metrics |= runs.device
        if job.work.measure is not None and not stopped:
            metrics |= _measured(job.work.measure, runs.model)
    return TrialOutcome(
        trial=job.trial,
        attempt=job.attempt,
        ending=Ending.STOPPED if stopped else Ending.FINISHED,
        seconds=0.0,
        score=runs.score,
        best_epoch=None if best is None else best.epoch,
        metrics=metrics,
        weights=weights,
        state=None if stopped else runs.end_state(),
        state_run=runs.last_run,
        state_epoch=runs.last_epoch,
        hp=job.hp,
        trainer=runs.trainer,
    )


def _measured(measure: Measure, model: Any) -> dict[str, float]:
    """What the user's hook says of the trained model. Raises TrialError unless it is finite numbers."""
    try:
        values = {str(name): float(value) for name, value in measure(model).items()}
    # The hook is the user's code or a converter; whatever it raises is this trial's fault to tell.
    except Exception as error:
        raise TrialError(f"measuring the trained model failed: {describe_error(error)}") from error
    spoilt = [name for name, value in values.items() if ev.finite(value) is None]
    if spoilt:
        raise TrialError(f"measuring the trained model gave {values[spoilt[0]]} for {spoilt[0]}; expected a number")
    return values


def _failure(job: TrialJob, error: BaseException, trainer: str) -> TrialOutcome:
    line, source = user_frame(error, getattr(job.work.program, "filename", ""))
    warnings = job.work.data.warnings
    return TrialOutcome(
        trial=job.trial,
        attempt=job.attempt,
        ending=Ending.FAILED,
        seconds=0.0,
        hp=job.hp,
        error=_error_name(error),
        reason=describe_divergence(str(error), warnings) if isinstance(error, Diverged) else describe_error(error),
        line=line,
        source=source,
        trainer=trainer,
    )


def _error_name(error: BaseException) -> str:
    """``diverged`` and ``out of memory`` by their meaning, anything else by its type."""
    if isinstance(error, Diverged):
        return "diverged"
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "out of memory"
    return type(error).__name__
