"""Two objectives against each other, and which trials no other trial beats."""

from __future__ import annotations

from collections.abc import Sequence

from tunemagic.analysis.axes import check_name, value_scale
from tunemagic.analysis.pictures import ParetoInfo, ParetoPoint
from tunemagic.errors import OptionError
from tunemagic.events import Direction, finite
from tunemagic.request import DEVICE_VALUES
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["pareto_info"]

# What trials measure of their models beside the objectives; the fewer, the better.
_MEASURED = ("parameters", *DEVICE_VALUES)


def pareto_info(view: StudyView, x: str | None = None, y: str | None = None) -> ParetoInfo:
    """The trials in the plane of two objectives.

    To choose from are the study's objectives and what trials measure of their models: ``parameters``,
    ``size_kb`` and ``latency_ms``. Other metrics have no direction. By default the objective is upright and the
    next one lies below. Raises OptionError for another name, or the same one twice.
    """
    directions = _directions(view)
    names = tuple(directions)
    upright = check_name(y, names, where="pareto y") if y is not None else view.objective
    others = [name for name in names if name != upright]
    level = check_name(x, names, where="pareto x") if x is not None else next(iter(others), None)
    if level == upright and y is None:
        upright = next((name for name in names if name != level), upright)
    if level is not None and level == upright:
        raise OptionError(f"pareto: x and y are both {level!r}; expected two of {', '.join(names)}.")
    if level is None:
        return ParetoInfo(names=names, x=None, y=None, points=())
    pairs = [
        (trial.number, a, b)
        for trial in view.trials
        if (a := _value(view, trial, level)) is not None and (b := _value(view, trial, upright)) is not None
    ]
    return _info(pairs, names, (level, directions[level]), (upright, directions[upright]))


def _info(
    pairs: Sequence[tuple[int, float, float]],
    names: tuple[str, ...],
    x: tuple[str, Direction],
    y: tuple[str, Direction],
) -> ParetoInfo:
    below = value_scale(x[0], [a for _, a, _ in pairs], x[1], better_up=True)
    beside = value_scale(y[0], [b for _, _, b in pairs], y[1], better_up=True)
    front = _front([(number, _cost(a, x[1]), _cost(b, y[1])) for number, a, b in pairs])
    points = tuple(
        ParetoPoint(trial=number, x=at_x, y=at_y, front=number in front)
        for number, a, b in pairs
        if (at_x := below.place(a)) is not None and (at_y := beside.place(b)) is not None
    )
    return ParetoInfo(names=names, x=below.axis, y=beside.axis, points=points)


def _directions(view: StudyView) -> dict[str, Direction]:
    directions = {view.objective: view.direction, **dict(view.objectives)} if view.objective else {}
    for name in _MEASURED:
        if any(trial.metrics.get(name) is not None for trial in view.trials):
            directions.setdefault(name, Direction.MIN)
    return directions


def _value(view: StudyView, trial: TrialRecord, name: str) -> float | None:
    if trial.score is None:
        return None
    return finite(trial.score if name == view.objective else trial.metrics.get(name))


def _cost(value: float, direction: Direction) -> float:
    return value if direction is Direction.MIN else -value


def _front(costs: Sequence[tuple[int, float, float]]) -> set[int]:
    """Numbers of those that no other beats: one is beaten by what is as good in both and better in one."""
    front: set[int] = set()
    least: tuple[float, float] | None = None
    for number, a, b in sorted(costs, key=lambda cost: cost[1:]):
        if least is None or b < least[1] or (a, b) == least:
            least = (a, b)
            front.add(number)
    return front
