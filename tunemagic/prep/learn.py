"""Learn from the training part what a recipe needs to know: what to fill in, where to clip, how to scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import DataError
from tunemagic.prep.clean import (
    RowFaults,
    beyond,
    check_left,
    check_targets,
    interpolated,
    limits,
    repeated,
    row_faults,
)
from tunemagic.prep.graph import prepared_rows
from tunemagic.prep.part import training_rows
from tunemagic.prep.preparation import Column, Preparation
from tunemagic.prep.recipe import Recipe
from tunemagic.prep.report import Report
from tunemagic.prep.table import Source, listed, read_source, take_rows, to_matrix
from tunemagic.prep.told import done

__all__ = ["learn"]

_FILLS = {"median": "median", "mode": "most_frequent", "constant": "constant"}  # the others: mean


def learn(recipe: Recipe, x: Any, y: Any, source: Source | None) -> Preparation:
    """The recipe's preparation of ``x``, learned from the running trial's part of it, else from all of it.

    Raises DataError when the data can't be prepared this way.
    """
    if hasattr(x, "element_spec"):
        raise DataError("fit: received a dataset; expected a table or an array. Collect it first: np.concatenate.")
    given = len(x) if hasattr(x, "__len__") else 0
    check_targets(given, y)
    trained_on = training_rows(given)
    if trained_on is not None:
        x, y = take_rows(x, trained_on), None if y is None else take_rows(y, trained_on)
    source = source or read_source(x, recipe)
    matrix = to_matrix(source, x, recipe)
    _check_filter(recipe, source)
    found = Report(given=given, rows=len(matrix), left=len(matrix), columns=len(source.columns), shape=source.shape)
    made = Preparation(recipe=recipe, source=source, columns=(Column(),) * len(source.columns), report=found)
    made = _without_gaps(made, matrix)
    if recipe.missing == "interpolate":
        matrix = interpolated(matrix, source)
    made = _with_limits(made, matrix)
    faults = row_faults(made, matrix, x, y)
    check_left(faults)
    made = _without_constants(made, matrix[~faults.any])
    faults = row_faults(made, matrix, x, y)  # columns that are left out drop no rows
    kept = matrix[~faults.any]
    made = _with_fills(made, kept)
    made = _with_scale(made, kept)
    return replace(made, report=_reported(made, x, y, faults))


def _check_filter(recipe: Recipe, source: Source) -> None:
    if recipe.outliers != "median_filter":
        return
    if len(source.shape) < 2 or source.shape[0] < 3:
        raise DataError(
            "outliers='median_filter': expected signals (row, step, channel) of at least 3 steps; received rows of "
            f"shape {source.shape}. Use x[..., None] for signals (row, step), clip_iqr for tables."
        )


def _names(made: Preparation, chosen: Any) -> str:
    return listed([made.source.columns[int(index)].name for index in chosen])


def _by_column(values: NDArray[Any]) -> NDArray[np.float64]:
    """All values of each column below each other: (value, column)."""
    return values.reshape(-1, values.shape[-1]).astype(np.float64)


def _changed(made: Preparation, **new: Any) -> Preparation:
    """With these fields of the columns replaced; each is a list with one value for each column."""
    count = len(made.columns)
    changes = [{name: values[index] for name, values in new.items()} for index in range(count)]
    return replace(made, columns=tuple(replace(old, **now) for old, now in zip(made.columns, changes, strict=True)))


# -- columns that are left out -----------------------------------------------------------------------


def _without_gaps(made: Preparation, matrix: NDArray[np.float32]) -> Preparation:
    """Without columns that have no value, or, as the recipe may ask, that have gaps."""
    gaps = np.isnan(_by_column(matrix))
    empty, some = np.asarray(gaps.all(axis=0)), np.asarray(gaps.any(axis=0))
    recipe = made.recipe
    if some.any() and recipe.missing == "none":
        raise DataError(
            f"{int(gaps.sum())} missing values are left in {_names(made, np.flatnonzero(some))}; expected none with "
            "missing='none'. Use missing='mean', 'median', 'mode', 'drop_rows' or 'drop_columns'."
        )
    if recipe.missing == "drop_columns":
        if some.any() and _keeps_shape(made):
            raise DataError(
                f"missing='drop_columns' is for tables; received rows of shape {made.source.shape}. "
                "Use 'interpolate' or 'mean'."
            )
        return _drop(made, some, "missing values")
    if empty.any() and (recipe.constant == "keep" or _keeps_shape(made)):
        raise DataError(f"there is no value at all in {_names(made, np.flatnonzero(empty))}; leave that out.")
    return _drop(made, empty, "no value")


def _keeps_shape(made: Preparation) -> bool:
    """Whether what is left of a row must stay in its place: pixels of an image, steps of a signal."""
    return len(made.source.shape) > 1


def _without_constants(made: Preparation, matrix: NDArray[np.float32]) -> Preparation:
    """Without columns of one value."""
    if made.recipe.constant == "keep" or _keeps_shape(made):
        return made
    values = _by_column(matrix)
    left = np.array([not column.dropped for column in made.columns])
    return _drop(made, left & _is_constant(values), "constant")


def _is_constant(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    filled = np.where(np.isnan(values), np.nan_to_num(np.nanmax(values, axis=0, initial=-np.inf)), values)
    constant: NDArray[np.bool_] = np.ptp(filled, axis=0) == 0
    return constant


def _drop(made: Preparation, gone: NDArray[np.bool_], why: str) -> Preparation:
    pairs = zip(made.columns, gone, strict=True)
    made = _changed(made, dropped=[column.dropped or (why if bad else "") for column, bad in pairs])
    if all(column.dropped for column in made.columns):
        reasons = sorted({column.dropped for column in made.columns})
        raise DataError(f"all {len(gone)} columns are left out ({', '.join(reasons)}); expected at least one to stay.")
    return made


# -- numbers -----------------------------------------------------------------------------------------


def _with_limits(made: Preparation, matrix: NDArray[np.float32]) -> Preparation:
    """With the limits beyond which a value is an outlier; also for a recipe that only tells of them."""
    rule = made.recipe.outliers.partition("_")[2]
    values = _by_column(matrix)
    kept = [index for index, column in enumerate(made.columns) if not column.dropped]
    values = values if made.recipe.per == "feature" else values[:, kept]
    low, high = limits(made.recipe, _pooled(made, values, kept), rule=rule if rule in {"iqr", "zscore"} else "iqr")
    told = [column.categories is None for column in made.source.columns]
    lows, highs = (np.broadcast_to(limit, (len(told),)) for limit in (low, high))
    return _changed(
        made,
        low=[float(v) if ok and np.isfinite(v) else None for v, ok in zip(lows, told, strict=True)],
        high=[float(v) if ok and np.isfinite(v) else None for v, ok in zip(highs, told, strict=True)],
    )


def _pooled(made: Preparation, values: NDArray[np.float64], columns: list[int]) -> NDArray[np.float64]:
    """The values of these raw columns as the recipe takes statistics of them: for each column, or all as one.

    Codes of categories are no part of the one, unless there is nothing else.
    """
    if made.recipe.per == "feature":
        return values
    is_number = np.array([made.source.columns[index].categories is None for index in columns])
    return values[:, is_number if is_number.any() else slice(None)].reshape(-1, 1)


def _with_fills(made: Preparation, matrix: NDArray[np.float32]) -> Preparation:
    """With what is filled in for NaN. Source: scikit-learn's SimpleImputer."""
    from sklearn.impute import SimpleImputer

    recipe = made.recipe
    if recipe.missing == "none":
        return made
    strategy = _FILLS.get(recipe.missing, "mean")
    values = _by_column(matrix)
    numbers = SimpleImputer(strategy=strategy, fill_value=recipe.fill, keep_empty_features=True).fit(values).statistics_
    codes = SimpleImputer(strategy="most_frequent", keep_empty_features=True).fit(values).statistics_
    if strategy == "constant":
        codes = np.full(len(codes), -1.0)
    is_number = [column.categories is None for column in made.source.columns]
    return _changed(
        made, fill=[float(n if number else c) for n, c, number in zip(numbers, codes, is_number, strict=True)]
    )


