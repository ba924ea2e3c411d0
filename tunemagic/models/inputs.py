"""What a template can take: shapes and types, checked before anything is built."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import DataError
from tunemagic.text import counted

__all__ = ["number_array", "refuse", "sample_shape", "text_array"]

_PREPARE = (
    "Encode and fill the columns first: from tunemagic import prep; prepared = prep.recipe(missing='mean').fit(x); "
    "x = prepared.transform(x), and the same of held-out rows."
)
_KINDS = {
    "columns": "columns (rows, columns)",
    "images": "images (rows, height, width[, channels])",
    "series": "series (rows, steps[, features])",
    "texts": "texts (rows,)",
    "ids": "whole numbers (rows, 2): user and item",
    "any": "numbers (rows, ...)",
}


def sample_shape(template: str, x: Any, kind: str, ranks: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one sample of numbers. Raises DataError unless it has one of these numbers of axes."""
    array = number_array(template, x, kind)
    shape = tuple(int(size) for size in array.shape[1:])
    if len(shape) not in ranks or 0 in array.shape:
        raise refuse(template, array, kind)
    return shape


def number_array(template: str, x: Any, kind: str) -> Any:
    """The inputs as an array of numbers. Raises DataError for texts, mixed columns, NaN and infinite values."""
    import numpy as np

    array = _frame_of_numbers(x) if hasattr(x, "dtypes") else np.asarray(x)
    if array.dtype.kind in "OM" and not _are_texts(array):
        raise DataError(f"models.{template}: x holds values of type {array.dtype}; expected numbers. {_PREPARE}")
    if array.dtype.kind not in "biuf":
        raise refuse(template, array, kind)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        rows = int((~np.isfinite(array)).reshape(len(array), -1).any(axis=1).sum())
        raise DataError(
            f"models.{template}: x holds NaN or infinite values in {counted(rows, 'row')} of {len(array):,}; expected "
            f"numbers. {_PREPARE}"
        )
    return array


def _frame_of_numbers(frame: Any) -> Any:
    """The frame as an array, of numbers if all its columns are, also when some of them are truth values."""
    import numpy as np

    if not all(getattr(kind, "kind", "O") in "biuf" for kind in np.atleast_1d(np.asarray(frame.dtypes))):
        return np.asarray(frame)
    return frame.to_numpy(dtype="float64", na_value=np.nan)


def text_array(template: str, x: Any) -> Any:
    """The inputs as a one-dimensional array of str. Raises DataError for anything else."""
    import numpy as np

    array = np.asarray(x)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    missing = sum(item is None or item != item for item in array) if array.dtype == object and array.ndim == 1 else 0
    if 0 < missing < len(array):
        raise DataError(
            f"models.{template}: x lacks {counted(missing, 'text')} of {len(array):,}; expected one in each row. Leave "
            "those rows out, or fill them with ''."
        )
    if array.ndim != 1 or len(array) == 0 or not _are_texts(array):
        raise refuse(template, array, "texts")
    return array


def _are_texts(array: Any) -> bool:
    return array.dtype.kind in "UT" or (array.dtype == object and all(isinstance(item, str) for item in array.flat))


def refuse(template: str, array: Any, kind: str) -> DataError:
    """The error for inputs that the template does not take: what came, what was expected, what fits."""
    what = "texts of shape" if _are_texts(array) else "shape"
    return DataError(
        f"models.{template}: received x of {what} {array.shape}; expected {_KINDS[kind]}. {_fitting(array)}"
    )


def _fitting(array: Any) -> str:
    """The templates that take such inputs, as advice."""
    if _are_texts(array):
        return "Try text." if array.ndim == 1 else "Texts stand in one column: x[:, 0]."
    match array.ndim:
        case 1:
            return "One value per sample is a column: x.reshape(-1, 1)."
        case 2:
            return "Try linear or dense for columns, conv1d or rnn for series."
        case 3:
            return "Try cnn for images, conv1d or rnn for series."
        case 4:
            return "Try cnn."
    return "Try dense, which flattens each sample."
