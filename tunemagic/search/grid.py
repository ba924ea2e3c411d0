"""Grid search: every combination once, the defaults first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import hyperparameters_of
from tunemagic.search.points import Point, key_of, points, values_of
from tunemagic.search.strategy import Proposal, Setting, Strategy, Waiting
from tunemagic.space import Kind, Parameter, SearchSpace, Value

__all__ = ["GridStrategy", "grid_notes"]

_COUNTED = 10_000  # larger grids are called "more than 10,000"
_LISTED = 10_000  # a range of a thousand million values must not be held in memory


class GridStrategy(Strategy):
    """The same points in the same order as Keras Tuner's GridSearch with one worker.

    Keras Tuner derives each point from trials that have ended, so that several workers wait for
    each other, and can't read its own state back. Here the order is fixed and tried points are
    passed over, which needs no state at all.
    """

    name = Tuner.GRID

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._left = self._walk()

    def _propose(self, number: int) -> Proposal | Waiting | None:
        if not self._trials:
            self._left = self._walk()
        for point in self._left:
            if key_of(point) not in self._tried:
                return Proposal(values=point, why="next point of the grid")
        # What a running trial's cell names for the first time makes a new, larger grid.
        return None if all(trial.ended for trial in self._trials.values()) else Waiting()

    def _space_changed(self) -> None:
        self._left = self._walk()

    def _narrowed(self) -> str:
        seen = [key_of(point) in self._tried for point in itertools.islice(self._walk(), _COUNTED)]
        left = f"more than {_COUNTED:,}" if len(seen) == _COUNTED else str(seen.count(False))
        return f"grid points outside the new range are dropped; {left} are left to try"

    def _walk(self) -> Iterator[Point]:
        values = _grid_values(self._hyperparameters, self._space)
        return points(self._space, lambda parameter: values.get(parameter) or _lazily(parameter))


def _grid_values(hyperparameters: Any, space: SearchSpace) -> dict[Parameter, tuple[Value, ...]]:
    """Every parameter's grid values: its default, then Keras Tuner's values in their order.

    Parameters with very many values are left out: Keras Tuner makes a list of all of them.
    """
    return {
        parameter: tuple(dict.fromkeys((hp.default, *hp.values)))
        for hp, parameter in zip(hyperparameters.space, space.parameters, strict=True)
        if (parameter.count() or 0) <= _LISTED
    }


def _lazily(parameter: Parameter) -> Iterator[Value]:
    """The same values in the same order, one at a time."""
    return itertools.chain((parameter.default,), (v for v in values_of(parameter) if v != parameter.default))


def grid_notes(space: SearchSpace) -> tuple[str, ...]:
    """One line for each range without a step, of which a grid takes only some values."""
    values = _grid_values(hyperparameters_of(space), space)
    return tuple(
        f"grid: {parameter.name} ({parameter.describe()}) has no step, so the grid takes {len(taken)} of its values; "
        "give it a step to choose them."
        for parameter, taken in values.items()
        if parameter.kind in (Kind.INT, Kind.FLOAT) and parameter.step is None and len(taken) > 1
    )
