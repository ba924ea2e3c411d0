"""Signs of a leak in a trial's data: samples in both parts, a column that is the target."""

from __future__ import annotations

from typing import Any

from tunemagic.prep.targets import target_column
from tunemagic.prep.twins import shared_rows
from tunemagic.search.data import TrainingData

__all__ = ["leaks_in"]

_HASHED_ROWS = 100_000
_BYTES = 256 * 2**20  # of an array that is hashed or compared with the targets


def leaks_in(data: TrainingData) -> dict[str, float | str]:
    """Validation samples that stand among the training samples, and an input column that is the target."""
    import numpy as np

    if not data.is_arrays:
        return {}
    found: dict[str, float | str] = {}
    x = np.asarray(data.x)
    if data.val_x is not None and x.nbytes <= _BYTES and len(x) <= _HASHED_ROWS:
        held_out = np.asarray(data.val_x)[:_HASHED_ROWS]
        found |= {"duplicates": len(shared_rows(x, held_out)), "held_out": len(held_out)}
    column = _target_column(x, data.y)
    return found if column is None else {**found, "target_column": column}


def _target_column(x: Any, y: Any) -> float | None:
    """The input column, from 0, that goes up and down exactly as the target does."""
    import numpy as np

    if y is None or x.ndim != 2 or x.dtype.kind not in "fiub" or x.nbytes > _BYTES:
        return None
    target = np.asarray(y).reshape(len(y), -1)
    if target.shape[1] != 1 or target.dtype.kind not in "fiub":
        return None
    return target_column(x, target[:, 0])
