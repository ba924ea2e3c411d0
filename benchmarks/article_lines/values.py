"""Section 3.3: learning rate, batch size, activation."""

from __future__ import annotations

import math

import keras
import numpy as np
import scipy.special
from sklearn.model_selection import train_test_split

import tunemagic
from article_lines.common import digits, largest, small_network
from article_lines.line import Section
from article_lines.notebook import run, variables
from tunemagic import models

__all__ = ["VALUES"]

VALUES = Section("3.3")
_BODY = """
model = prep.recipe(scaler="minmax", per="all").fit(x_train, y_train).wrap(
    keras.Sequential([keras.layers.Dense(units, activation), keras.layers.Dense(10, "softmax")])
)
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
_HEAD = "%%tune {name} --objective val_accuracy --tuner grid --pruner none --epochs 4 --workers 0 --seed 1 --view none"


def _grid(name: str, *lines: str) -> dict[object, float]:
    """Each value of the one hyperparameter with its score, after a search over all of them."""
    run("\n".join([_HEAD.format(name=name), *lines]) + _BODY)
    study = variables()["study"]
    assert study.best_trial.score == max(trial.score for trial in study.view.trials)
    return {next(iter(trial.values.values())): float(trial.score) for trial in study.view.trials}


def _told(scores: dict[object, float]) -> str:
    return ", ".join(f"{value} {score:.3f}" for value, score in scores.items())


@VALUES.line("学习率的选择", "choosing the learning rate")
def _rate() -> str:
    x_train, _, y_train, _ = digits()
    found = tunemagic.lr_range(small_network(), data=(x_train, y_train)).valley
    assert found is not None, "no suggestion"
    grid = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
    scores = _grid("article-rate", f'rate = hp.Choice("rate", {grid})', 'units, activation = 32, "relu"')
    nearest = min(grid, key=lambda rate: abs(math.log(rate / found)))
    assert scores[nearest] > max(scores.values()) - 0.03, f"valley {found:.2g}; {_told(scores)}"
    return f"the range test's valley is {found:.2g}; val_accuracy by rate: {_told(scores)}"


@VALUES.line("学习率的调整", "changing the learning rate while training")
def _schedule() -> str:
    steps, rate = 200, 0.1
    at = np.arange(steps)
    cosine = models.schedule("cosine", rate, steps=steps)
    off = largest([float(cosine(step)) for step in at], rate * 0.5 * (1 + np.cos(np.pi * at / steps)))
    assert off < 1e-6, f"cosine is {off:.1e} off its formula"
    exponential = models.schedule("exponential", rate, steps=steps)
    values = np.array([float(exponential(step)) for step in at])
    even = float(np.ptp(values[1:] / values[:-1]))
    assert even < 1e-5, f"exponential: its ratio changes by {even:.1e}"
    return f"cosine {off:.1e} off its formula, exponential falls by one ratio ({even:.1e})"


@VALUES.line("批量大小的选择", "choosing the batch size")
def _batch_size() -> str:
    scores = _grid(
        "article-batch",
        'batch_size = hp.Choice("batch_size", [16, 64, 1077])',
        'rate, units, activation = 1e-3, 32, "relu"',
    )
    assert scores[16] > scores[1077] + 0.1, _told(scores)
    return f"val_accuracy after 4 epochs by batch: {_told(scores)}; a large one makes too few steps"


@VALUES.line("批量大小的调整", "changing the batch size while training")
def _batch_schedule() -> str:
    run(
        "seen = []\n"
        "class Steps(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None):\n"
        "        seen.append(batch)"
    )
    run(
        "%%tune article-grow --objective val_accuracy --max-trials 1 --epochs 4 --workers 0 --seed 1 --view none\n"
        'rate = hp.Choice("rate", [1e-3, 1e-2])\nbatch_size = models.BatchSchedule([(0, 16), (2, 64)])\n'
        'callbacks = [Steps()]\nunits, activation = 32, "relu"' + _BODY
    )
    steps = len(variables()["seen"])
    rows = len(train_test_split(digits()[0], test_size=0.2)[0])
    expected = 2 * math.ceil(rows / 16) + 2 * math.ceil(rows / 64)
    assert steps == expected, f"{steps} steps; expected {expected}"
    return f"{rows} samples, 2 epochs by 16 and 2 by 64: Keras counts {steps} steps, as it should be"


def _activation(name: str, reference: object) -> str:
    x = (digits()[0][:50] / 16).astype("float32")
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(8, name)
    found = np.asarray(layer(x))
    weights, bias = layer.get_weights()
    off = largest(found, reference(x @ weights + bias))  # type: ignore[operator]
    assert off < 1e-5, f"{off:.1e} off its formula"
    scores = _grid(
        f"article-{name}", f'activation = hp.Choice("activation", ["{name}", "linear"])', "rate, units = 3e-3, 32"
    )
    assert scores[name] > 0.5, _told(scores)
    return f"{off:.1e} off its formula; val_accuracy: {_told(scores)}"


@VALUES.line("ReLU", "ReLU")
def _relu() -> str:
    return _activation("relu", lambda values: np.maximum(values, 0))


@VALUES.line("Sigmoid", "sigmoid")
def _sigmoid() -> str:
    return _activation("sigmoid", scipy.special.expit)


@VALUES.line("Tanh", "tanh")
def _tanh() -> str:
    return _activation("tanh", np.tanh)
