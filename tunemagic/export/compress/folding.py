"""BatchNormalization folded into the layer in front of it, as the converter does, so that one kernel is rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.export.clone import plain_view, rebuilt_layer
from tunemagic.export.compress.copying import copy_layer, rebuilt_graph, settle

__all__ = ["fold_norms"]

_FOLDABLE = ("Conv1D", "Conv2D", "Dense")


def fold_norms(model: Any) -> tuple[Any, list[str]]:
    """A copy of the model without those BatchNormalization layers that directly follow a linear Dense or Conv layer.

    Their statistics, as they are now, become part of its kernel and bias, so the copy answers as the model
    does outside training. Returns it, not compiled, and the names of the layers that are gone.
    """
    import keras

    folded = _norms_behind(model)
    gone = {id(norm) for norm in folded.values()}
    made: list[tuple[Any, Any]] = []

    def copy_of(layer: Any) -> Any:
        if id(layer) in gone:
            return keras.layers.Identity(name=layer.name)
        config = {**layer.get_config(), "use_bias": True} if id(layer) in folded else None
        copy = copy_layer(layer) if config is None else rebuilt_layer(layer, config)
        copy.trainable = layer.trainable
        made.append((layer, copy))
        return copy

    whole = rebuilt_graph(model, copy_of, _skip_identity)
    for layer, copy in made:
        norm = folded.get(id(layer))
        copy.set_weights(layer.get_weights() if norm is None else _folded(layer, norm))
    settle(whole)
    return whole, [norm.name for norm in folded.values()]


def _skip_identity(layer: Any, *arguments: Any, **more: Any) -> Any:
    return arguments[0] if type(layer).__name__ == "Identity" else layer(*arguments, **more)


def _norms_behind(model: Any) -> dict[int, Any]:
    """For the id of a layer the BatchNormalization that alone uses what it gives."""
    import keras

    found: dict[int, Any] = {}
    for layer in plain_view(model).layers:
        users = [node.operation for node in layer._outbound_nodes]
        is_linear = type(layer).__name__ in _FOLDABLE and layer.activation is keras.activations.linear
        if (
            is_linear
            and {type(user).__name__ for user in users} == {"BatchNormalization"}
            and len(set(map(id, users))) == 1
        ):
            norm = users[0]
            if norm.axis in {-1, len(layer.output.shape) - 1}:
                found[id(layer)] = norm
    return found


def _folded(layer: Any, norm: Any) -> list[NDArray[Any]]:
    """The layer's kernel and bias that answer as both layers do."""
    kernel, *bias = layer.get_weights()
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    scale = (np.asarray(norm.gamma) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    shift = np.asarray(norm.beta) if norm.center else 0.0
    return [kernel * scale, ((bias[0] if bias else 0.0) - mean) * scale + shift]
