"""A model's loss on given data as a function of all its trainable weights in one row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.models.second_order.curvature import LossCurvature, flatten, gauss_newton_product
from tunemagic.models.second_order.limits import l2_of

__all__ = ["Batch", "Objective"]

_CHUNK_ROWS = 4096  # whose derivatives are held in memory at once

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples as ``train_step`` gets them: inputs, targets, and weights or None."""

    x: Any
    y: Any
    weights: Any = None

    @property
    def count(self) -> int:
        """How many samples there are."""
        import keras

        return int(keras.tree.flatten(self.x)[0].shape[0])

    def chunks(self) -> Iterator[tuple[Batch, float]]:
        """The batch in parts that fit into memory, each with its share of the samples."""
        count = self.count
        if count <= _CHUNK_ROWS:
            yield self, 1.0
            return
        for start in range(0, count, _CHUNK_ROWS):
            part = self._mapped(lambda values, start=start: values[start : start + _CHUNK_ROWS])
            yield part, part.count / count

    def take(self, rows: NDArray[np.int64]) -> Batch:
        """The samples with these numbers."""
        import tensorflow as tf

        return self._mapped(lambda values: tf.gather(values, rows))

    def _mapped(self, change: Any) -> Batch:
        import keras

        return Batch(*(None if part is None else keras.tree.map_structure(change, part) for part in self._parts()))

    def _parts(self) -> tuple[Any, Any, Any]:
        return self.x, self.y, self.weights


class Objective:
    """Loss, gradient and Gauss-Newton products of a built and compiled model, each one graph.

    ``loops`` are recurrent layers to unroll, since derivatives forward don't pass through loops. The
    loss is Keras' own, with sample weights and regularisers.
    """

    def __init__(self, model: Any, curvature: LossCurvature, loops: list[Any]) -> None:
        import tensorflow as tf

        self._model = model
        self._curvature = curvature
        self._loops = loops
        self._variables = [variable.value for variable in model.trainable_variables]
        self._ridge = np.concatenate(
            [np.full(int(np.prod(each.shape)), 2.0 * l2_of(each)) for each in model.trainable_variables]
        )
        # Not converted by AutoGraph, as in Keras' own training function.
        graph = tf.function(autograph=False, reduce_retracing=True)
        self._loss = graph(self._loss_of)
        self._gradient = graph(self._gradient_of)
        self._product = graph(self._product_of)

    @property
    def weights(self) -> _Vector:
        """All trainable weights, shape (parameter,)."""
        return np.concatenate([variable.numpy().ravel() for variable in self._variables]).astype(np.float64)

    @weights.setter
    def weights(self, vector: _Vector) -> None:
        start = 0
        for variable in self._variables:
            count = variable.shape.num_elements()
            variable.assign(vector[start : start + count].reshape(variable.shape))
            start += count

    def loss(self, batch: Batch) -> tuple[float, Any]:
        """The mean loss, and what the model answered."""
        import keras

        total, answers = 0.0, []
        for part, share in batch.chunks():
            loss, answer = self._run(self._loss, part.x, part.y, part.weights)
            total += share * float(loss)
            answers.append(answer)
        return total, answers[0] if len(answers) == 1 else keras.ops.concatenate(answers)

    def loss_and_gradient(self, batch: Batch) -> tuple[float, _Vector]:
        """The mean loss and its gradient of shape (parameter,)."""
        total, gradient = 0.0, np.zeros_like(self._ridge)
        for part, share in batch.chunks():
            loss, slope = self._run(self._gradient, part.x, part.y, part.weights)
            total += share * float(loss)
            gradient += share * slope.numpy()
        return total, gradient

    def product(self, batch: Batch, vector: _Vector) -> _Vector:
        """The Gauss-Newton matrix of the loss, regularisers included, times a vector of shape (parameter,)."""
        tangent = vector.astype(self._variables[0].dtype.as_numpy_dtype)
        image: _Vector = self._run(self._product, batch.x, batch.weights, tangent).numpy()
        return image + self._ridge * vector

    def _run(self, graph: Any, *values: Any) -> Any:
        with _unrolled(self._loops):
            return graph(*values)

    def _loss_of(self, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        answers = self._model(x, training=True)
        return self._model.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights), answers

    def _gradient_of(self, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, _ = self._loss_of(x, y, weights)
        slopes = [
            None if slope is None else tf.convert_to_tensor(slope) for slope in tape.gradient(loss, self._variables)
        ]
        return loss, flatten(slopes, self._variables)

    def _product_of(self, x: Any, weights: Any, vector: Any) -> Any:
        def argument() -> Any:
            return self._curvature.argument(self._model(x, training=True))

        return gauss_newton_product(argument, self._variables, self._curvature, vector, weights)


@contextmanager
def _unrolled(layers: list[Any]) -> Iterator[None]:
    """Let the layers unroll their loops where they are traced; their configs stay as they are."""
    for layer in layers:
        layer.unroll = True
    try:
        yield
    finally:
        for layer in layers:
            layer.unroll = False
