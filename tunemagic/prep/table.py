"""Raw rows as numbers: what the columns of a table mean, and tables turned into matrices by that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import DataError
from tunemagic.text import did_you_mean

if TYPE_CHECKING:
    from tunemagic.prep.recipe import Recipe

__all__ = ["Source", "SourceColumn", "given_columns", "listed", "read_source", "take_rows", "to_matrix"]

_SHOWN = 4
_FEW_CATEGORIES = 50
_KINDS = {"M": "dates", "m": "time spans", "c": "complex numbers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """One column of the raw rows (of arrays with more axes: one index of the last axis).

    ``categories`` are a category column's values, whose positions are its codes; None for numbers.
    ``note`` says what had to be done to read it, or nothing.
    """

    name: str
    categories: tuple[Any, ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What raw rows look like: the shape of one row and its columns. ``is_table``: columns have names."""

    shape: tuple[int, ...]
    columns: tuple[SourceColumn, ...]
    is_table: bool = False


def read_source(x: Any, recipe: Recipe) -> Source:
    """What the columns of a table or array are. Raises DataError for what can't be read as rows."""
    if _is_frame(x):
        return _read_frame(x, recipe)
    array = _as_array(x)
    if array.dtype.kind in "OUS":
        import pandas as pd

        return replace(_read_frame(pd.DataFrame(array), recipe), is_table=False)
    columns = tuple(SourceColumn(name=f"column {index}") for index in range(array.shape[-1]))
    source = Source(shape=array.shape[1:], columns=columns)
    chosen = _declared(recipe, list(range(array.shape[-1])))
    if not chosen:
        return source
    if array.ndim != 2:
        raise DataError(f"categories: expected columns of a table (row, column); received data of shape {array.shape}.")
    told = [
        replace(column, categories=_categories(array[:, index][~np.isnan(array[:, index].astype(float))], column.name))
        if index in chosen
        else column
        for index, column in enumerate(columns)
    ]
    return replace(source, columns=tuple(told))


def to_matrix(source: Source, x: Any, recipe: Recipe) -> NDArray[np.float32]:
    """Rows as float32 of shape (row, *source.shape): numbers as they are, NaN kept, categories as codes.

    A category that is not in the source's table becomes -1. A matrix that was made so before is
    taken as it is. Raises DataError when the rows don't have the source's columns.
    """
    if _is_frame(x):
        return _frame_matrix(source, x, recipe)
    array = _as_array(x)
    if array.shape[1:] != source.shape:
        wanted = ", ".join(["rows", *map(str, source.shape)])
        raise DataError(f"expected rows as in the training part, of shape ({wanted}); received {array.shape}.")
    if array.dtype.kind in "OUS":
        import pandas as pd

        return _frame_matrix(source, pd.DataFrame(array), recipe)
    matrix = array.astype(np.float32)
    infinite = int(np.isinf(matrix).sum())
    if infinite:
        raise DataError(f"expected finite numbers or NaN; received {infinite} infinite values. Replace them by NaN.")
    if not source.is_table:
        for index, column in enumerate(source.columns):
            if column.categories is not None:
                matrix[:, index] = _codes(array[:, index], column.categories)
    return matrix


def given_columns(source: Source, x: Any) -> Any:
    """The source's columns of a table or array as they were given, as a DataFrame; arrays are flattened."""
    import pandas as pd

    if not _is_frame(x):
        array = np.asarray(x)
        return pd.DataFrame(array.reshape(len(array), -1))
    names = [column.name for column in source.columns]
    table = x.set_axis(list(map(str, x.columns)), axis=1)
    return table[names] if source.is_table else table.iloc[:, : len(names)]


