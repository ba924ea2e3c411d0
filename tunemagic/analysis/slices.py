"""Scores over each hyperparameter by itself."""

from __future__ import annotations

from tunemagic.analysis.axes import parameter_scales, score_scale, scored_trials, shown_trials
from tunemagic.analysis.pictures import SliceInfo, SlicePoint
from tunemagic.trial import StudyView

__all__ = ["slice_info"]


def slice_info(view: StudyView) -> SliceInfo:
    """A point for each trial that has a score, on each hyperparameter that was active in it.

    Of very many trials some are left out (see ``shown_trials``).
    """
    scales, objective = parameter_scales(view), score_scale(view)
    last = max(1, len(view.trials) - 1)
    shown = shown_trials(view)
    placed = [
        (trial, round((trial.number - 1) / last, 4), place)
        for trial, score in shown
        if (place := objective.place(score)) is not None
    ]
    points = tuple(
        tuple(
            SlicePoint(trial=trial.number, x=x, y=y, order=order)
            for trial, order, y in placed
            if (x := scale.place(trial.values.get(scale.name))) is not None
        )
        for scale in scales
    )
    return SliceInfo(
        objective=objective.axis,
        axes=tuple(scale.axis for scale in scales),
        points=points,
        best=view.best,
        hidden=len(scored_trials(view)) - len(shown),
    )
