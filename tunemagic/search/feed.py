"""A study's arrays as tensors, made once per study and process, and the rows that a run takes of them."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.models.batches import BatchSchedule
from tunemagic.numeric import is_whole
from tunemagic.search.folds import Fold

__all__ = ["KERAS_BATCH", "Feed", "batches_of", "feed_of", "only_fold", "shuffled"]

KERAS_BATCH = 32  # the batch size of fit when nothing is said

# Gone when the array is, so a trial's own arrays and an earlier study's do not pile up.
_tensors: dict[int, tuple[weakref.ref[Any], Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feed:
    """What one run trains and validates on, in the structure that ``train_step`` takes.

    ``train_rows`` and ``val_rows`` are row numbers into the tensors; ``val`` is None without
    validation data.
    """

    train: Any
    train_rows: Any
    val: Any
    val_rows: Any
    batches: BatchSchedule

    @property
    def specs(self) -> tuple[Any, Any]:
        """Shapes without the number of rows, and types, of both parts."""
        return _specs(self.train), _specs(self.val)


def feed_of(arguments: Mapping[str, Any], fold: Fold | None) -> Feed:
    """What ``fit`` would be fed with these arguments; with a fold they hold the joined data."""
    import numpy as np

    x, y = arguments["x"], arguments.get("y")
    weights = _sample_weights(y, arguments)
    train = _packed(tensor_of(x), None if y is None else tensor_of(y), weights)
    train_rows = np.arange(len(x)) if fold is None else fold.train_rows
    if fold is not None:
        val, val_rows = _packed(tensor_of(x), None if y is None else tensor_of(y), None), fold.val_rows
    elif "validation_data" in arguments:
        held = arguments["validation_data"]
        parts = held if isinstance(held, tuple) else (held, None)
        val = _packed(tensor_of(parts[0]), None if parts[1] is None else tensor_of(parts[1]), None)
        val_rows = np.arange(len(parts[0]))
    else:
        val = val_rows = None
    return Feed(
        train=train,
        train_rows=train_rows,
        val=val,
        val_rows=val_rows,
        batches=batches_of(arguments),
    )


def batches_of(arguments: Mapping[str, Any]) -> BatchSchedule:
    """The batch sizes of ``fit``'s epochs. Raises OptionError for what is no size."""
    given = arguments.get("batch_size")
    if isinstance(given, BatchSchedule):
        return given
    if given is None:
        return BatchSchedule([(0, KERAS_BATCH)])
    if not is_whole(given) or given < 1:
        raise OptionError(f"batch_size: received {given!r}; expected a whole number from 1 on.")
    return BatchSchedule([(0, int(given))])


def only_fold(arguments: Mapping[str, Any], fold: Fold) -> dict[str, Any]:
    """Arguments of ``fit`` with the joined data reduced to one fold; copies the arrays."""
    changed = dict(arguments)
    x, y = arguments["x"], arguments.get("y")
    changed["x"] = x[fold.train_rows]
    if y is not None:
        changed["y"] = y[fold.train_rows]
    changed["validation_data"] = x[fold.val_rows] if y is None else (x[fold.val_rows], y[fold.val_rows])
    if "sample_weight" in arguments:
        changed["sample_weight"] = arguments["sample_weight"][fold.train_rows]
    return changed


def shuffled(rows: Any, seed: int, epoch: int) -> Any:
    """The rows in the order of this epoch, which depends on nothing but the two numbers."""
    import numpy as np

    return np.random.default_rng((seed, epoch)).permutation(rows)


def tensor_of(array: Any) -> Any:
    """The array as a tensor in main memory, floats in Keras' float type as ``fit`` takes them."""
    known = _tensors.get(id(array))
    if known is not None and known[0]() is array:
        return known[1]
    tensor = _tensor(array)
    key = id(array)
    _tensors[key] = (weakref.ref(array, lambda _: _tensors.pop(key, None)), tensor)
    return tensor


def _tensor(array: Any) -> Any:
    import keras
    import tensorflow as tf

    if array.dtype.kind == "f" and array.dtype != keras.config.floatx():
        array = array.astype(keras.config.floatx())
    with tf.device("CPU:0"):
        return tf.convert_to_tensor(array)


def _sample_weights(y: Any, arguments: Mapping[str, Any]) -> Any:
    if "sample_weight" in arguments:
        return _tensor(arguments["sample_weight"])
    if arguments.get("class_weight") is None:
        return None
    from keras.src.trainers.data_adapters import data_adapter_utils

    return _tensor(data_adapter_utils.class_weight_to_sample_weights(y, arguments["class_weight"]))


def _packed(x: Any, y: Any, weights: Any) -> Any:
    import keras

    return keras.utils.pack_x_y_sample_weight(x, y, weights)


def _specs(part: Any) -> Any:
    import tensorflow as tf

    return tf.nest.map_structure(lambda tensor: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype), part)
