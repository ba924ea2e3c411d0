"""Less data for a dry run's warm-up trial: the first few batches of what a trial would train on."""

from __future__ import annotations

import math
from dataclasses import replace

from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData
from tunemagic.search.feed import batches_of

__all__ = ["batch_size_of", "few_batches"]


def batch_size_of(setup: TrialSetup) -> int:
    """Samples in a (first) batch of this trial; of arrays only, a dataset is batched already."""
    return batches_of(setup.fit).at(0)


def few_batches(setup: TrialSetup, data: TrainingData, batches: int) -> tuple[TrialSetup, TrainingData]:
    """The trial with at most this many batches, and with the same share of the validation data.

    ``data`` is what the trial would train on, with everything that its cell assigned anew.
    """
    if not data.is_arrays:
        count = int(data.x.cardinality())
        held = int(data.val_x.cardinality())
        few = math.ceil(held * batches / count) if 0 < batches < count and held > 0 else batches
        return setup, replace(data, x=data.x.take(batches), val_x=data.val_x.take(max(1, few)))
    rows = min(len(data.x), batches * batch_size_of(setup))
    held = 0 if data.val_x is None else math.ceil(len(data.val_x) * rows / len(data.x))
    fit = dict(setup.fit)
    if fit.get("sample_weight") is not None:
        fit["sample_weight"] = data.training_rows(fit["sample_weight"], "sample_weight")[:rows]
    part = replace(
        data,
        x=data.x[:rows],
        y=None if data.y is None else data.y[:rows],
        val_x=None if data.val_x is None else data.val_x[:held],
        val_y=None if data.val_y is None else data.val_y[:held],
        train_rows=None,
        val_rows=None,
    )
    return replace(setup, fit=fit), part
