"""Find, check and split the data that a study trains on. Trials get it read-only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tunemagic.errors import DataError
from tunemagic.prep.part import counted_anew
from tunemagic.prep.targets import class_labels
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.arrays import (
    as_array,
    check_lengths,
    column_names,
    digest_of,
    not_finite,
    read_only,
)
from tunemagic.text import near_variable

__all__ = [
    "TrainingData",
    "data_from_arrays",
    "held_out_arrays",
    "named_data",
    "resolve_data",
    "with_rebound",
]

DEFAULT_NAMES = ("x_train", "y_train")
_INFINITE = -1  # what tf.data.Dataset.cardinality says of a dataset that repeats for ever
DEFAULT_VAL = ValSplit(kind=ValKind.FRACTION, fraction=0.2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingData:
    """Training and validation part as ``fit`` takes them.

    ``x``, ``y``, ``val_x``, ``val_y`` are read-only NumPy arrays with samples along the first
    axis (``y`` None when there are no targets), or tf.data datasets in ``x`` and ``val_x``.
    ``train_rows`` and ``val_rows`` are the rows of the notebook's arrays that each part holds,
    None where nothing was split off. ``stays`` says for each row of the notebook's arrays whether the
    cell kept it; None when it dropped none. ``columns`` are the names of the table that the inputs came from.
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
    stays: Any = None
    columns: tuple[str, ...] = ()

    @property
    def is_arrays(self) -> bool:
        """Whether the training part is arrays; False for a dataset."""
        return not _is_dataset(self.x)

    def training_rows(self, values: Any, what: str) -> Any:
        """The rows of ``values`` (one per sample, e.g. sample weights) that are trained on.

        Takes one value per sample of the notebook's array, also of the one that the cell left, or of
        the training part. Raises DataError for any other length.
        """
        import numpy as np

        array = np.asarray(values)
        if self.stays is not None and len(array) == len(self.stays):
            array = array[self.stays]
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
    values = named_data(request, namespace)
    names = request.data or tuple(values)
    val = request.val or DEFAULT_VAL
    if _is_dataset(values[names[0]]):
        return _from_dataset(names, values, val, namespace)
    if len(names) > 2:
        raise DataError(f"--data: expected one or two names; received {len(names)}: {', '.join(names)}.")
    arrays = {name: as_array(name, value) for name, value in values.items()}
    check_lengths(arrays)
    return _split(names, arrays, val, namespace, seed)


