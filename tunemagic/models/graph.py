"""A Keras model as boxes and lines between them: what its drawing shows, without how it looks."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import ModelError

__all__ = ["Box", "ModelGraph", "graph_of"]

# What of a layer's config says how large it is, in this order.
_SIZES = ("units", "filters", "output_dim", "kernel_size", "pool_size", "size", "rate", "target_shape", "code")
_HIDDEN_ACTIVATIONS = (None, "linear")
_TENSORS = re.compile(r"[A-Z]+[a-z0-9]*|[a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One use of one layer. ``inputs`` are the numbers of the boxes that it gets its tensors from.

    ``name`` is the layer's name where somebody has given it one; ``shape`` is that of its output with None for the
    samples, None where it isn't known; ``inside`` the number of layers in a model that is used as a layer.
    """

    kind: str
    name: str
    settings: str
    shape: str
    weights: int
    trainable: bool
    inputs: tuple[int, ...]
    inside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGraph:
    """A model's boxes, each after those that it gets its tensors from.

    ``built`` is False before the model has weights, ``ordered`` when only its ``call`` tells how layers are joined.
    """

    name: str
    boxes: tuple[Box, ...]
    weights: int
    fixed: int
    built: bool
    ordered: bool = True


def graph_of(model: Any) -> ModelGraph:
    """The graph of any Keras model. Raises ModelError for something else."""
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(
            f"expected a Keras model to draw; received a {type(model).__name__}. Of a search: "
            "models.show(study.best_model)."
        )
    nodes = _nodes(model)
    boxes = tuple(_box(layer, inputs, shape) for layer, inputs, shape in nodes)
    return ModelGraph(
        name=model.name,
        boxes=boxes,
        weights=_count(model.weights),
        fixed=_count(model.non_trainable_weights),
        built=bool(model.built),
        ordered=_is_graph(model),
    )


def _is_graph(model: Any) -> bool:
    import keras

    return isinstance(model, keras.Sequential) or hasattr(model, "_nodes")


def _nodes(model: Any) -> list[tuple[Any, tuple[int, ...], Any]]:
    """Layer, numbers of the nodes before it, and output shape, of each use of a layer inside the model."""
    import keras

    functional = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    if functional is None or not hasattr(functional, "_nodes"):
        chain = isinstance(model, keras.Sequential)
        return [(layer, (at - 1,) if chain and at else (), None) for at, layer in enumerate(model.layers)]
    by_depth = functional._nodes_by_depth
    ordered = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    numbers = {id(node): number for number, node in enumerate(ordered)}
    found = []
    for node in ordered:
        parents = dict.fromkeys(numbers[id(parent)] for parent in node.parent_nodes if id(parent) in numbers)
        found.append((node.operation, tuple(parents), [tensor.shape for tensor in node.output_tensors]))
    return found


def _box(layer: Any, inputs: tuple[int, ...], shapes: Any) -> Box:
    import keras

    weights = getattr(layer, "weights", [])
    return Box(
        kind=type(layer).__name__,
        name=_given_name(layer),
        settings=_settings(layer),
        shape=_shape_text(shapes),
        weights=_count(weights),
        trainable=not weights or bool(getattr(layer, "trainable_weights", [])),
        inputs=inputs,
        inside=len(layer.layers) if isinstance(layer, keras.Model) else 0,
    )


def _given_name(layer: Any) -> str:
    """The layer's name, or nothing when Keras made it up from the class: ``dense_3``."""
    from keras.src.utils.naming import to_snake_case

    return "" if re.fullmatch(rf"{to_snake_case(type(layer).__name__)}(_\d+)?", layer.name) else str(layer.name)


def _settings(layer: Any) -> str:
    """How large the layer is and what it computes, in a few characters: ``16 · 3×3 · relu``."""
    parts = []
    inner = getattr(layer, "forward_layer", None) or getattr(layer, "layer", None)
    if inner is not None:  # Bidirectional, TimeDistributed
        parts.append(f"{type(inner).__name__} {_settings(inner)}".strip())
    for field in _SIZES:
        value = getattr(layer, field, None)
        if isinstance(value, int) and not isinstance(value, bool):
            parts.append(f"{value:,}")
        elif isinstance(value, float):
            parts.append(f"{value:g}")
        elif isinstance(value, (tuple, list)) and all(isinstance(each, int) for each in value):
            parts.append("×".join(map(str, value)))
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    if activation not in _HIDDEN_ACTIVATIONS:
        parts.append(activation)
    return " · ".join(parts)


def _shape_text(shapes: Any) -> str:
    """``(8, 8, 16)``, without the samples; ``?`` for sizes that are open, nothing where none is known."""
    if not shapes:
        return ""
    return ", ".join(
        "(" + ", ".join("?" if size is None else str(size) for size in shape[1:]) + ")" for shape in shapes
    )


def _count(weights: Any) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
