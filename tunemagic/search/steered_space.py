"""What a user asks of a search space while it is searched: values to try, other ranges.

Everything is checked here, before it is written down or reaches a strategy.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from tunemagic import events as ev
from tunemagic.errors import SpaceError
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace, Value

__all__ = [
    "Definitions",
    "as_in_the_cell",
    "cell_definitions",
    "changed_space",
    "kept_space",
    "key_of_parameter",
    "moved_ends",
    "off_the_steps",
    "values_to_try",
]

# A parameter of the cell by what tells it from others: its name and its conditions.
ParameterKey: TypeAlias = tuple[str, tuple[Condition, ...]]
Definitions: TypeAlias = Mapping[ParameterKey, Parameter]

_NUMBERS = (Kind.INT, Kind.FLOAT)
_LARGEST = 2**63 - 1  # a larger whole number has no place in arrays, and none in a float from 2**1024 on
_ROUNDING = 1e-8  # of a step: ends that are this near to the grid lie on it


def key_of_parameter(parameter: Parameter) -> ParameterKey:
    """The name and the conditions: the same in a space whose ranges were changed."""
    return parameter.name, parameter.conditions


def cell_definitions(events: Iterable[ev.Event]) -> dict[ParameterKey, Parameter]:
    """Every parameter of a study as its cell defines it, whatever the user has made of it since."""
    cell: dict[ParameterKey, Parameter] = {}
    now: dict[ParameterKey, Parameter] = {}
    for event in events:
        if isinstance(event, (ev.StudyStarted, ev.SpaceChanged)):
            space = {key_of_parameter(p): p for p in SearchSpace.from_json(event.space).parameters}
            if isinstance(event, ev.StudyStarted) or not event.asked:
                cell |= {key: p for key, p in space.items() if now.get(key) != p}
            now = space
    return cell


def as_in_the_cell(space: SearchSpace, cell: Definitions) -> SearchSpace:
    """The same parameters as the cell defines them."""
    return SearchSpace(tuple(cell.get(key_of_parameter(p), p) for p in space.parameters))


def kept_space(found: SearchSpace, known: SearchSpace, cell: Definitions, *, same: bool) -> SearchSpace:
    """The space of a cell that goes on with a study: ranges that the user has changed stay changed.

    ``found`` is what the cell defines now, ``known`` the study's space, ``cell`` what the cell
    defined before. A definition that was edited in the cell counts from now on. With ``same`` the
    cell has not changed: what only trials have named belongs to it as well.
    """
    before = {key_of_parameter(p): p for p in known.parameters}
    now: dict[ParameterKey, Parameter] = dict(before) if same else {}
    for parameter in found.parameters:
        key = key_of_parameter(parameter)
        now[key] = before[key] if key in before and cell.get(key) == parameter else parameter
    return SearchSpace(tuple(now.values()))


# -- values to try -----------------------------------------------------------------------------------


def values_to_try(space: SearchSpace, values: Mapping[str, Any], *, code: str = "") -> dict[str, Value]:
    """The point with these values; parameters that are left out have their default.

    ``code`` is the cell's: what it names may only be waiting for a trial. Raises SpaceError on an
    unknown name, a value of the wrong type or outside its range, and on a parameter that the other
    values leave without a use.
    """
    for name in values:
        _named(space, name, code)
    point: dict[str, Value] = {}
    for parameter in space.parameters:
        if parameter.active(point):
            given = parameter.name in values
            point[parameter.name] = _value(parameter, values[parameter.name]) if given else parameter.default
    for name in values:
        if name not in point:
            raise SpaceError(f"{name}: is used only when {_conditions(space, name)}; received {_shown(point)}.")
    return point


def _value(parameter: Parameter, given: Any) -> Value:
    """The value as one of the parameter's. Raises SpaceError when it is none."""
    if parameter.kind in _NUMBERS:
        value = _number(parameter, given)
        if not parameter.contains(value):
            raise SpaceError(
                f"{parameter.name}: expected a value in {parameter.describe()}; received {value!r}. "
                f"`%tune space --range` widens the range."
            )
        return value
    return _choice(parameter, given)


