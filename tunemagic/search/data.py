"""Find, check and split the data that a study trains on. Trials get it read-only."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tunemagic.errors import DataError
from tunemagic.request import TuneRequest, ValKind, ValSplit

__all__ = ["TrainingData", "data_from_arrays", "resolve_data", "with_rebound"]

DEFAULT_NAMES = ("x_train", "y_train")
DEFAULT_VAL = ValSplit(kind=ValKind.FRACTION, fraction=0.2)
_HASH_WHOLE = 64 * 2**20
_HASH_BLOCKS = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingData:
    """Training and validation part as ``fit`` takes them.

    ``x``, ``y``, ``val_x``, ``val_y`` are read-only NumPy arrays with samples along the first
    axis (``y`` None when there are no targets), or tf.data datasets in ``x`` and ``val_x``.
    ``train_rows`` and ``val_rows`` are the rows of the notebook's arrays that each part holds,
    None where nothing was split off.
    """

    x: Any
    y: Any
    val_x: Any
    val_y: Any
    names: tuple[str, ...]
    val_names: tuple[str, ...] = ()
    description: str = ""
    digest: str = ""
    warnings: tuple[str, ...] = ()
    train_rows: Any = None
    val_rows: Any = None

    def training_rows(self, values: Any, what: str) -> Any:
        """The rows of ``values`` (one per sample, e.g. sample weights) that are trained on.

        Takes one value per sample of the notebook's array or of the training part. Raises
        DataError for any other length.
        """
        import numpy as np

        array = np.asarray(values)
        total = len(self.x) if self.train_rows is None else len(self.train_rows) + len(self.val_rows)
        if len(array) == total and self.train_rows is not None:
            return array[self.train_rows]
        if len(array) == len(self.x):
            return array
        raise DataError(f"{what} has {len(array)} values; expected {total}, one for each sample of {self.names[0]}.")


def resolve_data(request: TuneRequest, namespace: Mapping[str, Any], *, seed: int) -> TrainingData:
    """The data that a request names, taken from the notebook's variables.

    ``--data x,y`` (default ``x_train,y_train``) or one dataset; ``--val`` a seeded share
    (stratified for class targets; default 0.2), the last part, or variables. Raises DataError
    for missing names, lengths that differ, and anything that ``fit`` could not take.
    """
    names = request.data or _default_names(namespace)
    values = {name: _lookup(name, namespace, "--data") for name in names}
    val = request.val or DEFAULT_VAL
    if _is_dataset(values[names[0]]):
        return _from_dataset(names, values, val, namespace)
    if len(names) > 2:
        raise DataError(f"--data: expected one or two names; received {len(names)}: {', '.join(names)}.")
    arrays = {name: _as_array(name, value) for name, value in values.items()}
    _check_lengths(arrays)
    return _split(names, arrays, val, namespace, seed)


def data_from_arrays(x: Any, y: Any, val: ValSplit | tuple[Any, Any] | None, *, seed: int) -> TrainingData:
    """The Python API's way: arrays instead of names. Raises DataError as resolve_data does."""
    namespace = {"x": x} if y is None else {"x": x, "y": y}
    names = tuple(namespace)
    if isinstance(val, tuple):
        namespace |= {"val_x": val[0], "val_y": val[1]}
        val = ValSplit(kind=ValKind.NAMES, names=("val_x", "val_y"))
    return resolve_data(TuneRequest(data=names, val=val), namespace, seed=seed)


def with_rebound(data: TrainingData, rebound: Mapping[str, Any]) -> TrainingData:
    """The data with arrays that a trial's cell assigned anew, split as before.

    The cell sees the notebook's whole arrays and so assigns whole arrays. Raises DataError when
    the number of samples has changed.
    """
    if not rebound:
        return data
    parts = dict(zip(("x", "y"), data.names, strict=False))
    val_parts = dict(zip(("val_x", "val_y"), data.val_names, strict=False))
    changes: dict[str, Any] = {}
    for part, name in parts.items():
        if name not in rebound:
            continue
        if _is_dataset(rebound[name]):
            changes[part] = rebound[name]
            continue
        array = _as_array(name, rebound[name])
        expected = len(data.x) if data.train_rows is None else len(data.train_rows) + len(data.val_rows)
        if len(array) != expected:
            raise DataError(f"the cell assigns {name} with {len(array)} samples; expected {expected} as before.")
        changes[part] = _frozen(array if data.train_rows is None else array[data.train_rows])
        if data.train_rows is not None:
            changes[f"val_{part}"] = _frozen(array[data.val_rows])
    for part, name in val_parts.items():
        if name in rebound:
            value = rebound[name]
            changes[part] = value if _is_dataset(value) else _frozen(_as_array(name, value))
    return replace(data, **changes)


