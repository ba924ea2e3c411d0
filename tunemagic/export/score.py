"""What a model's outputs mean, and one number for how good they are, computed from raw outputs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.events import finite

__all__ = ["AnswerKind", "Answers", "Score", "answers_of", "misfit", "score_of"]

_ACCURACY_NAMES = ("acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")


class AnswerKind(StrEnum):
    """What the outputs of a model stand for."""

    CLASSES = "classes"  # one number per class in the last axis
    YES_NO = "yes or no"  # independent probabilities or logits
    NUMBERS = "numbers"  # regression


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How to read outputs: yes-or-no outputs above ``cut`` mean yes (0.5 for probabilities, 0 for logits)."""

    kind: AnswerKind
    cut: float = 0.5

    def classes(self, outputs: NDArray[Any]) -> NDArray[Any] | None:
        """The answers as classes: integers (sample, ...); None for regression."""
        match self.kind:
            case AnswerKind.CLASSES:
                return np.asarray(np.argmax(outputs, axis=-1))
            case AnswerKind.YES_NO:
                return (outputs > self.cut).astype(np.int64)
            case AnswerKind.NUMBERS:
                return None

    def true_classes(self, y: NDArray[Any], outputs: NDArray[Any]) -> NDArray[Any] | None:
        """Targets in the shape of ``classes(outputs)``; None for regression."""
        match self.kind:
            case AnswerKind.CLASSES if y.shape == outputs.shape:
                return np.asarray(np.argmax(y, axis=-1))
            case AnswerKind.CLASSES:
                return y.reshape(outputs.shape[:-1]).astype(np.int64)
            case AnswerKind.YES_NO:
                return y.reshape(outputs.shape).astype(np.int64)
            case AnswerKind.NUMBERS:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A metric by its name; ``compute(y, outputs)`` is None where it is not finite."""

    name: str
    compute: Callable[[NDArray[Any], NDArray[Any]], float | None]

    def number(self, y: NDArray[Any], outputs: NDArray[Any]) -> float:
        """The metric, NaN where it is not finite."""
        value = self.compute(y, outputs)
        return math.nan if value is None else value


def answers_of(model: Any, outputs: NDArray[Any], y: NDArray[Any] | None) -> Answers:
    """What ``outputs`` (sample, ...) mean, seen from the targets, the loss and the outputs themselves.

    Raises ExportError when targets and outputs don't fit together.
    """
    loss = _loss_name(model)
    between = bool(np.all((outputs >= 0) & (outputs <= 1)))
    several = outputs.ndim > 1 and outputs.shape[-1] > 1
    yes_no = Answers(kind=AnswerKind.YES_NO, cut=0.5 if between and not _takes_logits(model) else 0.0)
    if y is None:
        if several and between and np.allclose(outputs.sum(axis=-1), 1.0, atol=1e-3):
            return Answers(kind=AnswerKind.CLASSES)
        return yes_no if "binary" in loss and not several else Answers(kind=AnswerKind.NUMBERS)
    per_class = y.shape == outputs.shape
    _check_targets_fit(y, outputs, several=several)
    if several and not per_class:
        return Answers(kind=AnswerKind.CLASSES)
    zero_or_one = bool(np.isin(y, (0, 1)).all())
    if several and zero_or_one and np.all(y.sum(axis=-1) == 1):
        return Answers(kind=AnswerKind.CLASSES)
    if zero_or_one and ("crossentropy" in loss or "hinge" in loss or (between and not several)):
        return yes_no
    return Answers(kind=AnswerKind.NUMBERS)


def misfit(error: ExportError) -> str:
    """Why targets don't fit, said by ``answers_of``, for callers that have no ``y_eval``."""
    return str(error).removeprefix("y_eval: ").partition(" Pass the targets")[0]


def score_of(
    model: Any, answers: Answers, name: str | None, y: NDArray[Any] | None, outputs: NDArray[Any]
) -> Score | None:
    """The metric ``name`` ("val_" in front is dropped) of a compiled model, computed from raw outputs.

    Without a name, or where it can't be computed so: accuracy for classes, else the compiled loss, else
    the mean squared error. One that is not finite is no reason to take another. "loss" is the compiled loss
    without penalties on weights. None without targets.
    """
    if y is None:
        return None
    accuracy = Score(name="accuracy", compute=lambda y, out: _accuracy(answers, y, out))
    squared = Score(
        name="mean_squared_error", compute=lambda y, out: finite(float(np.mean((y.reshape(out.shape) - out) ** 2)))
    )
    is_classes = answers.kind is not AnswerKind.NUMBERS
    wanted = (name or "").removeprefix("val_") or ("accuracy" if is_classes else "loss")
    candidates: list[Score | None] = []
    if wanted in _ACCURACY_NAMES and is_classes:
        candidates.append(Score(name=wanted, compute=accuracy.compute))
    elif wanted == "loss":
        candidates.append(_loss_score(model))
    else:
        _build_metrics(model, y, outputs)
        candidates.append(_metric_score(model, wanted))
    candidates.append(accuracy if is_classes else _loss_score(model))
    for candidate in candidates:
        if candidate is not None and _works(candidate, y, outputs):
            return candidate
    return accuracy if is_classes else squared