def _number(parameter: Parameter, given: Any) -> int | float:
    whole = parameter.kind is Kind.INT
    expected = "a whole number" if whole else "a number"
    fits = isinstance(given, (int, float)) and not isinstance(given, bool)
    if fits and isinstance(given, int) and abs(given) > _LARGEST:
        raise SpaceError(f"{parameter.name}: expected {expected} of at most {_LARGEST:g}; received a larger one.")
    if not fits or not math.isfinite(given) or (whole and given != int(given)):
        raise SpaceError(f"{parameter.name}: expected {expected}; received {given!r}.")
    return int(given) if whole else float(given)


def _choice(parameter: Parameter, given: Any) -> Value:
    """The choice that is meant: the same value, or the only one that reads the same, as in ``batch=16``."""
    for choice in parameter.choices:
        if choice == given and isinstance(choice, bool) == isinstance(given, bool):
            return choice
    given = _number(parameter, given) if isinstance(given, int) and abs(given) > _LARGEST else given
    alike = [choice for choice in parameter.choices if str(choice).lower() == str(given).lower()]
    if len(alike) == 1:
        return alike[0]
    raise SpaceError(f"{parameter.name}: expected one of {_listed(parameter.choices)}; received {given!r}.")


# -- other ranges ------------------------------------------------------------------------------------


def changed_space(
    space: SearchSpace,
    cell: Definitions,
    *,
    ranges: Mapping[str, Sequence[Any]],
    fixed: Mapping[str, Any],
    choices: Mapping[str, Sequence[Any]],
    code: str = "",
) -> SearchSpace:
    """The space with these parameters narrowed, widened or fixed to one value.

    ``ranges`` are (low, high), both included; they may lie beyond what the cell says. ``choices``
    are some of those that the cell names. A stepped range keeps to the cell's steps. Raises
    SpaceError on an unknown name, an empty range, a value that can't be.
    """
    asked = [*ranges, *fixed, *choices]
    for name in asked:
        _named(space, name, code)
        if asked.count(name) > 1:
            raise SpaceError(f"{name}: received more than one change; expected a range, a value or choices.")
    changed = []
    for parameter in space.parameters:
        origin = cell.get(key_of_parameter(parameter), parameter)
        if parameter.name in ranges:
            parameter = _with_range(parameter, origin, ranges[parameter.name])
        elif parameter.name in fixed:
            parameter = _with_value(parameter, origin, fixed[parameter.name])
        elif parameter.name in choices:
            parameter = _with_choices(origin, choices[parameter.name])
        changed.append(parameter)
    return SearchSpace(tuple(changed))


def _with_range(parameter: Parameter, origin: Parameter, ends: Any) -> Parameter:
    name = parameter.name
    if parameter.kind not in _NUMBERS:
        raise SpaceError(
            f"{name}: a range needs numbers; expected some of its choices {_listed(origin.choices)}. Use --choices."
        )
    if isinstance(ends, str) or not isinstance(ends, Sequence) or len(ends) != 2:
        raise SpaceError(f"{name}: expected a low and a high end, as in 1e-4:1e-2; received {ends!r}.")
    low, high = (_number(parameter, end) for end in ends)
    if low > high:
        raise SpaceError(f"{name}: the range {low:g} … {high:g} is empty; expected low <= high. Swap them.")
    if origin.step is not None:
        low, high = _on_the_grid(origin, low, high)
    return _with_default(replace(parameter, low=low, high=high), origin)


def _on_the_grid(origin: Parameter, low: float, high: float) -> tuple[float, float]:
    """The outermost steps within these ends, counted from the cell's own low end."""
    start, step = origin.low or 0.0, origin.step or 1.0
    if origin.sampling is Sampling.REVERSE_LOG or (origin.sampling is Sampling.LOG and low <= 0):
        return low, high  # steps are counted from the top, or it is refused in a moment
    by_factor = origin.sampling is Sampling.LOG

    def place(value: float) -> float:
        return math.log(value / start, step) if by_factor else (value - start) / step

    def value_at(index: int) -> float:
        value = start * step**index if by_factor else start + index * step
        return round(value) if origin.kind is Kind.INT else float(value)

    first, last = math.ceil(place(low) - _ROUNDING), math.floor(place(high) + _ROUNDING)
    if first > last:
        raise SpaceError(
            f"{origin.name}: the range {low:g} … {high:g} holds none of its steps; expected at least one, such as "
            f"{value_at(last):g} or {value_at(first):g}."
        )
    return value_at(first), value_at(last)


