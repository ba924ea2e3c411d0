"""Data that no array can be made of, and datasets that no trial can end on, are refused in one line."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic.errors import DataError
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.arrays import as_array
from tunemagic.search.data import TrainingData, held_out_arrays, resolve_data

ONE = (
    "expected one array or table. Several inputs, and data that is read piece by piece, come as a tf.data.Dataset "
    "(tf.data.Dataset.from_tensor_slices, from_generator)."
)


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return np.ones((4, 2)), np.ones(4)


class OnDevice:
    """As a tensor of PyTorch that is on a GPU or needs a gradient."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise self.error("use tensor.detach().cpu().numpy() instead")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: (row for row in [[1.0], [2.0]]), f"x is a generator; {ONE}"),
        (lambda: iter([1.0, 2.0]), f"x is a list_iterator; {ONE}"),
        (lambda: {"a": np.ones(4), "b": np.ones(4)}, f"x is a dict; {ONE}"),
        (lambda: Batches(), f"x is a Batches; {ONE}"),
        (
            lambda: np.ones((4, 2)) * 1j,
            "x holds values of type complex128; expected numbers or texts. Encode them as numbers.",
        ),
        (
            lambda: OnDevice(RuntimeError),
            "x can't be turned into an array: use tensor.detach().cpu().numpy() instead",
        ),
        (lambda: OnDevice(TypeError), "x can't be turned into an array: use tensor.detach().cpu().numpy() instead"),
    ],
    ids=["generator", "iterator", "dict", "PyDataset", "complex", "RuntimeError", "TypeError"],
)
def test_what_no_array_can_be_made_of_is_said_in_one_line(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_array("x", make())
    assert str(caught.value) == message


def test_a_tensor_that_needs_a_gradient_is_said_in_one_line() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(DataError) as caught:
        as_array("x", torch.ones(4, requires_grad=True))
    assert str(caught.value).startswith("x can't be turned into an array: Can't call numpy() on Tensor that requires")
    assert "\n" not in str(caught.value)


# -- datasets ----------------------------------------------------------------------------------------


def pairs(samples: int = 8) -> Any:
    x = np.arange(2.0 * samples).reshape(samples, 2)
    return tf.data.Dataset.from_tensor_slices((x, np.arange(samples)))


def datasets(train: Any, held: Any) -> TrainingData:
    request = TuneRequest(data=("train",), val=ValSplit(kind=ValKind.NAMES, names=("held",)))
    return resolve_data(request, {"train": train, "held": held}, seed=0)


@pytest.mark.parametrize("name", ["train", "held"])
def test_a_dataset_without_end_is_refused(name: str) -> None:
    parts = {"train": pairs().batch(4), "held": pairs().batch(4)}
    with pytest.raises(DataError) as caught:
        datasets(**{**parts, name: parts[name].repeat()})
    assert str(caught.value) == (f"{name} is a dataset without end; expected one that ends. Use {name}.take(n).")


def test_a_dataset_that_repeats_for_a_while_is_taken() -> None:
    train = pairs().batch(4).repeat(3)
    assert datasets(train, pairs().batch(4)).x is train


def test_held_out_batches_become_arrays_up_to_the_limit() -> None:
    x, y = held_out_arrays(datasets(pairs().batch(4), pairs(9).batch(4)), 6)
    assert (x.tolist(), y.tolist()) == ([[2.0 * n, 2.0 * n + 1] for n in range(6)], list(range(6)))


@pytest.mark.parametrize(
    "held",
    [pairs(), pairs().map(lambda x, y: ({"a": x, "b": x}, y)).batch(4), pairs().map(lambda x, y: x[0])],
    ids=["samples", "several inputs", "numbers"],
)
def test_held_out_elements_that_are_no_batches_of_one_array_are_refused(held: Any) -> None:
    with pytest.raises(DataError) as caught:
        held_out_arrays(datasets(pairs().batch(4), held), 100)
    assert str(caught.value) == (
        f"held: expected a dataset of batches, each with one array of inputs; received elements of {held.element_spec}."
    )