def named_data(request: TuneRequest, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook's variables that are trained on, by name and as they are. Raises DataError for one that is not."""
    names = request.data or _default_names(namespace)
    return {name: _lookup(name, namespace, "--data") for name in names}


def data_from_arrays(x: Any, y: Any, val: ValSplit | tuple[Any, Any] | None, *, seed: int) -> TrainingData:
    """The Python API's way: arrays instead of names. Raises DataError as resolve_data does."""
    namespace = {"x": x} if y is None else {"x": x, "y": y}
    names = tuple(namespace)
    if isinstance(val, tuple):
        namespace |= {"val_x": val[0], "val_y": val[1]}
        val = ValSplit(kind=ValKind.NAMES, names=("val_x", "val_y"))
    return resolve_data(TuneRequest(data=names, val=val), namespace, seed=seed)


def held_out_arrays(data: TrainingData, limit: int) -> tuple[Any, Any]:
    """Validation inputs and targets as arrays; of a dataset at most about ``limit`` samples.

    Raises DataError for a dataset that is not batched or has several inputs.
    """
    import numpy as np

    if not _is_dataset(data.val_x):
        return data.val_x, data.val_y
    inputs: list[Any] = []
    targets: list[Any] = []
    for element in data.val_x:
        x, y = element[:2] if isinstance(element, tuple) else (element, None)
        if not all(part is None or getattr(part, "ndim", 0) > 0 for part in (x, y)):
            raise DataError(
                f"{data.val_names[0]}: expected a dataset of batches, each with one array of inputs; received elements "
                f"of {data.val_x.element_spec}."
            )
        inputs.append(np.asarray(x))
        targets += [] if y is None else [np.asarray(y)]
        if sum(map(len, inputs)) >= limit:
            break
    return np.concatenate(inputs)[:limit], np.concatenate(targets)[:limit] if targets else None


def with_rebound(data: TrainingData, rebound: Mapping[str, Any], kept: Any = None) -> TrainingData:
    """The data with arrays that a trial's cell assigned anew, split as before.

    The cell sees the notebook's whole arrays and so assigns whole arrays, or those without the
    training rows that it dropped: ``kept`` then holds the row numbers that stayed. Raises DataError
    when their number of samples is another; with validation data of its own (nothing to split) only
    when inputs and targets differ, so a cell may add samples.
    """
    if not rebound:
        return data
    parts = dict(zip(("x", "y"), data.names, strict=False))
    val_parts = dict(zip(("val_x", "val_y"), data.val_names, strict=False))
    changes: dict[str, Any] = {}
    total = 0 if not data.is_arrays else len(data.x) + (0 if data.train_rows is None else len(data.val_rows))
    for part, name in parts.items():
        if name not in rebound:
            continue
        if _is_dataset(rebound[name]):
            changes[part] = _same_sort(name, rebound[name], data.x)
            continue
        array = as_array(name, _same_sort(name, rebound[name], data.x))
        if kept is not None and len(array) == len(kept):
            changes["stays"] = _mask(total, kept)
        if data.train_rows is None:
            changes[part] = read_only(array)
            continue
        rows = {"train_rows": data.train_rows, "val_rows": data.val_rows}
        if kept is not None and len(array) == len(kept):
            rows = {key: counted_anew(numbers, kept) for key, numbers in rows.items()}
        elif len(array) != total:
            raise DataError(f"the cell assigns {name} with {len(array)} samples; expected {total} as before.")
        changes |= rows
        changes[part] = read_only(array[rows["train_rows"]])
        changes[f"val_{part}"] = read_only(array[rows["val_rows"]])
    for part, name in val_parts.items():
        if name in rebound:
            value = _same_sort(name, rebound[name], data.val_x)
            changes[part] = value if _is_dataset(value) else read_only(as_array(name, value))
    changed = replace(data, **changes)
    if changed.y is not None:
        check_lengths(dict(zip(data.names, (changed.x, changed.y), strict=True)))
    return changed


def _mask(total: int, kept: Any) -> Any:
    import numpy as np

    return np.isin(np.arange(total), kept)


def _same_sort(name: str, value: Any, before: Any) -> Any:
    """The value, if it is a dataset where one was and an array where one was."""
    if _is_dataset(value) is not _is_dataset(before):
        sorts = ("an array", "a dataset")
        given, expected = sorts[_is_dataset(value)], sorts[_is_dataset(before)]
        raise DataError(f"the cell assigns {name} as {given}; expected {expected} as in --data and --val.")
    return value


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
    hint = near_variable(name, namespace)
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


# -- splitting ---------------------------------------------------------------------------------------


def _split(
    names: tuple[str, ...], arrays: dict[str, Any], val: ValSplit, namespace: Mapping[str, Any], seed: int
) -> TrainingData:
    import numpy as np

    warnings = _not_finite(arrays, namespace)
    x, y = arrays[names[0]], arrays[names[1]] if len(names) > 1 else None
    val_arrays: dict[str, Any] = {}
    train_rows = val_rows = None
    if val.kind is ValKind.NAMES:
        val_arrays = _named_validation(val, namespace, has_targets=y is not None)
        warnings += _not_finite(val_arrays, namespace)
        parts = [*(val_arrays[name] for name in val.names), None][:2]
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
        x=read_only(x),
        y=None if y is None else read_only(y),
        val_x=read_only(parts[0]),
        val_y=None if parts[1] is None else read_only(parts[1]),
        names=names,
        val_names=val.names if val.kind is ValKind.NAMES else (),
        description=f"{shapes}; {how}",
        digest=digest_of({**arrays, **val_arrays}),
        warnings=tuple(warnings),
        train_rows=train_rows,
        val_rows=val_rows,
        columns=column_names(namespace.get(names[0])),
    )


def _not_finite(arrays: Mapping[str, Any], namespace: Mapping[str, Any]) -> list[str]:
    return [
        text for name, array in arrays.items() for text in not_finite(name, array, column_names(namespace.get(name)))
    ]


def _named_validation(val: ValSplit, namespace: Mapping[str, Any], *, has_targets: bool) -> dict[str, Any]:
    expected = 2 if has_targets else 1
    if len(val.names) != expected:
        raise DataError(f"--val: expected {expected} name(s) as in --data; received {', '.join(val.names)}.")
    arrays = {name: as_array(name, _lookup(name, namespace, "--val")) for name in val.names}
    check_lengths(arrays)
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

    labels = class_labels(y)
    if labels is not None:
        classes, counts = np.unique(labels, return_counts=True)
        if counts.min() >= 2 and len(classes) <= min(count, total - count):
            train, held = train_test_split(
                np.arange(total), test_size=count, random_state=seed % 2**32, stratify=labels
            )
            return train, held, True, []
        rare = f"the rarest class has {counts.min()} of {total} samples"
        warning = [f"the validation part is not stratified: {rare}, {len(classes)} classes, {count} validation samples"]
    else:
        warning = []
    train, held = train_test_split(np.arange(total), test_size=count, random_state=seed % 2**32)
    return train, held, False, warning


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
    for name, part in parts.items():
        if int(part.cardinality()) == _INFINITE:
            raise DataError(f"{name} is a dataset without end; expected one that ends. Use {name}.take(n).")
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
