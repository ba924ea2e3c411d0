"""Diagnose one training that ``fit`` has given a History of, without a study."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tunemagic.analysis.diagnosis import diagnose_history
from tunemagic.analysis.finding import Findings
from tunemagic.analysis.signs import Curve
from tunemagic.analysis.unsaid import unsaid
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
    """What is wrong with the training that this History tells of, or what is missing to say so; else nothing.

    Args:
        history: What ``fit`` returned, its dict of lists, or the model that was fitted. Of a History its
            model is looked at too.
        data: What it was trained on, ``(x, y)`` or a dataset.
        val: What it was validated on, the same.
        classes: Number of classes, where there is no data to count them in.
        batch_size: That of ``fit`` where it was given one.
        seconds: How long ``fit`` took; without it that is estimated from a few batches.

    Raises:
        DataError: The history holds no curve of numbers, the data no targets, or ``val`` stands alone.
    """
    curves = curves_in(history)
    history = _training_of(history)
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
    finding = diagnose_history(curves, evidence={**measured, **known}) or unsaid(curves)
    return Findings([] if finding is None else [finding.to_json()])


def is_history(value: Any) -> bool:
    """Whether this is a History of ``fit``, a dict of lists of numbers as it holds, or a fitted model."""
    try:
        curves_in(value)
    except DataError:
        return False
    return True


def curves_in(history: Any) -> Mapping[str, Curve]:
    """The curves by their names. Raises DataError when there is none."""
    training = _training_of(history)
    curves = getattr(training, "history", training)
    found = {}
    for name, curve in curves.items() if isinstance(curves, Mapping) else ():
        if isinstance(name, str) and _is_curve(curve):
            found[name] = [None if value is None else float(value) for value in curve]
    if not any(found.values()):
        raise DataError(
            f"received a {type(history).__name__}; expected what fit returned, a fitted model, or a dict of lists "
            'such as {"loss": [2.3, 1.1], "val_loss": [2.2, 1.2]}.'
        )
    return found


def _training_of(what: Any) -> Any:
    """The History of a fitted model, which has one of its own; anything else as it is."""
    inner = getattr(what, "history", None)
    return inner if hasattr(inner, "history") else what


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
        if val is not None:
            raise DataError("received val without data; expected both: what was trained on and what was validated on.")
        return None
    x, y = data if isinstance(data, tuple) else (data, None)
    val_x, val_y = val if isinstance(val, tuple) else (val, None)
    names = ("x",) if y is None else ("x", "y")
    made = TrainingData(x=x, y=y, val_x=val_x, val_y=val_y, names=names)
    if not made.is_arrays:
        return made
    if y is None or (val_x is not None and val_y is None):
        where = "data" if y is None else "val"
        raise DataError(f"received {where} without targets; expected both, x and y, or a dataset.")
    arrays: dict[str, Any] = {key: getattr(made, key) for key in ("x", "y", "val_x", "val_y")}
    whole: dict[str, Any] = {key: None if value is None else np.asarray(value) for key, value in arrays.items()}
    return dataclasses.replace(made, **whole)
