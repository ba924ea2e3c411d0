"""Measure on a trained model what its curves don't show: dead units, leaks, what an epoch's time goes to.

What is measured is cheap: a few hundred samples, a few batches, no more than ``SECONDS`` in all apart
from a single call that takes longer. The model is not changed.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from tunemagic.search.data import TrainingData
from tunemagic.search.feed import KERAS_BATCH
from tunemagic.search.gaps import gaps_in, spoilt_weights
from tunemagic.search.leaks import leaks_in

__all__ = ["LONG_EPOCH", "MAX_WEIGHTS", "SECONDS", "measure_evidence"]

SECONDS = 2.0
LONG_EPOCH = 0.25  # seconds; what shorter ones spend their time on matters to nobody
MAX_WEIGHTS = 20_000_000  # above that a look at a model is not cheap any more
_SAMPLES = 512
_VALUES = 20_000_000  # that layers may answer to them in all
_SMALL_BATCH = 8  # steps of more samples are seldom mostly fixed cost
_TIMES_LARGER = 16  # by which batch a small one is compared with
_REPEATS = 3
_BATCHES = 20
_TRAIN_COST = 3.0  # a step of training costs about three forward passes (Kaplan et al. 2020, section 2.1)
_EAGER_COST = 12.0  # run in Python it also pays for each operation of the optimizer (measured: 15 for a small network)


def measure_evidence(
    model: Any,
    data: TrainingData | None,
    *,
    epoch_seconds: float | None = None,
    batch_size: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, float | str]:
    """Evidence for ``analysis.diagnosis`` by name; what can't be measured is left out.

    Args:
        model: A compiled and trained Keras model, or None.
        data: What it was trained on, or None.
        epoch_seconds: What an epoch took; without it, what a few batches take stands for it.
        batch_size: The batch size of its training on arrays.
        clock: Seconds; tests give one of their own.
        stop: Whether somebody waits for an end; asked before each look.
    """
    end = clock() + SECONDS
    found: dict[str, float | str] = {}
    looks: list[Callable[[], Mapping[str, float | str]]] = []
    if model is not None:
        weights = model.count_params()
        found["parameters"] = float(weights)
        looks.append(lambda: _of_model(model))
    small = model is not None and weights <= MAX_WEIGHTS
    if small:
        looks.append(lambda: _spoilt(model))
    if data is not None:
        looks += [lambda: gaps_in(data), lambda: _guesses(model, data), lambda: leaks_in(data)]
        if small:
            looks.append(lambda: _dead_units(model, data))
        if small and (epoch_seconds is None or epoch_seconds >= LONG_EPOCH):
            looks.append(lambda: _times(model, data, epoch_seconds, batch_size, clock))
    for look in looks:
        if stop() or clock() >= end:
            break
        try:
            found |= look()
        # A user's layers, metrics and data can raise anything; evidence that can't be had is no fault.
        except Exception:
            continue
    return found


def _of_model(model: Any) -> dict[str, float | str]:
    import keras

    noisy = (keras.layers.Dropout, keras.layers.GaussianNoise, keras.layers.GaussianDropout)
    layers = list(model._flatten_layers(include_self=False))
    augments = any(type(layer).__name__.startswith("Random") for layer in layers)
    found: dict[str, float | str] = {}
    if augments or any(isinstance(layer, noisy) or "Dropout" in type(layer).__name__ for layer in layers):
        found["dropout"] = 1
    traces = _traces(getattr(model, "train_function", None))
    return found if traces is None else {**found, "traces": traces}


def _spoilt(model: Any) -> dict[str, float | str]:
    spoilt = spoilt_weights(model)
    return {"spoilt_weights": spoilt} if spoilt else {}


def _traces(function: Any) -> float | None:
    """How often the model's training function was traced; Keras keeps the graph inside a plain function."""
    inner = (cell.cell_contents for cell in getattr(function, "__closure__", None) or ())
    counts = [getattr(each, "experimental_get_tracing_count", None) for each in (function, *inner)]
    known = [count() for count in counts if count is not None]
    return float(max(known)) if known else None


# -- what a guess would give ---------------------------------------------------------------------


def _guesses(model: Any, data: TrainingData) -> dict[str, float | str]:
    """Accuracy and loss of the best constant answer on the training targets."""
    import numpy as np

    if not data.is_arrays or data.y is None:
        return {}
    y = np.asarray(data.y)
    labels = _labels(y)
    loss = _loss_name(model)
    if labels is not None and "error" not in loss and loss not in ("mse", "mae", "huber"):
        shares = np.unique(labels, return_counts=True)[1] / len(labels)
        entropy = float(-(shares * np.log(shares)).sum())
        found: dict[str, float | str] = {"classes": len(shares), "guess_accuracy": float(shares.max())}
        return found | ({"guess_loss": entropy} if "crossentropy" in loss and entropy > 0 else {})
    if y.dtype.kind not in "fiu":
        return {}
    if loss in ("mse", "mean_squared_error"):
        return {"guess_loss": float(np.var(y, axis=0).mean())}
    if loss in ("mae", "mean_absolute_error"):
        return {"guess_loss": float(np.abs(y - np.median(y, axis=0)).mean())}
    return {}