def _with_scale(made: Preparation, matrix: NDArray[np.float32]) -> Preparation:
    """With what is subtracted from each number and what it is divided by then."""
    if made.recipe.scaler == "none" or not made.numbers:
        return made
    numbers = list(made.numbers)
    unscaled = replace(made, recipe=replace(made.recipe, scaler="none"))
    values = _by_column(prepared_rows(unscaled, matrix))[:, : len(numbers)]  # one-hot columns come behind
    constant = [index for index, spread in zip(numbers, np.ptp(values, axis=0), strict=True) if spread == 0]
    pooled = _pooled(made, values, numbers)
    if constant and (made.recipe.per == "feature" or np.ptp(pooled) == 0):
        cure = "per='all'" if _keeps_shape(made) else "constant='drop'"
        raise DataError(
            f"scaler={made.recipe.scaler!r}: {_names(made, constant)} can't be scaled, having one value only; "
            f"use {cure} or scaler='none'."
        )
    shift, scale = (np.broadcast_to(part, (len(numbers),)) for part in _scaling(made.recipe.scaler, pooled))
    if made.recipe.scaler == "robust":
        flat = np.ptp(np.percentile(pooled, [25, 75], axis=0), axis=0) == 0
        scale = np.where(flat, np.ptp(pooled, axis=0), scale)
        by_range = tuple(made.source.columns[i].name for i in np.array(numbers)[np.broadcast_to(flat, len(numbers))])
        made = replace(made, report=replace(made.report, by_range=by_range))
    shifts, scales = np.zeros(len(made.columns)), np.ones(len(made.columns))
    shifts[numbers], scales[numbers] = shift, scale
    return _changed(made, shift=[float(value) for value in shifts], scale=[float(value) for value in scales])


