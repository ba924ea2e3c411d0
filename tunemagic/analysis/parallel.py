"""All trials across all hyperparameters: the numbers behind parallel coordinates."""

from __future__ import annotations

from tunemagic.analysis.axes import parameter_scales, score_scale
from tunemagic.analysis.pictures import ParallelInfo, ParallelLine
from tunemagic.events import finite
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = ["MAX_LINES", "parallel_info"]

MAX_LINES = 300  # more can't be told apart


def parallel_info(view: StudyView) -> ParallelInfo:
    """One line for each trial, the best on top.

    Of more than MAX_LINES trials the running ones and those with the best scores are kept.
    """
    scales = (*parameter_scales(view), score_scale(view, better_up=True))
    ranking = [trial for trial in view.ranking() if finite(trial.score) is not None]
    places = {trial.number: place for place, trial in enumerate(ranking)}
    kept = sorted(view.trials, key=lambda trial: _importance(trial, places))[:MAX_LINES]
    kept.sort(key=lambda trial: (trial.number in places, -places.get(trial.number, 0), trial.number))
    last = max(1, len(ranking) - 1)
    lines = tuple(
        ParallelLine(
            trial=trial.number,
            at=(
                *(scale.place(trial.values.get(scale.name)) for scale in scales[:-1]),
                scales[-1].place(finite(trial.score)),
            ),
            rank=round(places[trial.number] / last, 4) if trial.number in places else None,
            state=trial.state,
        )
        for trial in kept
    )
    return ParallelInfo(
        axes=tuple(scale.axis for scale in scales),
        lines=lines,
        best=view.best,
        hidden=len(view.trials) - len(kept),
    )


def _importance(trial: TrialRecord, places: dict[int, int]) -> tuple[bool, int, int]:
    """What is kept first: running trials, then by score, then the latest."""
    return trial.state is not TrialState.RUNNING, places.get(trial.number, len(places)), -trial.number
