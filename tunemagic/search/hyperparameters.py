"""Keras Tuner's HyperParameters: what the user's ``hp`` is, and our search space, there and back.

Beside ``search.oracle`` the only module that imports keras_tuner.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tunemagic.errors import SpaceError
from tunemagic.models.ranges import declare
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace, Value

__all__ = [
    "HIDDEN_PREFIX",
    "hyperparameters_from",
    "hyperparameters_of",
    "new_hyperparameters",
    "recording_copy",
    "space_of",
]

HIDDEN_PREFIX = "tuner/"  # Keras Tuner keeps Hyperband's bookkeeping among the values, under this prefix


def new_hyperparameters(line_of: Callable[[Any], int | None] | None = None) -> Any:
    """An empty HyperParameters object that records, and refuses one name with two ranges.

    ``line_of(frame)`` gives the user's line for the innermost frame of the call, or None.
    """
    return _recording_class()(line_of)


def hyperparameters_of(space: SearchSpace) -> Any:
    """The HyperParameters object with this search space and no values; the inverse of space_of."""
    hyperparameters = new_hyperparameters()
    for parameter in space.parameters:
        declare(hyperparameters, replace(parameter, default=_default_within(parameter)))
    hyperparameters.values = {}
    return hyperparameters


def _default_within(parameter: Parameter) -> Value:
    """The default, or what is nearest to it where the range was narrowed away from it."""
    default, low, high = parameter.default, parameter.low, parameter.high
    if parameter.contains(default):
        return default
    if low is None or high is None or isinstance(default, str):
        return parameter.choices[0]
    nearest = min(max(default, low), high)
    return int(nearest) if parameter.kind is Kind.INT else float(nearest)


def space_of(hyperparameters: Any) -> SearchSpace:
    """The search space that a HyperParameters object holds. Raises SpaceError on a bad range."""
    return SearchSpace(tuple(_parameter(hp) for hp in hyperparameters.space if not hp.name.startswith(HIDDEN_PREFIX)))


def _parameter(hp: Any) -> Parameter:
    conditions = tuple(Condition(parent=c.name, values=tuple(c.values)) for c in hp.conditions)
    kind = Kind(type(hp).__name__.lower())
    if kind in (Kind.INT, Kind.FLOAT):
        return Parameter(
            name=hp.name,
            kind=kind,
            default=hp.default,
            low=hp.min_value,
            high=hp.max_value,
            step=hp.step,
            sampling=Sampling(hp.sampling),
            conditions=conditions,
        )
    choices = (False, True) if kind is Kind.BOOLEAN else (hp.value,) if kind is Kind.FIXED else tuple(hp.values)
    return Parameter(name=hp.name, kind=kind, default=hp.default, choices=choices, conditions=conditions)


def recording_copy(hyperparameters: Any) -> Any:
    """The same space and values in an object that refuses one name with two ranges."""
    return hyperparameters_from(hyperparameters.get_config())


def hyperparameters_from(config: dict[str, Any]) -> Any:
    """The recording object with the space and values of a HyperParameters' ``get_config()``."""
    return _recording_class().from_config(config)


@functools.cache
def _recording_class() -> Any:
    """The subclass of HyperParameters, made on first use because importing keras_tuner is slow."""
    import keras_tuner

    class RecordingHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]
        """Keras Tuner returns the first definition's value for a name used twice; this refuses."""

        def __init__(self, line_of: Callable[[Any], int | None] | None = None) -> None:
            super().__init__()
            self.line_of = line_of
            self._registered: dict[tuple[str, str], tuple[Any, int | None]] = {}

        def _retrieve(self, hp: Any) -> Any:
            config = hp.get_config()
            key = (hp.name, repr(config.pop("conditions")))
            definition = (type(hp).__name__, repr(config))
            line = None if self.line_of is None else self.line_of(sys._getframe(1))
            first, first_line = self._registered.setdefault(key, (definition, line))
            if first != definition:
                raise SpaceError(_two_definitions(hp.name, first, first_line, definition, line))
            return super()._retrieve(hp)

    return RecordingHyperParameters


def _two_definitions(name: str, first: Any, first_line: int | None, second: Any, line: int | None) -> str:
    at = f"line {line}: " if line is not None else ""
    where = f" in line {first_line}" if first_line is not None else ""
    return (
        f"{at}hyperparameter {name!r} is defined a second time as {second[0]} with other settings; "
        f"it was defined{where} as {first[0]}. Give one of them another name."
    )
