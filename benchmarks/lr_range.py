"""Is the learning rate that the range test suggests near the best one of a sweep?

Four pairs of model and real data (dense on digits, CNN and dense on MNIST-1D, CNN on digits images), each with
SGD-momentum and with Adam. A sweep trains every rate of a grid (factor 3 from step to step) by the engine's own
trainer; the rate with the lowest validation loss is the best one.

    .venv/bin/python benchmarks/lr_range.py

prints for each case the suggestions and the best swept rate, how far they lie apart in grid steps, and what the test
and the sweep cost. Passes when ``valley`` lies within one grid step of the best rate in at least 7 of the 8 cases.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from tunemagic import datasets, models
from tunemagic.events import Direction
from tunemagic.rates import LrRange, lr_range
from tunemagic.search.cell import program_from_builder
from tunemagic.search.data import TrainingData, data_from_arrays
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import StopFlag, TrialJob, Work
from tunemagic.search.train import run_job

FACTOR = 3.0
RATES = tuple(float(f"{1e-4 * FACTOR**step:.2g}") for step in range(10))  # 0.0001 to 2
OPTIMIZERS = ("momentum", "adam")
LEAST = 7  # of eight
EPOCHS = 10
BATCH = 64
SEED = 0
LOSS = "sparse_categorical_crossentropy"


@dataclass(frozen=True, slots=True)
class Case:
    """A network and the data it is trained on."""

    name: str
    layers: Callable[[], list[Any]]
    data: tuple[Any, Any]


def cases() -> list[Case]:
    """The four pairs; inputs from -1 to 1 or standardised by their makers."""
    digits, waves = datasets.load("digits"), datasets.load("mnist1d")
    images = digits.x.reshape(-1, 8, 8, 1) / 16.0
    pixels, series = images.reshape(-1, 64), waves.x[..., None]
    dense, conv, flat = keras.layers.Dense, keras.layers.Conv1D, keras.layers.Flatten
    return [
        Case("digits dense", lambda: [dense(64, "relu"), dense(64, "relu")], (pixels, digits.y)),
        Case(
            "digits cnn",
            lambda: [keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.MaxPooling2D(), flat()],
            (images, digits.y),
        ),
        Case("mnist1d dense", lambda: [dense(128, "relu"), dense(128, "relu")], (waves.x, waves.y)),
        Case(
            "mnist1d cnn",
            lambda: [conv(25, 5, 2, "same", activation="relu") for _ in range(3)] + [flat()],
            (series, waves.y),
        ),
    ]


def builder(case: Case, optimizer: str) -> Callable[[Any], Any]:
    """``build(hp)`` with the rate as its only hyperparameter."""

    def build(hp: Any) -> Any:
        rate = hp.Float("rate", RATES[0], RATES[-1], sampling="log", default=RATES[3])
        shape = case.data[0].shape[1:]
        model = keras.Sequential([keras.Input(shape), *case.layers(), keras.layers.Dense(10, "softmax")])
        return models.compile(model, optimizer, learning_rate=rate, loss=LOSS)

    return build


def swept(build: Callable[[Any], Any], data: TrainingData) -> dict[float, float]:
    """The lowest validation loss of a training with each rate; infinite where it diverged."""
    work = Work(program=program_from_builder(build), data=data, objective="val_loss", direction=Direction.MIN)
    losses = {}
    for trial, rate in enumerate(RATES, 1):
        hp = new_hyperparameters()
        hp.values = {"rate": rate}
        job = TrialJob(work=work, trial=trial, attempt=1, hp=hp, epochs=EPOCHS, seed=SEED)
        outcome = run_job(job, lambda report: None, StopFlag())
        losses[rate] = math.inf if outcome.score is None else outcome.score
    return losses


def steps_apart(rate: float | None, best: float) -> float:
    """How many grid steps lie between two rates."""
    return math.inf if rate is None else abs(math.log(rate / best, FACTOR))


def row(case: Case, optimizer: str) -> bool:
    """Test and sweep one case, print a line; whether the valley is near the best rate."""
    build, (x, y) = builder(case, optimizer), case.data
    data = data_from_arrays(x, y, None, seed=SEED)
    began = time.process_time()
    found: LrRange = lr_range(build, data=(data.x, data.y), batch_size=BATCH, seed=SEED)
    middle = time.process_time()
    losses = swept(build, data)
    ended = time.process_time()
    best = min(losses, key=lambda rate: losses[rate])
    apart, tenth = steps_apart(found.valley, best), steps_apart(found.tenth, best)
    near = apart <= 1.0 + 1e-9
    print(
        f"{case.name:14} {optimizer:9} {found.valley or math.nan:8.2g} {apart:6.1f} {'yes' if near else 'no':>5} "
        f"{found.tenth or math.nan:8.2g} {tenth:6.1f} {best:8.2g} {losses[best]:9.3f} "
        f"{middle - began:7.1f} {ended - middle:7.1f}",
        flush=True,
    )
    return near


def main() -> int:
    """Print the table; 0 when the valley is near the best rate often enough."""
    print(
        f"{'case':14} {'optimizer':9} {'valley':>8} {'apart':>6} {'near':>5} {'tenth':>8} {'apart':>6} {'best':>8} "
        f"{'val_loss':>9} {'test s':>7} {'sweep s':>7}   (apart: in grid steps of a factor {FACTOR:g}; CPU seconds)"
    )
    near = [row(case, optimizer) for case in cases() for optimizer in OPTIMIZERS]
    passed = sum(near) >= LEAST
    print(f"{'PASS' if passed else 'FAIL'}: the valley is within one grid step in {sum(near)} of {len(near)} cases.")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
