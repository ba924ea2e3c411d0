"""Keras layers that round as int8 will, so that a model learns to live with it, and a constraint that clips weights.

The rounding is TensorFlow's own fake quantisation: values are rounded to one of 256 steps, and gradients
pass where a value was within the range (Jacob et al. 2018, arXiv 1712.05877). The TF Lite converter reads
the ranges from these operations.

This module imports Keras, so others import it where they use it.
"""

from __future__ import annotations

from typing import Any

import keras  # noqa: TID253 - a saved model names these classes by their module, so they can't be made in a function
from keras import ops  # noqa: TID253

from tunemagic.export.compress.checks import check_limit

__all__ = [
    "ClipWeights",
    "FakeQuantize",
    "QuantizedBatchNormalization",
    "QuantizedConv2D",
    "QuantizedDense",
    "QuantizedDepthwiseConv2D",
]

_PACKAGE = "tunemagic"
_MOMENTUM = 0.95  # of the ranges: some tens of batches count
_LEAST = 1e-6  # a range of zero has no steps


@keras.saving.register_keras_serializable(_PACKAGE)
class ClipWeights(keras.constraints.Constraint):  # type: ignore[misc]  # mypy doesn't follow Keras
    """Keeps weights between -limit and limit: ``Dense(10, kernel_constraint=compress.ClipWeights(0.5))``.

    Raises OptionError for a limit that is not above zero.
    """

    def __init__(self, limit: float) -> None:
        self.limit = check_limit(limit, None)[0]

    def __call__(self, w: Any) -> Any:
        """The weights within the limit."""
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        """What the constraint is made from."""
        return {"limit": self.limit}


@keras.saving.register_keras_serializable(_PACKAGE)
class FakeQuantize(keras.layers.Layer):  # type: ignore[misc]
    """Rounds what passes to 256 steps between ``low`` and ``high``.

    Without them the range is learned: it is a mean over the ranges of the latest training batches and always
    holds zero, which padding needs exactly.
    """

    def __init__(self, low: float | None = None, high: float | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.fixed = None if low is None or high is None else (low, high)
        self.watches = False  # outside training too, to learn ranges before it

    def build(self, input_shape: Any) -> None:
        """Make the range."""
        if self.fixed is None:
            self.low = self.add_weight(name="low", shape=(), initializer="zeros", trainable=False)
            self.high = self.add_weight(name="high", shape=(), initializer="zeros", trainable=False)
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        """The rounded values."""
        import tensorflow as tf

        if self.fixed is not None:
            return tf.quantization.fake_quant_with_min_max_args(x, *self.fixed)
        if training or self.watches:
            _follow(x, self.low, self.high)
        return _rounded_between(x, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        """What the layer is made from."""
        low, high = self.fixed or (None, None)
        return {**super().get_config(), "low": low, "high": high}


def _follow(x: Any, low: Any, high: Any) -> None:
    """Move a range towards that of this batch; the first batch sets it."""
    least, most = ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)
    is_new = ops.equal(high, low)
    for own, seen in ((low, least), (high, most)):
        own.assign(ops.where(is_new, seen, _MOMENTUM * own + (1 - _MOMENTUM) * seen))


def _rounded_between(x: Any, low: Any, high: Any) -> Any:
    import tensorflow as tf

    return tf.quantization.fake_quant_with_min_max_vars(x, ops.convert_to_tensor(low), ops.maximum(high, low + _LEAST))


def rounded(kernel: Any, *, by_channel: bool) -> Any:
    """A kernel rounded to 255 steps from -m to m, m its largest magnitude (for each channel of the last axis)."""
    import tensorflow as tf

    kernel = ops.convert_to_tensor(kernel)
    axes = tuple(range(len(kernel.shape) - 1)) if by_channel else None
    largest = tf.stop_gradient(ops.maximum(ops.max(ops.abs(kernel), axis=axes), _LEAST))
    quantize = (
        tf.quantization.fake_quant_with_min_max_vars_per_channel
        if by_channel
        else tf.quantization.fake_quant_with_min_max_vars
    )
    return quantize(kernel, -largest, largest, narrow_range=True)


@keras.saving.register_keras_serializable(_PACKAGE)
class QuantizedDense(keras.layers.Dense):  # type: ignore[misc]
    """Dense with an int8 kernel of one scale: the converter fails on one scale for each unit."""

    @property
    def kernel(self) -> Any:
        """The kernel rounded, as the layer computes with it; what is trained is the kernel before rounding."""
        return rounded(super().kernel, by_channel=False)


@keras.saving.register_keras_serializable(_PACKAGE)
class QuantizedConv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """Conv2D with an int8 kernel of one scale for each filter."""

    @property
    def kernel(self) -> Any:
        """The kernel rounded, as the layer computes with it; what is trained is the kernel before rounding."""
        return rounded(super().kernel, by_channel=True)


@keras.saving.register_keras_serializable(_PACKAGE)
class QuantizedDepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """DepthwiseConv2D with an int8 kernel of one scale."""

    @property
    def kernel(self) -> Any:
        """The kernel rounded, as the layer computes with it; what is trained is the kernel before rounding."""
        return rounded(self._exact, by_channel=False)

    @kernel.setter
    def kernel(self, variable: Any) -> None:
        self._exact = variable


@keras.saving.register_keras_serializable(_PACKAGE)
class QuantizedBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """BatchNormalization that multiplies and adds in int8 outside training, for where it can't be folded.

    Training is that of Keras, with the statistics of the batch; only the range of the product is learned beside.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.watches = False

    def build(self, input_shape: Any) -> None:
        """Make the weights and the range."""
        super().build(input_shape)
        self.low = self.add_weight(name="low", shape=(), initializer="zeros", trainable=False)
        self.high = self.add_weight(name="high", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The normalised values."""
        scale = ops.rsqrt(self.moving_variance + self.epsilon) * (self.gamma if self.scale else 1.0)
        shift = (self.beta if self.center else 0.0) - self.moving_mean * scale
        product = inputs * rounded(scale, by_channel=False)
        if training or self.watches:
            _follow(product, self.low, self.high)
        if training:
            return super().call(inputs, training=training, mask=mask)
        return _rounded_between(product, self.low, self.high) + rounded(shift, by_channel=False)
