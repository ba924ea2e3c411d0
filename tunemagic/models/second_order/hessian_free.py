"""Hessian-free optimisation: Newton-like steps by conjugate gradients on the Gauss-Newton matrix.

Source: Martens (2010), Deep learning via Hessian-free optimization, ICML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.models.second_order.carrier import carrier
from tunemagic.models.second_order.cg import Solution, conjugate_gradients, dot
from tunemagic.models.second_order.limits import check_deterministic, check_trainable, recurrent_layers
from tunemagic.models.second_order.losses import loss_curvature
from tunemagic.models.second_order.objective import Batch, Objective
from tunemagic.models.second_order.options import check_above_zero, check_whole

__all__ = ["HessianFree", "HessianFreeOptions"]

_NAME = "hessian_free"
_SUFFICIENT = 1e-2  # Armijo: the share of the slope's promise that a step has to keep
_HALVINGS = 8
_REMEMBERED = 0.95  # of the last direction, where the next search begins (Martens 2010, section 4.8)
_LEAST_DAMPING, _MOST_DAMPING = 1e-8, 1e8

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HessianFreeOptions:
    """What can be set; nothing has to be, since damping and step length adapt themselves.

    Attributes:
        damping: The first lambda of ``G + lambda I``, for a loss that is summed over units.
        cg_steps: Gauss-Newton products for each update at most.
        curvature_rows: How many samples the Gauss-Newton matrix is of, drawn anew for each update.
    """

    damping: float = 0.1
    cg_steps: int = 50
    curvature_rows: int = 256

    def __post_init__(self) -> None:
        check_above_zero("damping", self.damping)
        check_whole("cg_steps", self.cg_steps)
        check_whole("curvature_rows", self.curvature_rows)


class HessianFree:
    """One update of a model's weights for each batch it is given, which should be all the data.

    An update minimises the quadratic model ``g'd + d'(G + lambda I)d / 2`` by conjugate gradients,
    then halves its step until the loss has fallen enough. What does not lower the loss is not done.
    Lambda follows how well the quadratic model foretold the loss (Levenberg-Marquardt).

    ``optimizer`` carries lambda and the last direction from update to update, and counts what the
    updates have cost: a gradient or a product is a pass for its share of the samples, a loss alone 1/3.
    """

    def __init__(self, model: Any, options: HessianFreeOptions, seed: int) -> None:
        self._model = model
        self._options = options
        self._seed = seed
        self._objective: Objective | None = None
        self.optimizer = carrier(_NAME, self._memory, learning_rate=1.0)

    def check(self) -> None:
        """Raise ModelError for a model that can't be trained so. It is built and compiled."""
        check_trainable(self._model, _NAME)
        check_deterministic(self._model, _NAME)
        recurrent_layers(self._model, _NAME)
        loss_curvature(self._model)

    def step(self, data: Any) -> dict[str, Any]:
        """Update the weights once by this batch; the metrics after that."""
        import keras

        batch = Batch(*keras.utils.unpack_x_y_sample_weight(data))
        if self._objective is None:
            self._objective = self._prepared(batch)
        loss, answers = self._update(self._objective, batch)
        for metric in self._model.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        metrics: dict[str, Any] = self._model.compute_metrics(batch.x, batch.y, answers, sample_weight=batch.weights)
        return metrics

    def _prepared(self, batch: Batch) -> Objective:
        model = self._model
        if not model.built:
            model(batch.take(np.zeros(1, np.int64)).x)
        self.check()
        if not self.optimizer.built:
            self.optimizer.build(model.trainable_variables)
        return Objective(model, loss_curvature(model), recurrent_layers(model, _NAME))

    def _memory(self, variables: Sequence[Any]) -> Mapping[str, NDArray[np.float32]]:
        count = sum(int(np.prod(variable.shape)) for variable in variables)
        damping = self._options.damping * loss_curvature(self._model).share(self._model.outputs[0])
        return {"damping": np.array(damping, np.float32), "direction": np.zeros(count, np.float32)}

    def _update(self, objective: Objective, batch: Batch) -> tuple[float, Any]:
        """Make one update, or none; the loss after that, and the answers."""
        memory = self.optimizer.memory
        damping = float(memory["damping"].numpy())
        before, gradient = objective.loss_and_gradient(batch)
        self.optimizer.passes += 1.0
        sample = self._curvature_sample(batch)
        share = sample.count / batch.count

        def product(vector: _Vector) -> _Vector:
            self.optimizer.passes += share
            return objective.product(sample, vector) + damping * vector

        start = _REMEMBERED * memory["direction"].numpy().astype(np.float64)
        solution = conjugate_gradients(product, -gradient, start, most=self._options.cg_steps)
        found = self._searched(objective, batch, before, gradient, solution)
        memory["damping"].assign(_adapted(damping, found))
        memory["direction"].assign(solution.x.astype(np.float32) * found.taken)
        self.optimizer.iterations.assign_add(1)
        return found.loss, found.answers

    def _curvature_sample(self, batch: Batch) -> Batch:
        count, most = batch.count, self._options.curvature_rows
        if count <= most:
            return batch
        generator = np.random.default_rng([self._seed, int(self.optimizer.iterations.numpy())])
        return batch.take(np.sort(generator.choice(count, most, replace=False)))

    def _searched(
        self, objective: Objective, batch: Batch, before: float, gradient: _Vector, solution: Solution
    ) -> _Search:
        """Move along the solution by 1, 1/2, 1/4 ... until the loss has fallen enough, or not at all."""
        here, slope = objective.weights, dot(gradient, solution.x)
        ratio, taken = -np.inf, False
        try:
            for length in 0.5 ** np.arange(_HALVINGS if solution.value < 0 else 0):
                objective.weights = here + length * solution.x
                loss, answers = objective.loss(batch)
                self.optimizer.passes += 1 / 3
                if length == 1 and np.isfinite(loss):
                    ratio = (loss - before) / solution.value
                taken = loss < before and loss <= before + _SUFFICIENT * length * slope
                if taken:
                    return _Search(loss, answers, ratio, taken)
        finally:
            if not taken:  # nor may an interrupt leave the weights where nobody meant them to be
                objective.weights = here
        return _Search(*objective.loss(batch), ratio, taken)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Where a search along a direction ended: the loss and the model's answers there, and whether it moved.

    ``ratio`` is how much of the fall that the quadratic model foretold the full step brought.
    """

    loss: float
    answers: Any
    ratio: float
    taken: bool


def _adapted(damping: float, found: _Search) -> float:
    """Lambda for the next update (Martens 2010, section 4.1); it grows faster when no step could be taken."""
    factor = 4.0 if not found.taken else 1.5 if found.ratio < 0.25 else 2 / 3 if found.ratio > 0.75 else 1.0
    return float(np.clip(damping * factor, _LEAST_DAMPING, _MOST_DAMPING))
