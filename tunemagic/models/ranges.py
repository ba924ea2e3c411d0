"""What a template searches: default ranges, changed by options, and the values of one trial."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.compile import SECOND_ORDER
from tunemagic.models.optimisers import GRADIENT_DESCENT, OPTIMIZERS
from tunemagic.numeric import is_finite_number, is_whole
from tunemagic.space import Condition, Kind, Parameter, Sampling, Value
from tunemagic.text import did_you_mean

__all__ = ["changed", "choice", "declare", "number", "picked", "whole"]

# Steps of second order have a length of their own, gradient descent takes all samples at once.
_WITHOUT = {"learning_rate": SECOND_ORDER, "batch_size": (GRADIENT_DESCENT,)}


def whole(name: str, low: int, high: int, default: int) -> Parameter:
    """A whole number, both ends included."""
    return Parameter(name=name, kind=Kind.INT, low=low, high=high, default=default)


def number(
    name: str,
    low: float,
    high: float,
    default: float,
    *,
    step: float | None = None,
    log: bool = False,
) -> Parameter:
    """A number from low to high."""
    return Parameter(
        name=name,
        kind=Kind.FLOAT,
        low=low,
        high=high,
        step=step,
        default=default,
        sampling=Sampling.LOG if log else Sampling.LINEAR,
    )


def choice(
    name: str, values: Sequence[Value], default: Value, *, when: tuple[str, tuple[Value, ...]] | None = None
) -> Parameter:
    """One of these values; ``when`` is the parent and its values with which it is used at all."""
    conditions = () if when is None else (Condition(parent=when[0], values=when[1]),)
    return Parameter(name=name, kind=Kind.CHOICE, choices=tuple(values), default=default, conditions=conditions)


def changed(template: str, ranges: Iterable[Parameter], options: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """The ranges with those that options set anew: a value fixes one, a list chooses, ``(low, high)`` is a range.

    Raises OptionError for a name that the template does not have and for values that can't be a range.
    """
    known = {parameter.name: parameter for parameter in ranges}
    for name, option in options.items():
        if name not in known:
            hint = did_you_mean(name, known)
            raise OptionError(f"models.{template}: received {name}=; expected one of {', '.join(known)}.{hint}")
        known[name] = _changed(known[name], option)
    for name, optimizers in _WITHOUT.items():
        if name not in options:
            _leave_out(name, optimizers, known)
    return tuple(known.values())


def _leave_out(name: str, optimizers: Sequence[str], known: dict[str, Parameter]) -> None:
    """Keep a range for the other optimizers only."""
    choices = known["optimizer"].choices
    others = tuple(each for each in choices if each not in optimizers)
    if not others:
        del known[name]
    elif len(others) < len(choices):
        known[name] = replace(known[name], conditions=(Condition(parent="optimizer", values=others),))


def _changed(parameter: Parameter, option: Any) -> Parameter:
    if isinstance(option, tuple) and parameter.kind in (Kind.INT, Kind.FLOAT):
        if len(option) != 2 or not all(isinstance(end, (int, float)) for end in option) or option[0] > option[1]:
            raise OptionError(f"{parameter.name}: received {option!r}; expected (low, high), a list or one value.")
        _check_numbers(parameter, option, option)
        low, high = option
        default = min(max(parameter.default, low), high)
        return replace(parameter, low=low, high=high, default=default)
    values = tuple(option) if isinstance(option, (list, tuple)) else (option,)
    if not values or not all(isinstance(value, (int, float, str, bool)) for value in values):
        raise OptionError(f"{parameter.name}: received {option!r}; expected numbers or texts.")
    if parameter.kind is Kind.CHOICE and isinstance(parameter.default, str):
        known = OPTIMIZERS + SECOND_ORDER if parameter.name == "optimizer" else parameter.choices
        wrong = next((value for value in values if value not in known), None)
        if wrong is not None:
            hint = did_you_mean(str(wrong), map(str, known))
            raise OptionError(
                f"{parameter.name}: received {wrong!r}; expected one of {', '.join(map(str, known))}.{hint}"
            )
    else:
        _check_numbers(parameter, values, option)
    default = parameter.default if parameter.default in values else values[0]
    kind = Kind.CHOICE if len(values) > 1 else Kind.FIXED
    return Parameter(name=parameter.name, kind=kind, choices=values, default=default, conditions=parameter.conditions)


def _check_numbers(parameter: Parameter, values: Iterable[Any], option: Any) -> None:
    """Raise OptionError unless counts are whole and from 1, dropout a share below 1, and other numbers above 0."""
    if isinstance(parameter.default, int):
        fits, expected = all(is_whole(value) and value >= 1 for value in values), "whole numbers from 1 on"
    elif parameter.name == "dropout":
        fits, expected = (
            all(is_finite_number(value) and 0 <= value < 1 for value in values),
            "0 or more and less than 1",
        )
    else:
        fits, expected = all(is_finite_number(value) and value > 0 for value in values), "numbers above 0"
    if not fits:
        raise OptionError(f"{parameter.name}: received {option!r}; expected {expected}.")


def picked(hp: Any, ranges: Iterable[Parameter]) -> dict[str, Value]:
    """The trial's values by name; those whose condition does not hold are left out, fixed ones are not searched."""
    values: dict[str, Value] = {}
    fixed: set[str] = set()
    for parameter in ranges:
        if parameter.kind is Kind.FIXED:
            fixed.add(parameter.name)
        searched = tuple(each for each in parameter.conditions if each.parent not in fixed)
        active = parameter.active(values)
        if parameter.kind is Kind.FIXED:
            value = parameter.choices[0]
        elif active or searched:  # Keras Tuner has to meet a condition that does not hold, to know of it
            value = declare(hp, replace(parameter, conditions=searched))
        if active:
            values[parameter.name] = value
    return values


def declare(hp: Any, parameter: Parameter) -> Value:
    """Name the parameter to ``hp``, inside its conditions, and get the value that it has now."""
    with contextlib.ExitStack() as scopes:
        for condition in parameter.conditions:
            scopes.enter_context(hp.conditional_scope(condition.parent, list(condition.values)))
        value: Value = _declared(hp, parameter)
    return value


def _declared(hp: Any, parameter: Parameter) -> Any:
    name, default = parameter.name, parameter.default
    match parameter.kind:
        case Kind.INT | Kind.FLOAT:
            method = hp.Int if parameter.kind is Kind.INT else hp.Float
            bounds = {"min_value": parameter.low, "max_value": parameter.high, "step": parameter.step}
            return method(name, **bounds, sampling=str(parameter.sampling), default=default)
        case Kind.CHOICE:
            return hp.Choice(name, list(parameter.choices), default=default)
        case Kind.BOOLEAN:
            return hp.Boolean(name, default=default)
        case Kind.FIXED:
            return hp.Fixed(name, parameter.choices[0])