def _with_value(parameter: Parameter, origin: Parameter, given: Any) -> Parameter:
    if parameter.kind in _NUMBERS:
        value = _number(parameter, given)
        return _with_default(replace(parameter, low=value, high=value), origin)
    return _with_choices(origin, [given])


def _with_choices(origin: Parameter, given: Any) -> Parameter:
    if origin.kind in _NUMBERS:
        raise SpaceError(f"{origin.name}: its values are {origin.describe()}; choose some with --range or --fix.")
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise SpaceError(f"{origin.name}: expected at least one of {_listed(origin.choices)}; received {given!r}.")
    wanted = {_choice(origin, each) for each in given}
    left = tuple(choice for choice in origin.choices if choice in wanted)
    if origin.kind is Kind.BOOLEAN and len(left) == 1:
        # Keras Tuner's Boolean has always both values, and its Choice makes numbers of True and False.
        return replace(origin, kind=Kind.FIXED, choices=left, default=left[0])
    return _with_default(replace(origin, choices=left), origin)


def _with_default(parameter: Parameter, origin: Parameter) -> Parameter:
    """The cell's own default where it still lies inside, else what is nearest to it."""
    default, low, high = origin.default, parameter.low, parameter.high
    if parameter.contains(default):
        return replace(parameter, default=default)
    if low is None or high is None or isinstance(default, str):
        return replace(parameter, default=parameter.choices[0])
    nearest = min(max(default, low), high)
    return replace(parameter, default=int(nearest) if parameter.kind is Kind.INT else float(nearest))


# -- words -------------------------------------------------------------------------------------------


def off_the_steps(cell: SearchSpace, values: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Which of these values lie between the cell's steps: names and steps. Factors are not looked at."""
    found = {}
    for parameter in cell.parameters:
        value, step = values.get(parameter.name), parameter.step
        stepped = parameter.kind in _NUMBERS and step is not None and parameter.sampling is Sampling.LINEAR
        if stepped and step and isinstance(value, (int, float)) and not isinstance(value, bool):
            place = (value - (parameter.low or 0.0)) / step
            if abs(place - round(place)) > _ROUNDING:
                found[parameter.name] = step
    return list(found.items())


def moved_ends(space: SearchSpace, ranges: Mapping[str, Sequence[float]]) -> list[tuple[str, float, float, float]]:
    """Which ends of a changed range lie elsewhere than asked, on a step: name, asked, what it is, step."""
    found = {}
    for parameter in space.parameters:
        for side, asked in enumerate(ranges.get(parameter.name, ())):
            now = (parameter.low, parameter.high)[side]
            if parameter.step is not None and now is not None and not math.isclose(asked, now, rel_tol=_ROUNDING):
                found[parameter.name, side] = (parameter.name, asked, now, parameter.step)
    return list(found.values())


def _named(space: SearchSpace, name: str, code: str = "") -> None:
    if name in space.names:
        return
    if f'"{name}"' in code or f"'{name}'" in code:
        raise SpaceError(
            f"{name!r} is not known yet: a name under a condition appears when a trial meets it, and none has; "
            f"known: {', '.join(space.names)}."
        )
    near = difflib.get_close_matches(name, space.names, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    known = ", ".join(space.names) or "none: the space is empty"
    raise SpaceError(f"{name!r} is no hyperparameter of this study; expected one of {known}.{hint}")


def _conditions(space: SearchSpace, name: str) -> str:
    ways = [
        " and ".join(f"{each.parent} is {' or '.join(map(str, each.values))}" for each in parameter.conditions)
        for parameter in space.parameters
        if parameter.name == name
    ]
    return ", or when ".join(ways)


def _listed(values: Iterable[Value]) -> str:
    return ", ".join(map(str, values))


def _shown(point: Mapping[str, Value]) -> str:
    return ", ".join(f"{name}={value}" for name, value in point.items())
