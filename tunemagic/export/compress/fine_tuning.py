"""Training a compressed model on, and scoring it beside the model that it came from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError, OptionError
from tunemagic.export.compress.copying import check_compressible, check_trainable, compile_like
from tunemagic.export.compress.figures import Compressed, figures_of
from tunemagic.export.compress.said import Said
from tunemagic.export.front import front_of
from tunemagic.export.infer import keras_outputs
from tunemagic.export.representative import check_inputs, input_of
from tunemagic.export.score import Score, answers_of, misfit, score_of
from tunemagic.export.text import error_text
from tunemagic.models.schedules import over_steps, total_steps
from tunemagic.numeric import is_finite_number, is_whole
from tunemagic.randomness import seeded
from tunemagic.text import did_you_mean

__all__ = ["FineTuning", "FitOptions", "compared", "fine_tuning"]

EPOCHS = 10
_BATCH = 32
_MOST_SCORED = 5000  # samples; more make no score clearer


class FitOptions(TypedDict, total=False):
    """How a compressed model is fine-tuned; each function of compress takes these by name.

    Attributes:
        validation: Held-out ``(x, y)``, which the scores are measured on; without it they are on the training data.
        epochs: Passes over the data, by default 10.
        batch_size: Samples in a step, by default 32.
        learning_rate: Of the first epoch, from which it falls to zero; None for the one that the optimizer has.
        seed: Decides the order of samples and what is random in training, by default 0.
        score: A compiled metric to compare by; None for accuracy with classes, else the loss.
        class_weight: What each class counts in training, as for ``fit``; None for all alike.
        sample_weight: Instead, what each sample of x counts, (sample,).
    """

    validation: tuple[Any, Any] | None
    epochs: int
    batch_size: int
    learning_rate: float | None
    seed: int
    score: str | None
    class_weight: Mapping[int, float] | None
    sample_weight: Any


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """How the given model does on the samples ``x`` with targets ``y``."""

    x: NDArray[Any]
    y: NDArray[Any]
    score: Score
    before: float | None

    def after(self, copy: Any) -> float | None:
        """The same score of a compressed copy."""
        return self.score.compute(self.y, keras_outputs(copy, self.x))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FineTuning:
    """Checked data to train on and to score on, and how to train. ``x`` is None when there is nothing to train on."""

    x: NDArray[Any] | None
    y: NDArray[Any] | None
    held_x: NDArray[Any] | None
    held_y: NDArray[Any] | None
    epochs: int
    batch_size: int
    learning_rate: float | None
    seed: int
    class_weight: Mapping[int, float] | None
    sample_weight: NDArray[Any] | None
    baseline: Baseline | None

    @property
    def trains(self) -> bool:
        """Whether there is data to train on, and an epoch to do it."""
        return self.x is not None and self.epochs > 0

    def run(self, copy: Any, model: Any, callbacks: Sequence[Any]) -> None:
        """Train ``copy``, a compressed copy of ``model``, when there is data.

        Raises ExportError when the training fails or the weights become NaN.
        """
        compile_like(copy, model, learning_rate=self.learning_rate)
        if not self.trains:
            return
        check_trainable(model)
        rows = self.x
        over_steps(copy.optimizer, lambda: total_steps(rows, epochs=self.epochs, batch_size=self.batch_size))
        held = None if self.held_y is None else (self.held_x, self.held_y)
        with seeded(self.seed):
            try:
                copy.fit(
                    self.x,
                    self.y,
                    batch_size=self.batch_size,
                    epochs=self.epochs,
                    validation_data=held,
                    class_weight=self.class_weight,
                    sample_weight=self.sample_weight,
                    callbacks=[*callbacks, *self._falling_rate(copy)],
                    verbose=0,
                )
            except Exception as error:  # the user's own loss or layers run here and may raise anything
                raise ExportError(f"{model.name}: fine-tuning failed: {error_text(error)}") from error
        if not all(np.isfinite(weight).all() for weight in copy.get_weights()):
            raise ExportError(
                f"{model.name}: the weights became NaN while fine-tuning; use a smaller learning_rate, such as 1e-4."
            )

    def _falling_rate(self, copy: Any) -> list[Any]:
        """Lets the learning rate fall to zero along half a cosine, unless the optimizer has a schedule of its own.

        At a constant rate the last epoch, which is kept, is as good as chance has it.
        """
        import keras

        start = copy.optimizer.get_config()["learning_rate"]
        if not isinstance(start, float):
            return []
        rates = [start * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs)) for epoch in range(self.epochs)]
        return [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rates[epoch])]


def fine_tuning(model: Any, x: Any, y: Any, options: FitOptions) -> FineTuning:
    """The data and options, checked against the model.

    Raises:
        ExportError: The data does not fit the model, or there is data and the model is not compiled.
        OptionError: An option is unknown or out of its range.
    """
    check_compressible(model)
    _check_options(options)
    given = FitOptions(**options)
    shape, dtype = input_of(model) if x is not None else (None, "float32")
    validation = given.get("validation")
    if validation is not None and (not isinstance(validation, tuple | list) or len(validation) != 2):
        raise OptionError(f"validation: expected (x, y); received {type(validation).__name__}.")
    rows = targets = held_x = held_y = baseline = None
    if x is None:
        if validation is not None or y is not None:
            raise ExportError("compress: received targets or validation data without x; expected x and y to train on.")
    else:
        if given.get("epochs", EPOCHS) > 0:
            check_trainable(model)
        gaps = front_of(model)  # a preparation fills them
        rows, targets = _pair(("x", "y"), (x, y), shape, dtype, gaps=gaps)
        scored, names = (rows, targets), ("x", "y")
        if validation is not None:
            names = ("validation x", "validation y")
            scored = held_x, held_y = _pair(names, tuple(validation), shape, dtype, gaps=gaps)
        baseline = _baseline(model, *scored, names[1], given.get("score"))
    return FineTuning(
        x=rows,
        y=targets,
        held_x=held_x,
        held_y=held_y,
        epochs=given.get("epochs", EPOCHS),
        batch_size=given.get("batch_size", _BATCH),
        learning_rate=given.get("learning_rate"),
        seed=given.get("seed", 0),
        class_weight=given.get("class_weight"),
        sample_weight=None if rows is None else _sample_weights(given.get("sample_weight"), len(rows)),
        baseline=baseline,
    )


def compared(
    model: Any, copy: Any, done: Said, tuning: FineTuning, *, remarks: Sequence[Said] = (), counted: Any = None
) -> Compressed:
    """The copy with its figures beside those of the model. ``counted`` is what the copy's weights are counted on."""
    baseline = tuning.baseline
    said = list(remarks)
    if baseline is not None and tuning.held_x is None:
        said.append(Said("compress.training_score"))
    if not tuning.trains:
        said.append(Said("compress.not_tuned"))
    before = figures_of(model, None if baseline is None else baseline.before)
    after = figures_of(copy if counted is None else counted, None if baseline is None else baseline.after(copy))
    return Compressed(
        model=copy,
        stages=((Said("compress.before"), before), (done, after)),
        score_name=None if baseline is None else baseline.score.name,
        remarks=tuple(said),
    )


