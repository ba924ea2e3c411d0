"""Data as it is looked at: one value per row that tells rows apart, and the columns that are numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from tunemagic.errors import DataError

__all__ = ["Part", "read_part", "row_keys", "same_kind"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One part of the data: ``x`` (row, ...) an array or a table, ``y`` (row, ...) its targets or None.

    ``names`` are what the notebook calls both, for messages.
    """

    x: Any
    y: Any
    names: tuple[str, str]

    def __len__(self) -> int:
        return len(self.x)

    @property
    def is_table(self) -> bool:
        """Whether each row is a list of values with a meaning each, not an image, a series or a text."""
        return bool(self.x.ndim == 2)

    @property
    def has_columns(self) -> bool:
        """Whether each place in a row has a meaning of its own: in tables and series, not in images."""
        return self.is_table or bool(self.x.ndim == 3 and self.x.dtype.kind == "f")

    def columns(self) -> list[tuple[str, Any]]:
        """Name and values of each input; an array's are named as they are written, ``x_train[:, 3]``."""
        import numpy as np

        if hasattr(self.x, "columns"):
            return [(str(name), self.x.iloc[:, place].to_numpy()) for place, name in enumerate(self.x.columns)]
        flat = self.x.reshape(len(self.x), -1)
        places = np.ndindex(self.x.shape[1:])
        return [(self._name_of(place), flat[:, number]) for number, place in enumerate(places)]

    def _name_of(self, place: tuple[int, ...]) -> str:
        return f"{self.names[0]}[:, {', '.join(map(str, place))}]" if place else self.names[0]

    def number_columns(self) -> list[tuple[str, Any]]:
        """Those that hold numbers, as float64."""
        return [(name, values.astype("float64")) for name, values in self.columns() if values.dtype.kind in "fiub"]


def read_part(x: Any, y: Any, names: tuple[str, str]) -> Part:
    """The arrays behind what a notebook calls data. Raises DataError for what has no rows or lengths that differ."""
    is_table = hasattr(x, "iloc") and getattr(x, "ndim", 0) == 2
    part = Part(
        x=_with_rows(x if is_table else _array(x, names[0]), names[0]),
        y=None if y is None else _with_rows(_targets(_array(y, names[1])), names[1]),
        names=names,
    )
    _check_columns(part)
    if part.y is not None and len(part.y) != len(part):
        raise DataError(
            f"numbers of samples differ: {names[0]} has {len(part)}, {names[1]} has {len(part.y)}; expected one target "
            "for each sample."
        )
    return part


def same_kind(train: Part, held_out: Part) -> tuple[Part, Part]:
    """Both parts as tables or both as arrays of one type, so that equal rows are equal bytes.

    Raises DataError when their samples differ in shape.
    """
    import numpy as np

    if train.x.shape[1:] != held_out.x.shape[1:]:
        raise DataError(
            f"{train.names[0]} has samples of shape {train.x.shape[1:]}, {held_out.names[0]} of "
            f"{held_out.x.shape[1:]}; expected the same shape in both parts."
        )
    if all(hasattr(part.x, "columns") for part in (train, held_out)):
        return _same_columns(train, held_out)
    arrays = [np.asarray(part.x) for part in (train, held_out)]
    types = [array.dtype for array in arrays]
    common = min(types, key=lambda each: each.itemsize) if all(each.kind == "f" for each in types) else None
    arrays = [array.astype(common or np.result_type(*types), copy=False) for array in arrays]
    return replace(train, x=arrays[0]), replace(held_out, x=arrays[1])


def _same_columns(train: Part, held_out: Part) -> tuple[Part, Part]:
    """Both tables with their columns in one order; numbers of different types, as 3 and 3.0, become floats.

    Two types of floats become the shorter one: the other's digits are lost in one part already.
    """
    names = list(train.x.columns)
    missing = [str(name) for name in names if name not in held_out.x.columns]
    if missing:
        raise DataError(
            f"{held_out.names[0]} has no column {missing[0]!r}, {train.names[0]} does; expected the same columns."
        )
    first, second = train.x, held_out.x if list(held_out.x.columns) == names else held_out.x[names]
    pairs = zip(names, first.dtypes, second.dtypes, strict=True)
    floats = {
        name: f"float{8 * min(one.itemsize, other.itemsize)}" if one.kind == other.kind == "f" else "float64"
        for name, one, other in pairs
        if one != other and one.kind in "fiub" and other.kind in "fiub"
    }
    return replace(train, x=first.astype(floats)), replace(held_out, x=second.astype(floats))


def row_keys(x: Any) -> list[Any]:
    """For each row a value that equal rows have alike and others don't."""
    import numpy as np

    if hasattr(x, "columns") or x.dtype.kind in "OUS":
        import pandas as pd

        frame = x if hasattr(x, "columns") else pd.DataFrame(x.reshape(len(x), -1).astype(object))
        return list(pd.util.hash_pandas_object(frame, index=False).tolist())
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]


def _array(value: Any, name: str) -> Any:
    import numpy as np

    if hasattr(value, "element_spec"):
        raise DataError(
            f"{name} is a dataset; expected an array or a table. Collect it first, for example with np.concatenate."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{name}: its rows differ in length; expected an array of one shape.") from error
    if array.ndim == 0:
        raise DataError(f"{name} is a {type(value).__name__}; expected an array or a table with a row for each sample.")
    is_text = array.dtype == object and all(isinstance(item, str) for item in array.flat)
    return array.astype(str) if is_text else array


def _targets(array: Any) -> Any:
    """Numbers among Python's objects, as a gap in a column makes them, as floats; texts keep their gaps."""
    import numpy as np
    import pandas as pd

    if array.dtype != object:
        return array
    gaps = pd.isna(array)
    are_numbers = not gaps.all() and all(isinstance(each, Real) for each in array[~gaps])
    return np.where(gaps, np.nan, array).astype("float64") if are_numbers else array


def _check_columns(part: Part) -> None:
    """Raise DataError for columns of one name, and for those with lists and the like, which can't be compared."""
    import pandas as pd

    name = part.names[0]
    if hasattr(part.x, "columns") and not part.x.columns.is_unique:
        twice = part.x.columns[part.x.columns.duplicated()][0]
        raise DataError(f"{name} has several columns {str(twice)!r}; expected columns of different names.")
    for column, values in part.columns() if hasattr(part.x, "columns") or part.x.dtype == object else ():
        try:
            pd.unique(values)
        except TypeError as error:
            raise DataError(
                f"{name}: column {column!r} holds {type(values[0]).__name__}s; expected numbers or texts."
            ) from error


def _with_rows(data: Any, name: str) -> Any:
    if len(data) == 0:
        raise DataError(f"{name} has no rows (shape {data.shape}); expected at least one sample.")
    return data
