"""Lesson of notebook 03: a change that keeps the answer helps, one that does not harms, and pixels count."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pytest

import tunemagic
from tunemagic import datasets, prep

SEEDS = 3
CHANGES: dict[str, dict[str, Any]] = {
    "none": {},
    "rotate and shift": {"rotate": 0.05, "shift": 0.1},
    "flip": {"flip": "both"},
    "shift by 2 of 8 pixels": {"shift": 2 / 8},
}


def scores(data: datasets.Dataset, changes: Sequence[str], kernel: int, stride: int) -> dict[str, tuple[float, ...]]:
    """Validation accuracy of a small CNN with each augmentation, from three seeds."""
    x_train, x_test, y_train, y_test = data.split(test=None if data.x_test is not None else 5 / 6)  # 300 to train on
    top = x_train.max()

    def build(hp: Any) -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input(x_train.shape[1:]),
                prep.augment.images(**CHANGES[hp.Choice("change", list(changes))]),
                keras.layers.Conv2D(16, kernel, stride, activation="relu"),
                keras.layers.Conv2D(32, kernel, stride, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(10, "softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    study = tunemagic.tune(
        build,
        data=(x_train / top, y_train),
        val=(x_test / top, y_test),
        objective="val_accuracy",
        tuner="grid",
        epochs=15,
        repeats=SEEDS,
        workers=0,
    )
    return {trial.values["change"]: trial.scores for trial in study.view.trials}


@pytest.mark.slow
def test_flips_harm_and_rotations_with_shifts_help_on_300_images_of_mnist(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    score = scores(datasets.load("mnist300"), ["none", "rotate and shift", "flip"], kernel=5, stride=2)
    assert max(score["flip"]) < min(score["none"])
    assert max(score["none"]) < min(score["rotate and shift"])
    assert len(score["none"]) == SEEDS


@pytest.mark.slow
def test_shifts_by_two_pixels_harm_where_images_have_eight(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = datasets.load("digits")
    score = scores(digits, ["none", "shift by 2 of 8 pixels"], kernel=3, stride=1)
    assert max(score["shift by 2 of 8 pixels"]) < min(score["none"])
