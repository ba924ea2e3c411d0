"""Faults of rows: missing values, repetitions, outliers; and gaps filled in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import DataError

if TYPE_CHECKING:
    from tunemagic.prep.preparation import Column, Preparation
    from tunemagic.prep.recipe import Recipe
    from tunemagic.prep.table import Source

__all__ = [
    "RowFaults",
    "beyond",
    "check_left",
    "check_targets",
    "filtered",
    "interpolated",
    "limits",
    "repeated",
    "row_faults",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowFaults:
    """For each row whether it is dropped for that reason; a row may have several."""

    missing: NDArray[np.bool_]
    duplicate: NDArray[np.bool_]
    outlier: NDArray[np.bool_]

    @property
    def any(self) -> NDArray[np.bool_]:
        """For each row whether it is dropped at all."""
        return self.missing | self.duplicate | self.outlier


def row_faults(preparation: Preparation, matrix: NDArray[np.float32], y: Any) -> RowFaults:
    """Which rows of the training part the recipe drops."""
    recipe = preparation.recipe
    none = np.zeros(len(matrix), bool)
    kept = [index for index, column in enumerate(preparation.columns) if not column.dropped]
    return RowFaults(
        missing=_any_of(np.isnan(matrix[..., kept])) if recipe.missing == "drop_rows" else none,
        duplicate=repeated(matrix, y) if recipe.duplicates == "drop" else none,
        outlier=_any_of(beyond(matrix, preparation.columns)) if recipe.outliers.startswith("drop_") else none,
    )


def check_left(faults: RowFaults) -> None:
    """Raise DataError when no row is left."""
    if faults.any.all():
        found = {"missing values": faults.missing, "repetitions": faults.duplicate, "outliers": faults.outlier}
        told = ", ".join(f"{int(mask.sum())} for {name}" for name, mask in found.items() if mask.any())
        raise DataError(
            f"all {len(faults.any)} training rows would be dropped ({told}); expected some to stay. "
            "Fill the gaps, as with missing='mean', drop_columns, or clip."
        )


def check_targets(rows: int, y: Any) -> None:
    """Raise DataError unless there is one target for each row."""
    if y is None:
        return
    if not hasattr(y, "__len__") or len(y) != rows:
        received = f"{len(y)}" if hasattr(y, "__len__") else type(y).__name__
        raise DataError(f"expected {rows} targets, one for each row; received {received}.")


def repeated(matrix: NDArray[Any], y: Any) -> NDArray[np.bool_]:
    """Whether each row is the same as an earlier one, its target included."""
    import pandas as pd

    table = pd.DataFrame(matrix.reshape(len(matrix), -1))
    if y is not None:
        targets = pd.DataFrame(np.asarray(y).reshape(len(matrix), -1)).add_prefix("y")
        table = pd.concat([table, targets], axis=1)
    mask: NDArray[np.bool_] = table.duplicated().to_numpy()
    return mask


def limits(recipe: Recipe, values: NDArray[np.float64], *, rule: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where outliers begin in each column of ``values`` (value, column), by ``iqr`` or ``zscore``.

    NaN, which nothing is beyond, where the column doesn't spread: half of a sparse column's values
    are equal, and all the others would be outliers.
    """
    if rule == "iqr":
        first, third = np.nanpercentile(values, [25, 75], axis=0)
        spread = third - first
        low, high = first - recipe.factor_of(rule) * spread, third + recipe.factor_of(rule) * spread
    else:
        mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        low, high = mean - recipe.factor_of(rule) * spread, mean + recipe.factor_of(rule) * spread
    return np.where(spread > 0, low, np.nan), np.where(spread > 0, high, np.nan)


def beyond(matrix: NDArray[Any], columns: tuple[Column, ...]) -> NDArray[np.bool_]:
    """For each value whether it is an outlier by the columns' limits; a missing value is none."""
    low = np.array([np.nan if column.low is None else column.low for column in columns], np.float32)
    high = np.array([np.nan if column.high is None else column.high for column in columns], np.float32)
    outside: NDArray[np.bool_] = (matrix < low) | (matrix > high)
    return outside


def interpolated(matrix: NDArray[np.float32], source: Source) -> NDArray[np.float32]:
    """Gaps filled on a straight line between neighbours in time; at the ends by the nearest value.

    Time runs along the rows of a table (row, column) and along the steps of series (row, step,
    channel). What has no value at all stays NaN, and so do missing categories.
    """
    import pandas as pd

    if not np.isnan(matrix).any():
        return matrix
    in_time = matrix if matrix.ndim == 2 else np.moveaxis(matrix, 0, -1)  # (step, ..., row)
    flat = pd.DataFrame(in_time.reshape(len(in_time), -1)).interpolate(limit_direction="both")
    filled = flat.to_numpy(np.float32).reshape(in_time.shape)
    filled = filled if matrix.ndim == 2 else np.ascontiguousarray(np.moveaxis(filled, -1, 0))
    is_number = np.array([column.categories is None for column in source.columns])
    return np.where(is_number, filled, matrix)


def filtered(made: Preparation, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers as they come to the scaler: filled, filtered, clipped. Same shape as ``matrix``."""
    recipe, columns = made.recipe, made.columns
    fills = np.array([0.0 if column.fill is None else column.fill for column in columns], np.float32)
    values = np.where(np.isnan(matrix), fills, matrix)
    if recipe.outliers == "median_filter":
        before = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
        after = np.concatenate([values[:, 1:], values[:, -1:]], axis=1)
        values = np.median([before, values, after], axis=0)
    if recipe.outliers.startswith("clip_"):
        low = np.array([-np.inf if column.low is None else column.low for column in columns], np.float32)
        high = np.array([np.inf if column.high is None else column.high for column in columns], np.float32)
        values = np.clip(values, low, high)
    return values


def _any_of(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(values.reshape(len(values), -1).any(axis=1))
