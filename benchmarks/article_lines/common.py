"""Data and small trainings that several lines share."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tunemagic import datasets, models, prep
from tunemagic.export import export_model

__all__ = ["Array", "accuracy", "digits", "exported", "largest", "numbers", "small_network", "wine"]

Array = NDArray[Any]


@functools.cache
def digits() -> tuple[Array, Array, Array, Array]:
    """Training and test part of the 8 x 8 digits: x of 64 raw columns, and classes."""
    x_train, x_test, y_train, y_test = datasets.load("digits").split(test=0.25, seed=0)
    return x_train.reshape(-1, 64), x_test.reshape(-1, 64), y_train, y_test


@functools.cache
def wine() -> tuple[Array, Array, Array, Array]:
    """Training and test part of the 13 raw columns of wine."""
    x_train, x_test, y_train, y_test = datasets.load("wine").split(test=0.3, seed=0)
    return x_train, x_test, y_train, y_test


def small_network(units: int = 32, activation: str = "relu", *, optimizer: Any = "adam", rate: float = 3e-3) -> Any:
    """A compiled network for the digits that scales its own input."""
    keras.utils.set_random_seed(0)
    body = keras.Sequential([keras.layers.Dense(units, activation), keras.layers.Dense(10, "softmax")])
    x_train, _, y_train, _ = digits()
    model = prep.recipe(scaler="minmax", per="all").fit(x_train, y_train).wrap(body)
    return models.compile(
        model, optimizer, learning_rate=rate, loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )


def accuracy(model: Any, x: Array, y: Array) -> float:
    """The share of rows whose likeliest class is theirs."""
    return float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())


def exported(model: Any, target: str, x: Array | None = None) -> Any:
    """The verified result of exporting a model of the digits; ``x`` when it does not take rows of 64 columns."""
    _, x_test, _, y_test = digits()
    [result] = export_model(
        model,
        [(target, "none")],
        x_eval=x_test if x is None else x,
        y_eval=y_test,
        directory=".",
        stem=f"article-{target}",
        force=True,
    )
    assert result.verdict == "verified", result.message
    return result


def largest(first: Any, second: Any) -> float:
    """The largest difference between two arrays, counted in units of the second one's size."""
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    assert first.shape == second.shape, f"shapes {first.shape} and {second.shape}"
    return float(np.abs(first - second).max() / max(1.0, np.abs(second).max()))


def numbers(name: str) -> Array:
    """The columns of numbers of a data set's table, as an array."""
    return np.asarray(datasets.load(name).x.select_dtypes("number"), "float32")
