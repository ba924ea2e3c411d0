"""Curvature of losses in closed form, and products with the Gauss-Newton matrix.

The Gauss-Newton matrix is ``J' H J``: J the derivatives of what the loss is convex in (logits, or
the answers themselves for squared errors) by the weights, H the loss's second derivatives by it.
It is positive wherever the Hessian may not be (Schraudolph 2002).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tunemagic.errors import ModelError

__all__ = ["LossCurvature", "LossKind", "flatten", "gauss_newton_product", "sample_scales", "unflatten"]


class LossKind(StrEnum):
    """What the loss is of, up to a constant: the negative log likelihood under these probabilities."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    SQUARED = "squared"


@dataclass(frozen=True, slots=True)
class LossCurvature:
    """A mean loss over samples as a function of ``z``, the logits or, for squared errors, the answers.

    ``z`` has shape (sample, ..., unit); ``weights`` (sample, 1, ...) scale each sample's loss, or
    are 1.0. Targets of cross-entropies are class numbers or add up to one: the second derivatives
    then do not depend on them. ``behind_activation`` says that the model answers with
    probabilities, from which Keras' losses too look through to the logits.
    """

    kind: LossKind
    behind_activation: bool = False

    def argument(self, answers: Any) -> Any:
        """``z`` of what the model answered."""
        # Keras' softmax and sigmoid leave their argument here for its own losses.
        return answers._keras_logits if self.behind_activation else answers

    def hessian_product(self, z: Any, tangent: Any, weights: Any = 1.0) -> Any:
        """The loss's second derivatives by ``z``, times ``tangent`` of the same shape."""
        import tensorflow as tf

        if self.kind is LossKind.SOFTMAX:
            p = tf.nn.softmax(z)
            product = p * (tangent - tf.reduce_sum(p * tangent, axis=-1, keepdims=True))
        elif self.kind is LossKind.SIGMOID:
            p = tf.sigmoid(z)
            product = p * (1.0 - p) * tangent
        else:
            product = 2.0 * tangent
        samples = tf.cast(tf.shape(z)[0], z.dtype)
        return product * (weights * tf.cast(self.share(z), z.dtype) / samples)

    def sampled_gradient(self, z: Any, seed: Any, weights: Any = 1.0) -> Any:
        """Random gradients by ``z``, one for each sample, whose expected squares are its part of the curvature.

        For each sample i, ``E[g g'] = n H_i`` with H_i its part of ``hessian_product`` and n the
        number of samples: for cross-entropies the gradient for a target drawn from the model's own
        answer (Martens & Grosse 2015, section 5), scaled where the loss is a mean over units.
        ``seed`` is of shape (2,), as for ``tf.random.stateless_normal``.
        """
        import tensorflow as tf

        if self.kind is LossKind.SOFTMAX:
            rows = tf.reshape(z, (-1, z.shape[-1]))
            drawn = tf.random.stateless_categorical(rows, 1, seed)[:, 0]
            gradient = tf.reshape(tf.nn.softmax(rows) - tf.one_hot(drawn, rows.shape[-1], dtype=z.dtype), tf.shape(z))
        elif self.kind is LossKind.SIGMOID:
            p = tf.sigmoid(z)
            gradient = p - tf.cast(tf.random.stateless_uniform(tf.shape(z), seed, dtype=z.dtype) < p, z.dtype)
        else:
            gradient = tf.sqrt(2.0) * tf.random.stateless_normal(tf.shape(z), seed, dtype=z.dtype)
        return gradient * tf.sqrt(weights * tf.cast(self.share(z), z.dtype))

    def share(self, z: Any) -> float:
        """What part of a sample's negative log likelihood its loss is.

        Keras takes the mean over units where a likelihood has the sum. 1.0 for a softmax with one
        answer for each sample. ``z`` may be symbolic; unknown dimensions count as 1.
        """
        shape: Sequence[int | None] = z.shape[1:-1] if self.kind is LossKind.SOFTMAX else z.shape[1:]
        return 1.0 / math.prod(size or 1 for size in shape)


def gauss_newton_product(
    argument: Callable[[], Any], variables: Sequence[Any], curvature: LossCurvature, vector: Any, weights: Any = None
) -> Any:
    """The Gauss-Newton matrix times ``vector``, both over all weights in one row.

    One pass forward that carries derivatives along (Pearlmutter's R operator) and one backward.

    Args:
        argument: Computes ``z`` from the variables.
        variables: TensorFlow variables; ``vector`` has as many numbers as they have together.
        curvature: Of the loss by ``z``.
        vector: Shape (parameter,).
        weights: One for each sample, of shape (sample,), or None.
    """
    import tensorflow as tf

    tangents = unflatten(vector, variables)
    with tf.autodiff.ForwardAccumulator(list(variables), tangents) as forward, tf.GradientTape() as tape:
        z = argument()
    tangent = forward.jvp(z, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    image = curvature.hessian_product(z, tangent, sample_scales(weights, z))
    return flatten(tape.gradient(z, list(variables), output_gradients=tf.stop_gradient(image)), variables)


def sample_scales(weights: Any, z: Any) -> Any:
    """Sample weights as factors of ``z`` of shape (sample, unit); 1.0 where there are none.

    Raises ModelError for ``z`` of other shapes, over which Keras spreads weights in ways of its own, and
    TensorFlow's InvalidArgumentError for a negative weight, with which the curvature has no square root.
    """
    import tensorflow as tf

    if weights is None:
        return 1.0
    if len(z.shape) != 2:
        raise ModelError(
            f"sample weights need answers of shape (sample, unit) here; received answers of {len(z.shape)} dimensions. "
            "Leave the weights out, or train with adam."
        )
    checked = tf.debugging.assert_non_negative(weights, "sample weights: expected 0 or more; received a negative one.")
    with tf.control_dependencies([checked]):  # or an update would be made in the meantime
        return tf.reshape(tf.cast(weights, z.dtype), (-1, 1))


def flatten(tensors: Sequence[Any], variables: Sequence[Any]) -> Any:
    """The tensors in one row, zeros where one is None; each is of the shape of its variable."""
    import tensorflow as tf

    return tf.concat(
        [
            tf.zeros([tf.size(variable)], variable.dtype) if tensor is None else tf.reshape(tensor, [-1])
            for tensor, variable in zip(tensors, variables, strict=True)
        ],
        axis=0,
    )


def unflatten(vector: Any, variables: Sequence[Any]) -> list[Any]:
    """The reverse of ``flatten``."""
    import tensorflow as tf

    sizes = [variable.shape.num_elements() for variable in variables]
    return [tf.reshape(part, variable.shape) for part, variable in zip(tf.split(vector, sizes), variables, strict=True)]
