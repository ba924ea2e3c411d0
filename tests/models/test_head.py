"""The head that a target asks for."""

import numpy as np
import pytest

from tunemagic.errors import DataError, OptionError
from tunemagic.models.head import Head, Task, head_of, reconstruction

CLASSES = np.arange(30) % 3


BINARY = ("binary_crossentropy", ["accuracy"], "sigmoid")
SOFTMAX = ("sparse_categorical_crossentropy", ["accuracy"], "softmax")
NUMBERS = ("mean_squared_error", ["mae"], "linear")
ONE_HOT = ("categorical_crossentropy", ["accuracy"], "softmax")


@pytest.mark.parametrize(
    ("target", "head", "compiled"),
    [
        (CLASSES % 2, Head(task=Task.BINARY, units=1), BINARY),
        (CLASSES == 1, Head(task=Task.BINARY, units=1), BINARY),
        ((CLASSES % 2).astype("float32")[:, None], Head(task=Task.BINARY, units=1), BINARY),
        (CLASSES, Head(task=Task.MULTICLASS, units=3), SOFTMAX),
        (np.eye(3)[CLASSES], Head(task=Task.MULTICLASS, units=3, one_hot=True), ONE_HOT),
        (CLASSES * 1.5, Head(task=Task.REGRESSION, units=1), NUMBERS),
        (CLASSES * 1.0, Head(task=Task.REGRESSION, units=1), NUMBERS),
        (np.arange(300), Head(task=Task.REGRESSION, units=1), NUMBERS),
        (np.arange(300) % 40 + 30, Head(task=Task.REGRESSION, units=1), NUMBERS),
        (np.arange(300) % 40, Head(task=Task.MULTICLASS, units=40), SOFTMAX),
        (np.arange(60).reshape(30, 2) / 7, Head(task=Task.REGRESSION, units=2), NUMBERS),
    ],
)
def test_the_target_chooses_head_loss_metrics_and_activation(target, head, compiled):
    found = head_of(target)
    assert (found, (found.loss, found.metrics, found.activation)) == (head, compiled)


def test_the_task_can_be_said():
    assert head_of(CLASSES * 1.0, "multiclass") == Head(task=Task.MULTICLASS, units=3)
    assert head_of(CLASSES, "regression") == Head(task=Task.REGRESSION, units=1)


def test_a_reconstruction_has_a_value_for_each_of_the_input():
    assert reconstruction((8, 8)) == Head(task=Task.RECONSTRUCTION, units=64, shape=(8, 8))
    assert reconstruction((64,)) == Head(task=Task.RECONSTRUCTION, units=64)


@pytest.mark.parametrize(
    ("target", "task", "message"),
    [
        (np.zeros(9), None, "y: every row is 0.0; expected at least two classes or values."),
        (
            np.array(["a", "b"] * 5),
            None,
            "y: received values of type <U1; expected numbers. Classes as numbers: "
            "y = np.unique(y, return_inverse=True)[1].",
        ),
        (
            np.array([1.0, np.nan]),
            None,
            "y: holds NaN or infinite values; expected numbers. Leave those rows out.",
        ),
        (
            CLASSES + 7,
            None,
            "y: received 3 classes from 7 to 9; expected 0 to 2. Number them: "
            "y = np.unique(y, return_inverse=True)[1]; for numbers task='regression'.",
        ),
        (
            CLASSES % 2 + 1,
            None,
            "y: received 2 classes from 1 to 2; expected 0 to 1. Number them: "
            "y = np.unique(y, return_inverse=True)[1]; for numbers task='regression'.",
        ),
        *(
            (
                target,
                "binary",
                f"y: received {found}; expected 0 and 1 for task='binary'. Number two classes: "
                "y = np.unique(y, return_inverse=True)[1]; more are task='multiclass'.",
            )
            for target, found in [(CLASSES, "3 values from 0 to 2"), (CLASSES % 2 + 1, "2 values from 1 to 2")]
        ),
        (
            np.eye(3)[CLASSES],
            "binary",
            "y: received shape (30, 3); expected (rows,) of 0 and 1 for task='binary'. One-hot rows are "
            "task='multiclass'.",
        ),
        (
            np.array([[1, 1], [0, 1]] * 5),
            "multiclass",
            "y: received rows of 2 values such as [1, 1]; expected one-hot rows, a single 1 and else 0, for "
            "task='multiclass'. For numbers task='regression'.",
        ),
        (np.ones((3, 4, 5)), None, "y: received shape (3, 4, 5); expected (rows,) or (rows, outputs)."),
    ],
)
def test_a_target_that_no_head_fits_is_told(target, task, message):
    with pytest.raises(DataError) as caught:
        head_of(target, task)
    assert str(caught.value) == message


def test_an_unknown_task_is_told():
    with pytest.raises(OptionError) as caught:
        head_of(CLASSES, "ranking")
    assert str(caught.value) == "task: received 'ranking'; expected one of binary, multiclass, regression."
