"""Turn what a notebook calls data into NumPy arrays, check them, tell two of them apart."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tunemagic.errors import DataError

__all__ = [
    "as_array",
    "check_lengths",
    "check_targets",
    "column_names",
    "digest_of",
    "for_keras",
    "not_finite",
    "read_only",
]

_HASH_WHOLE = 64 * 2**20
_HASH_BLOCKS = 64
_SHOWN = 3


def as_array(name: str, value: Any) -> Any:
    """A NumPy array with at least one sample. Raises DataError for what ``fit`` can't take."""
    import numpy as np

    if isinstance(value, Mapping) or (hasattr(value, "__next__") and hasattr(value, "__iter__")) or _is_sequence(value):
        raise DataError(
            f"{name} is a {type(value).__name__}; expected one array or table. Several inputs, and data that is read "
            "piece by piece, come as a tf.data.Dataset (tf.data.Dataset.from_tensor_slices, from_generator)."
        )
    if hasattr(value, "to_numpy"):
        value = _table_values(name, value)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(f"{name} is a masked array; expected a plain one. Fill the gaps: {name} = {name}.filled(0).")
    try:
        array = np.asarray(value)
    # NumPy says so of rows that differ in length; anything else comes from an object's own __array__.
    except Exception as error:
        if isinstance(error, ValueError) and isinstance(value, (list, tuple)):
            raise DataError(f"{name}: its rows differ in length; expected an array of one shape.") from error
        raise DataError(f"{name} can't be turned into an array: {' '.join(str(error).split())}") from error
    if array.ndim == 0:
        raise DataError(
            f"{name} is a {type(value).__name__}; expected an array, a table or a dataset with samples along the "
            "first axis." + (f" Use {name}.toarray()." if hasattr(value, "toarray") else "")
        )
    if array.dtype == object and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.dtype == object:
        raise DataError(
            f"{name} holds Python objects (dtype object); expected numbers or texts. Encode text columns and "
            "missing values as numbers first."
        )
    if array.dtype.kind in "mMc" or array.dtype.names is not None:
        raise DataError(
            f"{name} holds values of type {array.dtype}; expected numbers or texts. Encode them as numbers."
        )
    if len(array) == 0:
        raise DataError(f"{name} is empty (shape {array.shape}); expected at least one sample.")
    return array


def _is_sequence(value: Any) -> bool:
    """Whether it is one of Keras' data sets that give batches by number."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.utils.PyDataset)


def _table_values(name: str, table: Any) -> Any:
    """The values of a pandas table or column; numbers and truth values beside each other become floats."""
    values = table.to_numpy()
    dtypes: Any = getattr(table, "dtypes", None)
    if values.dtype != object or not hasattr(dtypes, "items"):
        return values
    other = [str(column) for column, dtype in dtypes.items() if getattr(dtype, "kind", "O") not in "biuf"]
    if other:
        more = "" if len(other) <= _SHOWN else f" and {len(other) - _SHOWN} more"
        raise DataError(
            f"{name} has columns that are not numbers: {', '.join(other[:_SHOWN])}{more}. "
            "Leave them out, or encode all parts by what the training table holds: from tunemagic import prep; "
            f"prepared = prep.recipe().fit(x_train); {name} = prepared.encode({name})."
        )
    return table.to_numpy(dtype="float64", na_value=float("nan"))


def column_names(value: Any) -> tuple[str, ...]:
    """The names of a table's columns; empty for anything else."""
    columns = getattr(value, "columns", None)
    return () if columns is None or not hasattr(value, "to_numpy") else tuple(map(str, columns))


def read_only(array: Any) -> Any:
    """A view that can't be written to; the user's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


def for_keras(array: Any) -> Any:
    """The array as ``fit`` and ``evaluate`` take it: of texts they know Python's own only, not NumPy's."""
    return array.astype(object) if getattr(array, "dtype", None) is not None and array.dtype.kind == "U" else array


def check_lengths(arrays: Mapping[str, Any]) -> None:
    """Raises DataError when the arrays don't have the same number of samples."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataError(f"numbers of samples differ: {text}; expected one target for each sample.")


def check_targets(name: str, y: Any) -> None:
    """Raises DataError unless these targets (row, ...) are finite numbers, which answers can be compared with."""
    if y.dtype.kind not in "fiub":
        raise DataError(
            f"{name}: received texts (type {y.dtype}); expected numbers, as the model was trained on. Encode them the "
            "same way."
        )
    for gap in not_finite(name, y):
        raise DataError(f"{gap}; expected a target for each sample. Leave those rows out.")


def not_finite(name: str, array: Any, columns: Sequence[str] = ()) -> list[str]:
    """A warning that says how many values are NaN or infinite, and where the first one is.

    ``columns`` are the names of a table's columns, those with such values are then named.
    """
    import numpy as np

    if not np.issubdtype(array.dtype, np.floating):
        return []
    bad = ~np.isfinite(array)
    if not bad.any():
        return []
    first = tuple(int(index) for index in np.argwhere(bad)[0])
    rows = int(bad.reshape(len(array), -1).any(axis=1).sum())
    where = f"row {first[0]}" + (f", column {', '.join(map(str, first[1:]))}" if len(first) > 1 else "")
    kinds = "NaN" if np.isnan(array[bad]).all() else "NaN or infinite"
    text = f"{name} has {int(bad.sum())} {kinds} values in {rows} of {len(array)} rows, the first at {where}"
    if array.ndim == len(columns[:1]) + 1 == 2:
        spoilt = [columns[int(index)] for index in np.flatnonzero(bad.any(axis=0))]
        more = "" if len(spoilt) <= _SHOWN else f" and {len(spoilt) - _SHOWN} more"
        text += f" (columns {', '.join(spoilt[:_SHOWN])}{more})"
    return [text]


def digest_of(arrays: Mapping[str, Any]) -> str:
    """SHA-256 over names, dtypes, shapes and values.

    Arrays beyond 64 MB count by 64 blocks spread evenly over them: a change elsewhere in such an
    array is not noticed.
    """
    import numpy as np

    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        if len(data) <= _HASH_WHOLE:
            digest.update(data)
            continue
        block = _HASH_WHOLE // _HASH_BLOCKS
        for number in range(_HASH_BLOCKS):
            start = number * (len(data) - block) // (_HASH_BLOCKS - 1)
            digest.update(data[start : start + block])
    return digest.hexdigest()
