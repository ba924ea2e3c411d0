"""Random search, and the random draws that other strategies begin with."""

from __future__ import annotations

from typing import Any

from tunemagic.request import Tuner
from tunemagic.search.points import Point, clamped, key_of
from tunemagic.search.strategy import Proposal, Setting, Strategy, Waiting
from tunemagic.space import Value

__all__ = ["KerasTunerStrategy", "RandomStrategy"]

_DRAWS_PER_TRIAL = 10_007  # random draws of two trials never meet: 21 collisions x parameters is far below


class KerasTunerStrategy(Strategy):
    """A strategy around one of Keras Tuner's oracles, which is used as a proposer only.

    Its files, locks, display and retry rules are left aside, since whole-file state that is
    rewritten in place does not survive a kill, and its lock stays held after an exception. Its
    random draws depend on (seed, trial number) alone.
    """

    def __init__(self, setting: Setting, oracle: Any) -> None:
        super().__init__(setting)
        self._oracle = oracle
        self._first_seed = int(oracle.seed)
        self._number = 0
        self._keras_draw = oracle._random_values
        oracle._duplicate = lambda values: key_of(values) in self._tried
        oracle._random_values = self._draw
        oracle.hyperparameters = self._hyperparameters

    def _space_changed(self) -> None:
        self._oracle.hyperparameters = self._hyperparameters

    def _seed_for(self, number: int) -> int:
        """Makes the draws those of this trial; returns where its sequence begins."""
        self._number = number
        self._oracle._seed_state = self._first_seed + number * _DRAWS_PER_TRIAL
        return int(self._oracle._seed_state)

    def _draw(self) -> dict[str, Value] | None:
        """The defaults first, then Keras Tuner's draws; when these only repeat, a point that is left."""
        point = self._defaults_due()
        if point is None:
            drawn: Point | None = self._keras_draw()
            point = self._untried(self._number) if drawn is None else clamped(self._space, drawn)
        return None if point is None else dict(point)


class RandomStrategy(KerasTunerStrategy):
    """Keras Tuner's RandomSearch: every parameter drawn on its own, no combination twice."""

    name = Tuner.RANDOM

    def _propose(self, number: int) -> Proposal | Waiting | None:
        self._seed_for(number)
        values = self._oracle.populate_space(str(number)).get("values")
        return None if values is None else Proposal(values=values, why="drawn at random")
