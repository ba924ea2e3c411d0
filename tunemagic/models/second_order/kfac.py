"""K-FAC: gradients divided by a curvature that is a Kronecker product for each layer.

Source: Martens & Grosse (2015), Optimizing neural networks with Kronecker-factored approximate
curvature, ICML; the step's bound: Ba, Grosse & Martens (2017), Distributed second-order optimization
using Kronecker-factored approximations, ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ModelError
from tunemagic.models.second_order.carrier import carrier
from tunemagic.models.second_order.chain import Chain, chain_of
from tunemagic.models.second_order.curvature import LossCurvature, sample_scales
from tunemagic.models.second_order.factors import Block, block_of, damped_inverses
from tunemagic.models.second_order.limits import check_trainable
from tunemagic.models.second_order.losses import loss_curvature
from tunemagic.models.second_order.options import check_above_zero, check_share, check_whole

__all__ = ["Kfac", "KfacOptions"]

_NAME = "kfac"


@dataclass(frozen=True, slots=True, kw_only=True)
class KfacOptions:
    """What can be set beside the learning rate.

    ``damping`` and ``kl_clip`` are for a loss that is summed over units, whatever Keras takes the mean of.

    Attributes:
        damping: Lambda of ``F + lambda I``.
        momentum: Of the updates.
        decay: How much of the factors' running means stays at each step; less in the first ones.
        inverse_every: Steps between inversions.
        kl_clip: How far a step may go before momentum, as its squared length measured by the curvature; None for
            no bound. What bounds the steps when the learning rate is too large.
    """

    damping: float = 0.1
    momentum: float = 0.9
    decay: float = 0.95
    inverse_every: int = 10
    kl_clip: float | None = 0.001

    def __post_init__(self) -> None:
        check_above_zero("damping", self.damping)
        check_share("momentum", self.momentum)
        check_share("decay", self.decay)
        check_whole("inverse_every", self.inverse_every)
        if self.kl_clip is not None:
            check_above_zero("kl_clip", self.kl_clip, ", or None for no bound")


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What a step needs of the built model; ``trained`` are the weights that it trains."""

    trained: tuple[Any, ...]
    chain: Chain
    blocks: tuple[Block, ...]
    curvature: LossCurvature


