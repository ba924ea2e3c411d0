"""Randomness and names of a trial: the same for the same trial, whatever ran before it in the process."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["own_names", "run_seed", "trial_seed"]


def trial_seed(seed: int, trial: int) -> int:
    """The seed of a study's trial; that of its first run."""
    return (seed * 1_000_003 + trial) % 2**31


def run_seed(seed: int, run: int) -> int:
    """The trial's own seed for its first run; for the others what no other trial or study has."""
    if run == 1:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed} {run}".encode()).digest()[:4], "big") % 2**31


@contextmanager
def own_names(taken: Mapping[str, int] | None = None) -> Iterator[None]:
    """Let Keras count its automatic names (``dense_1``) from the start, as in the first trial.

    Equal models then have equal names, wherever and after whatever they are built: metrics that
    are named after a layer keep their names from trial to trial. ``taken`` is where counting
    begins for names that layers made elsewhere have already.
    """
    from keras.src.backend.common import global_state

    name = "object_name_uids"
    before = global_state.get_global_attribute(name)
    global_state.set_global_attribute(name, collections.defaultdict(int, taken or {}))
    try:
        yield
    finally:
        global_state.set_global_attribute(name, before)