def _scaling(scaler: str, values: NDArray[np.float64]) -> tuple[Any, Any]:
    """Shift and scale of each column, by scikit-learn where it has that scaler."""
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    if scaler == "minmax":
        fitted = MinMaxScaler().fit(values)
        return fitted.data_min_, fitted.data_range_
    if scaler == "zscore":
        fitted = StandardScaler().fit(values)
        return fitted.mean_, fitted.scale_
    if scaler == "robust":
        fitted = RobustScaler().fit(values)
        return fitted.center_, fitted.scale_
    return values.mean(axis=0), np.ptp(values, axis=0)


# -- what is told ------------------------------------------------------------------------------------


def _reported(made: Preparation, x: Any, y: Any, faults: RowFaults) -> Report:
    """What was found in the training part and what was done."""
    raw = made.source.columns
    matrix = to_matrix(made.source, x, made.recipe)  # with its gaps still
    gaps = np.isnan(_by_column(matrix)).sum(axis=0)
    outside = beyond(matrix, made.columns).reshape(-1, len(raw)).sum(axis=0)
    constant = _is_constant(_by_column(matrix)) & (gaps < len(matrix))
    found = replace(
        made.report,
        left=int((~faults.any).sum()),
        missing={raw[i].name: int(count) for i, count in enumerate(gaps) if count},
        duplicates=int(repeated(made.source, x, y).sum()),
        outliers={raw[i].name: int(count) for i, count in enumerate(outside) if count},
        constant=tuple(raw[int(i)].name for i in np.flatnonzero(constant)),
        mixed={column.name: column.note for column in raw if column.note},
        categories={column.name: len(column.categories) for column in raw if column.categories is not None},
    )
    masks = {"missing": faults.missing, "duplicates": faults.duplicate, "outliers": faults.outlier}
    dropped = {name: int(mask.sum()) for name, mask in masks.items()}
    return replace(found, done=done(made.recipe, found, dropped))
