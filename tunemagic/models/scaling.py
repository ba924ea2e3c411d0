"""Scales inside the model, learned from the rows that a trial trains on, so that it takes raw values and gives them.

The scales are weights of a BatchNormalization that does not train: they travel with the model's weights, into every
copy, file and conversion, and a model's structure does not depend on the data.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["INPUT", "TARGET", "learn", "scaled", "scaled_back"]

INPUT, TARGET = "scale_input", "scale_target"
_TINY = 1e-7
_ENOUGH = 20_000  # rows that tell mean and deviation; of more every second, third ... is taken
_FARTHEST = 10.0  # deviations; a pixel that is nearly always 0 would otherwise count a hundredfold where it is not


def scaled(inputs: Any) -> Any:
    """Each feature (last axis) with mean 0 and deviation 1, once ``learn`` has been called."""
    return _layer(INPUT)(inputs)


def scaled_back(outputs: Any) -> Any:
    """Outputs about 0 with deviation 1 in the unit of the target, once ``learn`` has been called."""
    return _layer(TARGET)(outputs)


def _layer(name: str) -> Any:
    import keras

    return keras.layers.BatchNormalization(epsilon=_TINY, trainable=False, name=name)


def learn(model: Any, x: Any, y: Any) -> None:
    """Set the scales that the model has from inputs (row, ..., feature) and targets (row, ...) of the training part."""
    names = {layer.name for layer in model.layers}
    if INPUT in names:
        mean, deviation = _moments(x, model.get_layer(INPUT).moving_mean.shape[0])
        _set(model.get_layer(INPUT), mean=mean, deviation=deviation)
    if TARGET in names:
        mean, deviation = _moments(y, model.get_layer(TARGET).moving_mean.shape[0])
        # The layer computes gamma * (value - mean) / deviation + beta.
        _set(model.get_layer(TARGET), gamma=deviation, beta=mean)


def _moments(values: Any, features: int) -> tuple[Any, Any]:
    import numpy as np

    sample = values[:: math.ceil(len(values) / _ENOUGH)]
    rows = np.asarray(sample, "float64").reshape(-1, features)
    mean = rows.mean(axis=0)
    deviation = np.maximum(rows.std(axis=0), np.abs(rows - mean).max(axis=0) / _FARTHEST)
    return mean, np.where(deviation > 0, deviation, 1.0)


def _set(layer: Any, *, mean: Any = 0.0, deviation: Any = 1.0, gamma: Any = 1.0, beta: Any = 0.0) -> None:
    import numpy as np

    shape = tuple(layer.moving_mean.shape)
    values = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": np.square(deviation)}
    for name, value in values.items():
        getattr(layer, name).assign(np.broadcast_to(np.asarray(value, "float32"), shape))
