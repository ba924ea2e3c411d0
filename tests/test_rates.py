"""``tunemagic.lr_range`` suggests a rate for a model, a builder, arrays or a dataset."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tunemagic
from tunemagic.errors import DataError, OptionError, TrialError
from tunemagic.rates import LrRange


def build(hp: Any) -> Any:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Int("units", 8, 16)), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-1, sampling="log")), loss)
    return model


def test_a_builder_gets_a_suggestion_that_a_notebook_shows(some_digits: tuple[Any, Any]) -> None:
    found = tunemagic.lr_range(build, data=some_digits, batch_size=16, steps=60)
    assert isinstance(found, LrRange)
    assert found.valley is not None
    assert found.tenth is not None
    assert found.range is not None
    assert found.range[0] < found.valley < found.range[1]
    assert found.optimizer == "Adam"
    assert repr(found).startswith(f"Suggested learning rate: {found.valley:g} (valley of the loss).")
    png, metadata = found._repr_png_()
    assert (png[:4], metadata) == (b"\x89PNG", {"alt": repr(found)})


def test_a_dataset_is_taken_as_it_is(some_digits: tuple[Any, Any]) -> None:
    batches = tf.data.Dataset.from_tensor_slices(some_digits).batch(16)
    assert tunemagic.lr_range(build, data=batches, steps=40).info.rates[0] == 1e-5


def test_faults_of_the_builder_and_of_numbers_are_told(some_digits: tuple[Any, Any]) -> None:
    with pytest.raises(TrialError, match="ZeroDivisionError"):
        tunemagic.lr_range(lambda hp: 1 / 0, data=some_digits)
    for options, said in (
        ({"batch_size": 0}, "batch_size: received 0; expected a whole number, at least 1."),
        ({"batch_size": "32"}, "batch_size: received '32'; expected a whole number, at least 1."),
        ({"steps": 50.0}, "steps: received 50.0; expected a whole number, at least 20."),
        ({"lowest_rate": "a"}, "rates: received 'a'; expected a number."),
    ):
        with pytest.raises(OptionError) as raised:
            tunemagic.lr_range(build, data=some_digits, **options)
        assert str(raised.value) == said


def test_data_that_can_not_be_trained_on_is_told(some_digits: tuple[Any, Any]) -> None:
    x, y = some_digits

    def said(cls: type[Exception], data: Any) -> str:
        with pytest.raises(cls) as raised:
            tunemagic.lr_range(build, data=data)
        return str(raised.value)

    assert said(DataError, (x, y, y)) == "data: received a tuple of 3; expected (x, y), x or a dataset."
    assert said(DataError, [x, y]) == "data: received a list of 2; expected (x, y), x or a dataset."
    assert said(DataError, (x[:1], y[:1])) == "data: received 1 sample; expected at least 3."
    assert said(DataError, (np.where(x > 2, x, np.nan), y)) == (
        "x has 5120 NaN values in 80 of 80 rows, the first at row 0, column 0; the loss is no number then. "
        "Fill the gaps or leave those rows out."
    )
    assert said(TrialError, (x[:, :9], y)).startswith("the model does not fit the data (x (80, 9) float32, y (80,) ")
    assert said(TrialError, (x, y.astype(str))).startswith("the model does not fit the data (x (80, 64) float32, y ")
