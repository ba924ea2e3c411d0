"""Signs of a scaler that was fitted before the split, or over the target.

A scaler leaves a mark: over the rows that it was fitted on, a column has mean 0 and deviation 1, or
goes exactly from 0 to 1. When that holds over both parts together and not over the training part,
the scaler has seen the validation samples. Missing values are left out, as scalers do.

Numbers from 0 to 1 also come about without a scaler, as shares, probabilities and pixels do. By
nature they stand on one grid (percent, 255ths), or only some columns have both ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.prep.findings import DataFinding, DataVerdict
from tunemagic.prep.samples import Part

__all__ = ["scaled_before_split", "scaled_classes"]

# Sums of float32 are off by about 1e-7; a random mean and deviation come so near in one of 100,000 columns.
_NEAR = 1e-5
_ROUNDED = 1e-6
_STEPS = 21  # values: shares in steps of 5 % have both ends by themselves
_FINEST = 1000  # steps of a grid that numbers have by nature
_FEW = 2  # values: -1 and 1 in equal numbers have mean 0 and deviation 1 too
_MOST_CLASSES = 20
_MOST_EVEN = 10  # classes; more even steps are shares in percent
_MIN_ROWS = 10
# One column may go from 0 to 1 by itself, as np.linspace(0, 1, 100) does.
_MIN_COLUMNS = 2
_MANY_COLUMNS = 4  # when their ends stand there several times, as those of rounded values do


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """Inputs or the target: float64 (row,) of the training part, and of both parts together, without gaps."""

    name: str
    train: Any
    both: Any
    is_input: bool


def scaled_before_split(train: Part, held_out: Part) -> DataFinding | None:
    """Columns, the target included, that a scaler has put to scale over both parts together."""
    if len(train) < _MIN_ROWS:
        return None
    columns = list(_columns(train, held_out))
    return _zscore(columns) or _minmax(columns)


def scaled_classes(y: Any) -> DataFinding | None:
    """Class targets that a scaler has turned into numbers such as -0.81 and 1.23, or 0, 0.5 and 1."""
    import numpy as np

    if y.dtype.kind != "f" or y.reshape(len(y), -1).shape[1] != 1 or len(y) < _MIN_ROWS:
        return None
    values = np.unique(y)
    if not 1 < len(values) <= min(_MOST_CLASSES, len(y) // 5) or (values == np.round(values)).all():
        return None
    if not _is_standard(y.astype("float64").reshape(-1)) and not _is_even(values):
        return None
    return DataFinding(
        DataVerdict.TARGET_SCALED, {"values": len(values), "listed": ", ".join(f"{value:.4g}" for value in values)}
    )


def _columns(train: Part, held_out: Part) -> Iterator[_Column]:
    """Inputs and the target; the values of images and series are one column, as a scaler of their own takes them."""
    import numpy as np

    parts = (train, held_out)
    if train.is_table:
        columns = zip(train.columns(), held_out.columns(), strict=True)
        pairs = [(name, values, others) for (name, values), (_, others) in columns]
    else:
        pairs = [(train.names[0], *(part.x.reshape(-1) for part in parts))]
    targets = [part.y for part in parts]
    if all(y is not None and y.size == len(y) for y in targets):
        pairs.append((train.names[1], *(y.reshape(-1) for y in targets)))
    for name, values, others in pairs:
        if not values.dtype.kind == others.dtype.kind == "f":
            continue
        known, more = (part[np.isfinite(part)].astype("float64") for part in (values, others))
        if len(known) >= _MIN_ROWS:
            yield _Column(name, known, np.concatenate([known, more]), is_input=name != train.names[1])


def _zscore(columns: Sequence[_Column]) -> DataFinding | None:
    import numpy as np

    scaled = [each for each in columns if _is_standard(each.both) and len(np.unique(each.both)) > _FEW]
    seen = [each for each in scaled if not _is_standard(each.train)]
    if not seen:
        return None
    worst = max(seen, key=lambda each: abs(float(each.train.mean())))
    return DataFinding(
        DataVerdict.ZSCORE_BEFORE_SPLIT,
        {
            "columns": len(seen),
            "column": worst.name,
            "mean": float(worst.train.mean()),
            "deviation": float(worst.train.std()),
        },
    )


def _minmax(columns: Sequence[_Column]) -> DataFinding | None:
    scaled = _from_0_to_1(columns)
    seen = [each for each in scaled if not _has_ends(each.train)]
    if len(scaled) < _MIN_COLUMNS or not seen:
        return None
    worst = max(seen, key=lambda each: float(each.train.min()) + 1 - float(each.train.max()))
    return DataFinding(
        DataVerdict.MINMAX_BEFORE_SPLIT,
        {
            "columns": len(scaled),
            "column": worst.name,
            "low": float(worst.train.min()),
            "high": float(worst.train.max()),
        },
    )


def _from_0_to_1(columns: Sequence[_Column]) -> list[_Column]:
    """Columns that go from 0 to 1 over both parts, as they don't by nature."""
    import numpy as np

    scaled = [each for each in columns if _has_ends(each.both)]
    if not scaled or _on_one_grid(scaled):
        return []
    once = [each for each in scaled if _has_ends_once(each.both) and len(np.unique(each.both)) > _STEPS]
    inputs = [each for each in columns if each.is_input and np.ptp(each.both)]
    are_all = len(inputs) >= _MANY_COLUMNS and all(each in scaled for each in inputs)
    return scaled if are_all and len(once) < _MIN_COLUMNS else once


def _is_standard(values: Any) -> bool:
    """Whether mean 0 and deviation 1, by n as scikit-learn has it or by n - 1 as pandas has it."""
    mean, deviation = float(values.mean()), float(values.std())
    of_sample = deviation * (len(values) / (len(values) - 1)) ** 0.5
    return abs(mean) <= _NEAR and min(abs(deviation - 1), abs(of_sample - 1)) <= _NEAR


def _has_ends(values: Any) -> bool:
    """Whether the lowest value is 0 and the highest 1."""
    return bool(values.min() == 0 and abs(values.max() - 1) <= _ROUNDED)


def _has_ends_once(values: Any) -> bool:
    """Whether one value only is 0 and one is 1; pixels have many that are 0 by nature."""
    return bool((values == 0).sum() == 1 and (abs(values - 1) <= _ROUNDED).sum() == 1)


def _on_one_grid(columns: Sequence[_Column]) -> bool:
    """Whether all values are multiples of one step: min-max gives columns of different ranges different steps."""
    import numpy as np

    distinct = [np.unique(each.both.round(6)) for each in columns]
    steps = round(1 / min(float(np.diff(values).min()) for values in distinct))
    values = np.concatenate(distinct) * steps
    return steps <= _FINEST and bool((np.abs(values - values.round()) <= _NEAR * steps).all())


def _is_even(values: Any) -> bool:
    """Whether these distinct values (sorted) go from 0 to 1 in even steps."""
    import numpy as np

    return len(values) <= _MOST_EVEN and bool(np.allclose(values, np.linspace(0, 1, len(values)), atol=_ROUNDED))
