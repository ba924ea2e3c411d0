"""The search space as a value: which hyperparameters there are and what each may be.

Built by running the user's model code once with a recording object (``search.hyperparameters``), kept in
the journal, shown by every screen. Knows nothing of Keras Tuner or of any strategy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from tunemagic.errors import SpaceError

__all__ = ["Condition", "Kind", "Parameter", "Sampling", "SearchSpace", "Value"]

Value: TypeAlias = int | float | str | bool


class Kind(StrEnum):
    """What sort of values a hyperparameter takes."""

    INT = "int"
    FLOAT = "float"
    CHOICE = "choice"
    BOOLEAN = "boolean"
    FIXED = "fixed"


class Sampling(StrEnum):
    """How a numeric range is sampled: evenly, by logarithm, or by logarithm from the top."""

    LINEAR = "linear"
    LOG = "log"
    REVERSE_LOG = "reverse_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A parameter is active only while ``parent`` has one of ``values``."""

    parent: str
    values: tuple[Value, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the parent is active and has one of the wanted values."""
        return self.parent in values and values[self.parent] in self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One hyperparameter.

    ``low`` and ``high`` are inclusive and set for int and float only; ``choices`` for choice,
    boolean and fixed. ``step`` is None for a continuous range; with log sampling it is a factor.
    Raises SpaceError when the range is impossible.
    """

    name: str
    kind: Kind
    default: Value
    low: float | None = None
    high: float | None = None
    step: float | None = None
    sampling: Sampling = Sampling.LINEAR
    choices: tuple[Value, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise SpaceError("a hyperparameter needs a name; received an empty text.")
        if self.kind in (Kind.INT, Kind.FLOAT):
            self._check_range()
        elif not self.choices:
            raise SpaceError(f"{self.name}: expected at least one value to choose from; received none.")

    def _check_range(self) -> None:
        low, high = self.low, self.high
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            raise SpaceError(f"{self.name}: expected finite bounds; received low={low}, high={high}.")
        if low > high:
            raise SpaceError(f"{self.name}: expected low <= high; received low={low}, high={high}. Swap them.")
        if self.sampling is not Sampling.LINEAR and low <= 0:
            raise SpaceError(f"{self.name}: {self.sampling} sampling needs low > 0; received low={low}.")
        if self.step is not None and self.step <= 0:
            raise SpaceError(f"{self.name}: expected step > 0; received step={self.step}.")

    def count(self) -> int | None:
        """How many distinct values there are; None for a continuous range."""
        if self.kind not in (Kind.INT, Kind.FLOAT):
            return len(self.choices)
        if self.low is None or self.high is None:  # not reached: _check_range has run
            return None
        if self.sampling is not Sampling.LINEAR:
            if self.step is None:
                return int(self.high - self.low) + 1 if self.kind is Kind.INT else None
            return math.floor(math.log(self.high / self.low, self.step) + 1e-8) + 1
        if self.step is None:
            return None if self.kind is Kind.FLOAT else int(self.high - self.low) + 1
        return math.floor((self.high - self.low) / self.step + 1e-8) + 1

    def active(self, values: Mapping[str, Value]) -> bool:
        """Whether every condition on other parameters holds for these values."""
        return all(condition.holds(values) for condition in self.conditions)

    def contains(self, value: Value) -> bool:
        """Whether the value lies in the range or among the choices; steps are not checked."""
        if self.kind not in (Kind.INT, Kind.FLOAT):
            return value in self.choices
        if isinstance(value, (str, bool)) or self.low is None or self.high is None:
            return False
        return self.low <= value <= self.high

    def describe(self) -> str:
        """The range in a few characters, for tables: ``32 … 256 step 32``, ``0.0001 … 0.1 log``."""
        if self.kind not in (Kind.INT, Kind.FLOAT):
            return " | ".join(str(choice) for choice in self.choices)
        text = f"{self.low:g} … {self.high:g}"
        if self.step is not None:
            text += f" step {self.step:g}"
        if self.sampling is not Sampling.LINEAR:
            text += f" {self.sampling.replace('_', ' ')}"
        return text

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; the inverse of from_json."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "default": self.default,
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "sampling": str(self.sampling),
            "choices": list(self.choices),
            "conditions": [{"parent": c.parent, "values": list(c.values)} for c in self.conditions],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parameter:
        """Rebuild from to_json's result. Raises SpaceError on an impossible range."""
        return cls(
            name=data["name"],
            kind=Kind(data["kind"]),
            default=data["default"],
            low=data["low"],
            high=data["high"],
            step=data["step"],
            sampling=Sampling(data["sampling"]),
            choices=tuple(data["choices"]),
            conditions=tuple(Condition(parent=c["parent"], values=tuple(c["values"])) for c in data["conditions"]),
        )


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """All hyperparameters of a study in the order in which the cell names them.

    A parent always stands before the parameters that depend on it. The same name may stand
    twice only under different conditions (as in Keras Tuner).
    """

    parameters: tuple[Parameter, ...] = field(default=())

    def __post_init__(self) -> None:
        seen: set[tuple[str, tuple[Condition, ...]]] = set()
        for parameter in self.parameters:
            key = (parameter.name, parameter.conditions)
            if key in seen:
                raise SpaceError(f"{parameter.name}: defined twice in the same search space. Give one another name.")
            seen.add(key)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Each name once, in order."""
        return tuple(dict.fromkeys(parameter.name for parameter in self.parameters))

    def combinations(self) -> int | None:
        """Number of distinct value sets when all parameters count as active; None if infinite.

        An upper bound where parameters are conditional.
        """
        total = 1
        for parameter in self.parameters:
            count = parameter.count()
            if count is None:
                return None
            total *= count
        return total

    def to_json(self) -> list[dict[str, Any]]:
        """Plain JSON values; the inverse of from_json."""
        return [parameter.to_json() for parameter in self.parameters]

    @classmethod
    def from_json(cls, data: list[dict[str, Any]]) -> SearchSpace:
        """Rebuild from to_json's result."""
        return cls(tuple(Parameter.from_json(item) for item in data))
