"""Split a study's data into folds, so that each sample is held out once."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any

from tunemagic.errors import DataError
from tunemagic.prep.targets import class_labels
from tunemagic.search.arrays import read_only
from tunemagic.search.data import TrainingData

__all__ = ["Fold", "check_folds", "joined", "split_folds"]

# One entry for each pair of inputs and targets that is trained on in folds, gone when one of them is.
_joined: dict[tuple[int, int], tuple[weakref.ref[Any], weakref.ref[Any] | None, TrainingData]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Row numbers, in the joined data, of one fold's training part and of its validation part."""

    train_rows: Any
    val_rows: Any


def check_folds(data: TrainingData, folds: int | None) -> None:
    """Raise DataError when the data can't be split into so many folds; None asks for none."""
    if folds is None:
        return
    if not data.is_arrays:
        raise DataError(f"--folds: {data.names[0]} is a dataset, which can't be split by rows; expected arrays.")
    rows = len(data.x) + (0 if data.train_rows is None else len(data.val_rows))
    if not 2 <= folds <= rows:
        raise DataError(
            f"--folds {folds}: expected at least 2 and at most {rows}, the number of samples of {data.names[0]}."
        )


def joined(data: TrainingData) -> TrainingData:
    """All samples in the notebook's order, without a validation part.

    Named validation data (``--val x_val,y_val``) is not joined in: folds then split the training
    data only. Raises DataError for a dataset.
    """
    import numpy as np

    check_folds(data, 2)
    if data.train_rows is None:
        return replace(data, val_x=None, val_y=None)
    key = (id(data.x), id(data.y))
    known = _joined.get(key)
    if known is not None and known[0]() is data.x and (known[1] is None or known[1]() is data.y):
        return known[2]

    def both(train: Any, held: Any) -> Any:
        whole = np.empty((len(train) + len(held), *train.shape[1:]), dtype=np.result_type(train, held))
        whole[data.train_rows], whole[data.val_rows] = train, held
        return read_only(whole)

    y = None if data.y is None else both(data.y, data.val_y)
    whole = replace(data, x=both(data.x, data.val_x), y=y, val_x=None, val_y=None, train_rows=None, val_rows=None)

    def forget(_: Any) -> None:
        _joined.pop(key, None)

    _joined[key] = (weakref.ref(data.x, forget), None if data.y is None else weakref.ref(data.y, forget), whole)
    return whole


def split_folds(data: TrainingData, folds: int, *, seed: int) -> tuple[Fold, ...]:
    """Split joined data into ``folds`` folds, shuffled; with the classes' shares where possible.

    Raises DataError when there are fewer than two folds or fewer samples than folds. The same
    seed and data give the same folds. Source: sklearn's KFold and StratifiedKFold.
    """
    import numpy as np
    from sklearn.model_selection import KFold, StratifiedKFold

    check_folds(data, folds)
    rows = len(data.x)
    labels = class_labels(data.y)
    # StratifiedKFold refuses classes with fewer samples than folds only when all of them are that rare.
    stratified = labels is not None and np.unique(labels, return_counts=True)[1].min() >= folds
    splitter = (StratifiedKFold if stratified else KFold)(n_splits=folds, shuffle=True, random_state=seed % 2**32)
    return tuple(Fold(train, held) for train, held in splitter.split(np.zeros(rows), labels if stratified else None))