def take_rows(values: Any, rows: Any) -> Any:
    """These rows of a table or array."""
    return values.iloc[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _is_frame(x: Any) -> bool:
    return hasattr(x, "columns") and hasattr(x, "iloc")


def _as_array(x: Any) -> NDArray[Any]:
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise DataError("the rows differ in length; expected a table or an array of one shape.") from error
    if array.ndim < 2:
        cure = "x.to_frame()" if hasattr(x, "to_frame") else "x[:, None]"
        hint = f" Use {cure} for a single column." if array.ndim == 1 else ""
        raise DataError(f"expected a table, or an array (row, column); received shape {array.shape}.{hint}")
    if array.size == 0:
        raise DataError(f"expected at least one row and one column; received shape {array.shape}.")
    if array.dtype.kind not in "biufOUS":
        raise DataError(f"expected numbers or categories; received {_KINDS.get(array.dtype.kind, array.dtype)}.")
    if array.dtype.kind in "OUS" and array.ndim != 2:
        raise DataError(f"expected numbers in data of shape {array.shape}; received {array.dtype}.")
    return array


def _declared(recipe: Recipe, labels: list[Any]) -> set[int]:
    """Positions of the columns that the recipe calls categories. Raises DataError for an unknown one."""
    found = set()
    for name in recipe.categories:
        if name in labels:
            found.add(labels.index(name))
        elif isinstance(name, int) and 0 <= name < len(labels):
            found.add(name)
        else:
            hint = did_you_mean(str(name), map(str, labels))
            raise DataError(f"categories: there is no column {name!r} among {listed(list(map(str, labels)))}.{hint}")
    return found


# -- tables ------------------------------------------------------------------------------------------


def _read_frame(frame: Any, recipe: Recipe) -> Source:
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise DataError(f"expected at least one row and one column; received a table of shape {frame.shape}.")
    labels = list(_labels(frame).values())
    chosen = _declared(recipe, labels)
    columns = [_read_column(str(label), frame[label], recipe, index in chosen) for index, label in enumerate(labels)]
    return Source(shape=(len(columns),), columns=tuple(columns), is_table=True)


def _labels(frame: Any) -> dict[str, Any]:
    """The columns' labels by their names. Raises DataError when two have one name."""
    labels = {str(label): label for label in frame.columns}
    if len(labels) < frame.shape[1]:
        raise DataError(f"expected columns of different names; received {listed(list(map(str, frame.columns)))}.")
    return labels


def _read_column(name: str, column: Any, recipe: Recipe, is_category: bool) -> SourceColumn:
    import pandas as pd

    values = column.dropna()
    kind = getattr(column.dtype, "kind", "O")
    if kind in _KINDS:
        raise DataError(f"column {name!r} holds {_KINDS[kind]}; expected numbers or categories. Derive numbers first.")
    if is_category or isinstance(column.dtype, pd.CategoricalDtype):
        return SourceColumn(name=name, categories=_categories(values.to_numpy(), name))
    if kind in "biuf":
        return SourceColumn(name=name)
    if not len(values):
        return SourceColumn(name=name)
    other = next((value for value in values if not isinstance(value, (str, bool, np.bool_, Number))), None)
    if other is not None:
        raise DataError(
            f"column {name!r} holds {type(other).__name__} values; expected numbers or categories. "
            "Derive numbers first."
        )
    texts = [isinstance(value, str) for value in values]
    numbers = pd.to_numeric(values, errors="coerce").notna()
    if numbers.all():
        return SourceColumn(name=name, note="numbers written as texts" if any(texts) else "")
    if not numbers.any() and all(texts):
        return SourceColumn(name=name, categories=_categories(values.to_numpy(), name))
    others = int((~numbers).sum())
    note = f"{int(numbers.sum())} numbers and {others} other values, such as {str(values[~numbers].iloc[0])[:20]!r}"
    if recipe.mixed == "numbers":
        return SourceColumn(name=name, note=f"{note}: the others became missing")
    if recipe.mixed == "text":
        return SourceColumn(name=name, categories=_categories(values.map(_text).to_numpy(), name), note=note)
    raise DataError(
        f"column {name!r} is mixed: {note}; use mixed='numbers' to make those missing, or mixed='text' for categories."
    )


def _categories(values: Any, name: str) -> tuple[Any, ...]:
    """The different values in sorted order, as JSON can hold them. Raises DataError when there are too many."""
    found = {_plain(value) for value in values}
    if len(found) > _FEW_CATEGORIES and len(found) > len(values) / 2:
        raise DataError(
            f"column {name!r} has {len(found)} different values in {len(values)} rows; expected categories. "
            "Leave it out, or turn it into numbers."
        )
    return tuple(sorted(found, key=lambda value: (isinstance(value, str), value)))


def _plain(value: Any) -> Any:
    """A category as text, truth value or number of Python's own; whole numbers are int."""
    if isinstance(value, (str, bool, np.bool_)):
        return str(value) if isinstance(value, str) else bool(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return int(number) if number.is_integer() else number


def _text(value: Any) -> str:
    """A value of a mixed column as a category; 1 and 1.0 are the same."""
    return str(_plain(value))


def _codes(values: Any, categories: tuple[Any, ...]) -> NDArray[np.float32]:
    """Positions in the table of categories; NaN for missing values, -1 for unknown ones."""
    import pandas as pd

    known = {value: code for code, value in enumerate(categories)}
    gaps = pd.isna(values)
    codes = [np.nan if gap else known.get(_plain(value), -1) for value, gap in zip(values, gaps, strict=True)]
    return np.asarray(codes, np.float32)


def _frame_matrix(source: Source, frame: Any, recipe: Recipe) -> NDArray[np.float32]:
    import pandas as pd

    if len(frame) == 0:
        raise DataError(f"expected at least one row; received a table of shape {frame.shape}.")
    if not source.is_table:
        frame = frame.set_axis([column.name for column in source.columns][: frame.shape[1]], axis=1)
    labels = _labels(frame)
    absent = [column.name for column in source.columns if column.name not in labels]
    if absent:
        raise DataError(f"the table has no column {listed(absent)}; expected the columns of the training part.")
    matrix = np.empty((len(frame), len(source.columns)), np.float32)
    for index, column in enumerate(source.columns):
        values = frame[labels[column.name]]
        if column.categories is not None:
            asked = values.map(_text, na_action="ignore") if recipe.mixed == "text" and column.note else values
            matrix[:, index] = _codes(asked.to_numpy(dtype=object), column.categories)
            continue
        numbers = pd.to_numeric(values, errors="coerce")
        spoilt = values.notna() & numbers.isna()
        if spoilt.any() and recipe.mixed != "numbers":
            raise DataError(
                f"column {column.name!r}: expected numbers; received {str(values[spoilt].iloc[0])[:20]!r}. "
                "Use mixed='numbers' to make such values missing."
            )
        matrix[:, index] = numbers.to_numpy(dtype=np.float32, na_value=np.nan)
        if np.isinf(matrix[:, index]).any():
            raise DataError(f"column {column.name!r} has infinite values; expected finite ones or NaN.")
    return matrix
