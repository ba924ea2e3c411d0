"""Diagnose one training that ``fit`` has given a History of, without a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tunemagic.analysis.diagnosis import diagnose_history
from tunemagic.analysis.finding import Findings
from tunemagic.analysis.signs import Curve
from tunemagic.errors import DataError
from tunemagic.search.data import TrainingData
from tunemagic.search.evidence import measure_evidence

__all__ = ["curves_in", "diagnose_training", "is_history"]


def diagnose_training(
    history: Any,
    *,
    data: Any = None,
    val: Any = None,
    classes: int | None = None,
    batch_size: int | None = None,
    seconds: float | None = None,
) -> Findings:
    """What is wrong with the training that this History tells of; nothing when it looks healthy.

    Args:
        history: What ``fit`` returned, or its dict of lists. Of a History its model is looked at too.
        data: What it was trained on, ``(x, y)`` or a dataset.
        val: What it was validated on, the same.
        classes: Number of classes, where there is no data to count them in.
        batch_size: That of ``fit`` where it was given one.
        seconds: How long ``fit`` took; without it that is estimated from a few batches.

    Raises:
        DataError: The history holds no curve of numbers.
    """
    curves = curves_in(history)
    known = {} if classes is None else {"classes": float(classes)}
    epochs = max(map(len, curves.values()))
    epoch_seconds = None if seconds is None else seconds / epochs
    measured = measure_evidence(
        getattr(history, "model", None),
        _training_data(data, val),
        epoch_seconds=epoch_seconds,
        batch_size=batch_size,
    )
    known |= {} if epoch_seconds is None else {"epoch_seconds": epoch_seconds}
    finding = diagnose_history(curves, evidence={**measured, **known})
    return Findings([] if finding is None else [finding.to_json()])


def is_history(value: Any) -> bool:
    """Whether this is a History of ``fit``, or a dict of lists of numbers as it holds."""
    try:
        curves_in(value)
    except DataError:
        return False
    return True


def curves_in(history: Any) -> Mapping[str, Curve]:
    """The curves by their names. Raises DataError when there is none."""
    curves = getattr(history, "history", history)
    found = {}
    for name, curve in curves.items() if isinstance(curves, Mapping) else ():
        if isinstance(name, str) and _is_curve(curve):
            found[name] = [None if value is None else float(value) for value in curve]
    if not any(found.values()):
        raise DataError(
            f"received a {type(history).__name__}; expected what fit returned, or a dict of lists such as "
            '{"loss": [2.3, 1.1], "val_loss": [2.2, 1.2]}.'
        )
    return found


def _is_curve(curve: Any) -> bool:
    if isinstance(curve, str) or not (isinstance(curve, Sequence) or hasattr(curve, "tolist")):
        return False
    values = curve if isinstance(curve, Sequence) else curve.tolist()
    if not isinstance(values, Sequence):
        return False
    return all(value is None or (hasattr(value, "__float__") and not isinstance(value, str)) for value in values)


def _training_data(data: Any, val: Any) -> TrainingData | None:
    import numpy as np

    if data is None:
        return None
    x, y = data if isinstance(data, tuple) else (data, None)
    val_x, val_y = val if isinstance(val, tuple) else (val, None)
    names = ("x",) if y is None else ("x", "y")
    made = TrainingData(x=x, y=y, val_x=val_x, val_y=val_y, names=names)
    if not made.is_arrays:
        return made
    arrays: dict[str, Any] = {key: getattr(made, key) for key in ("x", "y", "val_x", "val_y")}
    whole: dict[str, Any] = {key: None if value is None else np.asarray(value) for key, value in arrays.items()}
    return dataclasses.replace(made, **whole)
