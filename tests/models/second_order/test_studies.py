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


def build(hp: Any) -> Any:
    import keras

    optimizer = hp.Choice("optimizer", ["adam", "hessian_free", "kfac"])
    dropout = hp.Boolean("dropout", default=False)
    layers = [keras.Input((64,)), keras.layers.Dense(24, "relu"), *([keras.layers.Dropout(0.2)] if dropout else [])]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    return models.compile(model, optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])


@pytest.mark.slow
def test_a_search_compares_optimizers_of_both_orders(tmp_path: Path) -> None:
    study = tunemagic.tune(
        build, data=(X, Y), tuner="grid", max_trials=6, epochs=4, workers=0, seed=3, directory=tmp_path
    )
    trials = {(trial.values["optimizer"], trial.values["dropout"]): trial for trial in study.view.trials}
    assert {key: trial.state.value for key, trial in trials.items()} == {
        ("adam", False): "completed", ("hessian_free", False): "completed", ("kfac", False): "completed",
        ("adam", True): "completed", ("hessian_free", True): "failed", ("kfac", True): "completed",
    }  # fmt: skip
    assert "makes the loss random" in trials["hessian_free", True].reason
    assert trials["hessian_free", False].trainer == "plain fit: the model has its own train_step"
    best = study.best_model
    assert study.best_values["optimizer"] in models.SECOND_ORDER
    before = best.evaluate(X, Y, verbose=0)[0]
    losses = best.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert losses[-1] < before
    (result,) = tunemagic.tflite(best, data=(X, Y), path=tmp_path / "best.tflite")
    assert result.verdict is Verdict.VERIFIED
