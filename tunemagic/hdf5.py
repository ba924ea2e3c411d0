"""Weights as HDF5, in memory: writing HDF5 straight to a full disk ends the process inside of its library."""

from __future__ import annotations

import io
from typing import Any

__all__ = ["weights_bytes"]


def weights_bytes(model: Any) -> bytes:
    """The ``.weights.h5`` file of a built Keras model, without the optimizer's state."""
    from keras.src.saving import saving_lib

    buffer = io.BytesIO()
    # The public save_weights takes paths only; the store behind it takes memory as well.
    store = saving_lib.H5IOStore(buffer, mode="w")
    optimizer = getattr(model, "optimizer", None)  # a Functional model that was never compiled has no such attribute
    skipped = set() if optimizer is None else {id(optimizer)}
    saving_lib._save_state(model, weights_store=store, assets_store=None, inner_path="", visited_saveables=skipped)
    store.close()
    return buffer.getvalue()
