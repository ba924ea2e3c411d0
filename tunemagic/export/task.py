"""What a conversion works with: checked data, and what the Keras model answers for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.infer import check_built, is_half, keras_outputs
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
from tunemagic.request import QuantMode

__all__ = ["EVALUATION_SAMPLES", "Task", "prepare"]

EVALUATION_SAMPLES = 2000  # more make a slow model slow to verify and no verdict clearer


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Checked data and what the Keras model answers for it."""

    x: NDArray[Any]
    y: NDArray[Any] | None
    keras: NDArray[Any]
    calibration: NDArray[Any] | None
    answers: Answers
    score: Score | None
    half: bool
    remarks: list[str] = field(default_factory=list)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the worker reads."""
        arrays = {"x": self.x, "expected": self.keras}
        return arrays if self.calibration is None else {**arrays, "calibration": self.calibration}


def prepare(
    model: Any, x_eval: Any, y_eval: Any, representative: Any, modes: Sequence[QuantMode], score_name: str | None
) -> Task:
    """Check everything that the user gave, before any process is started. Raises ExportError."""
    _check_backend()
    check_built(model)
    shape, dtype = input_of(model)
    x = check_inputs("x_eval", x_eval, shape, dtype, gaps=True)
    y = check_targets(y_eval, len(x))
    remarks: list[str] = []
    calibration = None
    if QuantMode.INT8 in modes and representative is None:
        calibration, rest = _set_aside(x)
        x, y = x[rest], None if y is None else y[rest]
        calibration = without_gaps("int8", calibration)
        remarks.append(
            f"calibrated on {len(calibration)} samples of the evaluation data, which were left out of the comparison"
        )
    elif QuantMode.INT8 in modes:
        given = check_inputs("representative data", representative, shape, dtype, gaps=True)
        calibration = draw_samples(without_gaps("representative data", given))
        if calibration.shape[1:] != x.shape[1:]:
            raise ExportError(
                f"representative data: expected samples of shape {x.shape[1:]} as in x_eval; "
                f"received {calibration.shape[1:]}."
            )
    if len(x) > EVALUATION_SAMPLES:
        chosen = np.sort(np.random.default_rng(0).choice(len(x), EVALUATION_SAMPLES, replace=False))
        remarks.append(f"compared on {EVALUATION_SAMPLES} of {len(x)} samples")
        x, y = x[chosen], None if y is None else y[chosen]
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
        keras=outputs,
        calibration=calibration,
        answers=answers,
        score=score_of(model, answers, score_name, y, outputs),
        half=is_half(model),
        remarks=remarks,
    )


def _check_backend() -> None:
    import keras

    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ExportError(
            f"TF Lite export needs the TensorFlow backend of Keras; this kernel runs {backend}. Restart it with "
            "KERAS_BACKEND=tensorflow and run the cell again."
        )


def _set_aside(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A seeded quarter of the samples (200 at most) to calibrate on, and the indices of the others."""
    if len(x) < 4:
        raise ExportError(f"int8: expected representative data or at least 4 samples in x_eval; received {len(x)}.")
    order = np.random.default_rng(0).permutation(len(x))
    cut = min(CALIBRATION_SAMPLES, len(x) // 4)
    return x[np.sort(order[:cut])], np.sort(order[cut:])
