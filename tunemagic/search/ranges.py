"""What one hyperparameter may be, as text: read from ``#@tune`` and ``hp`` calls, and written as either.

``search.annotations`` gives these texts their meaning when a cell runs; here they are taken apart
so that a form can change them. Nothing is evaluated but literals.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tunemagic.errors import SpaceError
from tunemagic.space import Value

__all__ = ["Range", "Word", "range_of_annotation", "range_of_call", "value_text"]


class Word(StrEnum):
    """The words after ``#@tune``."""

    INT = "int"
    FLOAT = "float"
    LOG = "log"
    CHOICE = "choice"
    BOOL = "bool"


_RANGES = (Word.INT, Word.FLOAT, Word.LOG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values of one hyperparameter and the one to begin with.

    ``low``, ``high`` (both included) and ``step`` belong to int, float and log (where ``step`` is a
    factor), ``choices`` to choice. Raises SpaceError for what could not be searched.
    """

    word: Word
    default: Value
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    choices: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        if self.word is Word.BOOL:
            if not isinstance(self.default, bool):
                raise SpaceError(f"expected True or False; received {value_text(self.default)}.")
        elif self.word is Word.CHOICE:
            self._check_choices()
        else:
            self._check_numbers()

    def _check_choices(self) -> None:
        if not self.choices:
            raise SpaceError("expected at least one choice; received none.")
        if len({type(choice) for choice in self.choices}) > 1:
            raise SpaceError(f"expected choices of one type; received {_listed(self.choices)}.")
        if not any(choice == self.default and type(choice) is type(self.default) for choice in self.choices):
            raise SpaceError(f"{value_text(self.default)} is not among {_listed(self.choices)}.")
        for choice in self.choices:
            _check_finite(choice)

    def _check_numbers(self) -> None:
        low, high, step, default = self.low, self.high, self.step, self.default
        if not _is_number(low) or not _is_number(high) or not _is_number(default):
            raise SpaceError(f"expected numbers; received {_listed((low, high, default))}.")
        assert low is not None
        assert high is not None
        assert isinstance(default, (int, float))
        for number in (low, high, default):
            _check_finite(number)
        if self.word is Word.INT and not all(isinstance(number, int) for number in (low, high, default, step or 1)):
            raise SpaceError(f"expected whole numbers; received {_listed((low, high, default, step))}.")
        if not low < high:
            raise SpaceError(f"expected low < high; received {value_text(low)} and {value_text(high)}.")
        if self.word is Word.LOG and low <= 0:
            raise SpaceError(f"a logarithmic range begins above 0; received {value_text(low)}.")
        if not low <= default <= high:
            raise SpaceError(f"{value_text(default)} lies outside {value_text(low)} to {value_text(high)}.")
        least = 1 if self.word is Word.LOG else 0
        if step is not None and not (_is_number(step) and math.isfinite(step) and step > least):
            raise SpaceError(f"expected a step above {least}; received {value_text(step)}.")

    def annotation(self) -> str:
        """What stands after ``#@tune``: ``int(32, 256, step=32)``."""
        if self.word is Word.BOOL:
            return "bool"
        if self.word is Word.CHOICE:
            return f"choice({_listed(self.choices)})"
        step = "" if self.step is None else f", step={value_text(self.step)}"
        return f"{self.word}({value_text(self.low)}, {value_text(self.high)}{step})"

    def call(self, name: str) -> str:
        """The same as an ``hp`` call."""
        default = f"default={value_text(self.default)}"
        if self.word is Word.BOOL:
            return f"hp.Boolean({value_text(name)}, {default})"
        if self.word is Word.CHOICE:
            return f"hp.Choice({value_text(name)}, [{_listed(self.choices)}], {default})"
        numbers = (self.low, self.high, self.step if self.step is not None else 1, self.default)
        whole = self.word is Word.INT or (self.word is Word.LOG and all(isinstance(n, int) for n in numbers))
        step = "" if self.step is None else f", step={value_text(self.step)}"
        log = ', sampling="log"' if self.word is Word.LOG else ""
        kind = "Int" if whole else "Float"
        return f"hp.{kind}({value_text(name)}, {value_text(self.low)}, {value_text(self.high)}{step}{log}, {default})"


def value_text(value: Any) -> str:
    """The literal as one writes it: double quotes where possible, ``1e-5`` for small numbers."""
    if isinstance(value, str):
        plain = value.isprintable() and '"' not in value and "\\" not in value
        return f'"{value}"' if plain else repr(value)
    if isinstance(value, float):
        return repr(value).replace("e-0", "e-")
    return repr(value)


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(value_text(value) for value in values if value is not None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_finite(value: Any) -> None:
    if _is_number(value) and not abs(value) <= 1.7976931348623157e308:
        raise SpaceError(f"expected a finite number; received {str(value)[:20]}.")


def range_of_annotation(text: str, default: Value) -> Range | None:
    """The range that ``#@tune TEXT`` behind this literal states; None when it states none that holds."""
    try:
        expression = ast.parse(text, mode="eval").body
        call = expression if isinstance(expression, ast.Call) else None
        head = expression if call is None else call.func
        word = Word(head.id if isinstance(head, ast.Name) else "")
        values = [] if call is None else [ast.literal_eval(argument) for argument in call.args]
        options = {} if call is None else {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        if word in _RANGES:
            low, high = values
            step = options.pop("step", None)
            return None if options else Range(word=word, default=default, low=low, high=high, step=step)
        if options or (word is Word.BOOL and values):
            return None
        return Range(word=word, default=default, choices=tuple(values))
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, SpaceError):
        return None


_PLACES = {
    "Int": ("name", "min_value", "max_value", "step", "sampling", "default"),
    "Float": ("name", "min_value", "max_value", "step", "sampling", "default"),
    "Choice": ("name", "values", "ordered", "default"),
    "Boolean": ("name", "default"),
}


def range_of_call(node: ast.Call) -> tuple[str, Range] | None:
    """Name and range of an ``hp.Int(...)`` call of literals; None for anything else, conditions included."""
    function = node.func
    if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "hp"):
        return None
    places = _PLACES.get(function.attr)
    if places is None or len(node.args) > len(places):
        return None
    try:
        given = dict(zip(places, (ast.literal_eval(argument) for argument in node.args), strict=False))
        given |= {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
        if not isinstance(given.get("name"), str) or not given.keys() <= set(places):
            return None
        return given["name"], _called(function.attr, given)
    except (ValueError, TypeError, KeyError, SpaceError, MemoryError, RecursionError):
        return None


def _called(method: str, given: dict[str, Any]) -> Range:
    if method == "Boolean":
        return Range(word=Word.BOOL, default=given.get("default", False))
    if method == "Choice":
        if given.get("ordered") is not None:
            raise SpaceError("an order that is stated can't be written as a range.")
        choices = tuple(given["values"])
        default = given.get("default")
        return Range(word=Word.CHOICE, default=choices[0] if default is None else default, choices=choices)
    sampling = given.get("sampling") or "linear"
    if sampling not in ("linear", "log"):
        raise SpaceError("reverse logarithmic sampling can't be written as a range.")
    word = Word.LOG if sampling == "log" else Word(method.lower())
    low, high = given["min_value"], given["max_value"]
    convert: Any = int if method == "Int" else float
    default = given.get("default")
    step = given.get("step")
    return Range(
        word=word,
        default=convert(low if default is None else default),
        low=convert(low),
        high=convert(high),
        step=None if step is None else convert(step),
    )
