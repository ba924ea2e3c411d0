"""The weights that compression works on: kernels and embeddings, no biases and nothing of normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError

__all__ = ["Kernel", "kernels_of", "zero_share"]

_NAMES = ("embeddings", "kernel", "pointwise_kernel", "recurrent_kernel")


@dataclass(frozen=True, slots=True)
class Kernel:
    """One weight of at least two axes. ``layer`` is the name of its layer, or of the recurrent layer around it."""

    layer: str
    variable: Any

    @property
    def values(self) -> NDArray[np.float32]:
        """Its numbers now."""
        import keras

        values: NDArray[np.float32] = np.array(keras.ops.convert_to_numpy(self.variable), np.float32)
        return values

    def assign(self, values: NDArray[np.float32]) -> None:
        """Put these numbers in their place."""
        self.variable.assign(values)


def kernels_of(model: Any) -> list[Kernel]:
    """Kernels of Dense, Conv, recurrent layers and embeddings, of the model's own layers of such weights too.

    Kernels of depthwise convolutions are left out: they are few and each counts for a whole channel, so
    TensorFlow's own toolkit leaves them too (tfmot, PrunableLayer). Raises ExportError when there is none.
    """
    import keras

    depthwise = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
    found: dict[int, Kernel] = {}
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, depthwise):
            continue
        own = [*layer._trainable_variables, *layer._non_trainable_variables]
        for variable in own:
            if variable.name in _NAMES and len(variable.shape) > 1:
                found.setdefault(id(variable), Kernel(_layer_of(variable, layer), variable))
    if not found:
        raise ExportError(
            f"{model.name}: there are no kernels to compress; expected layers such as Dense, Conv2D, LSTM or Embedding."
        )
    return list(found.values())


def zero_share(values: NDArray[Any]) -> float:
    """The share of numbers that are exactly zero, from 0 to 1."""
    return float(np.mean(values == 0))


def _layer_of(variable: Any, layer: Any) -> str:
    """A cell's weights carry the name of the layer in their path: ``lstm/lstm_cell/kernel``."""
    parts = str(variable.path).split("/")
    return parts[-3] if len(parts) > 2 and parts[-2].endswith("_cell") else str(layer.name)
