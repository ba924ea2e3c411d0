"""``tunemagic.lr_range`` suggests a rate for a model, a builder, arrays or a dataset."""

from typing import Any

import keras
import pytest
import tensorflow as tf

import tunemagic
from tunemagic.errors import OptionError, TrialError
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
    with pytest.raises(OptionError, match="batch_size: received 0; expected at least 1"):
        tunemagic.lr_range(build, data=some_digits, batch_size=0)
