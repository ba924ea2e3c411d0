"""Points of a search space: which there are, which are told apart, and how one is drawn.

A point holds the values of active parameters only, in the order of the space.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from tunemagic.space import Kind, Parameter, Sampling, SearchSpace, Value

__all__ = [
    "Point",
    "PointKey",
    "clamped",
    "completed",
    "default_point",
    "inside",
    "is_finite",
    "key_of",
    "level",
    "levels",
    "points",
    "values_of",
]

Point: TypeAlias = dict[str, Value]
PointKey: TypeAlias = frozenset[tuple[str, Value]]


def key_of(values: Mapping[str, Value]) -> PointKey:
    """What tells one point from another, whatever the order of its values."""
    return frozenset(values.items())


def levels(parameter: Parameter) -> int:
    """How many steps a stepped range has."""
    return parameter.count() or 0


def level(parameter: Parameter, index: int) -> Value:
    """The value of a stepped range at this index, as Keras Tuner computes it."""
    low, high, step = parameter.low or 0.0, parameter.high or 0.0, parameter.step or 1.0
    if parameter.sampling is Sampling.LINEAR:
        value = low + index * step
    elif parameter.sampling is Sampling.LOG:
        value = low * math.pow(step, index)
    else:
        value = high + low - low * math.pow(step, index)
    value = min(max(value, low), high)  # rounding may lead past the end
    return int(value) if parameter.kind is Kind.INT else float(value)


def values_of(parameter: Parameter) -> Iterator[Value]:
    """Every value of a parameter that is not continuous."""
    if parameter.kind not in (Kind.INT, Kind.FLOAT):
        return iter(parameter.choices)
    if parameter.kind is Kind.INT and (parameter.step is None or parameter.step == 1):
        return iter(range(int(parameter.low or 0), int(parameter.high or 0) + 1))
    if parameter.low == parameter.high:
        return iter((level(parameter, 0),))
    return (level(parameter, index) for index in range(levels(parameter)))


def is_finite(space: SearchSpace) -> bool:
    """Whether the space has no continuous parameter."""
    return all(parameter.count() is not None or parameter.low == parameter.high for parameter in space.parameters)


def points(
    space: SearchSpace, choices: Callable[[Parameter], Iterator[Value] | Sequence[Value]] = values_of
) -> Iterator[Point]:
    """Every point, made of the values that ``choices`` gives; the last parameter changes fastest."""

    def walk(index: int, values: Point) -> Iterator[Point]:
        if index == len(space.parameters):
            yield dict(values)
            return
        parameter = space.parameters[index]
        if not parameter.active(values):
            yield from walk(index + 1, values)
            return
        for value in choices(parameter):
            yield from walk(index + 1, {**values, parameter.name: value})

    return walk(0, {})


def default_point(space: SearchSpace) -> Point:
    """The user's own default values."""
    return completed(space, {})


def completed(space: SearchSpace, values: Mapping[str, Value]) -> Point:
    """These values without inactive ones; active parameters that are missing have their default."""
    point: Point = {}
    for parameter in space.parameters:
        if parameter.active(point):
            point[parameter.name] = values.get(parameter.name, parameter.default)
    return point


def inside(space: SearchSpace, values: Mapping[str, Value]) -> bool:
    """Whether these are the values of exactly the active parameters, each within its range."""
    active: dict[str, Parameter] = {p.name: p for p in space.parameters if p.active(values)}
    return active.keys() == values.keys() and all(active[name].contains(value) for name, value in values.items())


def clamped(space: SearchSpace, values: Mapping[str, Value]) -> Point:
    """The values with numbers that rounding brought past an end put back onto it."""
    bounds = {
        p.name: (p.low, p.high) for p in space.parameters if p.kind in (Kind.INT, Kind.FLOAT) and p.active(values)
    }
    point: Point = {}
    for name, value in values.items():
        low, high = bounds.get(name, (None, None))
        if low is not None and high is not None and not isinstance(value, str):
            ended = min(max(value, low), high)
            value = int(ended) if isinstance(value, int) else float(ended)
        point[name] = value
    return point
