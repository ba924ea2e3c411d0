"""Optimizers of both orders as values of one search: the trials, the best model, its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import tunemagic
from tunemagic import models
from tunemagic.events import Verdict

DIGITS = load_digits()
X = (DIGITS.data / 16).astype(np.float32)[:300]
Y = DIGITS.target[:300]


OPTIMIZERS = ["adam", "hessian_free", "kfac", "hessian_free with dropout"]


def build(hp: Any) -> Any:
    import keras

    optimizer, _, dropout = hp.Choice("optimizer", OPTIMIZERS).partition(" with ")
    hidden = [keras.layers.Dense(24, "relu"), *([keras.layers.Dropout(0.2)] if dropout else [])]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10, "softmax")])
    return models.compile(model, optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])


@pytest.mark.slow
def test_a_search_compares_optimizers_of_both_orders(tmp_path: Path) -> None:
    study = tunemagic.tune(
        build, data=(X, Y), tuner="grid", max_trials=4, epochs=4, workers=0, seed=3, directory=tmp_path
    )
    trials = {trial.values["optimizer"]: trial for trial in study.view.trials}
    states = {name: trial.state.value for name, trial in trials.items()}
    assert states == {**dict.fromkeys(OPTIMIZERS, "completed"), "hessian_free with dropout": "failed"}
    assert "makes the loss random" in trials["hessian_free with dropout"].reason
    assert trials["hessian_free"].trainer == "plain fit: the model has its own train_step"
    best = study.best_model
    assert study.best_values["optimizer"] in models.SECOND_ORDER
    before = best.evaluate(X, Y, verbose=0)[0]
    losses = best.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert losses[-1] < before
    (result,) = tunemagic.tflite(best, data=(X, Y), path=tmp_path / "best.tflite")
    assert result.verdict is Verdict.VERIFIED
