"""Equal samples: in both parts, in data that is yet to be split, or with different labels.

Rows of few coarse columns are equal by chance. How many would be, if the columns were independent
of each other, is computed from the values' frequencies; only what goes well beyond that is told.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from tunemagic.prep.findings import DataFinding, DataVerdict
from tunemagic.prep.samples import Part, row_keys

__all__ = ["conflicting_labels", "repeated_samples", "shared_rows", "shared_samples"]

_SHARE = 0.02  # of the samples; small sets of rounded numbers hold a few by chance (iris: 0.01)
_TIMES_CHANCE = 2.0  # columns that depend on each other make more than chance
_SPREADS = 5.0  # of a count by chance, which spreads by its root
# Rows of the part that share a row's value in a column. Where hardly any do, as in columns of measurements, the
# values' own frequencies say nothing: a value that is there once has 1 of n rows, however many values there are.
_FINE = 0.5
_MOST_COLUMNS = 100  # rows of more are not equal by chance


def shared_rows(x: Any, val_x: Any) -> list[tuple[int, int]]:
    """For each row of ``val_x`` that ``x`` has too: its number and that of its first twin in ``x``.

    Both are arrays of one type, or tables; row numbers count from 0.
    """
    first: dict[Any, int] = {}
    for row, key in enumerate(row_keys(x)):
        first.setdefault(key, row)
    return [(row, first[key]) for row, key in enumerate(row_keys(val_x)) if key in first]


def shared_samples(train: Part, held_out: Part) -> DataFinding | None:
    """Validation samples that are trained on too."""
    pairs = shared_rows(train.x, held_out.x)
    if not _tells(len(pairs), len(held_out)) or _by_chance(train, held_out, len(pairs)):
        return None
    return _twins(DataVerdict.DUPLICATES, pairs, len(held_out))


def repeated_samples(part: Part) -> DataFinding | None:
    """Copies of earlier samples in data that is yet to be split; of one column, they may be equal by chance."""
    first: dict[Any, int] = {}
    pairs = [(row, twin) for row, key in enumerate(row_keys(part.x)) if (twin := first.setdefault(key, row)) != row]
    if not _tells(len(pairs), len(part)) or _by_chance(part, part, len(pairs)):
        return None
    return _twins(DataVerdict.REPEATED, pairs, len(part))


def conflicting_labels(part: Part, labels: Any) -> DataFinding | None:
    """Samples that stand there with two labels. ``labels`` (row,) are classes."""
    rows: dict[Any, dict[Any, int]] = defaultdict(dict)
    keys = row_keys(part.x)
    for row, (key, label) in enumerate(zip(keys, labels.tolist(), strict=True)):
        rows[key].setdefault(label, row)
    torn = {key: first for key, first in rows.items() if len(first) > 1}
    count = sum(key in torn for key in keys)
    if not torn or _by_chance(part, part, len(keys) - len(rows)):
        return None
    (label, row), (other, twin) = list(next(iter(torn.values())).items())[:2]
    return DataFinding(
        DataVerdict.CONFLICTS,
        {
            "samples": len(torn),
            "rows": count,
            "of": len(part),
            "row": row,
            "label": str(label),
            "twin": twin,
            "other": str(other),
        },
    )


def _twins(verdict: DataVerdict, pairs: list[tuple[int, int]], of: int) -> DataFinding:
    row, twin = pairs[0]
    share = round(100 * len(pairs) / of, 1)
    return DataFinding(verdict, {"duplicates": len(pairs), "of": of, "percent": share, "row": row, "twin": twin})


def _tells(count: int, of: int) -> bool:
    return count >= 2 and count / of >= _SHARE


def _by_chance(part: Part, other: Part, count: int) -> bool:
    """Whether so many rows of ``other`` would have a twin in ``part`` anyway."""
    import numpy as np
    import pandas as pd

    if part.x.ndim != 2 or part.x.shape[1] > _MOST_COLUMNS:
        return False
    chance = np.zeros(len(other))
    for (_, values), (_, others) in zip(part.columns(), other.columns(), strict=True):
        codes, distinct = pd.factorize(np.concatenate([values, others]), use_na_sentinel=False)
        counts = np.bincount(codes[: len(values)], minlength=len(distinct))
        frequency = counts / len(values)
        partners = float((counts * (counts - 1.0)).sum()) / len(values)
        if part is not other and partners < _FINE:
            frequency = np.full(len(distinct), partners / len(values))
        with np.errstate(divide="ignore"):
            chance += np.log(frequency[codes[len(values) :]])
    expected = (1 - (1 - np.exp(chance)) ** (len(part) - (part is other))).sum()
    return bool(count <= _TIMES_CHANCE * expected + _SPREADS * math.sqrt(expected))
