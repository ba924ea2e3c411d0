"""What a file says of itself: its ends, and the facts that were kept beside the model.

Runs in the opener's process only.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tunemagic.errors import ExportError
from tunemagic.export.metadata import read
from tunemagic.request import Target

__all__ = ["describe"]

_MOST_ABOUT = 1 << 20  # bytes
_FILE_OPERATIONS = frozenset(
    {
        "DebugIdentityV2", "EagerPyFunc", "MatchingFiles", "MergeV2Checkpoints", "PyFunc", "PyFuncStateless",
        "ReadFile", "Restore", "RestoreSlice", "RestoreV2", "Save", "SaveSlices", "SaveV2", "WholeFileReaderV2",
        "WriteFile",
    }
)  # fmt: skip


def describe(path: Path, target: Target, *, trust: bool) -> dict[str, Any]:
    """``inputs`` and ``outputs`` as ``name shape dtype``, ``about`` as it was written.

    Raises ExportError for what can't be opened, or would run code without ``trust``.
    """
    if target is Target.TORCH:
        if not trust:
            raise ExportError(
                "torch falls back to pickle for what a .pt2 file holds, which can run code. If you know who wrote it: "
                "load(path, trust=True)."
            )
        return {"inputs": [], "outputs": [], "about": _about_inside(path)}
    readers: Mapping[Target, Callable[[Path], dict[str, Any]]] = {
        Target.TFLITE: _tflite,
        Target.ONNX: _onnx,
        Target.OPENVINO: _openvino,
        Target.CAFFE: _caffe,
    }
    return _saved_model(path, trust=trust) if target is Target.SAVEDMODEL else readers[target](path)


def _tflite(path: Path) -> dict[str, Any]:
    """Opens the file and answers for zeros once."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for each in inputs:
        interpreter.set_tensor(each["index"], np.zeros(each["shape"], each["dtype"]))
    interpreter.invoke()
    for each in outputs:
        interpreter.get_tensor(each["index"])
    return {
        "inputs": [_end(each["name"], each["shape_signature"], np.dtype(each["dtype"])) for each in inputs],
        "outputs": [_end(each["name"], each["shape_signature"], np.dtype(each["dtype"])) for each in outputs],
        "about": read(path),
    }


def _onnx(path: Path) -> dict[str, Any]:
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    if any(each.data_location == onnx.TensorProto.EXTERNAL for each in model.graph.initializer):
        raise ExportError("it reads weights from another file; expected one that holds its own.")
    onnx.checker.check_model(model)
    about: dict[str, Any] = {}
    for entry in model.metadata_props:
        about |= _parsed(entry.value.encode()) if "tunemagic" in entry.key else {entry.key: entry.value}

    def ends(values: Any) -> list[str]:
        return [_end(each.name, *_onnx_type(each.type.tensor_type)) for each in values]

    return {"inputs": ends(model.graph.input), "outputs": ends(model.graph.output), "about": about}


def _onnx_type(kind: Any) -> tuple[list[int], Any]:
    import onnx

    shape = [size.dim_value if size.HasField("dim_value") else -1 for size in kind.shape.dim]
    return shape, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)


def _openvino(path: Path) -> dict[str, Any]:
    from tunemagic.export.targets.openvino_ir import silent_openvino

    model = silent_openvino().Core().read_model(str(path / "model.xml"))

    def ends(values: Any) -> list[str]:
        return [f"{each.any_name} {each.partial_shape} {each.element_type.type_name}" for each in values]

    return {"inputs": ends(model.inputs), "outputs": ends(model.outputs), "about": _about_beside(path)}


def _caffe(path: Path) -> dict[str, Any]:
    import cv2

    cv2.dnn.readNetFromCaffe(str(path / "deploy.prototxt"), str(path / "model.caffemodel"))
    return {"inputs": [], "outputs": [], "about": _about_beside(path)}


def _saved_model(path: Path, *, trust: bool) -> dict[str, Any]:
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    if not saved.meta_graphs:
        raise ExportError("it holds no graph.")
    graph = saved.meta_graphs[0]
    if not trust:
        found = sorted(set(_file_operations(graph)))
        if found:
            raise ExportError(
                f"it has operations that read or write files, or run Python ({', '.join(found)}). If you know who "
                "wrote it: load(path, trust=True)."
            )
    signature = graph.signature_def.get("serving_default")
    if signature is None:
        raise ExportError(f"it has no signature serving_default; received {', '.join(graph.signature_def) or 'none'}.")
    return {
        "inputs": [_tensor_text(name, tensor) for name, tensor in signature.inputs.items()],
        "outputs": [_tensor_text(name, tensor) for name, tensor in signature.outputs.items()],
        "about": _about_beside(path / "assets.extra"),
    }


def _tensor_text(name: str, tensor: Any) -> str:
    from tensorflow import as_dtype

    return _end(name, [size.size for size in tensor.tensor_shape.dim], as_dtype(tensor.dtype).name)


def _file_operations(graph: Any) -> Iterator[str]:
    """Operations that reach out of the graph, but for those that fill its variables from its own folder."""
    functions = {each.signature.name: each.node_def for each in graph.graph_def.library.function}
    saver = graph.saver_def
    own = {name.split(":")[0].lstrip("^") for name in (saver.save_tensor_name, saver.restore_op_name) if name}
    called = [node for node in graph.graph_def.node if node.name in own]
    allowed = set(_reached(called, functions))
    callable_ones = set(graph.object_graph_def.concrete_functions)
    others = [node for node in graph.graph_def.node if node.name not in own]
    offered = allowed & (callable_ones | set(_reached(others, functions)))
    for name, nodes in [("", others), *functions.items()]:
        if name not in allowed or name in offered:
            yield from (node.op for node in nodes if node.op in _FILE_OPERATIONS)


def _reached(nodes: Any, functions: Mapping[str, Any]) -> Iterator[str]:
    """Names of the functions that these nodes call, also through others."""
    seen: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        names = [node.op, *(each.func.name for each in node.attr.values() if each.HasField("func"))]
        names += [inner.name for each in node.attr.values() for inner in each.list.func]
        for name in names:
            if name in functions and name not in seen:
                seen.add(name)
                waiting += functions[name]
                yield name


def _about_beside(folder: Path) -> dict[str, Any]:
    file = folder / "about.json"
    return _parsed(file.read_bytes()) if file.is_file() else {}


def _about_inside(archive: Path) -> dict[str, Any]:
    with zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if name.endswith("/extra/about.json")]
        return _parsed(file.read(names[0])) if names else {}


def _parsed(content: bytes) -> dict[str, Any]:
    """The facts as they were written; nothing for what is no JSON object."""
    try:
        about = json.loads(content[:_MOST_ABOUT])
    except (RecursionError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _end(name: str, shape: Any, dtype: Any) -> str:
    sizes = ", ".join("any" if int(size) < 0 else str(int(size)) for size in shape)
    return f"{name} ({sizes}) {dtype}"
