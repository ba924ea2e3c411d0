"""Which values count as numbers where the user gives one: Python's and NumPy's, but no truth values."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

__all__ = ["is_finite_number", "is_whole"]


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number by its type: ``3`` and ``np.int64(3)``, not ``3.0`` and ``True``."""
    return isinstance(value, Integral) and value is not True and value is not False


def is_finite_number(value: Any) -> TypeGuard[float]:
    """Whether it is a real number that is neither NaN nor infinite, and no truth value."""
    return isinstance(value, Real) and value is not True and value is not False and math.isfinite(value)