def _accuracy(answers: Answers, y: NDArray[Any], outputs: NDArray[Any]) -> float | None:
    given, truth = answers.classes(outputs), answers.true_classes(y, outputs)
    return None if given is None or truth is None else float(np.mean(given == truth))


def _check_targets_fit(y: NDArray[Any], outputs: NDArray[Any], *, several: bool) -> None:
    shape = outputs.shape
    if y.shape == shape or (shape[-1] == 1 and y.shape == shape[:-1]) or (y.ndim > 1 and y.shape == (*shape, 1)):
        return
    whole = bool(np.array_equal(y, np.trunc(y)))
    if several and y.shape in {shape[:-1], (*shape[:-1], 1)} and whole:
        if y.min() >= 0 and y.max() < shape[-1]:
            return
        raise ExportError(
            f"y_eval: the model has {shape[-1]} classes, so labels 0 to {shape[-1] - 1} were expected; "
            f"received labels from {y.min()} to {y.max()}."
        )
    raise ExportError(
        f"y_eval: expected targets for outputs of shape {shape}; received shape {y.shape}. "
        "Pass the targets the model was trained on, or y_eval=None to compare outputs only."
    )


def _loss_name(model: Any) -> str:
    loss = getattr(model, "loss", None)
    name = loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")
    return str(name).lower()


def _takes_logits(model: Any) -> bool:
    """Whether the compiled loss says that outputs are logits."""
    loss = getattr(model, "loss", None)
    said = getattr(loss, "from_logits", None)
    return bool(getattr(loss, "_fn_kwargs", {}).get("from_logits", False) if said is None else said)


def _works(score: Score, y: NDArray[Any], outputs: NDArray[Any]) -> bool:
    try:
        score.compute(y, outputs)
    except Exception:  # the user's own metric may raise anything; the default score is used then
        return False
    return True


def _loss_score(model: Any) -> Score | None:
    import keras

    loss = getattr(model, "loss", None)
    if isinstance(loss, (list, tuple, dict)) and len(loss) == 1:
        loss = next(iter(loss.values())) if isinstance(loss, dict) else loss[0]
    if loss is None or isinstance(loss, (list, tuple, dict)):
        return None
    function = keras.losses.get(loss)
    return Score(name="loss", compute=lambda y, out: _mean(function(*_for_keras(y, out))))


def _build_metrics(model: Any, y: NDArray[Any], outputs: NDArray[Any]) -> None:
    """Let a model that was never evaluated make its metrics, which have no names before."""
    if not getattr(model, "compiled", False) or any(getattr(outer, "metrics", []) for outer in model.metrics):
        return
    with contextlib.suppress(Exception):  # a metric of the user's own may raise anything; it is not found then
        model.compute_metrics(None, *_for_keras(y[:1], outputs[:1]))
        model.reset_metrics()


def _metric_score(model: Any, name: str) -> Score | None:
    """A fresh metric of that name: the compiled one's twin, or one of Keras' own."""
    import keras

    # model.metrics holds one container for all compiled metrics; each metric inside keeps its name.
    compiled = [inner for outer in getattr(model, "metrics", []) for inner in getattr(outer, "metrics", [outer])]
    for metric in compiled:
        if metric.name == name:
            twin = _twin(metric)
            return None if twin is None else Score(name=name, compute=_repeated(twin))
    try:
        known = keras.metrics.get(name)
    except ValueError:
        return None
    if isinstance(known, keras.metrics.Metric):
        return Score(name=name, compute=_repeated(known))
    return Score(name=name, compute=lambda y, out: _mean(known(*_for_keras(y, out))))


def _twin(metric: Any) -> Any:
    """A metric that computes the same and leaves the compiled one alone; None when it can't be had.

    A function of the notebook's own can't be found again by the name in a config.
    """
    import keras

    if type(metric) is keras.metrics.MeanMetricWrapper:
        return keras.metrics.MeanMetricWrapper(metric._fn, name=metric.name, dtype=metric.dtype, **metric._fn_kwargs)
    with contextlib.suppress(Exception):  # of the notebook's own may lack a config, and raise anything
        return type(metric).from_config(metric.get_config())
    return None


def _repeated(twin: Any) -> Callable[[NDArray[Any], NDArray[Any]], float | None]:
    """A metric computed over and over: as a graph where it can be traced (10 times faster)."""
    import keras

    def result(y: Any, outputs: Any) -> Any:
        twin.reset_state()
        twin.update_state(y, outputs)
        return twin.result()

    ways = [result]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        ways.insert(0, tf.function(result, reduce_retracing=True))

    def compute(y: NDArray[Any], outputs: NDArray[Any]) -> float | None:
        try:
            return _mean(ways[0](*_for_keras(y, outputs)))
        except Exception:  # a metric of the user's own may compute with NumPy, which no graph can
            if len(ways) == 1:
                raise
            ways.pop(0)
            return compute(y, outputs)

    return compute


def _for_keras(y: NDArray[Any], outputs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    if outputs.shape[-1] == 1 and y.shape == outputs.shape[:-1]:
        y = y[..., None]
    return (y.astype(np.float32) if y.dtype.kind == "f" else y), outputs.astype(np.float32)


def _mean(value: Any) -> float | None:
    from keras import ops

    return finite(float(np.mean(ops.convert_to_numpy(value))))
