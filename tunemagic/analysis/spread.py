"""How far the runs of a trial lie apart: a gain that is smaller may be luck."""

from __future__ import annotations

import statistics

from tunemagic.analysis.axes import Scale, value_scale
from tunemagic.analysis.pictures import SpreadInfo, SpreadRow
from tunemagic.events import Direction, finite
from tunemagic.trial import StudyView

__all__ = ["MAX_ROWS", "spread_info"]

MAX_ROWS = 12


def spread_info(view: StudyView) -> SpreadInfo:
    """The runs of the best trials that have at least two; at most MAX_ROWS, best trial first."""
    runs = [
        (trial.number, scores)
        for trial in view.ranking()
        if len(scores := [score for score in map(finite, trial.scores) if score is not None]) > 1
    ][:MAX_ROWS]
    if not runs:
        return SpreadInfo(objective=None, rows=(), runs=view.runs, direction=view.direction)
    spans = [(number, scores, statistics.fmean(scores), statistics.stdev(scores)) for number, scores in runs]
    ends = [end for _, scores, mean, spread in spans for end in (*scores, mean - spread, mean + spread)]
    # Every run is shown: the one far out is what this picture is about. MAX keeps the axis linear, as spreads are.
    low, high = min(ends), max(ends)
    scale = value_scale(view.objective, [low, high], Direction.MAX)
    return SpreadInfo(
        objective=scale.axis, rows=tuple(_row(scale, *span) for span in spans), runs=view.runs, direction=view.direction
    )


def _row(scale: Scale, trial: int, scores: list[float], mean: float, spread: float) -> SpreadRow:
    def at(value: float) -> float:
        place = scale.place(value)
        return 0.0 if place is None else place

    return SpreadRow(
        trial=trial,
        scores=tuple(map(at, scores)),
        mean=at(mean),
        low=at(mean - spread),
        high=at(mean + spread),
    )
