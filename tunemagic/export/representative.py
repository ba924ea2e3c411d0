"""Data that goes through a model on its way to a file, checked before any process is started.

The converter crashes on infinite calibration values, and writes a float file without a word when
there are none, so nothing reaches it unchecked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError

__all__ = [
    "CALIBRATION_SAMPLES",
    "check_finite",
    "check_inputs",
    "check_targets",
    "draw_samples",
    "input_of",
    "without_gaps",
]

CALIBRATION_SAMPLES = 200


def draw_samples(x: Any, *, count: int = CALIBRATION_SAMPLES, seed: int = 0) -> NDArray[Any]:
    """Up to ``count`` different samples of ``x`` (sample, ...), the same ones for the same seed."""
    rows = _as_array("representative data", x)
    if rows.ndim == 0:
        raise ExportError(f"representative data: expected an array of samples; received the single value {rows!r}.")
    if len(rows) <= count:
        return rows
    chosen = np.random.default_rng(seed).choice(len(rows), size=count, replace=False)
    return rows[np.sort(chosen)]


def input_of(model: Any) -> tuple[tuple[int | None, ...] | None, str]:
    """Shape of one sample (None = any size; None as a whole = not known) and dtype of the model's input.

    Raises ExportError when the model has several inputs.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None, "float32"
    if len(inputs) > 1:
        names = ", ".join(str(tensor.name) for tensor in inputs)
        raise ExportError(
            f"{model.name}: expected a model with one input; received {len(inputs)} ({names}). "
            "Join them into one input with keras.layers.Concatenate and split it inside the model."
        )
    dtype = str(inputs[0].dtype)
    return tuple(inputs[0].shape[1:]), "float32" if dtype in {"float16", "bfloat16"} else dtype


def check_inputs(
    name: str, x: Any, shape: tuple[int | None, ...] | None, dtype: str, *, gaps: bool = False
) -> NDArray[Any]:
    """``x`` as an array (sample, *shape) of ``dtype``.

    ``name`` is what messages call the data. ``gaps``: NaN may be in it, as a missing value. Raises
    ExportError when it is empty, does not fit the model's input, can't be turned into ``dtype``
    without loss of meaning, or holds NaN or infinity.
    """
    rows = _as_array(name, x)
    if rows.size == 0:
        raise ExportError(f"{name}: expected at least one sample; received an empty array of shape {rows.shape}.")
    if shape is not None and not _fits(rows.shape, shape):
        wanted = ", ".join("any" if size is None else str(size) for size in ("samples", *shape))
        hint = " Add the sample axis: x[None]." if _fits((1, *rows.shape), shape) else ""
        raise ExportError(f"{name}: expected shape ({wanted}); received {rows.shape}.{hint}")
    wanted_type = np.dtype(dtype)
    if rows.dtype.kind == "f" and not (gaps and wanted_type.kind == "f" and not np.isinf(rows).any()):
        check_finite(name, rows)
    if wanted_type.kind in "iu" and rows.dtype.kind == "f" and not np.array_equal(rows, np.trunc(rows)):
        raise ExportError(
            f"{name}: the model reads {dtype}; received {rows.dtype} with fractions. Use x.astype('{dtype}')."
        )
    if wanted_type.kind in "iu" and (rows.min() < np.iinfo(wanted_type).min or rows.max() > np.iinfo(wanted_type).max):
        raise ExportError(
            f"{name}: the model reads {dtype}; received values from {rows.min()} to {rows.max()}, which don't fit."
        )
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(rows, dtype=wanted_type)
    if converted.dtype.kind == "f" and np.isinf(converted).any():
        raise ExportError(f"{name}: values up to {np.max(np.abs(rows)):.3g} don't fit into {dtype}. Scale the data.")
    return converted


def check_finite(name: str, rows: NDArray[Any]) -> None:
    """Raises ExportError when there is NaN or infinity in ``rows`` (sample, ...)."""
    bad = ~np.isfinite(rows)
    if not bad.any():
        return
    first = int(np.argmax(bad.reshape(len(rows), -1).any(axis=1)))
    missing, infinite = np.isnan(rows).any(), np.isinf(rows).any()
    kinds = "NaN and infinite values" if missing and infinite else "NaN" if missing else "infinite values"
    raise ExportError(
        f"{name}: expected finite numbers; received {int(bad.sum())} {kinds}, first in sample {first}. "
        "Drop these samples or fill the gaps."
    )


def without_gaps(name: str, rows: NDArray[Any]) -> NDArray[Any]:
    """The samples without NaN. Raises ExportError when there are none."""
    if rows.dtype.kind != "f":
        return rows
    whole = ~np.isnan(rows).reshape(len(rows), -1).any(axis=1)
    if not whole.any():
        raise ExportError(f"{name}: expected samples without missing values; received NaN in all {len(rows)}.")
    kept: NDArray[Any] = rows[whole]
    return kept


def check_targets(y: Any, count: int) -> NDArray[Any] | None:
    """``y`` as an array of ``count`` finite numbers or rows; None stays None. Raises ExportError."""
    if y is None:
        return None
    targets = _as_array("y_eval", y)
    if targets.ndim == 0 or len(targets) != count:
        size = "one value" if targets.ndim == 0 else f"{len(targets)} values"
        raise ExportError(f"y_eval: expected {count} values, one for each sample of x_eval; received {size}.")
    if targets.dtype.kind == "f" and not np.isfinite(targets).all():
        raise ExportError(
            f"y_eval: expected finite numbers; received {int((~np.isfinite(targets)).sum())} NaN or infinite ones."
        )
    return targets


def _as_array(name: str, x: Any) -> NDArray[Any]:
    """Any array-like of numbers as a numpy array; Keras' own layouts of several arrays are refused."""
    if isinstance(x, dict) or (not hasattr(x, "__array__") and not isinstance(x, (list, tuple))):
        raise ExportError(f"{name}: expected an array of numbers; received {type(x).__name__}. Pass numpy arrays.")
    try:
        rows = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise ExportError(f"{name}: expected an array of numbers; samples have different shapes.") from error
    if rows.dtype.kind not in "fiub":
        raise ExportError(f"{name}: expected numbers; received {rows.dtype}. Encode text and objects as numbers first.")
    return rows


def _fits(received: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(received) == len(wanted) + 1 and all(
        size is None or size == got for size, got in zip(wanted, received[1:], strict=True)
    )