def _labels(y: Any) -> Any:
    """Class numbers, also of one-hot targets; None for targets that are no classes."""
    import numpy as np

    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        return y.argmax(axis=1) if one_hot else None
    flat = y.reshape(len(y), -1)
    if flat.shape[1] != 1:
        return None
    values = flat[:, 0]
    if values.dtype.kind in "fc" and not np.equal(np.mod(values, 1), 0).all():
        return None
    return values if len(np.unique(values)) <= max(2, min(1000, len(values) // 2)) else None


def _loss_name(model: Any) -> str:
    loss = getattr(model, "loss", "")
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    return str(name).lower().replace("categorical_cross_entropy", "categorical_crossentropy")


# -- dead units ----------------------------------------------------------------------------------


def _dead_units(model: Any, data: TrainingData) -> dict[str, float | str]:
    """The share of ReLU units that answer 0 to every sample, and the layer with the largest share.

    A unit is the last axis: of a convolution a filter, dead when it is 0 everywhere.
    """
    import keras
    import numpy as np

    layers = [layer for layer in getattr(model, "layers", ()) if _is_relu(layer)]
    if not layers or not hasattr(model, "inputs"):
        return {}
    inputs = _some_inputs(data, most=_VALUES // sum(math.prod(layer.output.shape[1:]) for layer in layers))
    entry = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    outputs = keras.Model(entry, [layer.output for layer in layers])(inputs, training=False)
    dead, units, worst = 0, 0, ("", 0.0)
    for layer, output in zip(layers, outputs if isinstance(outputs, list | tuple) else [outputs], strict=True):
        values = keras.ops.convert_to_numpy(output)
        silent = int(np.count_nonzero(~values.any(axis=tuple(range(values.ndim - 1)))))
        dead, units = dead + silent, units + values.shape[-1]
        worst = max(worst, (layer.name, silent / values.shape[-1]), key=lambda pair: pair[1])
    return {"dead_share": dead / units, "relu_units": units, "dead_layer": worst[0]} if units else {}


def _is_relu(layer: Any) -> bool:
    """Whether a layer's answers are 0 for negative sums; a negative slope lets the gradient through."""
    import keras

    if isinstance(layer, keras.layers.ReLU):
        return not layer.negative_slope and not layer.threshold
    return getattr(getattr(layer, "activation", None), "__name__", "") in ("relu", "relu6")


def _some_inputs(data: TrainingData, most: int) -> Any:
    import keras

    held = data.val_x if data.val_x is not None else data.x
    if data.is_arrays:
        return held[: min(_SAMPLES, most)]
    batch = keras.utils.unpack_x_y_sample_weight(next(iter(held)))[0]
    return keras.tree.map_structure(lambda part: part[: min(_SAMPLES, most)], batch)


# -- what the time goes to -----------------------------------------------------------------------


def _times(
    model: Any, data: TrainingData, epoch_seconds: float | None, batch_size: int | None, clock: Callable[[], float]
) -> dict[str, float | str]:
    if not data.is_arrays:
        return _input_time(model, data, epoch_seconds, clock)
    batch = batch_size or KERAS_BATCH
    steps = math.ceil(len(data.x) / batch)
    found: dict[str, float | str] = {"batch_size": batch}
    if model.run_eagerly:
        eager = _fastest(lambda: model(data.x[:batch], training=False), clock)
        graph = _graph_time(model, data.x[:batch], clock)
        return {**found, "eager_share": 1 - min(1.0, graph / eager), "epoch_seconds": steps * eager * _EAGER_COST}
    if batch > _SMALL_BATCH or len(data.x) < _TIMES_LARGER * batch:
        return found
    small = _graph_time(model, data.x[:batch], clock)
    large = _graph_time(model, data.x[: _TIMES_LARGER * batch], clock)
    # What a larger batch takes per sample is computing; the rest of a small step is its fixed cost.
    return {
        **found,
        "step_share": max(0.0, 1 - large / _TIMES_LARGER / small),
        "epoch_seconds": steps * small * _TRAIN_COST,
    }


def _graph_time(model: Any, x: Any, clock: Callable[[], float]) -> float:
    import tensorflow as tf

    forward = tf.function(lambda inputs: model(inputs, training=False))
    inputs = tf.constant(x)
    forward(inputs)  # traces
    return _fastest(lambda: forward(inputs), clock)


def _fastest(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    seconds = []
    for _ in range(_REPEATS):
        began = clock()
        call()
        seconds.append(clock() - began)
    return max(min(seconds), 1e-9)


def _input_time(
    model: Any, data: TrainingData, epoch_seconds: float | None, clock: Callable[[], float]
) -> dict[str, float | str]:
    """Seconds that a dataset takes to give its batches, as a share of an epoch."""
    import keras

    batches = iter(data.x)
    first = next(batches)  # fills the buffers of shuffling
    count, began = 0, clock()
    for _ in itertools.islice(batches, _BATCHES):
        count += 1
        if clock() - began > SECONDS / 4:
            break
    if not count:
        return {}
    each, total = (clock() - began) / count, int(data.x.cardinality())
    inputs = keras.utils.unpack_x_y_sample_weight(first)[0]
    model(inputs, training=False)
    step = _fastest(lambda: model(inputs, training=False), clock) * _TRAIN_COST
    if total > 0 and epoch_seconds:
        return {"input_share": min(1.0, total * each / epoch_seconds)}
    known = {} if total <= 0 else {"epoch_seconds": total * (each + step)}
    return {**known, "input_share": each / (each + step)}
