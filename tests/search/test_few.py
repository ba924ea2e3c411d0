"""A few batches of what a trial would train on."""

from typing import Any

import numpy as np
import pytest

from tunemagic.errors import OptionError
from tunemagic.request import ValKind, ValSplit
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData, data_from_arrays
from tunemagic.search.few import batch_size_of, few_batches

LAST = ValSplit(kind=ValKind.LAST, fraction=0.2)


def rows(count: int) -> Any:
    return np.arange(2 * count, dtype="float32").reshape(count, 2)


@pytest.mark.parametrize(("fit", "size"), [({}, 32), ({"batch_size": 8}, 8), ({"batch_size": None}, 32)])
def test_the_batch_size_is_the_trials_own_or_keras_default(fit: dict[str, Any], size: int) -> None:
    assert batch_size_of(TrialSetup(None, fit)) == size


@pytest.mark.parametrize("size", [0, -8, 2.5, "32", True])
def test_what_is_no_batch_size_is_told(size: Any) -> None:
    with pytest.raises(OptionError) as caught:
        batch_size_of(TrialSetup(None, {"batch_size": size}))
    assert str(caught.value) == f"batch_size: received {size!r}; expected a whole number from 1 on."


@pytest.mark.parametrize(("batches", "trained", "held"), [(1, 8, 2), (3, 24, 6), (10, 80, 20), (99, 80, 20)])
def test_both_parts_are_cut_to_the_same_share(batches: int, trained: int, held: int) -> None:
    data = data_from_arrays(rows(100), np.arange(100), LAST, seed=0)
    _, few = few_batches(TrialSetup(None, {"batch_size": 8}), data, batches)
    assert few.x.tolist() == data.x[:trained].tolist()
    assert few.y.tolist() == data.y[:trained].tolist()
    assert few.val_x.tolist() == data.val_x[:held].tolist()
    assert few.val_y.tolist() == data.val_y[:held].tolist()


def test_sample_weights_are_those_of_the_rows_that_are_left() -> None:
    data = data_from_arrays(rows(100), np.arange(100), ValSplit(kind=ValKind.FRACTION, fraction=0.2), seed=0)
    weights = np.arange(100.0)
    setup, few = few_batches(TrialSetup(None, {"batch_size": 8, "sample_weight": weights}), data, 2)
    assert few.training_rows(setup.fit["sample_weight"], "sample_weight").tolist() == data.train_rows[:16].tolist()


def test_data_without_targets_or_validation_is_cut_too() -> None:
    data = TrainingData(x=rows(50), y=None, val_x=None, val_y=None, names=("x",))
    _, few = few_batches(TrialSetup(None, {}), data, 1)
    assert (len(few.x), few.y, few.val_x, few.val_y) == (32, None, None, None)


def test_of_datasets_the_first_batches_are_taken() -> None:
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(rows(60)).batch(6)
    data = TrainingData(x=batches, y=None, val_x=batches.take(5), val_y=None, names=("x",), val_names=("v",))
    _, few = few_batches(TrialSetup(None, {}), data, 2)
    assert (int(few.x.cardinality()), int(few.val_x.cardinality())) == (2, 1)
