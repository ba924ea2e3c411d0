"""How large the models of a space get, beside models that were really built."""

import textwrap
from typing import Any

import pytest

from tunemagic.search.cell import CellProgram, read_cell
from tunemagic.search.data import TrainingData, data_from_arrays
from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.search.sizes import ModelSizes
from tunemagic.space import SearchSpace

DENSE = """
units = hp.Int("units", 8, 32, step=8)
rate = hp.Float("rate", 0.0, 0.5)
hidden = [keras.layers.Dense(units), keras.layers.Dropout(rate)]
model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10)])
model.compile("adam", "mse")
"""
LAYERS = """
layers = [keras.layers.Dense(hp.Int(f"units_{i}", 4, 16)) for i in range(hp.Int("layers", 1, 3))]
model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
model.compile("adam", "mse")
"""
STRIDES = """
stride = hp.Choice("stride", [1, 2])
pieces = [keras.layers.Reshape((8, 8, 1)), keras.layers.Conv2D(4, 3, strides=stride), keras.layers.Flatten()]
model = keras.Sequential([keras.Input((64,)), *pieces, keras.layers.Dense(10)])
model.compile("adam", "mse")
"""
PRETRAINED = """
units = hp.Int("units", 4, 8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units)])
model.set_weights([2 * weight for weight in model.get_weights()])
model.compile("adam", "mse")
"""


@pytest.fixture(scope="module")
def data(some_digits: Any) -> TrainingData:
    return data_from_arrays(*some_digits, None, seed=0)


def sizes_of(source: str, data: TrainingData) -> tuple[ModelSizes, CellProgram]:
    import keras

    program = read_cell(textwrap.dedent(source), {"keras": keras})
    hp = new_hyperparameters()
    program.run(hp)
    return ModelSizes(program, space_of(hp), data), program


def built(program: CellProgram, **values: Any) -> int:
    hp = new_hyperparameters()
    hp.values = values
    count: int = program.run(hp).model.count_params()
    return count


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (DENSE, {"units": 32}),
        (LAYERS, {"layers": 3, "units_0": 16, "units_1": 16, "units_2": 16}),
        (STRIDES, {"stride": 1}),
    ],
)
def test_the_largest_model_is_found_without_building_it(source: str, values: Any, data: TrainingData) -> None:
    sizes, program = sizes_of(source, data)
    count, found = sizes.largest() or (None, {})
    assert count == built(program, **values)
    assert {name: found[name] for name in values} == values


def test_the_share_of_models_above_a_limit_lies_between_none_and_all(data: TrainingData) -> None:
    sizes, program = sizes_of(DENSE, data)
    least, most = built(program, units=8), built(program, units=32)
    assert sizes.share_above(least - 1) == 1.0
    assert sizes.share_above(most) == 0.0
    between = sizes.share_above(built(program, units=16))
    assert between is not None
    assert 0.0 < between < 1.0


def test_what_can_not_be_estimated_is_not_guessed(data: TrainingData) -> None:
    sizes, _ = sizes_of(PRETRAINED, data)
    assert sizes.largest() is None
    assert sizes.share_above(10) is None


def test_hyperparameters_that_only_the_code_knows_are_found(data: TrainingData) -> None:
    _, program = sizes_of(DENSE, data)
    count, found = ModelSizes(program, SearchSpace(), data).largest() or (None, {})
    assert (count, found["units"]) == (built(program, units=32), 32)