def _baseline(model: Any, x: NDArray[Any], y: NDArray[Any], y_name: str, name: str | None) -> Baseline | None:
    """How the model does before. Raises ExportError when it has no finite answer or the targets don't fit them."""
    x, y = x[:_MOST_SCORED], y[:_MOST_SCORED]
    outputs = keras_outputs(model, x)
    if not np.isfinite(outputs).all():
        raise ExportError(f"{model.name}: the model answers with NaN or infinity; its weights are unusable.")
    try:
        answers = answers_of(model, outputs, y)
    except ExportError as error:
        raise ExportError(f"{y_name}: {misfit(error)}") from error
    score = score_of(model, answers, name, y, outputs)
    return None if score is None else Baseline(x, y, score, score.compute(y, outputs))


def _sample_weights(weights: Any, rows: int) -> NDArray[Any] | None:
    """Weights as an array (sample,). Raises ExportError unless there is a number for each of the ``rows``."""
    if weights is None:
        return None
    array = np.asarray(weights)
    if array.shape != (rows,) or array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise ExportError(
            f"sample_weight: expected {rows} finite numbers, one for each sample of x; received {array.dtype} of shape "
            f"{array.shape}."
        )
    return array


def _pair(
    names: tuple[str, str], pair: tuple[Any, Any], shape: tuple[int | None, ...] | None, dtype: str, *, gaps: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and targets as arrays. Raises ExportError, which calls them by their names."""
    (x_name, y_name), (x, y) = names, pair
    rows = check_inputs(x_name, x, shape, dtype, gaps=gaps)
    if y is None:
        raise ExportError(f"{y_name}: expected targets of {x_name}; received none.")
    targets = np.asarray(y)
    if targets.ndim == 0 or len(targets) != len(rows):
        size = "one value" if targets.ndim == 0 else f"{len(targets)}"
        raise ExportError(f"{y_name}: expected {len(rows)} targets, one for each sample of {x_name}; received {size}.")
    if targets.dtype.kind not in "fiub":
        raise ExportError(f"{y_name}: expected numbers; received {targets.dtype}. Encode the targets as in training.")
    if targets.dtype.kind == "f" and not np.isfinite(targets).all():
        count = int((~np.isfinite(targets)).sum())
        raise ExportError(f"{y_name}: expected finite numbers; received {count} NaN or infinite ones.")
    return rows, targets


def _check_options(options: FitOptions) -> None:
    for name in options:
        if name not in FitOptions.__annotations__:
            known = list(FitOptions.__annotations__)
            raise OptionError(
                f"compress: received the unknown option {name}; expected {', '.join(known)}.{did_you_mean(name, known)}"
            )
    epochs, batch = options.get("epochs", EPOCHS), options.get("batch_size", _BATCH)
    if not is_whole(epochs) or epochs < 0:
        raise OptionError(f"epochs: expected a whole number from 0 on; received {epochs!r}.")
    if not is_whole(batch) or batch < 1:
        raise OptionError(f"batch_size: expected a whole number from 1 on; received {batch!r}.")
    if options.get("class_weight") is not None and options.get("sample_weight") is not None:
        raise OptionError("compress: received class_weight and sample_weight; expected one of them.")
    rate = options.get("learning_rate")
    if rate is not None and (not is_finite_number(rate) or rate <= 0):
        raise OptionError(f"learning_rate: expected a number above 0; received {rate!r}.")
