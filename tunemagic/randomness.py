"""Random numbers for models that are built or trained here; the notebook's own draws don't notice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["kept_random_state", "seeded"]

# Becomes True for the process once a model's own code has drawn numbers from TensorFlow outside of graphs.
_tensorflow_draws = False


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Give Python and NumPy back the notebook's random state after running its model code."""
    import numpy as np

    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed Python, NumPy and Keras, as ``keras.utils.set_random_seed`` does.

    That function also makes TensorFlow drop everything it has compiled, so that its random
    operations outside of graphs begin anew: each graph that an earlier trial left would have to be
    prepared again, 0.15 s for a small model. TensorFlow is seeded without that until a trial is
    seen that uses such operations.
    """
    import keras

    with kept_random_state(), _kept_keras_state():
        if keras.backend.backend() != "tensorflow":
            _seed_without_tensorflow(seed)
            yield
            return
        if _tensorflow_draws:
            keras.utils.set_random_seed(seed)
            yield
            return
        generator = _seed_quietly(seed)
        before = generator.getstate()
        try:
            yield
        finally:
            _note_draws(generator.getstate() != before)


@contextmanager
def _kept_keras_state() -> Iterator[None]:
    """Give Keras and TensorFlow back the notebook's seeds and generators."""
    import keras
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator
    from keras.src.utils import rng_utils

    names = (rng_utils.GLOBAL_RANDOM_SEED, seed_generator.GLOBAL_SEED_GENERATOR)
    before = [global_state.get_global_attribute(name) for name in names]
    eager: Any = None
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.eager import context

        eager = context.context()
        seeds = (eager._seed, getattr(eager, "_rng", None))  # made when a seed is set for the first time
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            global_state.set_global_attribute(name, value)
        if eager is not None:
            eager._seed, eager._rng = seeds


def _seed_without_tensorflow(seed: int) -> None:
    """Do what keras.utils.set_random_seed does, which imports TensorFlow for any backend."""
    import keras
    import numpy as np
    from keras.src.backend.common import global_state
    from keras.src.random import seed_generator
    from keras.src.utils import rng_utils

    global_state.set_global_attribute(rng_utils.GLOBAL_RANDOM_SEED, seed)
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)
    random.seed(seed)
    np.random.seed(seed)
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def _seed_quietly(seed: int) -> random.Random:
    """Do what keras.utils.set_random_seed does but for clearing caches; TensorFlow's generator of seeds."""
    from tensorflow.python.eager import context

    _seed_without_tensorflow(seed)
    eager: Any = context.context()
    eager._seed, eager._rng = seed, random.Random(seed)
    generator: random.Random = eager._rng
    return generator


def _note_draws(drawn: bool) -> None:
    global _tensorflow_draws
    _tensorflow_draws = _tensorflow_draws or drawn
