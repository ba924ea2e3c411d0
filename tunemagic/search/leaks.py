"""Signs of a leak in the data itself: samples in both parts, a column that is the target."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from tunemagic.search.data import TrainingData

__all__ = ["leaks_in"]

_HASHED_ROWS = 100_000
_BYTES = 256 * 2**20  # of an array that is hashed or compared with the targets
_EQUAL = 0.99999  # correlation of a column that is the target up to rounding
_MIN_ROWS = 20  # fewer rows correlate by chance


def leaks_in(data: TrainingData) -> dict[str, float | str]:
    """Validation samples that stand among the training samples, and an input column that is the target."""
    import numpy as np

    if not data.is_arrays:
        return {}
    found: dict[str, float | str] = {}
    x = np.asarray(data.x)
    if data.val_x is not None and x.nbytes <= _BYTES and len(x) <= _HASHED_ROWS:
        known = set(map(_hash, x))
        held_out = np.asarray(data.val_x)[:_HASHED_ROWS]
        found |= {"duplicates": sum(_hash(row) in known for row in held_out), "held_out": len(held_out)}
    column = _target_column(x, data.y)
    return found if column is None else {**found, "target_column": column}


def _hash(row: Any) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=16).digest()


def _target_column(x: Any, y: Any) -> float | None:
    """The input column, from 0, that goes up and down exactly as the target does."""
    import numpy as np

    if y is None or x.ndim != 2 or x.dtype.kind not in "fiub" or x.nbytes > _BYTES or len(x) < _MIN_ROWS:
        return None
    target = np.asarray(y).reshape(len(y), -1)
    if target.shape[1] != 1 or target.dtype.kind not in "fiub" or np.ptp(target) == 0:
        return None
    columns, wanted = x.astype("float64"), target[:, 0].astype("float64")
    columns, wanted = columns - columns.mean(axis=0), wanted - wanted.mean()
    sizes = np.sqrt((columns**2).sum(axis=0)) * math.sqrt((wanted**2).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.abs(wanted @ columns) / sizes
    best = int(np.nan_to_num(correlation).argmax())
    return best if np.nan_to_num(correlation)[best] >= _EQUAL else None
