"""Smaller numbers for a model behind a preparation, which stays in float32 while all behind it becomes smaller.

Raw columns of different size would share one scale of 256 steps in int8, and a missing value has no
int8 at all. The converter's quantiser leaves alone what has no calibrated range, so the ranges inside
of the preparation are taken out between its two steps. In float16 a column's mean has 3 digits, and
none above 65504. The converter writes every constant so, and those of the preparation are put back. The same
goes for dynamic range, where all columns of a row would share one scale.
"""

from __future__ import annotations

import re
from typing import Any

from tunemagic.export.clone import is_graph_model
from tunemagic.export.tables import read_tables, write_tables
from tunemagic.prep.graph import NAME

__all__ = ["front_of", "quantize_behind", "shrink_behind"]

# TensorFlow counts the scopes of a layer that is called again.
_INSIDE = re.compile(rf"(^|/){NAME}(_\d+)?/")


def front_of(model: Any) -> bool:
    """Whether the model begins with a preparation, as prep.graph makes it."""
    first = next(iter(getattr(model, "layers", [])[1:]), None)
    return first is not None and first.name == NAME and is_graph_model(first) and not first.weights


def quantize_behind(converter: Any) -> bytes:
    """The int8 file of a converter that has representative data, with the preparation left in float."""
    from tensorflow.lite.python.convert import mlir_quantize

    converter._experimental_calibrate_only = True  # the ranges that were seen, beside a float file
    return bytes(mlir_quantize(_without_ranges(converter.convert())))


def shrink_behind(converter: Any) -> bytes:
    """The float16 or dynamic file of a converter that is set to it, with the preparation's constants in float32."""
    small = bytes(converter.convert())
    converter.optimizations = []
    return _with_constants(small, bytes(converter.convert()))


def _with_constants(small: bytes, plain: bytes) -> bytes:
    """The file with the preparation's constants of the float32 file, which has the same operations.

    A float16 constant was read through a DEQUANTIZE, whose outcome becomes the constant. An int8 one is replaced.
    """
    from ai_edge_litert import schema_py_generated as schema

    model, known = read_tables(small), read_tables(plain)
    for graph, known_graph in zip(model.subgraphs, known.subgraphs, strict=True):
        halves = [operator for operator in graph.operators or [] if _is_dequantize(model, operator)]
        outcomes = {int(operator.outputs[0]): operator for operator in halves}
        others = [operator for operator in graph.operators or [] if operator not in halves]
        for operator, twin in zip(others, known_graph.operators or [], strict=True):
            if not _is_inside(known_graph, twin):
                continue
            for number, source in zip(operator.inputs, twin.inputs, strict=True):
                content = known.buffers[known_graph.tensors[source].buffer].data if number >= 0 else None
                tensor, twin_type = graph.tensors[number], known_graph.tensors[source].type
                if content is None or (int(number) not in outcomes and tensor.type == twin_type):
                    continue
                tensor.type, tensor.quantization, tensor.buffer = twin_type, None, len(model.buffers)
                model.buffers.append(schema.BufferT(data=content))
                if int(number) in outcomes:
                    graph.operators.remove(outcomes.pop(int(number)))
        read = {int(number) for operator in graph.operators or [] for number in operator.inputs}
        for number in {int(operator.inputs[0]) for operator in halves} - read:
            graph.tensors[number].buffer = 0  # the empty one
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
    return write_tables(model, len(small))


def _without_ranges(calibrated: bytes) -> bytes:
    """The calibrated file without the ranges of all that comes before the preparation's outcome."""
    model = read_tables(calibrated)
    for graph in model.subgraphs:
        behind: set[int] = set()
        for operator in graph.operators or []:
            if not _is_inside(graph, operator):
                behind.update(map(int, [*operator.inputs, *operator.outputs]))
        for number, tensor in enumerate(graph.tensors):
            if number not in behind:
                tensor.quantization = None
    return write_tables(model, len(calibrated))


def _is_dequantize(model: Any, operator: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[operator.opcodeIndex]
    return bool(max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.DEQUANTIZE)


def _is_inside(graph: Any, operator: Any) -> bool:
    """Whether the operation is one of the preparation's, or a first layer that its scaling was merged into."""
    return any(_INSIDE.search(_first_name(graph.tensors[number])) for number in operator.outputs)


def _first_name(tensor: Any) -> str:
    """The tensor's own name; those of operations that were fused into it come behind."""
    return (tensor.name or b"").decode(errors="replace").partition(";")[0]
