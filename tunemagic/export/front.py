"""int8 for a model behind a preparation: the preparation stays in float, all behind it becomes int8.

Raw columns of different size would share one scale of 256 steps, and a missing value has no int8 at
all. The converter's quantiser leaves alone what has no calibrated range, so the ranges inside of the
preparation are taken out between its two steps.
"""

from __future__ import annotations

import re
from typing import Any

from tunemagic.export.clone import is_graph_model
from tunemagic.prep.graph import NAME

__all__ = ["front_of", "quantize_behind"]

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


def _without_ranges(calibrated: bytes) -> bytes:
    """The calibrated file without the ranges of all that comes before the preparation's outcome."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(calibrated, 0))
    for graph in model.subgraphs:
        behind: set[int] = set()
        for operator in graph.operators or []:
            if not any(_INSIDE.search(_first_name(graph.tensors[number])) for number in operator.outputs):
                behind.update(map(int, [*operator.inputs, *operator.outputs]))
        for number, tensor in enumerate(graph.tensors):
            if number not in behind:
                tensor.quantization = None
    builder = flatbuffers.Builder(len(calibrated))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _first_name(tensor: Any) -> str:
    """The tensor's own name; those of operations that were fused into it come behind."""
    return (tensor.name or b"").decode(errors="replace").partition(";")[0]
