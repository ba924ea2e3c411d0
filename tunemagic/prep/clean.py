"""Faults of rows: missing values, repetitions, outliers; and gaps filled in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import DataError
from tunemagic.prep.table import Source, given_columns

if TYPE_CHECKING:
    from tunemagic.prep.preparation import Column, Preparation
    from tunemagic.prep.recipe import Recipe

__all__ = [
    "RowFaults",
    "beyond",
    "check_left",
    "check_targets",
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


def row_faults(preparation: Preparation, matrix: NDArray[np.float32], x: Any, y: Any) -> RowFaults:
    """Which rows of the training part the recipe drops; ``matrix`` is what it makes of ``x``."""
    recipe = preparation.recipe
    none = np.zeros(len(matrix), bool)
    kept = [index for index, column in enumerate(preparation.columns) if not column.dropped]
    return RowFaults(
        missing=_any_of(np.isnan(matrix[..., kept])) if recipe.missing == "drop_rows" else none,
        duplicate=repeated(preparation.source, x, y) if recipe.duplicates == "drop" else none,
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


def repeated(source: Source, x: Any, y: Any) -> NDArray[np.bool_]:
    """Whether each row as it was given is the same as an earlier one, its target included.

    float32, which a model takes, has 7 digits only: numbers such as ids would be the same there.
    """
    import pandas as pd

    table = given_columns(source, x).reset_index(drop=True)
    if y is not None:
        targets = pd.DataFrame(np.asarray(y).reshape(len(table), -1)).add_prefix("target ")
        table = pd.concat([table.add_prefix("column "), targets], axis=1)
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
    """For each value whether it is an outlier by the columns' limits; a missing value is none.

    Neither is a value of a column that is left out, whatever it is.
    """
    limits = [(None, None) if column.dropped else (column.low, column.high) for column in columns]
    low, high = np.array(limits, np.float32).T  # None becomes NaN
    outside: NDArray[np.bool_] = (matrix < low) | (matrix > high)
    return outside


def interpolated(matrix: NDArray[np.float32], source: Source) -> NDArray[np.float32]:
    """Gaps filled in time, as far as a deployed model could.

    In a table (row, column) by the value of the last row that has one: a later row may validate, or
    be the target of a forecast. In series (row, step, channel), whose steps all belong to one sample,
    on a straight line between neighbours; at the ends by the nearest value. What has no such value
    stays NaN, and so do missing categories.
    """
    import pandas as pd

    if not np.isnan(matrix).any():
        return matrix
    if matrix.ndim == 2:
        filled = pd.DataFrame(matrix).ffill().to_numpy(np.float32)
    else:
        in_time = np.moveaxis(matrix, 0, -1)  # (step, ..., row)
        flat = pd.DataFrame(in_time.reshape(len(in_time), -1)).interpolate(limit_direction="both")
        filled = np.ascontiguousarray(np.moveaxis(flat.to_numpy(np.float32).reshape(in_time.shape), -1, 0))
    is_number = np.array([column.categories is None for column in source.columns])
    return np.where(is_number, filled, matrix)


def _any_of(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(values.reshape(len(values), -1).any(axis=1))
