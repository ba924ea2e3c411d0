"""Compare Hessian-free optimisation and K-FAC with Adam on scikit-learn's digits, and check their mathematics.

    .venv/bin/python benchmarks/second_order.py [--passes 40]

Two networks, a classifier and an autoencoder, are trained on 1,347 digits from the same weights: by
Adam on batches of 64 (the best of 5 rates), by Adam on all digits at once (the best of 5 rates), by K-FAC
on batches of 64 and by Hessian-free optimisation, each as it is by default. What is shown is the loss on
all training digits after equal numbers of data passes, and after equal seconds. A pass is a forward and a
backward pass over all digits, as an epoch of Adam is; each Gauss-Newton product counts as one for its share
of the digits, a loss alone as a third; an epoch of K-FAC as 5/3, for its second backward pass. Seconds are
those of Keras' fit, without tracing graphs and without measuring. Adam is shown at the rate that is best
at the mark; it had 5 trainings for that, which are not counted.

Passes when the products equal the explicit matrix (rtol 1e-4), which is symmetric and positive; the
Kronecker factors equal their definition; conjugate gradients solve as NumPy does; no update of
Hessian-free and no epoch of K-FAC raises the loss; K-FAC's loss is below Adam's on the autoencoder at every
mark of passes, and on the classifier at half of them; Hessian-free's is below that of Adam on all digits on the
autoencoder. On the classifier it is not, nor is it below that of Adam on batches: it pays off where curvature
differs much from direction to direction, as in deep autoencoders and recurrent networks.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

from tunemagic.models import second_order
from tunemagic.models.second_order.cg import conjugate_gradients
from tunemagic.models.second_order.factors import block_of
from tunemagic.models.second_order.losses import loss_curvature
from tunemagic.models.second_order.objective import Batch, Objective
from tunemagic.search.state import restore_model, snapshot_of

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
BATCH = 64
KFAC_PASSES = 5 / 3
DIGITS = load_digits()
X = (DIGITS.data[:1347] / 16).astype(np.float32)
ADAM, WHOLE, KFAC, FREE = "adam", "adam, all digits", "kfac", "hessian_free"


@dataclass(frozen=True, slots=True)
class Case:
    """A network, what it is to answer, and its loss."""

    name: str
    make: Callable[[], Any]
    y: Any
    loss: str


@dataclass(frozen=True, slots=True)
class Curve:
    """The training loss after each epoch, what it had cost by then, and the loss before the first."""

    start: float
    passes: list[float]
    seconds: list[float]
    losses: list[float]

    def at(self, costs: Sequence[float], limit: float) -> float:
        """The loss when so much was spent."""
        return [self.start, *self.losses][int(np.searchsorted(costs, limit + 1e-9, side="right"))]

    @property
    def rises(self) -> int:
        """How often the loss was higher than after the epoch before."""
        return int((np.diff([self.start, *self.losses]) > 0).sum())


def classifier() -> Any:
    """Ten classes of digits, by two hidden layers of ReLU."""
    layers = keras.layers
    return keras.Sequential([
        keras.Input((64,)), layers.Dense(128, "relu"), layers.Dense(64, "relu"), layers.Dense(10, "softmax")
    ])  # fmt: skip


def autoencoder() -> Any:
    """Digits through a code of 8 numbers; deep and of tanh, as those of Martens (2010) are."""
    layers = [keras.layers.Dense(units, "tanh") for units in (48, 24, 8, 24, 48)]
    return keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(64, "sigmoid")])


CASES = (
    Case("classifier", classifier, DIGITS.target[:1347], "sparse_categorical_crossentropy"),
    Case("autoencoder", autoencoder, X, "mse"),
)


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Stops after each epoch to measure the loss on all digits; ends training when the passes are spent."""

    def __init__(self, case: Case, passes: Callable[[int], float], most: float) -> None:
        super().__init__()
        self._case, self._passes, self._most = case, passes, most
        self.curve: Curve

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin with the loss of untrained weights."""
        self.curve = Curve(self._measured(), [], [], [])
        self._spent, self._since = 0.0, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Note what has been spent, then measure."""
        self._spent += time.perf_counter() - self._since
        self.curve.passes.append(self._passes(epoch + 1))
        self.curve.seconds.append(self._spent)
        self.curve.losses.append(self._measured())
        self.model.stop_training = self.curve.passes[-1] >= self._most
        self._since = time.perf_counter()

    def _measured(self) -> float:
        x, y = tf.constant(X), tf.constant(self._case.y)
        return float(self.model.compute_loss(x=x, y=y, y_pred=self.model(x, training=False)))


def trained(case: Case, optimizer: str, passes: float, rate: float | None = None) -> Curve:
    """Train the case's network from the same weights as all others."""
    keras.utils.set_random_seed(0)
    model = case.make()
    if optimizer in second_order.NAMES:
        second_order.compile_second_order(model, optimizer, loss=case.loss)
    else:
        model.compile(keras.optimizers.Adam(rate), loss=case.loss)
    model.optimizer.build(model.trainable_variables)
    start = snapshot_of(model, 0)
    options = {"batch_size": len(X) if optimizer == WHOLE else BATCH, "verbose": 0}
    model.fit(X, case.y, **options)  # traces the graphs
    restore_model(model, start)
    clock = Clock(case, costs(model, optimizer), passes)
    model.fit(X, case.y, epochs=10_000, callbacks=[clock], **options)
    return clock.curve


def costs(model: Any, optimizer: str) -> Callable[[int], float]:
    """What a number of epochs costs, in passes."""
    if optimizer == FREE:
        before = model.optimizer.passes
        return lambda epochs: model.optimizer.passes - before
    return lambda epochs: epochs * (KFAC_PASSES if optimizer == KFAC else 1.0)


