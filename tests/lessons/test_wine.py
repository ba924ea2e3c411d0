"""Lesson of notebook 02: plain gradient descent learns nothing from raw columns, and all from scaled ones."""

from typing import Any

import keras
import pytest

from tunemagic import prep
from tunemagic.datasets import load


def accuracy(scaler: str, parts: tuple[Any, ...], seed: int) -> float:
    x_train, x_test, y_train, y_test = parts
    keras.utils.set_random_seed(seed)
    prepared = prep.recipe(scaler=scaler).fit(x_train, y_train)
    model = prepared.wrap(keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")]))
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    model.fit(x_train, y_train, epochs=15, batch_size=16, verbose=0)
    return float(model.evaluate(x_test, y_test, verbose=0)[1])


@pytest.mark.parametrize("seed", [0, 1])
def test_raw_wines_are_worse_than_scaled_ones(seed: int) -> None:
    parts = load("wine").split(test=0.3, seed=seed)
    raw, minmax, zscore = (accuracy(scaler, parts, seed) for scaler in ("none", "minmax", "zscore"))
    assert raw < 0.5  # about the commonest class
    assert minmax > raw + 0.3
    assert zscore > raw + 0.3
