"""Section 4: the article's own example, with its mistakes found and corrected."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

import tunemagic
from article_lines.common import largest
from article_lines.line import Section
from article_lines.notebook import run, variables
from tunemagic import datasets, prep
from tunemagic.export import export_model

__all__ = ["EXAMPLE"]

EXAMPLE = Section("4")


def _table() -> pd.DataFrame:
    """Eight columns of the cancer data and the target, with a few values missing."""
    data = datasets.load("cancer")
    table = pd.DataFrame(data.x[:, :8], columns=[f"column {number}" for number in range(1, 9)])
    table["target"] = data.y
    table.iloc[::40, 2] = np.nan
    return table


@EXAMPLE.line("加载数据", "load the data")
def _load() -> str:
    _table().to_csv("data.csv", index=False)
    run(
        "import pandas as pd\ntable = pd.read_csv('data.csv')\n"
        "x_table, labels = table.drop(columns='target'), table['target'].to_numpy()"
    )
    given = variables()["table"]
    pd.testing.assert_frame_equal(given, _table(), check_dtype=False)
    return f"{len(given)} rows and {len(given.columns)} columns come back as written"


@EXAMPLE.line("数据清洗", "clean the data")
def _clean() -> str:
    table = _table()
    x, y = table.drop(columns="target"), table["target"].to_numpy()
    kept, labels = prep.recipe(scaler="none", missing="drop_rows").fit(x, y).rows(x, y)
    expected = table.dropna()
    assert len(kept) == len(labels) == len(expected)
    off = largest(kept, expected.drop(columns="target"))
    assert off < 1e-6, f"{off:.1e} off pandas' dropna"
    return f"{len(table)} rows, {len(kept)} left: the same as pandas' dropna"


@EXAMPLE.line("标准化", "standardise")
def _standardise() -> str:
    table = _table().dropna()
    whole = StandardScaler().fit_transform(table)  # as the article does it: all rows at once, the target too
    rows = len(whole) * 4 // 5
    found = prep.check(whole[:rows, :8], whole[:rows, 8], whole[rows:, :8], whole[rows:, 8])
    honest = StandardScaler().fit(table.iloc[:rows, :8])
    x, y = (honest.transform(part.iloc[:, :8]) for part in (table[:rows], table[rows:])), table["target"].to_numpy()
    x_train, x_val = x
    clean = prep.check(x_train, y[:rows], x_val, y[rows:])
    assert {"target_scaled", "zscore_before_split"} <= set(found.verdicts), str(found.verdicts)
    assert not {"target_scaled", "zscore_before_split"} & set(clean.verdicts), str(clean.verdicts)
    return f"the article's way is told: {', '.join(found.verdicts)}; scaled after the split: none of these"


_SEARCH = """%%tune article --objective val_accuracy --max-trials 3 --epochs 6 --workers 0 --seed 1 --view none
learning_rate = hp.Float("learning_rate", 3e-3, 3e-2, sampling="log")
batch_size = hp.Choice("batch_size", [16, 32])
layers = hp.Int("layers", 1, 2)
neurons = hp.Int("neurons", 10, 30, step=10)
connection = hp.Choice("connection", ["full", "skip"])
prepared = prep.recipe(scaler="zscore", missing="mean").fit(x_raw, labels)
inputs = keras.Input((8,))
hidden = keras.layers.Dense(neurons, "relu")(inputs)
for _ in range(layers - 1):
    new = keras.layers.Dense(neurons, "relu")(hidden)
    hidden = keras.layers.add([hidden, new]) if connection == "skip" else new
outputs = keras.layers.Dense(1, "sigmoid")(hidden)
model = prepared.wrap(keras.Model(inputs, outputs))
model.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
"""


def _study() -> object:
    known = variables()
    if "x_raw" not in known:
        table = _table()
        known["x_raw"] = table.drop(columns="target").to_numpy("float32")
        known["labels"] = table["target"].to_numpy("int64")
        run(_SEARCH.replace("%%tune article", "%%tune article --data x_raw,labels", 1))
        known["article"] = known["study"]
    return known["article"]


@EXAMPLE.line("创建模型", "build the model")
def _build() -> str:
    run(
        "old = keras.Sequential([keras.Input((8,)), keras.layers.Dense(10, activation='relu'),"
        " keras.layers.Dense(1, activation='sigmoid')])"
    )
    model = variables()["old"]
    assert model.count_params() == 8 * 10 + 10 + 10 + 1
    best = _study().best_model
    assert best.input_shape == (None, 8), str(best.input_shape)
    return (
        f"Dense(10) and Dense(1) on 8 columns have {model.count_params()} weights; the searched one takes 8 raw columns"
    )


@EXAMPLE.line("设置学习率、优化器、批量大小", "set rate, optimiser, batch size")
def _values() -> str:
    study = _study()
    best = study.best_values
    rate = float(study.best_model.optimizer.learning_rate.numpy())
    assert abs(rate / best["learning_rate"] - 1) < 1e-5, f"{rate}; searched {best['learning_rate']}"
    assert best["batch_size"] in (16, 32)
    score = study.best_trial.score
    guess = float(np.bincount(variables()["labels"]).max() / len(variables()["labels"]))
    assert score > guess + 0.1, f"val_accuracy {score:.3f}, always the same answer {guess:.3f}"
    return f"best rate {rate:.4g}, batch {best['batch_size']}: val_accuracy {score:.3f}, one answer for all {guess:.3f}"


@EXAMPLE.line("设置层数、神经元数量、连接方式", "set layers, neurons, connection")
def _structure() -> str:
    study = _study()
    best = study.best_values
    dense = [layer for layer in study.best_model._flatten_layers() if isinstance(layer, keras.layers.Dense)]
    units = sorted(layer.units for layer in dense)
    assert units == sorted([best["neurons"]] * best["layers"] + [1]), f"{units} with {best}"
    return f"layers {best['layers']}, neurons {best['neurons']}, connection {best['connection']}: so is the best model"


@functools.cache
def _bundle() -> Path:
    """The best model as a folder of JSON and weights."""
    known = variables()
    [result] = export_model(
        _study().best_model,
        [("json", "none")],
        x_eval=known["x_raw"],
        y_eval=known["labels"],
        directory=".",
        stem="article",
        force=True,
    )
    assert result.verdict == "verified", result.message
    return result.path


@EXAMPLE.line("保存模型", "save the model")
def _save() -> str:
    model, folder = _study().best_model, _bundle()
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert described["class_name"] == type(model).__name__
    with h5py.File(folder / "model.weights.h5") as store:
        counted: list[int] = []
        store["layers"].visititems(lambda _, item: counted.append(item.size) if hasattr(item, "size") else None)
    assert sum(counted) >= model.count_params(), f"{sum(counted)} numbers stored, {model.count_params()} weights"
    return (
        f"{folder.name}: model.json describes it, model.weights.h5 holds {sum(counted)} numbers for "
        f"{model.count_params()} weights"
    )


@EXAMPLE.line("加载模型和权重", "load the model and its weights")
def _loaded() -> str:
    model, folder = _study().best_model, _bundle()
    alone = keras.models.model_from_json((folder / "model.json").read_text(encoding="utf-8"))
    alone.load_weights(folder / "model.weights.h5")
    x = variables()["x_raw"]
    expected = model.predict(x, verbose=0)
    off = [largest(each.predict(x, verbose=0), expected) for each in (alone, tunemagic.load(folder))]
    assert max(off) < 1e-6, f"{off} off"
    return f"raw rows with missing values, loaded by Keras alone {off[0]:.1e} off, by tunemagic.load {off[1]:.1e}"
