"""A preparation as Keras operations in front of a model.

Built-in operations only, with what was learned as constants: such a model is saved, loaded in safe
mode and converted to TF Lite without this package and without Flex. ``x == x`` finds the gaps, since
NaN equals nothing; TF Lite has no isnan.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import DataError

if TYPE_CHECKING:
    from tunemagic.prep.preparation import Preparation

__all__ = ["NAME", "front", "prepared_rows", "raw_columns", "wrapped"]

NAME = "preparation"  # of the layer; the export knows it by this
_TRAINING = ("train_step", "test_step", "compute_loss", "compute_metrics")
# A model's own attribute would be saved with it, and does not come back.
_COLUMNS: WeakKeyDictionary[Any, tuple[str, ...]] = WeakKeyDictionary()
_BATCH = 8192  # rows at a time: bounds memory


def wrapped(made: Preparation, model: Any) -> Any:
    """The model behind the preparation, as one Functional model. Raises DataError for what can't stand there."""
    import keras

    if not isinstance(model, keras.Model):
        raise DataError(f"wrap: expected a Keras model; received {type(model).__name__}.")
    if len(getattr(model, "inputs", None) or [None]) > 1:
        raise DataError(f"wrap: {model.name} has {len(model.inputs)} inputs; expected a model with one.")
    own = next((name for name in _TRAINING if _is_own(model, name)), None)
    if own is not None:
        raise DataError(
            f"wrap: {model.name} has a {own} of its own, which the whole model would not call. Wrap first, compile "
            "afterwards; of a class of your own, wrap its layers."
        )
    taken = tuple(model.inputs[0].shape[1:]) if getattr(model, "inputs", None) else made.shape
    if len(taken) != len(made.shape) or any(
        size not in (None, own) for size, own in zip(taken, made.shape, strict=True)
    ):
        raise DataError(
            f"wrap: {model.name} takes rows of shape {taken}; prepared rows have {made.shape}. "
            "Use keras.Input(prepared.shape)."
        )
    raw = keras.Input(made.source.shape, name="raw")
    rows = front(made)(raw)
    for layer in _chain(model):
        rows = layer(rows)
    whole = keras.Model(raw, rows, name=model.name)
    if made.source.is_table:
        _COLUMNS[whole] = tuple(str(column.name) for column in made.source.columns)
    if model.compiled:
        whole.compile(**model._compile_config.config)
    return whole


def raw_columns(model: Any) -> tuple[str, ...]:
    """Names of the table's columns that a model was wrapped for in this process, empty of any other model."""
    return _COLUMNS.get(model, ())


def _chain(model: Any) -> list[Any]:
    """The model's layers where they follow one another, so that they go on doing so; else the model as a whole."""
    import keras

    if type(model) is keras.Sequential:  # a class of the user's own may have another call
        return list(model.layers)
    layers = list(getattr(model, "layers", []))
    try:
        follows = all(layer.input is before.output for before, layer in itertools.pairwise(layers))
        whole = bool(layers) and layers[0].output is model.input and layers[-1].output is model.output
    except (AttributeError, ValueError):  # a subclassed model, or a layer that is used twice
        return [model]
    return layers[1:] if follows and whole else [model]


def _is_own(model: Any, method: str) -> bool:
    """Whether the model, or its class, has another method than Keras' models have."""
    import keras

    return method in vars(model) or getattr(type(model), method) is not getattr(keras.Model, method)


def front(made: Preparation) -> Any:
    """Raw rows to prepared rows as a Keras model without weights."""
    import keras

    raw = keras.Input(made.source.shape, name="raw")
    parts = []
    if made.numbers:
        parts.append(_numbers(made, raw))
    if made.one_hot:
        parts.append(_one_hot(made, raw))
    rows = parts[0] if len(parts) == 1 else keras.layers.Concatenate(axis=-1)(parts)
    if rows is raw:
        rows = keras.layers.Identity()(raw)
    return keras.Model(raw, rows, name=NAME)


def prepared_rows(made: Preparation, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the front answers."""
    from keras import ops

    model = front(made)
    parts = [ops.convert_to_numpy(model(matrix[i : i + _BATCH])) for i in range(0, len(matrix), _BATCH)]
    return np.concatenate(parts)


def _numbers(made: Preparation, raw: Any) -> Any:
    from keras import ops

    recipe, chosen = made.recipe, list(made.numbers)
    columns = [made.columns[index] for index in chosen]
    rows = raw if len(chosen) == len(made.columns) else ops.take(raw, np.array(chosen, np.int32), axis=-1)
    if recipe.missing != "none":
        rows = ops.where(ops.equal(rows, rows), rows, _constants([column.fill for column in columns]))
    if recipe.outliers == "median_filter":
        rows = _median_of_three(rows)
    if recipe.outliers.startswith("clip_"):
        rows = ops.maximum(rows, _constants([column.low for column in columns], -np.inf))
        rows = ops.minimum(rows, _constants([column.high for column in columns], np.inf))
    if recipe.scaler != "none":
        rows = ops.subtract(rows, _constants([column.shift for column in columns]))
        rows = ops.divide(rows, _constants([column.scale for column in columns]))
    return rows


def _one_hot(made: Preparation, raw: Any) -> Any:
    """One column for each category; all zeros for one that is not known."""
    from keras import ops

    sizes = [len(made.source.columns[index].categories or ()) for index in made.one_hot]
    source = np.repeat(np.array(made.one_hot, np.int32), sizes)
    codes = np.concatenate([np.arange(size, dtype=np.float32) for size in sizes])
    rows = ops.take(raw, source, axis=-1)
    if made.recipe.missing != "none":
        fills = np.repeat(_constants([made.columns[index].fill for index in made.one_hot]), sizes)
        rows = ops.where(ops.equal(rows, rows), rows, fills)
    return ops.cast(ops.equal(rows, codes), "float32")


def _median_of_three(rows: Any) -> Any:
    """The median of each step and its two neighbours; the ends have their own value as missing neighbour."""
    from keras import ops

    before = ops.concatenate([rows[:, :1], rows[:, :-1]], axis=1)
    after = ops.concatenate([rows[:, 1:], rows[:, -1:]], axis=1)
    low, high = ops.minimum(before, after), ops.maximum(before, after)
    return ops.maximum(low, ops.minimum(high, rows))


def _constants(values: list[float | None], otherwise: float = 0.0) -> NDArray[np.float32]:
    limit = float(np.finfo(np.float32).max)
    told = [otherwise if value is None else value for value in values]
    return np.clip(np.array(told, np.float64), -limit, limit).astype(np.float32)
