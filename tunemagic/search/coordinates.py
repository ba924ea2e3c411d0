"""A search space as coordinates that a numeric sampler understands, and back.

Ranges with a factor as step and numbers to choose from become an index, ranges that are spaced by
logarithm from the top a number between 0 and 1; what has only one value has no coordinate.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from tunemagic.search.points import Point, level, levels
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace, Value

__all__ = ["Axis", "Coordinate", "Position", "coordinates_of", "point_from"]

Position: TypeAlias = int | float | str | bool


class Axis(StrEnum):
    """What sort of coordinate it is."""

    WHOLE = "whole"
    REAL = "real"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinate:
    """One parameter as a coordinate from ``low`` to ``high``, both inclusive, or among ``choices``.

    ``label`` is its name, with a number behind it where a name stands twice in the space.
    """

    parameter: Parameter
    label: str
    axis: Axis
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    direct: bool = True
    choices: tuple[Value, ...] = ()

    def value(self, position: Position) -> Value:
        """The parameter's value at this position."""
        parameter = self.parameter
        if self.axis is Axis.CHOICE:
            return position
        if isinstance(position, str):
            raise TypeError(f"{self.label}: expected a number; received {position!r}.")
        if self.direct:
            return int(position) if parameter.kind is Kind.INT else float(position)
        if parameter.kind is Kind.CHOICE:
            return parameter.choices[int(position)]
        if parameter.step is not None:
            return level(parameter, int(position))
        return _from_the_top(parameter, float(position))

    def position(self, value: Value) -> Position | None:
        """Where this value lies, beyond the ends too; None for one that is not among the choices."""
        parameter = self.parameter
        if self.axis is Axis.CHOICE:
            return value if value in self.choices else None
        if parameter.kind is Kind.CHOICE:
            return parameter.choices.index(value) if value in parameter.choices else None
        if isinstance(value, str) or (self.log and value <= 0):
            return None
        if self.direct:
            return round(value) if self.axis is Axis.WHOLE else float(value)
        return _index(parameter, value) if parameter.step is not None else _share_from_the_top(parameter, value)

    def holds(self, position: Position) -> bool:
        """Whether the position lies on the axis."""
        if self.axis is Axis.CHOICE or isinstance(position, str):
            return position in self.choices
        return self.low <= position <= self.high


def coordinates_of(space: SearchSpace) -> tuple[Coordinate, ...]:
    """The coordinates of all parameters that have more than one value, in the order of the space."""
    names = Counter(parameter.name for parameter in space.parameters)
    found = []
    for index, parameter in enumerate(space.parameters):
        if parameter.count() == 1 or parameter.low == parameter.high is not None:
            continue
        label = parameter.name if names[parameter.name] == 1 else f"{parameter.name} #{index}"
        found.append(_coordinate(parameter, label))
    return tuple(found)


def _coordinate(parameter: Parameter, label: str) -> Coordinate:
    if parameter.kind not in (Kind.INT, Kind.FLOAT):
        if parameter.kind is Kind.CHOICE and _ordered(parameter.choices):
            return Coordinate(
                parameter=parameter, label=label, axis=Axis.WHOLE, high=len(parameter.choices) - 1, direct=False
            )
        return Coordinate(parameter=parameter, label=label, axis=Axis.CHOICE, choices=parameter.choices)
    whole = parameter.kind is Kind.INT
    log = parameter.sampling is Sampling.LOG
    stepped = parameter.step is not None and not (whole and parameter.step == 1 and not log)
    if stepped:
        return Coordinate(parameter=parameter, label=label, axis=Axis.WHOLE, high=levels(parameter) - 1, direct=False)
    if parameter.sampling is Sampling.REVERSE_LOG:
        return Coordinate(parameter=parameter, label=label, axis=Axis.REAL, high=1.0, direct=False)
    low, high = parameter.low or 0.0, parameter.high or 0.0
    return Coordinate(
        parameter=parameter, label=label, axis=Axis.WHOLE if whole else Axis.REAL, low=low, high=high, log=log
    )


def _ordered(choices: tuple[Value, ...]) -> bool:
    """Whether the choices are numbers that only rise or only fall."""
    numbers = [choice for choice in choices if not isinstance(choice, (str, bool))]
    rising = [a < b for a, b in itertools.pairwise(numbers)]
    return len(numbers) == len(choices) > 1 and (all(rising) or (not any(rising) and len(set(numbers)) == len(numbers)))


def point_from(space: SearchSpace, coordinates: Sequence[Coordinate], positions: Mapping[str, Position]) -> Point:
    """The point at these positions, by label. Active parameters without a position are left out."""
    placed = {each.parameter: each for each in coordinates if each.label in positions}
    point: Point = {}
    for parameter in space.parameters:
        if not parameter.active(point):
            continue
        coordinate = placed.get(parameter)
        if coordinate is not None:
            point[parameter.name] = coordinate.value(positions[coordinate.label])
        elif parameter.count() == 1 or parameter.low == parameter.high is not None:
            point[parameter.name] = parameter.choices[0] if parameter.choices else level(parameter, 0)
    return point


def _index(parameter: Parameter, value: float) -> int:
    """The step of a stepped range that lies nearest; it may be beyond the ends."""
    low, high, step = parameter.low or 0.0, parameter.high or 0.0, parameter.step or 1.0
    if parameter.sampling is Sampling.LINEAR:
        return round((value - low) / step)
    if parameter.sampling is Sampling.LOG:
        return round(math.log(max(value, low / step**9) / low, step))
    return round(math.log(max(high + low - value, low / step**9) / low, step))


def _from_the_top(parameter: Parameter, share: float) -> Value:
    """Keras Tuner's reverse_log: dense near the upper end. ``share`` 0 is the lower end."""
    low, high = parameter.low or 0.0, parameter.high or 0.0
    top = high + 1 if parameter.kind is Kind.INT else high
    value = top + low - low * math.pow(top / low, 1.0 - share)
    value = min(max(value, low), high)
    return int(value) if parameter.kind is Kind.INT else value


def _share_from_the_top(parameter: Parameter, value: float) -> float:
    """The inverse of ``_from_the_top``; beyond the ends it goes on, far above the end it stays."""
    low, high = parameter.low or 0.0, parameter.high or 0.0
    top = high + 1 if parameter.kind is Kind.INT else high
    middle = value + 0.5 if parameter.kind is Kind.INT else value
    return 1.0 - math.log(max(top + low - middle, low * 1e-3) / low) / math.log(top / low)
