"""Numbers that compression is asked for, checked before anything is computed."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.numeric import is_finite_number, is_whole

__all__ = ["Scope", "check_clusters", "check_limit", "check_scope", "check_share", "check_span"]

_MOST_CLUSTERS = 256
_LEAST_PERCENTAGE = 5  # below it, a number above 1 is hardly meant as a percentage


class Scope(StrEnum):
    """What a share of zeros is a share of."""

    LAYER = "layer"  # each kernel
    GLOBAL = "global"  # all kernels together


def check_share(name: str, value: Any, *, most: float | None = None) -> float:
    """A share of 0 to ``most``; without that to below 1. Raises OptionError."""
    if not is_finite_number(value) or value < 0 or (value >= 1 if most is None else value > most):
        hint = f" Did you mean {value / 100:g}?" if is_finite_number(value) and _LEAST_PERCENTAGE <= value < 100 else ""
        to = "below 1" if most is None else f"{most:g}"
        raise OptionError(f"{name}: expected a share from 0 to {to}; received {value!r}.{hint}")
    return float(value)


def check_span(begin: Any, end: Any) -> tuple[float, float]:
    """Two shares of a training, the second one larger. Raises OptionError."""
    first, last = check_share("begin", begin, most=1.0), check_share("end", end, most=1.0)
    if first >= last:
        raise OptionError(f"begin and end: expected begin below end; received begin={first:g}, end={last:g}.")
    return first, last


def check_scope(value: Any) -> Scope:
    """``"layer"`` or ``"global"``. Raises OptionError."""
    if value not in tuple(Scope):
        raise OptionError(f"scope: expected {' or '.join(Scope)}; received {value!r}.")
    return Scope(value)


def check_clusters(value: Any) -> int:
    """A whole number from 2 to 256. Raises OptionError."""
    if not is_whole(value) or not 2 <= value <= _MOST_CLUSTERS:
        raise OptionError(f"clusters: expected a whole number from 2 to {_MOST_CLUSTERS}; received {value!r}.")
    return int(value)


def check_limit(limit: Any, percentile: Any) -> tuple[float, float | None]:
    """The limit, or a percentage in its place (the limit is infinite then). Raises OptionError."""
    if (limit is None) == (percentile is None):
        raise OptionError(
            "clipping: expected one of limit (a magnitude) and percentile (0 to 100); "
            f"received {'none' if limit is None else 'both'}."
        )
    if limit is not None:
        if not is_finite_number(limit) or limit <= 0:
            raise OptionError(f"limit: expected a magnitude above 0; received {limit!r}.")
        return float(limit), None
    if not is_finite_number(percentile) or not 0 < percentile <= 100:
        raise OptionError(f"percentile: expected a percentage above 0 and up to 100; received {percentile!r}.")
    return float("inf"), float(percentile)
