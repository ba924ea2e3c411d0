"""What is NaN or infinite where numbers should be: in training samples, and in the weights they have spoilt."""

from __future__ import annotations

from typing import Any

from tunemagic.search.data import TrainingData

__all__ = ["gaps_in", "spoilt_weights"]


def gaps_in(data: TrainingData) -> dict[str, float | str]:
    """How many values of the training samples are not finite, in how many rows of how many; {} when all are."""
    import numpy as np

    x = np.asarray(data.x) if data.is_arrays else None
    if x is None or x.dtype.kind != "f":
        return {}
    bad = ~np.isfinite(x).reshape(len(x), -1)
    return {"gaps": int(bad.sum()), "gap_rows": int(bad.any(axis=1).sum()), "rows": len(x)} if bad.any() else {}


def spoilt_weights(model: Any) -> int:
    """How many trained weights of this Keras model are NaN or infinite.

    The loss may not show it: behind a ReLU a NaN becomes 0.
    """
    import keras
    import numpy as np

    arrays = (keras.ops.convert_to_numpy(keras.ops.isfinite(weight)) for weight in model.trainable_weights)
    return sum(int(array.size - np.count_nonzero(array)) for array in arrays)
