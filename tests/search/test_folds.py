"""Each sample is held out once, with the classes' shares where that can be."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from tunemagic.errors import DataError
from tunemagic.request import ValKind, ValSplit
from tunemagic.search.data import TrainingData, data_from_arrays, with_rebound
from tunemagic.search.folds import joined, split_folds
from tunemagic.search.job import StopFlag
from tunemagic.search.train import run_job


def data_of(x: Any, y: Any, val: Any = None) -> TrainingData:
    return data_from_arrays(x, y, val, seed=0)


def test_joined_data_is_in_the_notebooks_order(some_digits: tuple[Any, Any]) -> None:
    x, y = some_digits
    whole = joined(data_of(x, y))
    np.testing.assert_array_equal(whole.x, x)
    np.testing.assert_array_equal(whole.y, y)
    assert (whole.val_x, whole.val_y, whole.train_rows) == (None, None, None)
    assert not whole.x.flags.writeable


def test_data_is_joined_once(some_digits: tuple[Any, Any]) -> None:
    data = data_of(*some_digits)
    assert joined(data) is joined(data)


def test_targets_that_a_cell_assigns_anew_are_joined_with_the_same_inputs(some_digits: tuple[Any, Any]) -> None:
    x, y = some_digits
    data = data_of(x, y)
    assert joined(data).y.tolist() == y.tolist()
    for factor in (2, 3):
        whole = joined(with_rebound(data, {"y": y * factor}))
        assert (whole.x.tolist(), whole.y.tolist()) == (x.tolist(), (y * factor).tolist())


def test_each_trial_is_trained_in_folds_on_the_targets_that_it_assigns(make_job: Any) -> None:
    source = """
    value = hp.Choice("value", [1.0, 3.0])
    y_train = y_train * 0 + value
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
    """
    data = make_job(source).work.data
    jobs = [make_job(source, {"value": value}, data=data, epochs=1, folds=2) for value in (1.0, 3.0)]
    assert [run_job(job, lambda report: None, StopFlag()).score for job in jobs] == [1.0, 9.0]


def test_joined_data_is_gone_with_the_targets_it_was_made_of(some_digits: tuple[Any, Any]) -> None:
    data = data_of(*some_digits)
    changed = with_rebound(data, {"y": some_digits[1] * 2})
    whole = weakref.ref(joined(changed).y)
    assert whole() is not None
    del changed
    gc.collect()
    assert whole() is None


def test_named_validation_data_is_left_out(some_digits: tuple[Any, Any]) -> None:
    x, y = some_digits
    whole = joined(data_of(x[:50], y[:50], (x[50:], y[50:])))
    assert (len(whole.x), whole.val_x) == (50, None)


@pytest.mark.parametrize("folds", [2, 3, 8])
def test_every_sample_is_held_out_once_and_classes_are_spread(folds: int, some_digits: tuple[Any, Any]) -> None:
    whole = joined(data_of(*some_digits))
    split = split_folds(whole, folds, seed=1)
    assert len(split) == folds
    assert sorted(np.concatenate([fold.val_rows for fold in split])) == list(range(80))
    for fold in split:
        assert sorted([*fold.train_rows, *fold.val_rows]) == list(range(80))
        counts = np.bincount(whole.y[fold.val_rows], minlength=10)
        assert counts.max() - counts.min() <= 1


def test_the_same_seed_gives_the_same_folds_and_another_one_does_not(some_digits: tuple[Any, Any]) -> None:
    whole = joined(data_of(*some_digits))

    def rows(seed: int) -> list[list[int]]:
        return [list(fold.val_rows) for fold in split_folds(whole, 4, seed=seed)]

    assert rows(1) == rows(1) != rows(2)


def test_targets_that_are_no_classes_are_split_too() -> None:
    whole = joined(data_of(np.random.default_rng(0).random((30, 2)), np.linspace(0, 1, 30)))
    assert [len(fold.val_rows) for fold in split_folds(whole, 4, seed=0)] == [8, 8, 7, 7]


@pytest.mark.parametrize("folds", [1, 81, 1000])
def test_impossible_numbers_of_folds_are_named(folds: int, some_digits: tuple[Any, Any]) -> None:
    with pytest.raises(
        DataError, match=f"--folds {folds}: expected at least 2 and at most 80, the number of samples of x"
    ):
        split_folds(joined(data_of(*some_digits)), folds, seed=0)


def test_a_dataset_can_not_be_split(some_digits: tuple[Any, Any]) -> None:
    import tensorflow as tf

    from tunemagic.request import TuneRequest
    from tunemagic.search.data import resolve_data

    digits = tf.data.Dataset.from_tensor_slices(some_digits).batch(8)
    request = TuneRequest(data=("digits",), val=ValSplit(kind=ValKind.NAMES, names=("digits",)))
    data = resolve_data(request, {"digits": digits}, seed=0)
    with pytest.raises(DataError, match="digits is a dataset, which can't be split by rows"):
        joined(data)
