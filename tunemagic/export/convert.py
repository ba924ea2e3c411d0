"""One conversion to TF Lite, and the look inside the file that tells whether it is what was asked for.

Runs in the worker process only: the converter may abort the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.front import halve_behind, quantize_behind
from tunemagic.export.handover import SIGNATURE
from tunemagic.export.text import converter_reason
from tunemagic.request import QuantMode

__all__ = ["check_file", "convert_graph", "operations_of"]

# Bytes that one weight needs at least; a file below a fifth of that has lost its weights (biases and
# small tensors stay float, equal tensors are stored once, so the exact size is not known).
_WEIGHT_BYTES = {QuantMode.NONE: 4, QuantMode.FLOAT16: 2, QuantMode.DYNAMIC: 1, QuantMode.INT8: 1}
_LEAST_SHARE = 0.2
_BEHIND = {QuantMode.INT8: quantize_behind, QuantMode.FLOAT16: halve_behind}  # with a preparation in front


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """What a file's tables say: its operations by name, and where int8 is used."""

    operations: set[str]
    computes_int8: bool
    has_int8_weights: bool


def convert_graph(
    graph: Path, mode: QuantMode, calibration: NDArray[Any] | None, loops: list[str], *, prepares: bool = False
) -> bytes:
    """The TF Lite file of the SavedModel at ``graph``.

    ``calibration`` (sample, ...) is needed for int8. ``loops`` names recurrent layers that are not
    unrolled: integer conversion of those crashes, so it is refused. ``prepares``: the graph begins
    with a preparation, which stays in float. Raises ExportError.
    """
    import tensorflow as tf

    if mode is QuantMode.INT8 and loops:
        raise ExportError(
            f"int8: recurrent layer {loops[0]} reads more than 64 steps and can't be unrolled, and the converter "
            "crashes on integer loops. Shorten the sequences, or use dynamic."
        )
    converter = tf.lite.TFLiteConverter.from_saved_model(str(graph), signature_keys=[SIGNATURE])
    if mode is not QuantMode.NONE:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode is QuantMode.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if mode is QuantMode.INT8:
        if calibration is None:
            raise ExportError("int8: expected representative data; received none.")
        samples = calibration
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    try:
        if prepares and mode in _BEHIND:
            return _BEHIND[mode](converter)
        return bytes(converter.convert())
    except Exception as error:  # the converter raises ConverterError, RuntimeError, ValueError and plain Exception
        raise ExportError(f"the converter refused the model: {converter_reason(str(error))}") from error


def check_file(content: bytes, mode: QuantMode, params: int) -> list[str]:
    """Remarks about the file. Raises ExportError when it is not what ``mode`` asks for.

    ``params`` is how many weights the model has.
    """
    least = int(_LEAST_SHARE * params * _WEIGHT_BYTES[mode])
    if len(content) < least:
        raise ExportError(
            f"the converter wrote {len(content)} bytes for {params} weights (at least {least} were expected): "
            "the weights are missing."
        )
    contents = _contents(content)
    foreign = sorted(name for name in contents.operations if name.startswith(("Flex", "CUSTOM")))
    if foreign:
        raise ExportError(
            f"the file needs {', '.join(foreign)}, which the LiteRT runtime does not have. "
            "Replace the layer that uses it by one of plain Keras operations."
        )
    if mode is QuantMode.INT8 and not contents.computes_int8:
        raise ExportError("int8: the converter wrote a float file without a word; check the representative data.")
    if mode is QuantMode.DYNAMIC and not contents.has_int8_weights:
        return ["no weight tensor is large enough (1024 values) to be quantised, so this is a float file"]
    return []


def operations_of(content: bytes) -> list[str]:
    """Names of the file's operations, each once, in order of the alphabet."""
    return sorted(_contents(content).operations)


def _contents(content: bytes) -> _Contents:
    """Read the file's tables. QUANTIZE and DEQUANTIZE only carry values over, so they do not count as int8."""
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    operations: set[str] = set()
    computes_int8 = has_int8_weights = False
    for graph in model.subgraphs:
        integer = [tensor.type == schema.TensorType.INT8 for tensor in graph.tensors]
        for operator in graph.operators or []:
            name = _operation_name(model.operatorCodes[operator.opcodeIndex], names)
            operations.add(name)
            computes_int8 |= name not in {"QUANTIZE", "DEQUANTIZE"} and any(integer[i] for i in operator.outputs)
        has_int8_weights |= any(
            is_integer and np.size(model.buffers[tensor.buffer].data) > 0
            for is_integer, tensor in zip(integer, graph.tensors, strict=True)
            if model.buffers[tensor.buffer].data is not None
        )
    return _Contents(operations=operations, computes_int8=computes_int8, has_int8_weights=has_int8_weights)


def _operation_name(code: Any, names: dict[int, str]) -> str:
    """``FlexName`` or ``CUSTOM name`` for what is not built in."""
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    if names.get(number) != "CUSTOM":
        return names.get(number, f"operation {number}")
    custom = str((code.customCode or b"").decode(errors="replace"))
    return custom if custom.startswith("Flex") else f"CUSTOM {custom}"
