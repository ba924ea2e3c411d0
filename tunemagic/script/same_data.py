"""Whether a script trains on what the study trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tunemagic.text import one_line

__all__ = ["PARTS", "what_differs"]

PARTS = ("x_train", "y_train", "x_val", "y_val", "sample_weight")
_TOLERANCE = 1e-4  # of the largest value in its column: the same sums, in another order of the rows


def what_differs(expected: Mapping[str, Any], received: Mapping[str, Any]) -> str:
    """In words the first of ``PARTS`` (sample, ...) that is not the study's; "" when all of them are."""
    for name in PARTS:
        if name not in expected and name not in received:
            continue
        if name not in expected or name not in received:
            return f"it trains with{'out' if name in expected else ''} {name}, unlike the study"
        mine, theirs = _plain_array(received[name]), _plain_array(expected[name])
        if mine.shape != theirs.shape:
            return one_line(f"its {name} has shape {mine.shape}, the study's {theirs.shape}", 160)
        same = _same(mine, theirs)
        if not same.all():
            rows = int(np.count_nonzero(~same.reshape(len(same), -1).all(axis=1)))
            return f"{rows} of {len(same)} rows of its {name} are not the study's"
    return ""


def _plain_array(value: Any) -> Any:
    """The value as an array without objects, which could be kept as pickles only."""
    array = np.asarray(value)
    return array.astype(str) if array.dtype.kind == "O" else array


def _same(mine: Any, theirs: Any) -> Any:
    """For each value whether it is the same: equal, or nearly so where sums are fractions."""
    kinds = {mine.dtype.kind, theirs.dtype.kind}
    if not kinds <= set("iufc") or kinds <= set("iu") or not mine.size:
        return np.broadcast_to(mine == theirs, mine.shape)
    size = np.where(np.isfinite(theirs), np.abs(theirs), 0)
    column = size.max(axis=tuple(range(size.ndim - 1)) if size.ndim > 1 else None)
    return np.isclose(mine, theirs, rtol=1e-5, atol=_TOLERANCE * column, equal_nan=True)
