"""``hp`` outside a search: answers every call with its default, so that a cell also runs plainly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["Placeholder"]


class Placeholder:
    """The face of Keras Tuner's HyperParameters without a search behind it.

    Inside ``%%tune`` the name ``hp`` stands for the trial's own object instead.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __repr__(self) -> str:
        return "<hp: answers with default values; %%tune puts a trial's values in its place>"

    def _answer(self, name: str, value: Any) -> Any:
        self.values[name] = value
        return value

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        **conditions: Any,
    ) -> int:
        """A whole number from ``min_value`` to ``max_value``, both included."""
        return int(self._answer(name, min_value if default is None else default))

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        **conditions: Any,
    ) -> float:
        """A number from ``min_value`` to ``max_value``."""
        return float(self._answer(name, min_value if default is None else default))

    def Choice(
        self, name: str, values: Sequence[Any], ordered: bool | None = None, default: Any = None, **conditions: Any
    ) -> Any:
        """One of ``values``."""
        return self._answer(name, values[0] if default is None else default)

    def Boolean(self, name: str, default: bool = False, **conditions: Any) -> bool:
        """True or False."""
        return bool(self._answer(name, default))

    def Fixed(self, name: str, value: Any, **conditions: Any) -> Any:
        """A value that is not searched."""
        return self._answer(name, value)

    def get(self, name: str) -> Any:
        """The value of a hyperparameter named before. Raises KeyError otherwise."""
        return self.values[name]

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Sequence[Any]) -> Iterator[None]:
        """Hyperparameters that are active for some values of another one only."""
        yield

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """A common prefix for names."""
        yield
