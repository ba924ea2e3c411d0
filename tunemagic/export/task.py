"""What a conversion works with: checked data, and what the Keras model answers for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.infer import check_built, is_half, keras_outputs
from tunemagic.export.modes import CALIBRATED
from tunemagic.export.representative import (
    CALIBRATION_SAMPLES,
    check_finite,
    check_inputs,
    check_targets,
    draw_samples,
    input_of,
    without_gaps,
)
from tunemagic.export.score import Answers, Score, answers_of, score_of

__all__ = ["EVALUATION_SAMPLES", "Task", "check_backend", "prepare"]

EVALUATION_SAMPLES = 2000  # more make a slow model slow to verify and no verdict clearer


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Checked data and what the Keras model answers for it.

    ``rows`` says which of the given samples are in ``x``, in order; ``aside`` how many were left out of them
    to calibrate on. ``handed`` are remarks on how the model was handed over, ``remarks`` those on the comparison.
    """

    x: NDArray[Any]
    y: NDArray[Any] | None
    rows: NDArray[np.int64]
    keras: NDArray[Any]
    calibration: NDArray[Any] | None
    answers: Answers
    score: Score | None
    half: bool
    aside: int = 0
    handed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def said_of(self, mode: str) -> list[str]:
        """What is to be said of the comparison of a file of this mode: remarks, samples that were left out."""
        if not self.aside:
            return self.remarks
        what = f"{self.aside} samples of the evaluation data"
        if mode in CALIBRATED:
            return [*self.remarks, f"calibrated on {what}, which were left out of the comparison"]
        return [*self.remarks, f"{what}, which other files are calibrated on, were left out of the comparison"]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the worker reads."""
        arrays = {"x": self.x, "expected": self.keras}
        return arrays if self.calibration is None else {**arrays, "calibration": self.calibration}


def prepare(
    model: Any, x_eval: Any, y_eval: Any, representative: Any, calibrated: Sequence[str], score_name: str | None
) -> Task:
    """Check everything that the user gave, before any process is started. Raises ExportError.

    ``calibrated`` names the wanted modes that need representative data.
    """
    check_backend()
    check_built(model)
    shape, dtype = input_of(model)
    x = check_inputs("x_eval", x_eval, shape, dtype, gaps=True)
    y = check_targets(y_eval, len(x))
    rows = np.arange(len(x))
    remarks: list[str] = []
    calibration, aside = None, np.arange(0)
    if calibrated and representative is None:
        aside, rows = _set_aside(len(x), calibrated[0])
        calibration = without_gaps(calibrated[0], x[aside])
    elif calibrated:
        given = check_inputs("representative data", representative, shape, dtype, gaps=True)
        calibration = draw_samples(without_gaps("representative data", given))
        if calibration.shape[1:] != x.shape[1:]:
            raise ExportError(
                f"representative data: expected samples of shape {x.shape[1:]} as in x_eval; "
                f"received {calibration.shape[1:]}."
            )
    if len(rows) > EVALUATION_SAMPLES:
        remarks.append(f"compared on {EVALUATION_SAMPLES} of {len(rows)} samples")
        rows = np.sort(np.random.default_rng(0).choice(rows, EVALUATION_SAMPLES, replace=False))
    x, y = x[rows], None if y is None else y[rows]
    outputs = keras_outputs(model, x)
    if not np.isfinite(outputs).all():
        check_finite("x_eval", x)  # a model that prepares its rows has an answer for missing values, others don't
        raise ExportError(
            f"{model.name}: the Keras model itself answers with NaN or infinity; its weights are unusable."
        )
    answers = answers_of(model, outputs, y)
    return Task(
        x=x,
        y=y,
        rows=rows,
        keras=outputs,
        calibration=calibration,
        answers=answers,
        score=score_of(model, answers, score_name, y, outputs),
        half=is_half(model),
        aside=len(aside),
        remarks=remarks,
    )


def check_backend() -> None:
    """Raise ExportError on a Keras backend that the converter can't read models of."""
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ExportError(
            f"TF Lite export needs the TensorFlow backend of Keras; this kernel runs {backend}. Restart it with "
            "KERAS_BACKEND=tensorflow and run the cell again."
        )


def _set_aside(count: int, mode: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A seeded quarter of the samples (200 at most) to calibrate on, and the others, as sorted indices."""
    if count < 4:
        raise ExportError(f"{mode}: expected representative data or at least 4 samples in x_eval; received {count}.")
    order = np.random.default_rng(0).permutation(count)
    cut = min(CALIBRATION_SAMPLES, count // 4)
    return np.sort(order[:cut]), np.sort(order[cut:])