class Kfac:
    """Steps of a model on batches, each in a graph. ``optimizer`` carries the factors and the momentum."""

    def __init__(self, model: Any, options: KfacOptions, seed: int, learning_rate: Any) -> None:
        self._model = model
        self._options = options
        self._seed = seed
        self._parts: _Parts | None = None
        self.optimizer = carrier(_NAME, self._memory, learning_rate=learning_rate, momentum=options.momentum)

    def check(self) -> None:
        """Raise ModelError for a model that can't be trained so. It is built and compiled."""
        self._parts_now()

    def step(self, data: Any) -> dict[str, Any]:
        """Update the weights once by this batch; the metrics so far."""
        import keras
        import tensorflow as tf

        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if not self._model.built:
            self._model(x)
        parts = self._read()
        with tf.GradientTape(persistent=True) as tape:
            answers, calls = _forward(parts, x)
            loss = self._model.compute_loss(x=x, y=y, y_pred=answers, sample_weight=weights)
            z = parts.curvature.argument(answers)
        if not self.optimizer.built:
            self.optimizer.build(self._model.trainable_variables)
        gradients = tape.gradient(loss, self._model.trainable_variables)
        sampled = parts.curvature.sampled_gradient(z, self._step_seed(), sample_scales(weights, z))
        slopes = tape.gradient(z, [sums for _, sums in calls], output_gradients=sampled)
        del tape
        share = parts.curvature.share(z)
        self._learn_factors(parts.blocks, [inputs for inputs, _ in calls], slopes, share)
        self.optimizer.apply(self._natural(parts.blocks, gradients, share), self._model.trainable_variables)
        for metric in self._model.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(z)[0])
        metrics: dict[str, Any] = self._model.compute_metrics(x, y, answers, sample_weight=weights)
        return metrics

    def _read(self) -> _Parts:
        """The parts as they were at the first step. Raises ModelError when other weights are to be trained now."""
        if self._parts is None:
            self._parts = self._parts_now()
        if [id(each) for each in self._parts.trained] != [id(each) for each in self._model.trainable_variables]:
            raise ModelError(
                f"{_NAME} can't train {self._model.name}: layers were frozen or released since it began to train. "
                "Compile it again."
            )
        return self._parts

    def _parts_now(self) -> _Parts:
        check_trainable(self._model, _NAME)
        chain = chain_of(self._model)
        blocks = tuple(block_of(layer) for layer in chain.layers if layer.trainable_variables)
        return _Parts(tuple(self._model.trainable_variables), chain, blocks, loss_curvature(self._model))

    def _memory(self, variables: Sequence[Any]) -> Mapping[str, NDArray[np.float32]]:
        memory: dict[str, NDArray[np.float32]] = {}
        for number, block in enumerate(self._read().blocks):
            for side, size in (("a", block.inputs), ("g", block.outputs)):
                memory[f"{side}_{number}"] = np.zeros((size, size), np.float32)
                memory[f"{side}_inverse_{number}"] = np.eye(size, dtype=np.float32)
        return memory

    def _step_seed(self) -> Any:
        import tensorflow as tf

        return tf.stack([tf.constant(self._seed, tf.int64), tf.cast(self.optimizer.iterations, tf.int64)])

    def _learn_factors(
        self, blocks: Sequence[Block], inputs: Sequence[Any], slopes: Sequence[Any], share: float
    ) -> None:
        """Take the batch into the factors' running means, and invert them where it is time."""
        import tensorflow as tf

        memory, done = self.optimizer.memory, self.optimizer.iterations
        kept = tf.minimum(self._options.decay, 1.0 - 1.0 / (tf.cast(done, tf.float32) + 1.0))
        for number, (block, x, slope) in enumerate(zip(blocks, inputs, slopes, strict=True)):
            for side, new in zip("ag", block.factors(x, slope), strict=True):
                factor = memory[f"{side}_{number}"]
                factor.assign(kept * factor + (1.0 - kept) * new)

        def invert() -> None:
            for number, block in enumerate(blocks):
                a, g = memory[f"a_{number}"], memory[f"g_{number}"]
                inverses = damped_inverses(a.value, g.value, self._options.damping * share + block.ridge)
                for side, inverse in zip("ag", inverses, strict=True):
                    memory[f"{side}_inverse_{number}"].assign(inverse)

        every = self._options.inverse_every
        # The first factors are of one batch, and soon out of date.
        tf.cond(tf.logical_or(done % every == 0, done < every), invert, lambda: None)

    def _natural(self, blocks: Sequence[Block], gradients: Sequence[Any], share: float) -> list[Any]:
        """The gradients, each block's multiplied by the inverses of its factors, bounded by ``kl_clip``."""
        import tensorflow as tf

        variables = self._model.trainable_variables
        slope_of = {id(variable): slope for variable, slope in zip(variables, gradients, strict=True)}
        natural: dict[int, Any] = {}
        memory = self.optimizer.memory
        for number, block in enumerate(blocks):
            own = block.layer.trainable_variables
            matrix = block.matrix(*(slope_of[id(variable)] for variable in own))
            solved = tf.matmul(
                memory[f"a_inverse_{number}"].value, tf.matmul(matrix, memory[f"g_inverse_{number}"].value)
            )
            natural |= {id(variable): part for variable, part in zip(own, block.parts(solved), strict=True)}
        steps = [natural[id(variable)] for variable in variables]
        if self._options.kl_clip is None:
            return steps
        rate = tf.cast(self.optimizer.learning_rate, tf.float32)
        length = rate**2 * sum(tf.reduce_sum(step * slope) for step, slope in zip(steps, gradients, strict=True))
        scale = tf.minimum(1.0, tf.sqrt(self._options.kl_clip * share / tf.maximum(length, 1e-30)))
        return [scale * step for step in steps]


def _forward(parts: _Parts, x: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """What the model answers in training, and each block's inputs and sums."""
    blocks = {id(block.layer): block for block in parts.blocks}
    calls: list[tuple[Any, Any]] = []
    x = parts.chain.front(x, training=True)
    for layer in parts.chain.layers:
        block = blocks.get(id(layer))
        if block is None:
            x = layer(x, training=True) if layer._call_has_training_arg else layer(x)
            continue
        sums = block.sums(x)
        calls.append((x, sums))
        x = layer.activation(sums)
    return x, calls
