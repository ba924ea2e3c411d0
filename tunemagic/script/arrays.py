"""The data that a script trains on, as the study split it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.script.winner import Winner
from tunemagic.search.data import TrainingData
from tunemagic.search.folds import joined

__all__ = ["packed", "split_arrays", "trained_weights"]

_MOST_BYTES = 200 << 20


def split_arrays(winner: Winner, *, as_given: bool) -> dict[str, Any]:
    """``x_train``, ``y_train``, ``x_val``, ``y_val`` (no ``y_...`` without targets).

    ``as_given``: before the cell changed them. Raises ExportError for datasets.
    """
    data: TrainingData = winner.given if as_given else winner.data
    if not winner.given.is_arrays:
        raise ExportError(
            f"code: {winner.given.names[0]} is a dataset; a script reads arrays. Train on arrays, or use --to keras."
        )
    if winner.fold is not None:
        data = joined(data) if as_given else data
        train, held = winner.fold.train_rows, winner.fold.val_rows
        parts = {"x_train": data.x[train], "x_val": data.x[held]}
        parts |= {} if data.y is None else {"y_train": data.y[train], "y_val": data.y[held]}
        return parts
    parts = {"x_train": data.x, "x_val": data.val_x}
    return parts if data.y is None else {**parts, "y_train": data.y, "y_val": data.val_y}


def trained_weights(winner: Winner) -> Any:
    """The sample weights (sample,) of the rows that the winner trained on; None without. Raises DataError."""
    weights = winner.setup.fit.get("sample_weight")
    if weights is None:
        return None
    rows = winner.data.training_rows(weights, "sample_weight")
    return rows if winner.fold is None else rows[winner.fold.train_rows]


def packed(arrays: Mapping[str, Any]) -> bytes:
    """The arrays as an ``.npz`` file that holds no pickles. Raises ExportError for too much of them."""
    import numpy as np

    plain = {name: _plain(name, np.asarray(array)) for name, array in arrays.items()}
    size = sum(array.nbytes for array in plain.values())
    if size > _MOST_BYTES:
        raise ExportError(
            f"code: the data has {size >> 20} MB; expected at most {_MOST_BYTES >> 20} MB beside a script. Search on a "
            "part of it, or use --to keras."
        )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **plain)
    return buffer.getvalue()


def _plain(name: str, array: Any) -> Any:
    """Texts with a fixed width: objects could be kept as pickles only."""
    if array.dtype.kind != "O":
        return array
    if all(isinstance(each, str) for each in array.flat):
        return array.astype(str)
    raise ExportError(f"code: {name} holds objects; expected numbers or texts.")
