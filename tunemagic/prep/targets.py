"""What the targets look like: classes or numbers, and what of them stands among the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tunemagic.prep.findings import DataFinding, DataVerdict
from tunemagic.prep.samples import Part

__all__ = ["class_labels", "class_shares", "column_with_target", "future_target", "target_column", "unseen_classes"]

_MANY_CLASSES = 20
_GAPS = 0.1  # of the numbers that many classes are numbered with: a sample may lack some classes
_EQUAL = 0.99999  # correlation of a column that is the target up to rounding
_MIN_ROWS = 20  # fewer rows correlate by chance
_RARE = 10  # times fewer than the largest class
_FUTURE = 3  # rows ahead that are looked at
_PAST = 60  # rows back: a column that is an earlier target is an honest input, also of a series that repeats


def class_labels(y: Any) -> Any:
    """One label per sample when the targets look like classes, else None.

    Classes are truth values, one-hot rows, and texts or whole numbers of which few are distinct: at most 20,
    and half of the samples in a small set. More, up to a fifth of the samples, are classes when they are texts,
    or integers that are numbered from 0 or 1 on with few gaps; other integers are counts, ages, delays.
    """
    import numpy as np

    if y is None:
        return None
    flat = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.ndim == 1:
        if flat.dtype.kind in "biuUS":
            return flat if _are_few(np.unique(flat), len(flat)) else None
        whole = flat.dtype.kind == "f" and np.isfinite(flat).all() and (flat == np.round(flat)).all()
        return flat.astype(int) if whole and len(np.unique(flat)) <= _MANY_CLASSES else None
    if flat.ndim == 2 and ((flat == 0) | (flat == 1)).all() and (flat.sum(axis=1) == 1).all():
        return flat.argmax(axis=1)
    return None


def _are_few(distinct: Any, of: int) -> bool:
    """Whether so many distinct truth values, texts or integers (sorted) are classes of ``of`` samples."""
    count = len(distinct)
    if count <= max(2, min(of // 2, _MANY_CLASSES)):
        return True
    are_names = distinct.dtype.kind in "US"
    numbered = are_names or (distinct[0] in (0, 1) and int(distinct[-1]) <= (1 + _GAPS) * count)
    return bool(count <= min(of // 2, of // 5) and numbered)


def class_shares(labels: Any) -> DataFinding | None:
    """A target with one class, or a class that is much rarer than the largest."""
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) == 1:
        return DataFinding(DataVerdict.ONE_CLASS, {"value": str(classes[0]), "rows": len(labels)})
    rare, most = int(counts.argmin()), int(counts.argmax())
    if counts[most] < _RARE * counts[rare]:
        return None
    return DataFinding(
        DataVerdict.IMBALANCE,
        {
            "label": str(classes[rare]),
            "count": int(counts[rare]),
            "of": len(labels),
            "percent": round(100 * float(counts[rare]) / len(labels), 2),
            "times": round(float(counts[most] / counts[rare]), 1),
            "most": str(classes[most]),
        },
    )


def unseen_classes(labels: Any, held_out: Any) -> DataFinding | None:
    """Classes of the validation part that the training part does not have."""
    import numpy as np

    unseen = np.setdiff1d(held_out, labels)
    if not len(unseen):
        return None
    return DataFinding(
        DataVerdict.UNSEEN_CLASS,
        {
            "labels": ", ".join(map(str, unseen)),
            "classes": len(unseen),
            "count": int(np.isin(held_out, unseen).sum()),
            "of": len(held_out),
        },
    )


def column_with_target(part: Part) -> DataFinding | None:
    """An input that is the target: the same numbers up to scale and sign, or one value for each class."""
    target = _numbers(part.y) if part.has_columns else None
    columns = part.number_columns() if target is not None else []
    if columns and target is not None:
        import numpy as np

        place = target_column(np.column_stack([values for _, values in columns]), target)
        if place is not None:
            return DataFinding(DataVerdict.TARGET_COLUMN, {"column": columns[place][0]})
    labels = class_labels(part.y)
    if labels is None or len(part) < _MIN_ROWS or not part.is_table:
        return None
    name = next((name for name, values in part.columns() if _is_code_of(values, labels)), None)
    return None if name is None else DataFinding(DataVerdict.TARGET_COLUMN, {"column": name})


def target_column(x: Any, y: Any) -> int | None:
    """The column of ``x`` (row, column), from 0, that goes up and down exactly as ``y`` (row,) does."""
    import numpy as np

    if len(x) < _MIN_ROWS or np.ptp(y) == 0:
        return None
    columns, wanted = x.astype("float64"), y.astype("float64")
    with np.errstate(divide="ignore", invalid="ignore"):  # constant columns, infinite values
        columns, wanted = columns - columns.mean(axis=0), wanted - wanted.mean()
        sizes = np.sqrt((columns**2).sum(axis=0)) * math.sqrt((wanted**2).sum())
        correlation = np.nan_to_num(np.abs(wanted @ columns) / sizes)
    best = int(correlation.argmax())
    return best if correlation[best] >= _EQUAL else None


def future_target(part: Part) -> DataFinding | None:
    """An input that is the target of a later row, as a shift in the wrong direction makes it.

    Looked for where the target has many values, as a series has: classes in a row are equal by chance.
    """
    import numpy as np

    target = _numbers(part.y)
    if target is None or len(target) <= _PAST + _MIN_ROWS or len(np.unique(target)) <= _MANY_CLASSES:
        return None
    columns = part.number_columns()
    x = np.column_stack([values for _, values in columns]) if columns else np.empty((len(target), 0))
    for shift, place in _matches(x, target, range(1, _FUTURE + 1)):
        if not any(_matches(x[:, [place]], target, range(-_PAST, 0))):
            return DataFinding(DataVerdict.TARGET_FUTURE, {"column": columns[place][0], "shift": shift})
    return None


def _matches(x: Any, target: Any, shifts: range) -> Iterator[tuple[int, int]]:
    """Shift and column where row i of the column is the target of row i + shift."""
    for shift in shifts:
        inputs, targets = (x[:-shift], target[shift:]) if shift > 0 else (x[-shift:], target[:shift])
        place = target_column(inputs, targets) if x.shape[1] else None
        if place is not None:
            yield shift, place


def _numbers(y: Any) -> Any:
    """The targets (row,) as numbers; None for several outputs and for texts."""
    if y is None or y.dtype.kind not in "fiub" or y.reshape(len(y), -1).shape[1] != 1:
        return None
    return y.reshape(-1).astype("float64")


def _is_code_of(values: Any, labels: Any) -> bool:
    """Whether each class has one value of its own in this column."""
    import pandas as pd

    codes, kinds = pd.factorize(values, use_na_sentinel=False)
    classes, names = pd.factorize(labels)
    return len(kinds) == len(names) > 1 and len(set(zip(codes.tolist(), classes.tolist(), strict=True))) == len(names)
