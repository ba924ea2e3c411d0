"""Two studies side by side: how they went, and where their best values differ."""

from __future__ import annotations

from dataclasses import dataclass

from tunemagic.analysis.curves import Limits, best_so_far_info, limits_of
from tunemagic.events import Direction
from tunemagic.space import Value
from tunemagic.trial import StudyState, StudyView

__all__ = ["BestStep", "StudyColumn", "StudyComparisonInfo", "ValueRow", "compare_studies_info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestStep:
    """From this trial on the best score of the study was this."""

    trial: int
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyColumn:
    """What one study came to. ``seconds`` is its time in all, ``steps`` its best score as it grew.

    ``last`` is the number of its latest trial with a score, up to which the last step holds.
    """

    name: str
    state: StudyState
    strategy: str
    objective: str
    direction: Direction
    best: float | None
    best_trial: int | None
    trials: int
    seconds: float
    steps: tuple[BestStep, ...]
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """A hyperparameter whose best values differ; None in a study that has none of that name."""

    name: str
    left: Value | None
    right: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyComparisonInfo:
    """Two studies. ``better`` is "left", "right", or "" where neither is or their objectives differ.

    ``same_values`` counts hyperparameters whose best values are equal. ``limits`` is the range of
    both best-so-far curves, None when they don't share an objective or have no score.
    """

    left: StudyColumn
    right: StudyColumn
    better: str
    values: tuple[ValueRow, ...]
    same_values: int
    limits: Limits | None


def compare_studies_info(left: StudyView, right: StudyView) -> StudyComparisonInfo:
    """What two studies have in common and where they differ."""
    columns = _column(left), _column(right)
    comparable = (left.objective, left.direction) == (right.objective, right.direction)
    scores = [step.best for column in columns for step in column.steps] if comparable else []
    mine = {} if left.best_trial is None else left.best_trial.values
    other = {} if right.best_trial is None else right.best_trial.values
    names = tuple(dict.fromkeys([*mine, *other])) if mine and other else ()
    rows = [ValueRow(name=name, left=mine.get(name), right=other.get(name)) for name in names]
    differing = tuple(row for row in rows if row.left != row.right)
    return StudyComparisonInfo(
        left=columns[0],
        right=columns[1],
        better=_better(left.direction, columns) if comparable else "",
        values=differing,
        same_values=len(rows) - len(differing),
        limits=limits_of(scores, scores),
    )


def _column(view: StudyView) -> StudyColumn:
    points = best_so_far_info(view).points
    steps: list[BestStep] = []
    for point in points:
        if not steps or point.best != steps[-1].best:
            steps.append(BestStep(trial=point.trial, best=point.best))
    best = view.best_trial
    return StudyColumn(
        name=view.study,
        state=view.state,
        strategy=view.strategy,
        objective=view.objective,
        direction=view.direction,
        best=None if best is None else best.score,
        best_trial=view.best,
        trials=view.ended_trials,
        seconds=view.elapsed,
        steps=tuple(steps),
        last=points[-1].trial if points else 0,
    )


def _better(direction: Direction, columns: tuple[StudyColumn, StudyColumn]) -> str:
    left, right = columns[0].best, columns[1].best
    if left is None or right is None or left == right:
        return ""
    return "left" if direction.better(left, right) else "right"
