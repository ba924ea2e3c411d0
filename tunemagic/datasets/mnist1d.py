"""MNIST-1D: digits as signals of 40 steps, made by a seeded program."""

from __future__ import annotations

import functools
import random
from typing import Any

from tunemagic.datasets.card import Task
from tunemagic.datasets.dataset import Dataset, class_names, with_card
from tunemagic.datasets.packages import package_folder

__all__ = ["mnist1d"]


def mnist1d() -> Dataset:
    """4000 + 1000 signals, (row, 40)."""
    package_folder("mnist1d", "mnist1d")
    rows = _generated()
    x, x_test = (rows[part].astype("float32") for part in ("x", "x_test"))
    y, y_test = (rows[part].astype("int64") for part in ("y", "y_test"))
    return with_card(
        "mnist1d",
        x,
        y,
        test=(x_test, y_test),
        task=Task.MULTICLASS,
        classes=class_names(10),
        licence="Apache-2.0 (package mnist1d)",
        source="mnist1d.data.make_dataset: Greydanus and Kobak, Scaling Down Deep Learning with MNIST-1D, ICML 2024",
        note="signals of 40 steps, mean 0 and deviation 1 over all of them; the published train and test part",
    )


@functools.lru_cache(maxsize=1)
def _generated() -> dict[str, Any]:
    """The published arrays. The package seeds the global random numbers, which are put back."""
    import numpy as np
    from mnist1d.data import get_dataset_args, make_dataset

    python, numbers = random.getstate(), np.random.get_state()
    try:
        made: dict[str, Any] = make_dataset(get_dataset_args())
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
    return made
