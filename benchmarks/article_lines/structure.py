"""Section 3.4: layers, neurons, connection."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import scipy.signal

from article_lines.common import digits, largest
from article_lines.line import Section
from article_lines.notebook import run, variables

__all__ = ["STRUCTURE"]

STRUCTURE = Section("3.4")
_CELL = """%%tune {name} --objective val_accuracy --tuner grid --pruner none --epochs 3 --workers 0 --seed 1 --view none
layers = {layers}
units = {units}
model = keras.Sequential([keras.layers.Rescaling(1 / 16)])
for _ in range(layers):
    model.add(keras.layers.Dense(units, "relu"))
model.add(keras.layers.Dense(10, "softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""


def _search(name: str, layers: object = 1, units: object = 16) -> Any:
    run(_CELL.format(name=name, layers=layers, units=units))
    return variables()["study"]


def _dense(model: Any) -> list[int]:
    return [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]


@STRUCTURE.line("层数的选择", "choosing the number of layers")
def _layers() -> str:
    study = _search("article-layers", layers='hp.Int("layers", 1, 3)')
    assert sorted(trial.values["layers"] for trial in study.view.trials) == [1, 2, 3]
    best = study.best_values["layers"]
    assert _dense(study.best_model) == [16] * best + [10], f"{_dense(study.best_model)} with layers={best}"
    return f"3 depths tried, best {best}; its model has the layers {_dense(study.best_model)}"


@STRUCTURE.line("层数的调整", "changing the number of layers")
def _more_layers() -> str:
    study = _search("article-depth", layers='hp.Int("layers", 1, 1)')
    before = [trial.values["layers"] for trial in study.view.trials]
    run(_CELL.format(name="article-depth --resume", layers='hp.Int("layers", 1, 2)', units=16))
    after = [trial.values["layers"] for trial in variables()["study"].view.trials]
    assert (before, sorted(after)) == ([1], [1, 2]), f"{before}, then {after}"
    return "a wider range goes on with the study: trials of depth 1, then 2"


@STRUCTURE.line("神经元数量的选择", "choosing the number of neurons")
def _units() -> str:
    study = _search("article-units", units='hp.Choice("units", [2, 16, 64])')
    scores = {trial.values["units"]: float(trial.score) for trial in study.view.trials}
    assert scores[2] < min(scores[16], scores[64]), str(scores)
    return "val_accuracy by neurons: " + ", ".join(f"{units} {score:.3f}" for units, score in scores.items())


@STRUCTURE.line("神经元数量的调整", "changing the number of neurons")
def _tried_units() -> str:
    study = _search("article-width", units='hp.Int("units", 8, 16, step=8)')
    tried = sorted(trial.values["units"] for trial in study.view.trials)
    model = study.best_model
    units = study.best_values["units"]
    assert model.count_params() == 64 * units + units + units * 10 + 10
    return f"the best of {tried} has {model.count_params()} weights, as counted by hand"


@STRUCTURE.line("全连接", "fully connected")
def _full() -> str:
    study = _search("article-full", units='hp.Choice("units", [16, 24])')
    model, x = study.best_model, digits()[1][:100].astype("float32")
    first, offset, second, bias = model.get_weights()
    scores = np.maximum(x / 16 @ first + offset, 0) @ second + bias
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    off = largest(model.predict(x, verbose=0), expected)
    assert off < 1e-5, f"{off:.1e} off NumPy's"
    return f"the best model's answers are {off:.1e} off NumPy's matrix products"


@STRUCTURE.line("卷积", "convolution")
def _convolution() -> str:
    images = (digits()[0][:20] / 16).reshape(-1, 8, 8, 1).astype("float32")
    keras.utils.set_random_seed(0)
    layer = keras.layers.Conv2D(4, 3)
    found = np.asarray(layer(images))
    kernels = layer.get_weights()[0]
    expected = np.array([
        [scipy.signal.correlate2d(image[..., 0], kernels[..., 0, filter_], mode="valid") for filter_ in range(4)]
        for image in images
    ]).transpose(0, 2, 3, 1)  # fmt: skip
    off = largest(found, expected)
    assert off < 1e-5, f"{off:.1e} off SciPy's"
    variables()["pictures"] = digits()[0].reshape(-1, 8, 8, 1)
    run(
        "%tune run article-cnn --model cnn --data pictures,y_train --objective val_accuracy --max-trials 2 --epochs 4"
        " --workers 0 --seed 1 --view none"
    )
    best = variables()["study"].best_model
    assert any(isinstance(each, keras.layers.Conv2D) for each in best._flatten_layers()), "no convolution inside"
    score = variables()["study"].best_trial.score
    assert score > 0.8, f"val_accuracy {score:.3f}"
    return f"{off:.1e} off SciPy's correlation; `%tune run --model cnn` reaches {score:.3f}"
