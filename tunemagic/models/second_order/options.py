"""What options of second-order optimizers are checked for."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import OptionError
from tunemagic.numeric import is_finite_number, is_whole

__all__ = ["check_above_zero", "check_share", "check_whole"]


def check_above_zero(name: str, value: Any, instead: str = "") -> None:
    """Raise OptionError unless this is a finite number above 0; ``instead`` is what else the message offers."""
    if not is_finite_number(value) or value <= 0:
        raise OptionError(f"{name}: expected a number above 0{instead}; received {value!r}.")


def check_share(name: str, value: Any) -> None:
    """Raise OptionError unless 0 <= value < 1."""
    if not is_finite_number(value) or not 0 <= value < 1:
        raise OptionError(f"{name}: expected 0 or more and less than 1; received {value!r}.")


def check_whole(name: str, value: Any) -> None:
    """Raise OptionError unless this is a whole number from 1 on."""
    if not is_whole(value) or value < 1:
        raise OptionError(f"{name}: expected a whole number of at least 1; received {value!r}.")
