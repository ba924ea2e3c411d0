"""Build Keras models whose weights have a shape and no value, so that nothing large is allocated."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["weights_without_values"]

_counting = threading.local()
_patched = threading.Lock()


@contextlib.contextmanager
def weights_without_values() -> Iterator[None]:
    """Let layers that are built in this thread make weights that have a shape and no value.

    The scope that Keras has for that can't span a user's model code: optimizers and metrics in it make small
    variables with values, which such a scope refuses. Use a thread of its own: Keras keeps what it knows of
    weights without values for each thread.
    """
    import keras

    original: Callable[..., Any] = keras.layers.Layer.add_weight

    @functools.wraps(original)
    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not getattr(_counting, "on", False):
            return original(self, *args, **kwargs)
        with keras.StatelessScope(initialize_variables=False):
            return original(self, *args, **kwargs)

    with _patched:
        keras.layers.Layer.add_weight = add_weight
        _counting.on = True
        try:
            yield
        finally:
            _counting.on = False
            keras.layers.Layer.add_weight = original