# -- names -------------------------------------------------------------------------------------------


def _default_names(namespace: Mapping[str, Any]) -> tuple[str, ...]:
    if DEFAULT_NAMES[0] not in namespace:
        raise DataError(
            f"no data named: expected variables x_train and y_train, or --data x,y. {_candidates(namespace)}"
        )
    return tuple(name for name in DEFAULT_NAMES if name in namespace)


def _lookup(name: str, namespace: Mapping[str, Any], option: str) -> Any:
    if name in namespace:
        return namespace[name]
    near = difflib.get_close_matches(name, [key for key in namespace if not key.startswith("_")], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise DataError(
        f"{option}: there is no variable {name[:60]!r} in the notebook.{hint} {_candidates(namespace)}".strip()
    )


def _candidates(namespace: Mapping[str, Any]) -> str:
    found = [
        f"{name} {value.shape}"
        for name, value in namespace.items()
        if not name.startswith("_") and _looks_like_data(value)
    ]
    return f"Arrays here: {', '.join(found[:8])}." if found else "There are no arrays in the notebook yet."


def _looks_like_data(value: Any) -> bool:
    return isinstance(getattr(value, "shape", None), tuple) and len(value.shape) > 0 and not isinstance(value, type)


def _is_dataset(value: Any) -> bool:
    return hasattr(value, "element_spec") and hasattr(value, "take")


# -- arrays ------------------------------------------------------------------------------------------


def _as_array(name: str, value: Any) -> Any:
    """A NumPy array with at least one sample. Raises DataError for what ``fit`` can't take."""
    import numpy as np

    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{name}: its rows differ in length; expected an array of one shape.") from error
    if array.ndim == 0:
        raise DataError(
            f"{name} is a {type(value).__name__}; expected an array, a table or a dataset with samples along the "
            "first axis."
        )
    if array.dtype == object and all(isinstance(item, str) for item in array.flat):
        array = array.astype(str)
    if array.dtype == object:
        raise DataError(
            f"{name} holds Python objects (dtype object); expected numbers or texts. Encode text columns and "
            "missing values as numbers first."
        )
    if len(array) == 0:
        raise DataError(f"{name} is empty (shape {array.shape}); expected at least one sample.")
    return array


def _frozen(array: Any) -> Any:
    """A view that can't be written to; the user's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


def _check_lengths(arrays: Mapping[str, Any]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise DataError(f"numbers of samples differ: {text}; expected one target for each sample.")


def _not_finite(name: str, array: Any) -> list[str]:
    """A warning that says how many values are NaN or infinite, and where the first one is."""
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
    return [f"{name} has {int(bad.sum())} {kinds} values in {rows} of {len(array)} rows, the first at {where}"]


def _digest(arrays: Mapping[str, Any]) -> str:
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


# -- splitting ---------------------------------------------------------------------------------------


def _split(
    names: tuple[str, ...], arrays: dict[str, Any], val: ValSplit, namespace: Mapping[str, Any], seed: int
) -> TrainingData:
    import numpy as np

    warnings = [text for name, array in arrays.items() for text in _not_finite(name, array)]
    x, y = arrays[names[0]], arrays[names[1]] if len(names) > 1 else None
    val_arrays: dict[str, Any] = {}
    train_rows = val_rows = None
    if val.kind is ValKind.NAMES:
        val_arrays = _named_validation(val, namespace, has_targets=y is not None)
        warnings += [text for name, array in val_arrays.items() for text in _not_finite(name, array)]
        parts = [*val_arrays.values(), None][:2]
        how = f"validation {', '.join(val.names)} ({len(parts[0])} samples)"
    else:
        count = _validation_count(len(x), val.fraction)
        if val.kind is ValKind.LAST:
            train_rows, val_rows = np.arange(len(x) - count), np.arange(len(x) - count, len(x))
            how = f"validation: the last {count} samples"
        else:
            train_rows, val_rows, stratified, warning = _shuffled_rows(len(x), y, count, seed)
            warnings += warning
            how = f"validation: {count} samples, shuffled" + (" and stratified" if stratified else "")
        parts = [x[val_rows], None if y is None else y[val_rows]]
        x, y = x[train_rows], None if y is None else y[train_rows]
    shapes = ", ".join(f"{name} {array.shape} {array.dtype}" for name, array in arrays.items())
    return TrainingData(
        x=_frozen(x),
        y=None if y is None else _frozen(y),
        val_x=_frozen(parts[0]),
        val_y=None if parts[1] is None else _frozen(parts[1]),
        names=names,
        val_names=val.names if val.kind is ValKind.NAMES else (),
        description=f"{shapes}; {how}",
        digest=_digest({**arrays, **val_arrays}),
        warnings=tuple(warnings),
        train_rows=train_rows,
        val_rows=val_rows,
    )


def _named_validation(val: ValSplit, namespace: Mapping[str, Any], *, has_targets: bool) -> dict[str, Any]:
    expected = 2 if has_targets else 1
    if len(val.names) != expected:
        raise DataError(f"--val: expected {expected} name(s) as in --data; received {', '.join(val.names)}.")
    arrays = {name: _as_array(name, _lookup(name, namespace, "--val")) for name in val.names}
    _check_lengths(arrays)
    return arrays


def _validation_count(total: int, fraction: float) -> int:
    count = round(total * fraction)
    if not 0 < count < total:
        raise DataError(
            f"--val {fraction:g}: leaves {total - count} training and {count} validation samples of {total}; "
            "expected at least one of each."
        )
    return count


def _shuffled_rows(total: int, y: Any, count: int, seed: int) -> tuple[Any, Any, bool, list[str]]:
    """Row numbers of both parts; the same class shares in both where the targets are classes."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    labels = _class_labels(y)
    if labels is not None:
        classes, counts = np.unique(labels, return_counts=True)
        if counts.min() >= 2 and len(classes) <= min(count, total - count):
            train, held = train_test_split(np.arange(total), test_size=count, random_state=seed, stratify=labels)
            return train, held, True, []
        rare = f"the rarest class has {counts.min()} of {total} samples"
        warning = [f"the validation part is not stratified: {rare}, {len(classes)} classes, {count} validation samples"]
    else:
        warning = []
    train, held = train_test_split(np.arange(total), test_size=count, random_state=seed)
    return train, held, False, warning


def _class_labels(y: Any) -> Any:
    """One label per sample when the targets look like classes, else None."""
    import numpy as np

    if y is None:
        return None
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.ndim == 1:
        if flat.dtype.kind in "biuUS":
            distinct = len(np.unique(flat))
            return flat if distinct <= max(2, len(flat) // 2) else None
        whole = flat.dtype.kind == "f" and np.isfinite(flat).all() and (flat == np.round(flat)).all()
        return flat.astype(int) if whole and len(np.unique(flat)) <= 20 else None
    if flat.ndim == 2 and ((flat == 0) | (flat == 1)).all() and (flat.sum(axis=1) == 1).all():
        return flat.argmax(axis=1)
    return None


def _from_dataset(
    names: tuple[str, ...], values: Mapping[str, Any], val: ValSplit, namespace: Mapping[str, Any]
) -> TrainingData:
    """A tf.data dataset; it can't be split by rows, so its validation part is a dataset too."""
    if len(names) != 1:
        raise DataError(f"--data: {names[0]} is a dataset, which holds inputs and targets; expected no second name.")
    if val.kind is not ValKind.NAMES or len(val.names) != 1:
        raise DataError(
            f"--val: {names[0]} is a dataset and can't be split; expected --val with the name of another dataset."
        )
    held = _lookup(val.names[0], namespace, "--val")
    if not _is_dataset(held):
        raise DataError(f"--val: expected a dataset beside {names[0]}; received {type(held).__name__}.")
    train = values[names[0]]
    parts = {names[0]: train, val.names[0]: held}
    text = ", ".join(f"{name} {part.element_spec} x {int(part.cardinality())}" for name, part in parts.items())
    return TrainingData(
        x=train,
        y=None,
        val_x=held,
        val_y=None,
        names=names,
        val_names=val.names,
        description=f"dataset {names[0]}, validation dataset {val.names[0]}",
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )
