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
from tunemagic.export.contents import contents_of, flex_problem
from tunemagic.export.metadata import read
from tunemagic.export.safe_operations import CALLS, SAFE, SAVING
from tunemagic.request import Target
from tunemagic.text import one_line

__all__ = ["describe"]

_MOST_ABOUT = 1 << 20  # bytes
_MOST_NAMED = 8  # operations in a message


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
    problem = flex_problem(contents_of(path.read_bytes()).operations)
    if problem:
        raise ExportError(f"{problem}.")
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
        _check_graph(saved)
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


def _check_graph(saved: Any) -> None:
    """Raise ExportError for a SavedModel that may do more than compute in memory."""
    graph = saved.meta_graphs[0]
    # TensorFlow loads all others as its version 1 does: whatever the saver names runs, be it a call or not.
    if len(saved.meta_graphs) != 1 or not graph.HasField("object_graph_def"):
        raise ExportError(
            f"it has {len(saved.meta_graphs)} graph(s) as TensorFlow 1 writes them; expected one with its objects, as "
            "tf.saved_model.save writes it. If you know who wrote it: load(path, trust=True)."
        )
    found = sorted(set(_unsafe_operations(graph)))
    if found:
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        named = ", ".join(one_line(name, 40) for name in found[:_MOST_NAMED])
        raise ExportError(
            f"it has operations that may read or write files, or run Python ({named}{more}). If you know who "
            "wrote it: load(path, trust=True)."
        )


def _unsafe_operations(graph: Any) -> Iterator[str]:
    """Operations that may reach out of the graph, but for those that fill its variables from its own folder."""
    functions = {each.signature.name: each for each in graph.graph_def.library.function}
    nodes = list(graph.graph_def.node)
    saver = graph.saver_def
    own = {name.split(":")[0].lstrip("^") for name in (saver.save_tensor_name, saver.restore_op_name) if name}
    calls = [node for node in nodes if node.name in own and node.op in CALLS]
    others = [node for node in nodes if not any(node is call for call in calls)]
    # TensorFlow may also run a function with this attribute in place of another.
    roots = set(graph.object_graph_def.concrete_functions) & set(functions)
    roots |= {name for name, function in functions.items() if "api_implements" in function.attr}
    offered = roots.union(
        _reached([*others, *(node for name in roots for node in functions[name].node_def)], functions)
    )
    saving = set(_reached(calls, functions)) - offered
    yield from (node.op for node in nodes if node.op not in SAFE and node.op not in functions)
    for name, function in functions.items():
        allowed = SAFE | SAVING if name in saving else SAFE
        yield from (node.op for node in function.node_def if node.op not in allowed and node.op not in functions)


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
                waiting += functions[name].node_def
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
