"""The number of weights is known before memory is allocated for them."""

import textwrap
from typing import Any

import keras
import pytest

from tunemagic.request import TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import TrainingData, resolve_data
from tunemagic.search.estimate import estimate_parameters
from tunemagic.search.hyperparameters import new_hyperparameters

COMPILE = '\nmodel.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])\n'
SMALL = "model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(32), keras.layers.Dense(10)])"
WITHOUT_SHAPE = "model = keras.Sequential([keras.layers.Dense(32), keras.layers.Dense(10)])"
MIXED = """
inputs = keras.Input((64,))
x = keras.layers.Reshape((8, 8, 1))(inputs)
x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, activation="relu")(x))
x = keras.layers.Bidirectional(keras.layers.LSTM(5))(keras.layers.Reshape((36, 4))(x))
x = keras.layers.Dropout(0.5)(x) * 2
model = keras.Model(inputs, keras.layers.Dense(10, "softmax")(x))
"""
HUGE = "model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(2_000_000_000), keras.layers.Dense(10)])"


@pytest.fixture
def data(namespace: dict[str, Any]) -> TrainingData:
    return resolve_data(TuneRequest(), namespace, seed=0)


def estimate(cell: str, namespace: dict[str, Any], data: TrainingData) -> int | None:
    return estimate_parameters(read_cell(textwrap.dedent(cell), namespace), new_hyperparameters(), data)


@pytest.mark.parametrize("cell", [SMALL, WITHOUT_SHAPE, MIXED])
def test_the_count_is_that_of_the_built_model(cell: str, namespace: dict[str, Any], data: TrainingData) -> None:
    program = read_cell(cell + COMPILE, namespace)
    model = program.run(new_hyperparameters()).model
    if not model.built:
        model.build((None, 64))
    assert estimate(cell + COMPILE, namespace, data) == model.count_params()


def test_a_model_that_no_memory_holds_is_counted(namespace: dict[str, Any], data: TrainingData) -> None:
    assert estimate(HUGE + COMPILE, namespace, data) == 2_000_000_000 * (64 + 1 + 10) + 10  # 600 GB


@pytest.mark.parametrize(
    "cell",
    [
        SMALL + COMPILE + "model.set_weights([w * 2 for w in model.get_weights()])",
        "1 / 0",
        "model = None",
        "raise SystemExit",
    ],
)
def test_code_that_needs_real_weights_or_fails_is_not_judged(
    cell: str, namespace: dict[str, Any], data: TrainingData
) -> None:
    assert estimate(cell, namespace, data) is None


def test_models_built_afterwards_have_weights_with_values(namespace: dict[str, Any], data: TrainingData) -> None:
    estimate(SMALL + COMPILE, namespace, data)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    assert [weight.shape for weight in model.get_weights()] == [(4, 3), (3,)]
