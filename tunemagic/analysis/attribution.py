"""Gradients of a model's answer: integrated gradients and saliency maps."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import OptionError

__all__ = ["integrated_gradients", "output_at", "saliency", "unreached"]

_FIRST_STEPS, _MOST_STEPS = 32, 2048
_ENOUGH = 0.01  # of the change: an error below that can't be seen


def output_at(model: Any, x: Any, index: int) -> Any:
    """The output ``index`` of a model for each sample, float64 (sample,)."""
    import numpy as np

    outputs = np.asarray(model(x, training=False), dtype="float64")
    return outputs.reshape(len(outputs), -1)[:, index]


def integrated_gradients(model: Any, sample: Any, baseline: Any, index: int) -> tuple[Any, float, float]:
    """What each number of a sample adds to an output, the change from the baseline's output, and the error.

    The parts sum up to the change (completeness). The integral along the straight path is taken
    at the middles of 32 steps; they are doubled until sum and change differ by less than 1 %, up
    to 2,048 steps.

    Args:
        model: A built Keras model with one input.
        sample: One sample, float (...).
        baseline: What stands for "nothing", of the same shape.
        index: Which number of the output, counted flat.

    Returns:
        Parts float64 (...), ``f(sample) - f(baseline)``, and the parts' sum less that.

    Raises:
        OptionError: The backend is not TensorFlow, or no gradient reaches the input.

    Source: Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks, equation 3.
    """
    import numpy as np

    ends = output_at(model, np.stack([baseline, sample]).astype("float32"), index)
    change, steps = float(ends[1] - ends[0]), _FIRST_STEPS
    way = np.asarray(sample, dtype="float64") - baseline
    while True:
        places = (np.arange(steps) + 0.5) / steps
        points = baseline + places.reshape(-1, *(1,) * way.ndim) * way
        parts = way * _gradients(model, points.astype("float32"), index).mean(axis=0)
        error = float(parts.sum()) - change
        if abs(error) <= _ENOUGH * abs(change) or steps >= _MOST_STEPS:
            return parts, change, error
        steps *= 2


def saliency(model: Any, sample: Any, index: int) -> Any:
    """How strongly an output reacts to each number of a sample: the absolute gradient, float64 (...).

    Raises OptionError as ``integrated_gradients`` does. Source: Simonyan, Vedaldi and Zisserman
    2013, Deep Inside Convolutional Networks, section 3; here of the model's own output, after its
    last activation, which scales the whole map.
    """
    import numpy as np

    return np.abs(_gradients(model, np.asarray(sample, dtype="float32")[None], index)[0])


def unreached(model: Any, x: Any, index: int) -> Any:
    """Which numbers of a sample have the gradient 0 in all of these samples: bool of a sample's shape.

    Inputs that are looked up or rounded, such as categories, have none, however much the model needs them. Raises
    OptionError as ``integrated_gradients`` does.
    """
    import numpy as np

    return (_gradients(model, np.asarray(x, dtype="float32"), index) == 0).all(axis=0)


def _gradients(model: Any, x: Any, index: int) -> Any:
    """The gradient of an output by the inputs, float64 of the shape of ``x``."""
    import keras
    import numpy as np

    if keras.backend.backend() != "tensorflow":
        raise OptionError(
            f"explain: gradients need the TensorFlow backend; received {keras.backend.backend()}. "
            "Permutation works with each: how='permutation'."
        )
    import tensorflow as tf

    inputs = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = model(inputs, training=False)
        chosen = tf.reshape(outputs, (len(x), -1))[:, index]
    gradient = tape.gradient(chosen, inputs)
    if gradient is None:
        raise OptionError(
            "explain: no gradient reaches the model's inputs (they are looked up or rounded first); expected inputs "
            "that it computes with. Permutation works with all: how='permutation'."
        )
    return np.asarray(tf.convert_to_tensor(gradient), dtype="float64")
