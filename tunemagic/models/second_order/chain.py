"""Read a model as a chain of layers, the only wiring that K-FAC's factors are derived for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunemagic.errors import ModelError

__all__ = ["Chain", "chain_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """``front`` makes of the model's inputs what the first of ``layers`` takes; it trains nothing."""

    front: Any
    layers: tuple[Any, ...]


def chain_of(model: Any) -> Chain:
    """The layers of a built Sequential or Functional model in order, those of nested models too.

    What comes before all trainable layers may branch, as the preparation of columns does. Raises
    ModelError when trainable layers branch, join or are used twice.
    """
    import keras

    tensor, layers = _walked(model, model)
    if len({id(layer) for layer in layers}) < len(layers):
        raise _refused(model, "it uses a layer twice")
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return Chain(keras.Model(inputs, tensor), tuple(layers))


def _walked(graph: Any, model: Any) -> tuple[Any, list[Any]]:
    """Where the chain begins inside the graph, a symbolic tensor, and its layers from there on."""
    import keras

    if isinstance(graph, keras.Sequential):
        return graph.inputs[0], [inner for layer in graph.layers for inner in _opened(layer, model)]
    layers: list[Any] = []
    tensor = graph.outputs[0]
    while True:
        operation, node_index, _ = tensor._keras_history
        if isinstance(operation, keras.layers.InputLayer):
            return tensor, layers
        node = operation._inbound_nodes[node_index]
        if len(node.input_tensors) != 1 or not isinstance(operation, keras.layers.Layer):
            if _trains_before(tensor):
                raise _refused(model, f"{operation.name} is no layer of a single chain")
            return tensor, layers
        layers[:0] = _opened(operation, model)
        tensor = node.input_tensors[0]


def _opened(layer: Any, model: Any) -> list[Any]:
    """The layers inside a nested model that trains something; else the layer itself."""
    import keras

    if not isinstance(layer, keras.Model) or not layer.trainable_variables:
        return [layer]
    tensor, layers = _walked(layer, model)
    if tensor is not layer.inputs[0]:
        raise _refused(model, f"{layer.name} branches inside")
    return layers


def _trains_before(tensor: Any) -> bool:
    """Whether something trainable lies between the inputs and this tensor."""
    waiting, seen = [tensor], set[int]()
    while waiting:
        operation, node_index, _ = waiting.pop()._keras_history
        if id(operation) in seen:
            continue
        seen.add(id(operation))
        if getattr(operation, "trainable_variables", None):
            return True
        waiting.extend(operation._inbound_nodes[node_index].input_tensors)
    return False


def _refused(model: Any, what: str) -> ModelError:
    return ModelError(
        f"kfac can't train {model.name}: {what}; expected one chain of layers. Train it with hessian_free or adam."
    )
