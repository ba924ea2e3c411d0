"""Models whose epochs are compiled already, kept for trials of the same structure.

A twin is built from a config, so no code of the user's ever holds it: a trial's own model is never
trained again by a later trial. What a trial brings to a twin are its fresh weights, the states of
its random generators and its learning rate; the optimizer's state starts anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tunemagic.search.fused import Epochs
from tunemagic.search.seeds import own_names
from tunemagic.search.state import random_states
from tunemagic.search.structure import OneOfAKind, Structure, check_model, structure_of

__all__ = ["Twin", "TwinCache", "forget_twins", "lent_twin"]

KEPT = 16  # structures per process; each takes about 5-10 MB for its graphs


class Twin:
    """A compiled model for one structure. ``trial`` is the number of the trial that it was made for."""

    def __init__(self, structure: Structure, specs: tuple[Any, Any], trial: int) -> None:
        import keras

        self.structure = structure
        self.trial = trial
        self.model = keras.saving.deserialize_keras_object(structure.config)
        if structure_of(self.model, specs).key != structure.key:
            raise OneOfAKind("its config does not tell all of it")
        self.epochs = Epochs(self.model, specs)
        # Mostly zeros, but not always: a loss scale, Adagrad's accumulators.
        self._optimizer = [variable.numpy() for variable in self.model.optimizer.variables]

    def load(self, fresh: Any) -> None:
        """Make the twin what the freshly built model is."""
        for own, value in zip(self.model.optimizer.variables, self._optimizer, strict=True):
            own.assign(value)
        _steps(self.model).assign(_steps(fresh))  # the cell may begin at a later step
        if self.structure.has_rate:
            self.model.optimizer.learning_rate = float(fresh.optimizer.learning_rate.numpy())
        for own, other in zip(
            (*self.model.weights, *random_states(self.model)), (*fresh.weights, *random_states(fresh)), strict=True
        ):
            own.assign(other.value)


def _steps(model: Any) -> Any:
    """The variable that counts the optimizer's steps; ``iterations`` may be computed from it."""
    optimizer = getattr(model.optimizer, "inner_optimizer", None) or model.optimizer
    return optimizer._iterations


@dataclass
class TwinCache:
    """The twins used last, at most ``bound``. A twin in use is not in here, so nobody else can take it."""

    bound: int = KEPT

    def __post_init__(self) -> None:
        self._twins: OrderedDict[str, Twin] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> Twin | None:
        """The twin of this structure, which then is the caller's alone."""
        with self._lock:
            return self._twins.pop(key, None)

    def give(self, twin: Twin) -> None:
        """Put a twin (back) in; the one that was not used for the longest time makes room."""
        with self._lock:
            self._twins[twin.structure.key] = twin
            while len(self._twins) > self.bound:
                self._twins.popitem(last=False)

    def clear(self) -> None:
        """Drop all twins but those in use."""
        with self._lock:
            self._twins.clear()

    def __len__(self) -> int:
        return len(self._twins)


_cache = TwinCache()


def forget_twins() -> None:
    """Drop what this process has compiled for earlier trials; their memory is free when Python next collects."""
    _cache.clear()


@contextmanager
def lent_twin(model: Any, specs: tuple[Any, Any], trial: int, cache: TwinCache = _cache) -> Iterator[tuple[Twin, bool]]:
    """A twin with all that the freshly built model has in it, and whether an earlier trial made it.

    Raises OneOfAKind when the model must be trained itself.
    """
    twin, known = _twin_of(model, specs, trial, cache)
    try:
        yield twin, known
    finally:
        cache.give(twin)


def _twin_of(model: Any, specs: tuple[Any, Any], trial: int, cache: TwinCache) -> tuple[Twin, bool]:
    import tensorflow as tf

    if model.optimizer.built:
        raise OneOfAKind("its optimizer was used before")
    check_model(model)
    try:
        if not model.built:
            inputs = tf.nest.flatten(specs[0])[0]
            with own_names():  # the layer for the inputs has the same name in every trial
                model.build(tuple(inputs.shape))
        structure = structure_of(model, specs)
        known = cache.take(structure.key)
        twin = known or Twin(structure, specs, trial)
        twin.load(model)
    except OneOfAKind:
        raise
    # Whatever a model raises that can't be built yet or read back from its config: it can still train itself.
    except Exception as error:
        raise OneOfAKind(f"it can't be built from its config ({type(error).__name__})") from error
    return twin, known is not None
