"""Run a cell so that what it learns from whole arrays, it learns from the rows that its trial trains on.

The cell sees the notebook's whole arrays. ``prep.Recipe.fit`` inside of it asks which of their rows
validate, and leaves those out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tunemagic.models.optimisers import takes_all_samples
from tunemagic.prep.part import TrainingPart, counted_anew, learning_from
from tunemagic.search.data import TrainingData, with_rebound
from tunemagic.search.folds import Fold, joined, split_folds

__all__ = ["fold_of", "run_on"]


def run_on(
    program: Any, hp: Any, data: TrainingData, fold: Fold | None = None
) -> tuple[Any, TrainingData, Fold | None]:
    """What the program built, and the data and the fold as it left them.

    Where the cell dropped training rows by ``prep.Preparation.rows``, the fold's rows are counted
    anew. Raises DataError when data that the cell assigns doesn't fit, and whatever the cell raises.
    """
    part = _part(data, fold)
    with learning_from(part):
        setup = program.run(hp)
    kept = None if part is None else part.kept
    changed = with_rebound(data, setup.data, kept)
    setup = _whole(setup, changed)
    if fold is None or kept is None or len(joined(changed).x) != len(kept):
        return setup, changed, fold
    return setup, changed, Fold(counted_anew(fold.train_rows, kept), counted_anew(fold.val_rows, kept))


def fold_of(data: TrainingData, folds: int, run: int, *, seed: int) -> Fold | None:
    """The fold that this run (counted from 1) holds out of the notebook's data; None without folds."""
    return split_folds(joined(data), folds, seed=seed)[(run - 1) % folds] if folds else None


def _whole(setup: Any, data: TrainingData) -> Any:
    """The setup with a batch of all samples for gradient descent, unless the cell says a size of its own."""
    if not data.is_arrays or setup.fit.get("batch_size") is not None or not takes_all_samples(setup.model):
        return setup
    held = 0 if data.val_x is None else len(data.val_x)  # a fold may train on some of them
    return replace(setup, fit={**setup.fit, "batch_size": len(data.x) + held})


def _part(data: TrainingData, fold: Fold | None) -> TrainingPart | None:
    """Which rows of the notebook's arrays are trained on; None for a dataset."""
    if not data.is_arrays:
        return None
    rows = data.train_rows if fold is None else fold.train_rows
    held = 0 if data.train_rows is None else len(data.val_rows)
    return TrainingPart(len(data.x) + held, rows)
