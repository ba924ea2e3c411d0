"""Train values that were searched again from other seeds, where the study's trials run. Nothing is kept on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from tunemagic.errors import TrialError
from tunemagic.events import finite
from tunemagic.request import Tuner
from tunemagic.search.executors.base import Executor
from tunemagic.search.hyperparameters import hyperparameters_of, recording_copy
from tunemagic.search.job import Ending, TrialJob, TrialOutcome, Work
from tunemagic.search.seeds import run_seed, trial_seed
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["retrain"]

_FIRST_RUN = 1_000_001  # no search repeats a trial so often, so these seeds are new
_POLL_SECONDS = 0.1
_BY_EPOCHS = (Tuner.HYPERBAND, Tuner.BOHB)  # they decide how long a trial is trained


def retrain(
    view: StudyView,
    trials: Sequence[TrialRecord],
    repeats: int,
    work: Work,
    make_executor: Callable[[Work], Executor],
    on_scores: Callable[[TrialRecord, tuple[float, ...]], None],
    stop: threading.Event | None = None,
    on_training: Callable[[int, float], None] | None = None,
) -> int:
    """Train each trial's values ``repeats`` times; ``on_scores`` gets a trial's scores when it has all of them.

    ``on_training`` gets the trial's number and each single score as it comes.
    A score is that of the best epoch, as in the search; with folds it is the mean over them.
    Trials are done one after the other, so that an interrupt keeps those that are complete; returns
    how many are, which are fewer than all only when ``stop`` was set. Raises TrialError when a
    training fails.
    """
    stop = stop or threading.Event()
    executor = make_executor(work.only_training())
    try:
        for place, trial in enumerate(trials):
            jobs = [_job(view, trial, repeat, place * repeats + repeat + 1, work) for repeat in range(repeats)]
            scores = _run(executor, jobs, stop, _teller(on_training, trial.number))
            if scores is None:
                return place
            on_scores(trial, tuple(scores[job.trial] for job in jobs))
        return len(trials)
    finally:
        executor.close()  # what still runs is cancelled


def _teller(on_training: Callable[[int, float], None] | None, trial: int) -> Callable[[float], None]:
    """What tells a score as one of this trial."""

    def tell(score: float) -> None:
        if on_training is not None:
            on_training(trial, score)

    return tell


def _job(view: StudyView, trial: TrialRecord, repeat: int, number: int, work: Work) -> TrialJob:
    hp = recording_copy(hyperparameters_of(view.space))
    hp.values = dict(trial.values)
    return TrialJob(
        trial=number,
        attempt=1,
        work=work.only_training(),
        hp=hp,
        epochs=trial.epochs,
        seed=run_seed(trial_seed(view.seed, trial.number), _FIRST_RUN + repeat),
        fixed_epochs=view.strategy in _BY_EPOCHS,
    )


def _run(
    executor: Executor, jobs: Sequence[TrialJob], stop: threading.Event, on_score: Callable[[float], None]
) -> dict[int, float] | None:
    """Each job's score by its number; None as soon as ``stop`` is set."""
    waiting, running, scores = list(jobs), 0, dict[int, float]()
    while waiting or running:
        if stop.is_set():
            return None
        while waiting and running < max(1, executor.slots):
            executor.submit(waiting.pop(0))
            running += 1
        report = executor.next_report(_POLL_SECONDS)
        if isinstance(report, TrialOutcome):
            running -= 1
            scores[report.trial] = score = _score(report)
            on_score(score)
    return scores


def _score(outcome: TrialOutcome) -> float:
    score = finite(outcome.score)
    if outcome.ending is not Ending.FINISHED or score is None:
        reason = outcome.reason or outcome.error or str(outcome.ending)
        raise TrialError(f"training the values again failed: {reason}", line=outcome.line, source=outcome.source)
    return score
