"""Parts that the networks are made of, and the ranges that go with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tunemagic.models.head import Head
from tunemagic.models.ranges import choice, number
from tunemagic.space import Parameter

__all__ = ["body_ranges", "connected", "finished", "penalty", "penalty_ranges", "training_ranges"]


def body_ranges(connections: tuple[str, ...], normalisation: str = "none") -> tuple[Parameter, ...]:
    """How hidden layers are joined, activated and held back from overfitting."""
    return (
        choice("connection", connections, connections[0]),
        choice("activation", ("relu", "gelu", "tanh", "sigmoid"), "relu"),
        choice("normalisation", ("none", "batch", "layer"), normalisation),
        number("dropout", 0.0, 0.5, 0.0, step=0.1),
        *penalty_ranges(),
    )


def penalty_ranges() -> tuple[Parameter, ...]:
    """A penalty on weights, and its strength where there is one."""
    return (
        choice("penalty", ("none", "l1", "l2"), "none"),
        # A few values instead of a range: trials of equal structure share what was compiled.
        choice("strength", (1e-5, 1e-4, 1e-3, 1e-2), 1e-4, when=("penalty", ("l1", "l2"))),
    )


def training_ranges(head: Head, rate: float = 1e-3) -> tuple[Parameter, ...]:
    """How the model is trained. Plain momentum is for classes only: steps grow with the target's unit otherwise."""
    names = ("adam", "adamw", "rmsprop")
    return (
        choice("optimizer", (*names, "momentum") if head.classifies else names, "adam"),
        number("learning_rate", 1e-4, 3e-2, rate, log=True),
        choice("batch_size", (16, 32, 64, 128), 32),
    )


def penalty(values: Mapping[str, Any]) -> Any:
    """The regulariser of a layer's weights, or None."""
    import keras

    match values.get("penalty"):
        case "l1":
            return keras.regularizers.L1(values["strength"])
        case "l2":
            return keras.regularizers.L2(values["strength"])
    return None


def connected(tensor: Any, layer: Callable[[], Any], values: Mapping[str, Any]) -> Any:
    """The tensor through a new layer without activation, then normalised, activated and thinned out.

    With ``connection="skip"`` what went in is added to what comes out where their shapes agree.
    """
    import keras

    outputs = layer()(tensor)
    match values["normalisation"]:
        case "batch":
            outputs = keras.layers.BatchNormalization()(outputs)
        case "layer":
            outputs = keras.layers.LayerNormalization()(outputs)
    outputs = finished(keras.layers.Activation(values["activation"])(outputs), values)
    if values["connection"] == "skip" and tensor.shape == outputs.shape:
        return keras.layers.Add()([tensor, outputs])
    return outputs


def finished(tensor: Any, values: Mapping[str, Any]) -> Any:
    """The tensor with dropout, where there is some."""
    import keras

    return keras.layers.Dropout(values["dropout"])(tensor) if values["dropout"] else tensor