def compared(case: Case, passes: int) -> list[tuple[str, bool]]:
    """Train by all methods, print the table; the gates by name."""
    curves = {
        KFAC: [trained(case, KFAC, passes)],
        FREE: [trained(case, FREE, passes)],
        ADAM: [trained(case, ADAM, passes, rate) for rate in RATES],
        WHOLE: [trained(case, WHOLE, passes, rate) for rate in RATES],
    }
    marks = [passes / 4, passes / 2, passes]
    shared = min(curve.seconds[-1] for name in (KFAC, FREE, ADAM) for curve in curves[name])
    times = [shared / 4, shared / 2, shared]
    by_passes = {name: [min(c.at(c.passes, mark) for c in each) for mark in marks] for name, each in curves.items()}
    by_seconds = {name: [min(c.at(c.seconds, mark) for c in each) for mark in times] for name, each in curves.items()}
    print(f"\n{case.name}: {case.make().count_params():,} weights; training loss")
    heads = [f"{mark:.0f} passes" for mark in marks] + [f"{mark:.2f} s" for mark in times]
    print(f"{'':18}" + "".join(f"{head:>11}" for head in heads) + f"{'epochs':>8}{'rises':>7}")
    for name, each in curves.items():
        row = "".join(f"{value:11.5f}" for value in by_passes[name] + by_seconds[name])
        best = min(each, key=lambda curve: curve.losses[-1])
        print(f"{name:18}{row}{len(best.losses):8}{best.rises:7}")
    deep = case.name == "autoencoder"
    judged = range(3 if deep else 2)
    gates = [
        (f"{case.name}: no update of hessian_free raises the loss", curves[FREE][0].rises == 0),
        (f"{case.name}: no epoch of kfac raises the loss", curves[KFAC][0].rises == 0),
        (
            f"{case.name}: kfac is below adam after {' and '.join(f'{marks[i]:.0f}' for i in judged)} passes",
            all(by_passes[KFAC][i] < by_passes[ADAM][i] for i in judged),
        ),
    ]
    if deep:
        holds = by_passes[FREE][2] < by_passes[WHOLE][2]
        gates.append((f"{case.name}: hessian_free is below adam on all digits after {passes} passes", holds))
    return gates


def main() -> int:
    """Run all and say whether every gate holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=40)
    passes = parser.parse_args().passes
    gates = [*mathematics(), *(gate for case in CASES for gate in compared(case, passes))]
    print()
    for name, holds in gates:
        print(f"{'ok  ' if holds else 'FAIL'} {name}")
    return 0 if all(holds for _, holds in gates) else 1


# -- mathematics -------------------------------------------------------------------------------------


def mathematics() -> list[tuple[str, bool]]:
    """The gates of correctness, on tiny networks."""
    return [*gauss_newton(), kronecker(), solved()]


def gauss_newton() -> list[tuple[str, bool]]:
    """Products with each unit vector against J'HJ from TensorFlow's Jacobian."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    x = tf.random.stateless_normal((9, 5), (1, 2))
    objective = Objective(model, loss_curvature(model), [])
    data = Batch(x, tf.range(9) % 3)
    products = np.stack([objective.product(data, unit) for unit in np.eye(len(objective.weights))], axis=1)
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        z = model(x)._keras_logits
    jacobian = np.concatenate([part.numpy().reshape(9, 3, -1) for part in tape.jacobian(z, variables)], axis=2)
    explicit = np.zeros_like(products)
    for row, p in zip(jacobian, tf.nn.softmax(z).numpy(), strict=True):
        explicit += row.T @ (np.diag(p) - np.outer(p, p)) @ row / 9
    size = np.abs(explicit).max()
    return [
        ("Gauss-Newton products equal J'HJ", np.allclose(products, explicit, rtol=1e-4, atol=1e-6 * size)),
        ("they are symmetric", np.allclose(products, products.T, rtol=1e-4, atol=1e-6 * size)),
        ("they are positive", bool(np.linalg.eigvalsh((products + products.T) / 2).min() > -1e-6 * size)),
    ]


def kronecker() -> tuple[str, bool]:
    """The factors of a convolution against loops over samples and places."""
    keras.utils.set_random_seed(1)
    layer = keras.layers.Conv2D(3, 2)
    layer.build((None, 4, 5, 2))
    x, slopes = np.random.normal(size=(6, 4, 5, 2)), np.random.normal(size=(6, 3, 4, 3))
    a, g = np.zeros((9, 9)), np.zeros((3, 3))
    for sample, slope in zip(x, slopes, strict=True):
        for i in range(3):
            for j in range(4):
                row = np.append(sample[i : i + 2, j : j + 2].ravel(), 1.0)
                a += np.outer(row, row) / 6
                g += np.outer(slope[i, j], slope[i, j]) / (6 * 12)
    found = block_of(layer).factors(tf.constant(x, tf.float32), tf.constant(slopes, tf.float32))
    holds = all(
        np.allclose(factor, expected, rtol=1e-4, atol=1e-5) for factor, expected in zip(found, (a, g), strict=True)
    )
    return "Kronecker factors equal their definition", holds


def solved() -> tuple[str, bool]:
    """A random positive system."""
    generator = np.random.default_rng(1)
    root = generator.normal(size=(40, 40))
    matrix, target = root @ root.T / 40 + np.eye(40), generator.normal(size=40)
    found = conjugate_gradients(lambda vector: matrix @ vector, target).x
    return "conjugate gradients solve as numpy.linalg does", np.allclose(
        found, np.linalg.solve(matrix, target), atol=1e-3
    )


if __name__ == "__main__":
    sys.exit(main())
