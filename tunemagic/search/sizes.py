"""How large the models of a search space get, estimated without building them."""

from __future__ import annotations

import random
from collections.abc import Mapping

from tunemagic.randomness import kept_random_state
from tunemagic.search.data import TrainingData
from tunemagic.search.estimate import estimate_parameters
from tunemagic.search.hyperparameters import hyperparameters_of, recording_copy, space_of
from tunemagic.search.job import TrialProgram
from tunemagic.space import Kind, Parameter, SearchSpace, Value

__all__ = ["ModelSizes"]

_MOST_ESTIMATES = 60
_MOST_CHOICES = 8


class ModelSizes:
    """Counts the weights of models over a search space by running the model code without weights.

    Float hyperparameters keep their defaults: rates do not change a model's size. Hyperparameters
    that the code names for certain values only (``units_2`` when there are three layers) are found.
    """

    def __init__(self, program: TrialProgram, space: SearchSpace, data: TrainingData) -> None:
        self._program = program
        self._space = space
        self._data = data
        self._left = _MOST_ESTIMATES

    def largest(self) -> tuple[int, dict[str, Value]] | None:
        """The number of weights of the largest model found, and its values; None when it can't be estimated.

        Starts where every number is at its upper end, then tries each hyperparameter's ends and
        choices one after the other, so it misses maxima that need two changes at once.
        """
        values: dict[str, Value] = {}
        most = self._count(values)
        while most is not None and (new := [p for p in self._space.parameters if p.name not in values]):
            values |= {parameter.name: _ends(parameter)[-1] for parameter in new}
            most = self._count(values)
        for parameter in self._space.parameters:
            for value in _ends(parameter)[:-1]:
                count = None if most is None else self._count({**values, parameter.name: value})
                if count is not None and most is not None and count > most:
                    most, values = count, {**values, parameter.name: value}
        return None if most is None else (most, {**self._defaults(), **values})

    def share_above(self, limit: int, *, samples: int = 20, seed: int = 0) -> float | None:
        """The share of random models with more weights than ``limit``; None when it can't be estimated."""
        drawn = random.Random(seed)
        self._left = max(self._left, samples)
        counts = [
            self._count({parameter.name: _draw(parameter, drawn) for parameter in self._space.parameters})
            for _ in range(samples)
        ]
        known = [count for count in counts if count is not None]
        return sum(count > limit for count in known) / len(known) if known else None

    def _count(self, values: Mapping[str, Value]) -> int | None:
        if self._left == 0:
            return None
        self._left -= 1
        hyperparameters = recording_copy(hyperparameters_of(self._space))
        hyperparameters.values = {**self._defaults(), **values}
        with kept_random_state():
            count = estimate_parameters(self._program, hyperparameters, self._data)
        if count is not None:
            self._space = space_of(hyperparameters)
        return count

    def _defaults(self) -> dict[str, Value]:
        return {parameter.name: parameter.default for parameter in self._space.parameters}


def _ends(parameter: Parameter) -> tuple[Value, ...]:
    """The values at which a model may be largest, the likeliest last."""
    if parameter.kind is Kind.INT and parameter.low is not None and parameter.high is not None:
        return int(parameter.low), int(parameter.high)
    if parameter.kind is Kind.FLOAT:
        return (parameter.default,)
    return parameter.choices[:_MOST_CHOICES]


def _draw(parameter: Parameter, drawn: random.Random) -> Value:
    if parameter.kind is Kind.INT and parameter.low is not None and parameter.high is not None:
        return drawn.randint(int(parameter.low), int(parameter.high))
    return parameter.default if parameter.kind is Kind.FLOAT else drawn.choice(parameter.choices)
