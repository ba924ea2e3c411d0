"""An OpenVINO model: a folder with ``model.xml`` and ``model.bin``, for Intel processors and graphics.

It is read from our ONNX form, since OpenVINO's own TensorFlow reader has no rule for recurrent layers,
and keeps float32 weights. OpenVINO reports its use over the network from the moment it is imported,
unless told otherwise by a file in the home directory; it is imported here without the part that does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.onnx_file import onnx_model
from tunemagic.export.targets.whole import about_text
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds

__all__ = ["operations", "run", "silent_openvino", "write"]

_FILE = "model.xml"
_ABOUT = "about.json"
_MADE = "onnx none"
_TELEMETRY = "openvino_telemetry"
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
_BATCH = 256


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the folder ``path``; returns remarks. Raises ExportError when OpenVINO can't read an operation."""
    openvino = silent_openvino()
    path.mkdir(exist_ok=True)
    made = source.made.get(_MADE)
    given = made.read_bytes() if made is not None else onnx_model(source).SerializeToString()
    try:
        model = openvino.Core().read_model(given, b"")
        openvino.save_model(model, str(path / _FILE), compress_to_fp16=False)
    except RuntimeError as error:
        raise ExportError(f"openvino: {_reason(str(error))}") from error
    (path / _ABOUT).write_text(about_text(source), encoding="utf-8")
    remarks = [
        "compared in float32; OpenVINO computes in bfloat16 by itself where the processor can, which moves outputs by "
        'about 0.01: set INFERENCE_PRECISION_HINT="f32" for these numbers'
    ]
    if source.clone is None and source.loops:
        remarks.append(f"one sample a call, since {source.loops[0]} is a loop")
    return remarks


def silent_openvino() -> Any:
    """The package, imported without its telemetry where this is the first import of it in this process."""
    if "openvino" not in sys.modules:
        before = sys.modules.get(_TELEMETRY)
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # makes its import fail; a stub stands in
        try:
            import openvino
        finally:
            del sys.modules[_TELEMETRY]
            if before is not None:
                sys.modules[_TELEMETRY] = before
    import openvino

    return openvino


def operations(path: Path) -> list[str]:
    """What the model computes with, each once."""
    model = silent_openvino().Core().read_model(str(path / _FILE))
    return sorted({operation.get_type_name() for operation in model.get_ops()} - {"Constant", "Parameter", "Result"})


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """What the model answers in the OpenVINO runtime, and the time of one sample. Raises ExportError."""
    request = _request(path)
    outputs = _answers(request, x)
    request.infer([x[:1]])  # the sample stays in the request
    times = call_seconds(request.infer)
    return RunResult.timed(outputs, times, f"openvino {silent_openvino().__version__.partition('-')[0]}")


def _answers(request: Any, x: NDArray[Any]) -> NDArray[Any]:
    batch = request.get_compiled_model().inputs[0].partial_shape[0]
    step = _BATCH if batch.is_dynamic else batch.get_length()
    try:
        parts = [request.infer([x[at : at + step]])[0].copy() for at in range(0, len(x), step)]
    except RuntimeError as error:
        raise ExportError(f"openvino: samples of shape {x.shape[1:]} are refused: {_reason(str(error))}") from error
    return np.concatenate(parts).astype(np.float64)


def _request(path: Path) -> Any:
    """What computes on the processor."""
    openvino = silent_openvino()
    try:
        model = openvino.Core().compile_model(str(path / _FILE), "CPU", _SETTINGS)
    except RuntimeError as error:
        raise ExportError(f"openvino: {path.name} does not run in OpenVINO: {_reason(str(error))}") from error
    if (len(model.inputs), len(model.outputs)) != (1, 1):
        raise ExportError(
            f"openvino: expected a model with one input and one output; received {len(model.inputs)} and "
            f"{len(model.outputs)}."
        )
    return model.create_infer_request()


def _reason(report: str) -> str:
    """The line of OpenVINO's report that says what is wrong: the last one."""
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    telling = next((line for line in lines if "-- " in line or "not convert" in line), lines[-1] if lines else "")
    return error_text(RuntimeError(telling))
