"""The body of a function that builds a Sequential or Functional model, one line for each layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tunemagic.export.clone import is_graph_model
from tunemagic.script.gather import Gathered
from tunemagic.script.layers import argument_text, layer_call
from tunemagic.script.literals import literal
from tunemagic.script.unwritable import Unwritable

__all__ = ["compile_lines", "network_lines"]

_OUR_OPERATIONS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def network_lines(model: Any, gathered: Gathered, *, named: Any = (), name: str = "model") -> list[str]:
    """Lines that leave the model in the variable ``name``; weights are fresh. Raises Unwritable.

    ``named`` are layers whose names matter.
    """
    import keras

    if not is_graph_model(model):
        raise Unwritable(f"{type(model).__name__} is a subclassed model")
    gathered.imports["import keras"] = None
    if isinstance(model, keras.Sequential):
        return _sequential(model, gathered, named, name)
    return _functional(model, gathered, named, name)


def _sequential(model: Any, gathered: Gathered, named: Any, name: str) -> list[str]:
    before: list[str] = []
    lines = [f"    {_input_text(model.inputs[0], named=False)},"]
    for number, layer in enumerate(model.layers, 1):
        if is_graph_model(layer):
            inner = f"{name}_part_{number}"
            before += network_lines(layer, gathered, named=named, name=inner)
            lines.append(f"    {inner},")
        else:
            lines.append(f"    {layer_call(layer, gathered, named=layer.name in named)},")
    return [*before, f"{name} = keras.Sequential([", *lines, "])"]


def _input_text(tensor: Any, *, named: bool) -> str:
    dtype = "" if tensor.dtype == "float32" else f", dtype={literal(tensor.dtype)}"
    label = f", name={literal(tensor.name)}" if named else ""
    return f"keras.Input({tuple(tensor.shape[1:])!r}{dtype}{label})"


def _functional(model: Any, gathered: Gathered, named: Any, name: str) -> list[str]:
    """In the order in which the tensors are computed; a variable for each, called after its layer."""
    import keras

    lines: list[str] = []
    tensors: dict[int, str] = {}
    made: dict[int, str] = {}
    taken: set[str] = {"data", "keras", "np", name, *gathered.names}
    several = len(model.inputs) > 1

    def free(wanted: str) -> str:
        base = re.sub(r"\W", "_", wanted)
        base = base if base.isidentifier() else f"t_{base}"
        found, number = base, 1
        while found in taken:
            number += 1
            found = f"{base}_{number}"
        taken.add(found)
        return found

    for tensor in model.inputs:
        tensors[id(tensor)] = free("inputs" if not several else tensor.name)
        lines.append(f"{tensors[id(tensor)]} = {_input_text(tensor, named=several)}")
    for node in _nodes(model):
        operation = node.operation
        arguments = _arguments(node, tensors, gathered)
        uses = sum(other.operation is operation for other in _nodes(model))
        if not isinstance(operation, keras.layers.Layer):
            call = _operation_text(operation, arguments, gathered)
        elif is_graph_model(operation) or uses > 1:
            if id(operation) not in made:
                made[id(operation)] = free(f"{operation.name}_layer")
                if is_graph_model(operation):
                    lines += network_lines(operation, gathered, named=named, name=made[id(operation)])
                else:
                    text = layer_call(operation, gathered, named=operation.name in named)
                    lines.append(f"{made[id(operation)]} = {text}")
            call = f"{made[id(operation)]}({arguments})"
        else:
            call = f"{layer_call(operation, gathered, named=operation.name in named)}({arguments})"
        targets = [free("x" if len(model.inputs) == 1 and _is_chain(model) else operation.name) for _ in node.outputs]
        for tensor, target in zip(node.outputs, targets, strict=True):
            tensors[id(tensor)] = target
        if _is_chain(model):
            taken.discard("x")
        lines.append(f"{', '.join(targets)} = {call}")
    ends = [_structure_text(part, tensors) for part in (model._inputs_struct, model._outputs_struct)]
    return [*lines, f"{name} = keras.Model({ends[0]}, {ends[1]})"]


def _nodes(model: Any) -> Iterator[Any]:
    """Every call of a layer that is part of the model, inputs before outputs."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                yield node


def _is_chain(model: Any) -> bool:
    """Whether each tensor is used once, by the next layer, so that all can have one name."""
    nodes = list(_nodes(model))
    return len(model.inputs) == len(model.outputs) == 1 and all(
        len(node.input_tensors) == len(node.outputs) == 1
        and node.input_tensors[0] is (nodes[place - 1].outputs[0] if place else model.inputs[0])
        for place, node in enumerate(nodes)
    )


def _arguments(node: Any, tensors: Mapping[int, str], gathered: Gathered) -> str:
    parts = [_value_text(each, tensors, gathered) for each in node.arguments.args]
    # Keras notes training=False while a graph is built, and goes by whether the whole model trains.
    options = {key: each for key, each in node.arguments.kwargs.items() if each is not None and key != "training"}
    parts += [f"{key}={_value_text(each, tensors, gathered)}" for key, each in options.items()]
    return ", ".join(parts)


def _value_text(value: Any, tensors: Mapping[int, str], gathered: Gathered) -> str:
    import keras

    if isinstance(value, keras.KerasTensor):
        return tensors[id(value)]
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_value_text(each, tensors, gathered) for each in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    return argument_text(value, gathered)


def _operation_text(operation: Any, arguments: str, gathered: Gathered) -> str:
    """``keras.ops.mean(x, axis=1)`` for an operation that was applied to a tensor."""
    import keras

    function = _OUR_OPERATIONS.sub("_", type(operation).__name__).lower()
    if not hasattr(keras.ops, function):
        raise Unwritable(f"{operation.name} is an operation ({type(operation).__name__}) that has no public name")
    config = {key: each for key, each in operation.get_config().items() if key not in ("name", "dtype")}
    options = [f"{key}={argument_text(each, gathered)}" for key, each in config.items() if each is not None]
    return f"keras.ops.{function}({', '.join([arguments, *options])})"


def _structure_text(part: Any, tensors: Mapping[int, str]) -> str:
    if isinstance(part, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {_structure_text(each, tensors)}" for key, each in part.items()) + "}"
    if isinstance(part, (list, tuple)):
        texts = [_structure_text(each, tensors) for each in part]
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return tensors[id(part)]


def compile_lines(model: Any, gathered: Gathered, name: str = "model") -> list[str]:
    """The call of ``compile`` that gives the model its optimizer, loss and metrics. Raises Unwritable."""
    import keras

    if not model.compiled:
        raise Unwritable("the model is not compiled, so a script can't train it; compile it first")
    config = model.get_compile_config() or {}
    if not config:
        raise Unwritable("its loss or metrics have no config")
    arguments = [argument_text(keras.saving.serialize_keras_object(model.optimizer), gathered)]
    arguments.append(f"loss={argument_text(config.get('loss'), gathered)}")
    for key in ("metrics", "loss_weights", "weighted_metrics"):
        if config.get(key):
            arguments.append(f"{key}={argument_text(config[key], gathered)}")
    if config.get("run_eagerly"):
        arguments.append("run_eagerly=True")
    return [f"{name}.compile(", *(f"    {each}," for each in arguments), ")"]
