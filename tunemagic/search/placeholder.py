"""``hp`` outside a search: answers every call with its default, so that a cell also runs plainly."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

__all__ = ["Placeholder", "install", "uninstall"]

_NAME = "hp"


class Placeholder:
    """The face of Keras Tuner's HyperParameters without a search behind it.

    Inside ``%%tune`` the name ``hp`` stands for the trial's own object instead. As there, a
    hyperparameter whose condition does not hold is None.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._prefixes: list[str] = []
        self._inactive = 0

    def __repr__(self) -> str:
        return "<hp: answers with default values; %%tune puts a trial's values in its place>"

    def _full(self, name: str) -> str:
        return "/".join([*self._prefixes, name])

    def _holds(self, parent_name: str, parent_values: Sequence[Any] | Any) -> bool:
        wanted = parent_values if isinstance(parent_values, (list, tuple)) else [parent_values]
        return self.values.get(self._full(parent_name)) in wanted

    def _answer(self, name: str, value: Any, conditions: Mapping[str, Any]) -> Any:
        parent = conditions.get("parent_name")
        if self._inactive or (parent is not None and not self._holds(parent, conditions.get("parent_values"))):
            return None
        self.values[self._full(name)] = value
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
    ) -> Any:
        """A whole number from ``min_value`` to ``max_value``, both included."""
        return self._answer(name, int(min_value if default is None else default), conditions)

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        **conditions: Any,
    ) -> Any:
        """A number from ``min_value`` to ``max_value``."""
        return self._answer(name, float(min_value if default is None else default), conditions)

    def Choice(
        self, name: str, values: Sequence[Any], ordered: bool | None = None, default: Any = None, **conditions: Any
    ) -> Any:
        """One of ``values``."""
        return self._answer(name, values[0] if default is None else default, conditions)

    def Boolean(self, name: str, default: bool = False, **conditions: Any) -> Any:
        """True or False."""
        return self._answer(name, bool(default), conditions)

    def Fixed(self, name: str, value: Any, **conditions: Any) -> Any:
        """A value that is not searched."""
        return self._answer(name, value, conditions)

    def get(self, name: str) -> Any:
        """The value of a hyperparameter named before. Raises KeyError otherwise."""
        return self.values[self._full(name)]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full(name) in self.values

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Sequence[Any]) -> Iterator[None]:
        """Hyperparameters that are active for some values of another one only."""
        inactive = not self._holds(parent_name, parent_values)
        self._inactive += inactive
        try:
            yield
        finally:
            self._inactive -= inactive

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """A common prefix for names."""
        self._prefixes.append(name)
        try:
            yield
        finally:
            self._prefixes.pop()


def install(namespace: MutableMapping[str, Any]) -> None:
    """Put an ``hp`` into the notebook's namespace, unless something has that name already."""
    namespace.setdefault(_NAME, Placeholder())


def uninstall(namespace: MutableMapping[str, Any]) -> None:
    """Take ``hp`` out of the namespace again if it is ours."""
    if isinstance(namespace.get(_NAME), Placeholder):
        del namespace[_NAME]
