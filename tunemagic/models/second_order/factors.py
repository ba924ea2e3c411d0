"""Kronecker factors of Dense and Conv2D layers: what K-FAC approximates curvature by.

A layer's block of the Gauss-Newton matrix is taken to be ``A (x) G``: A the mean square of the
layer's inputs (a 1 added for the bias), G that of the loss's slopes by its sums before activation.
Convolutions: A is summed and G averaged over the places where the filter is laid.

Source: Martens & Grosse (2015), Optimizing neural networks with Kronecker-factored approximate
curvature; Grosse & Martens (2016), A Kronecker-factored approximate Fisher matrix for convolution layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import ModelError
from tunemagic.models.second_order.limits import l2_of

__all__ = ["Block", "block_of", "damped_inverses"]

_MOST_UNITS = 4096  # a factor's rows; inverting it takes their cube


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One trainable layer. ``inputs`` and ``outputs`` are the sizes of its two factors."""

    layer: Any
    inputs: int
    outputs: int

    @property
    def ridge(self) -> float:
        """What an L2 regulariser of the kernel adds to the curvature."""
        return 2.0 * l2_of(self.layer.kernel)

    def sums(self, x: Any) -> Any:
        """What the layer's activation is applied to."""
        import tensorflow as tf

        layer = self.layer
        x = tf.cast(x, layer.kernel.dtype)
        sums = layer.convolution_op(x, layer.kernel) if self._is_convolution else tf.tensordot(x, layer.kernel, 1)
        return sums + layer.bias if layer.use_bias else sums

    def factors(self, x: Any, slopes: Any) -> tuple[Any, Any]:
        """A of shape (inputs, inputs) and G of shape (outputs, outputs).

        Args:
            x: What the layer was called on, (sample, ...).
            slopes: Of each sample's loss by the layer's sums, (sample, ..., output).
        """
        import tensorflow as tf

        samples = tf.cast(tf.shape(slopes)[0], slopes.dtype)
        rows, slopes = self._rows(x), tf.reshape(slopes, (-1, self.outputs))
        places = tf.cast(tf.shape(slopes)[0], slopes.dtype)
        return (
            tf.matmul(rows, rows, transpose_a=True) / samples,
            tf.matmul(slopes, slopes, transpose_a=True) / places,
        )

    def matrix(self, kernel: Any, bias: Any = None) -> Any:
        """A gradient in the layout of the factors: (inputs, outputs), the bias below."""
        import tensorflow as tf

        kernel = tf.reshape(kernel, (-1, self.outputs))
        return tf.concat([kernel, bias[tf.newaxis]], axis=0) if self.layer.use_bias else kernel

    def parts(self, matrix: Any) -> list[Any]:
        """The reverse of ``matrix``: what belongs to the kernel, and to the bias where there is one."""
        import tensorflow as tf

        shape = self.layer.kernel.shape
        if not self.layer.use_bias:
            return [tf.reshape(matrix, shape)]
        return [tf.reshape(matrix[:-1], shape), matrix[-1]]

    @property
    def _is_convolution(self) -> bool:
        return len(self.layer.kernel.shape) == 4

    def _rows(self, x: Any) -> Any:
        """The layer's inputs at each sample and place, shape (row, inputs)."""
        import tensorflow as tf

        layer = self.layer
        x = tf.cast(x, layer.kernel.dtype)
        if self._is_convolution:
            x = tf.image.extract_patches(
                x,
                sizes=(1, *layer.kernel_size, 1),
                strides=(1, *layer.strides, 1),
                rates=(1, *layer.dilation_rate, 1),
                padding=layer.padding.upper(),
            )
        rows = tf.reshape(x, (-1, self.inputs - layer.use_bias))
        return tf.pad(rows, [[0, 0], [0, 1]], constant_values=1) if layer.use_bias else rows


def block_of(layer: Any) -> Block:
    """The block of a built Dense or Conv2D layer. Raises ModelError for other layers with weights to train."""
    import keras

    kind = type(layer)
    if kind is not keras.layers.Dense and kind is not keras.layers.Conv2D:
        raise ModelError(
            f"kfac can't train {layer.name} ({kind.__name__}): expected Dense and Conv2D layers only. "
            "Train this model with hessian_free or adam."
        )
    if kind is keras.layers.Conv2D and (layer.groups != 1 or layer.data_format != "channels_last"):
        raise ModelError(f"kfac can't train {layer.name}: expected groups=1 and channels last. Train with adam.")
    if len(layer.trainable_variables) != 1 + layer.use_bias or layer.lora_enabled:
        raise ModelError(f"kfac can't train {layer.name}: expected a kernel and a bias, and no LoRA. Train with adam.")
    *within, outputs = layer.kernel.shape
    inputs = math.prod(within) + int(layer.use_bias)
    if max(inputs, outputs) > _MOST_UNITS:
        raise ModelError(
            f"kfac can't train {layer.name}: its factor would have {max(inputs, outputs):,} rows; expected at most "
            f"{_MOST_UNITS:,}. Pool before it, or train with hessian_free or adam."
        )
    return Block(layer, inputs, outputs)


def damped_inverses(a: Any, g: Any, damping: Any) -> tuple[Any, Any]:
    """Inverses of ``A + pi sqrt(damping) I`` and ``G + sqrt(damping) / pi I``.

    ``pi`` shares the damping out by the factors' mean eigenvalues (Martens & Grosse 2015, section
    6.3). Computed in float64 by Cholesky decomposition; the answers are of A's type.
    """
    import tensorflow as tf

    a64, g64 = tf.cast(a, tf.float64), tf.cast(g, tf.float64)
    tiny = tf.constant(1e-12, tf.float64)
    mean_a = tf.maximum(tf.linalg.trace(a64) / tf.cast(tf.shape(a)[0], tf.float64), tiny)
    mean_g = tf.maximum(tf.linalg.trace(g64) / tf.cast(tf.shape(g)[0], tf.float64), tiny)
    pi, root = tf.sqrt(mean_a / mean_g), tf.sqrt(tf.cast(damping, tf.float64))
    return tuple(tf.cast(_inverse(each, shift), a.dtype) for each, shift in ((a64, pi * root), (g64, root / pi)))


def _inverse(matrix: Any, shift: Any) -> Any:
    import tensorflow as tf

    unit = tf.eye(tf.shape(matrix)[0], dtype=matrix.dtype)
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix + shift * unit), unit)
