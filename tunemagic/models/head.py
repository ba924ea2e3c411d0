"""A model's head from its target: units, last activation, loss and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tunemagic.errors import DataError, OptionError
from tunemagic.models.scaling import scaled_back
from tunemagic.prep.targets import class_labels

__all__ = ["Head", "Task", "head_of", "reconstruction"]


class Task(StrEnum):
    """What a model is asked for."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RECONSTRUCTION = "reconstruction"


_LOSSES = {
    Task.BINARY: "binary_crossentropy",
    Task.MULTICLASS: "sparse_categorical_crossentropy",
    Task.REGRESSION: "mean_squared_error",
    Task.RECONSTRUCTION: "mean_squared_error",
}
_ACTIVATIONS = {Task.BINARY: "sigmoid", Task.MULTICLASS: "softmax"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last layer. ``units`` is the number of its outputs: 1 for two classes, else one for each class or value.

    ``shape`` is that of one sample's outputs where it is not ``(units,)``.
    """

    task: Task
    units: int
    one_hot: bool = False
    shape: tuple[int, ...] = ()

    @property
    def loss(self) -> str:
        """Keras' name of the loss."""
        return "categorical_crossentropy" if self.one_hot else _LOSSES[self.task]

    @property
    def metrics(self) -> list[str]:
        """Keras' names of the metrics."""
        return ["accuracy"] if self.classifies else ["mae"]

    @property
    def activation(self) -> str:
        """Keras' name of the last activation."""
        return _ACTIVATIONS.get(self.task, "linear")

    @property
    def classifies(self) -> bool:
        """Whether the target is classes rather than numbers."""
        return self.task in _ACTIVATIONS

    def output(self, features: Any, penalty: Any = None) -> Any:
        """The head behind a tensor (sample, feature); numbers come in the target's own unit."""
        import keras

        outputs = keras.layers.Dense(self.units, self.activation, kernel_regularizer=penalty, name="head")(features)
        if self.shape:
            outputs = keras.layers.Reshape(self.shape)(outputs)
        return outputs if self.classifies else scaled_back(outputs)

    def answer(self, score: Any) -> Any:
        """The head behind a tensor that already is one number per output."""
        import keras

        return keras.layers.Activation(self.activation, name="head")(score) if self.classifies else scaled_back(score)

    def __str__(self) -> str:
        """``10 classes (softmax)``, ``2 values``."""
        if self.classifies:
            return f"{max(self.units, 2)} classes ({self.activation})"
        if self.task is Task.RECONSTRUCTION:
            return "its own input"
        return "a value" if self.units == 1 else f"{self.units} values"


def head_of(y: Any, task: str | None = None, *, rows: int | None = None) -> Head:
    """The head for targets: (row,) classes or numbers, (row, class) one-hot, (row, output) numbers.

    Two classes are 0 and 1, more are 0, 1, 2 ...; whole numbers stored as floats count as numbers unless they are 0
    and 1 only. ``task`` overrules what the values look like: ``"binary"``, ``"multiclass"``, ``"regression"``.
    ``rows`` is the number of samples, where it is known.
    Raises DataError for targets that no head fits, OptionError for an unknown task.
    """
    import numpy as np

    target = np.asarray(y)
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    _check_values(target)
    if rows not in (None, len(target)):
        raise DataError(f"numbers of samples differ: x has {rows}, y has {len(target)}; expected one target for each.")
    wanted = _task_named(task) if task is not None else _task_of(target)
    if wanted is Task.REGRESSION:
        return Head(task=wanted, units=1 if target.ndim == 1 else target.shape[1])
    if target.ndim == 2:
        _check_one_hot(target, wanted)
        return Head(task=Task.MULTICLASS, units=target.shape[1], one_hot=True)
    if wanted is Task.BINARY:
        _check_zeros_and_ones(target)
        return Head(task=Task.BINARY, units=1)
    return Head(task=Task.MULTICLASS, units=_count_classes(target))


def reconstruction(shape: tuple[int, ...]) -> Head:
    """The head of a model whose target is its input, samples of this shape."""
    import math

    return Head(task=Task.RECONSTRUCTION, units=math.prod(shape), shape=shape if len(shape) > 1 else ())


def _check_values(target: Any) -> None:
    import numpy as np

    if target.dtype.kind not in "biuf":
        raise DataError(
            f"y: received values of type {target.dtype}; expected numbers. Classes as numbers: "
            "y = np.unique(y, return_inverse=True)[1]."
        )
    if target.ndim not in (1, 2) or target.size == 0:
        raise DataError(f"y: received shape {target.shape}; expected (rows,) or (rows, outputs).")
    if target.dtype.kind == "f" and not np.isfinite(target).all():
        raise DataError("y: holds NaN or infinite values; expected numbers. Leave those rows out.")
    if (target == target[0]).all():
        raise DataError(f"y: every row is {target[0]}; expected at least two classes or values.")


def _task_named(task: str) -> Task:
    named = [Task.BINARY, Task.MULTICLASS, Task.REGRESSION]
    if task not in named:
        raise OptionError(f"task: received {task!r}; expected one of {', '.join(named)}.")
    return Task(task)


def _task_of(target: Any) -> Task:
    import numpy as np

    labels = class_labels(target)
    if labels is None:
        return Task.REGRESSION
    if target.ndim == 2:
        return Task.MULTICLASS
    zeros_and_ones = bool(np.isin(labels, (0, 1)).all())
    if target.dtype.kind == "f" and not zeros_and_ones:
        return Task.REGRESSION
    return Task.BINARY if zeros_and_ones else Task.MULTICLASS


def _check_one_hot(target: Any, wanted: Task) -> None:
    if wanted is Task.BINARY:
        raise DataError(
            f"y: received shape {target.shape}; expected (rows,) of 0 and 1 for task='binary'. One-hot rows are "
            "task='multiclass'."
        )
    if class_labels(target) is None:
        raise DataError(
            f"y: received rows of {target.shape[1]} values such as {target[0].tolist()}; expected one-hot rows, a "
            "single 1 and else 0, for task='multiclass'. For numbers task='regression'."
        )


def _check_zeros_and_ones(target: Any) -> None:
    import numpy as np

    classes = np.unique(target)
    if not np.isin(classes, (0, 1)).all():
        raise DataError(
            f"y: received {len(classes)} values from {classes[0]} to {classes[-1]}; expected 0 and 1 for "
            "task='binary'. Number two classes: y = np.unique(y, return_inverse=True)[1]; more are task='multiclass'."
        )


def _count_classes(target: Any) -> int:
    """The number of classes, some of which may have no sample. Raises DataError unless they count from 0."""
    import numpy as np

    classes = np.unique(target)
    if classes[0] != 0 or classes[-1] >= 2 * len(classes) or (classes != np.round(classes)).any():
        raise DataError(
            f"y: received {len(classes)} classes from {classes[0]} to {classes[-1]}; expected 0 to {len(classes) - 1}. "
            "Number them: y = np.unique(y, return_inverse=True)[1]; for numbers task='regression'."
        )
    return int(classes[-1]) + 1
