"""Names of the layers that round, apart from the layers themselves, which need Keras."""

from __future__ import annotations

from typing import Any

__all__ = ["ROUNDING", "rounds"]

# For each layer of Keras the one that computes with rounded weights.
ROUNDING = {
    "BatchNormalization": "QuantizedBatchNormalization",
    "Conv2D": "QuantizedConv2D",
    "Dense": "QuantizedDense",
    "DepthwiseConv2D": "QuantizedDepthwiseConv2D",
}


def rounds(model: Any) -> bool:
    """Whether the model has layers that round as int8 does."""
    ours = {"FakeQuantize", *ROUNDING.values()}
    return any(
        type(layer).__name__ in ours and type(layer).__module__.startswith("tunemagic.")
        for layer in getattr(model, "layers", [])
    )
