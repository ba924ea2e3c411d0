"""An ONNX file of plain operations, for onnxruntime in any language, browsers and the tools of other makers.

It is made by tf2onnx from a function, not by Keras' ``export(format="onnx")``: that one leaves a
Normalization that could not be folded as inputs which every caller would have to give, and can't
write a model with the notebook's own layers. The batch stays open and no input but the model's is asked for.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.infer import single_output
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds

__all__ = ["onnx_model", "operations", "run", "write"]

_OPSET = 15  # what tf2onnx prefers and every runtime of the last years reads
_ABOUT = "tunemagic"  # the key of the facts about the model, as JSON
_STANDARD = ("", "ai.onnx", "ai.onnx.ml")
_LOOPS = ("Loop", "Scan", "If")
_MOST_BYTES = 2**31 - 2**20  # of one protobuf message
_BATCH = 256


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the file ``path``; returns remarks.

    Its input and output are called as those of the model. Raises ExportError when an operation has no ONNX form.
    """
    model = onnx_model(source)
    path.write_bytes(model.SerializeToString())
    (taken,), (given,) = model.graph.input, model.graph.output
    shape = ", ".join(str(size.dim_param or size.dim_value) for size in taken.type.tensor_type.shape.dim)
    remarks = [f"opset {_OPSET}, input {taken.name} ({shape}), output {given.name}"]
    if source.clone is None and source.loops:
        remarks.append(f"one sample a call, since {source.loops[0]} is a loop")
    return remarks


def onnx_model(source: Source) -> Any:
    """The model as a checked ``onnx.ModelProto``. Raises ExportError."""
    import onnx

    if source.params * 4 > _MOST_BYTES:
        raise ExportError(f"onnx: expected less than 2 GB of weights in one file; received {source.params} weights.")
    model = _compact(source) or _converted(*_function_of(source))
    foreign = sorted({node.op_type for node in _nodes(model) if not _is_standard(node)})
    if foreign:
        raise ExportError(f"onnx: {', '.join(foreign)} has no ONNX form; replace the layer that uses it.")
    model.graph.name = getattr(source.clone, "name", "model")
    onnx.helper.set_model_props(model, {_ABOUT: json.dumps(source.about, ensure_ascii=False)})
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"onnx: the converter wrote a malformed file: {error_text(error)}") from error
    return model


def operations(path: Path) -> list[str]:
    """What the file computes with, each once."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    return sorted({node.op_type for node in _nodes(model)})


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """What the file answers in onnxruntime, and the time of one sample on one thread.

    A file from elsewhere is safe to run: one that points to other files is refused, and operations that
    onnxruntime does not have are never looked for in libraries. Raises ExportError.
    """
    import onnxruntime

    session = _session(path)
    outputs = _answers(session, x)
    sample = {session.get_inputs()[0].name: x[:1]}
    times = call_seconds(lambda: session.run(None, sample))
    return RunResult.timed(outputs, times, f"onnxruntime {onnxruntime.__version__}")


def _answers(session: Any, x: NDArray[Any]) -> NDArray[Any]:
    source = session.get_inputs()[0]
    step = source.shape[0] if isinstance(source.shape[0], int) else _BATCH
    try:
        parts = [session.run(None, {source.name: x[at : at + step]})[0] for at in range(0, len(x), step)]
    except Exception as error:  # onnxruntime's own classes, which have no common parent
        raise ExportError(f"onnx: samples of shape {x.shape[1:]} are refused: {error_text(error)}") from error
    return np.concatenate(parts).astype(np.float64)


def _session(path: Path) -> Any:
    import onnx
    import onnxruntime

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError is of another package
        raise ExportError(f"onnx: {path.name} is no ONNX file: {error_text(error)}") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _inside(model, "TensorProto")):
        raise ExportError(f"onnx: {path.name} keeps its weights in other files, which are not opened.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    onnxruntime.disable_telemetry_events()
    try:
        # The bytes, not the path: nothing beside the file can be reached from them.
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, which have no common parent
        raise ExportError(f"onnx: {path.name} does not run in onnxruntime: {error_text(error)}") from error
    ends = len(session.get_inputs()), len(session.get_outputs())
    if ends != (1, 1):
        raise ExportError(f"onnx: expected a file with one input and one output; received {ends[0]} and {ends[1]}.")
    return session


def _compact(source: Source) -> Any | None:
    """The model with each LSTM as one operation, if that leaves no loop; None otherwise.

    A loop over an LSTM is recognised and becomes ONNX' own LSTM, which takes a third of the time of one that
    is unrolled (48 units, 8 steps). A GRU stays a loop, twice as slow as unrolled, which OpenVINO may not read.
    """
    import keras

    from tunemagic.export.infer import infer_model, walk_layers

    if source.model is None:
        return None
    recurrent = [layer for layer in walk_layers(source.model) if isinstance(layer, keras.layers.RNN)]
    if not recurrent or not all(isinstance(layer, keras.layers.LSTM) for layer in recurrent):
        return None
    model = _converted(*_function_of(source, infer_model(source.model, unroll=False)))
    return None if any(node.op_type in _LOOPS for node in _nodes(model)) else model


def _function_of(source: Source, clone: Any = None) -> tuple[Any, Any]:
    """A ``tf.function`` of the model, and the TensorSpec of its input."""
    import tensorflow as tf

    from tunemagic.export.clone import plain_view
    from tunemagic.export.handover import INPUT_NAME, OUTPUT_NAME, SIGNATURE

    clone = clone or source.clone
    if clone is None:
        loaded = tf.saved_model.load(str(source.graph))
        spec = loaded.signatures[SIGNATURE].structured_input_signature[1][INPUT_NAME]

        def predict(x: Any) -> Any:
            return loaded.signatures[SIGNATURE](**{INPUT_NAME: x})  # its variables live as long as ``loaded`` does

        return tf.function(predict, input_signature=[spec], autograph=False), spec
    taken, given = clone.inputs[0].name, plain_view(clone).output_names[0]
    spec = tf.TensorSpec((None, *source.x.shape[1:]), source.x.dtype, name=taken)

    def predict_by_clone(x: Any) -> dict[str, Any]:
        return {given if given != taken else OUTPUT_NAME: single_output(clone(x, training=False))}

    return tf.function(predict_by_clone, input_signature=[spec], autograph=False), spec


def _converted(function: Any, spec: Any) -> Any:
    """The function as an ONNX model whose only input is ``spec``. Raises ExportError."""
    import tf2onnx

    try:
        with _inner_functions_inlined():
            concrete = function.get_concrete_function()
        model, _ = tf2onnx.convert.from_function(
            function, [spec], opset=_OPSET, custom_op_handlers={"SelectV2": (_choose, []), "Erfc": (_complement, [])}
        )
    except Exception as error:  # tf2onnx raises whatever its parts raise
        raise ExportError(f"onnx: the converter refused the model: {error_text(error)}") from error
    _keep_constants(model, concrete)
    for end in (model.graph.input[0], model.graph.output[0]):
        if spec.shape[0] is None:
            end.type.tensor_type.shape.dim[0].dim_param = "batch"
    return model


def _choose(context: Any, node: Any, name: str, arguments: list[Any]) -> Any:
    """A choice as ``Where``. tf2onnx multiplies both sides by 0 and 1, and 0 * NaN is NaN: no gap would be filled."""
    node.type = "Where"
    return node


def _complement(context: Any, node: Any, name: str, arguments: list[Any]) -> Any:
    """Erfc, which GELU is made of, as 1 - Erf: ONNX has only that."""
    import onnx

    (given,), (answer,) = node.input, node.output
    dtype, shape = context.get_dtype(answer), context.get_shape(answer)
    one = context.make_const(f"{name}/one", np.array(1, onnx.helper.tensor_dtype_to_np_dtype(dtype)))
    context.remove_node(name)
    error = context.make_node("Erf", [given], name=f"{name}/erf", dtypes=[dtype], shapes=[shape])
    inputs = [one.output[0], error.output[0]]
    return context.make_node("Sub", inputs, outputs=[answer], name=name, dtypes=[dtype], shapes=[shape])


@contextlib.contextmanager
def _inner_functions_inlined() -> Iterator[None]:
    """Keras wraps a convolution in groups into a function for XLA, which stays opaque in a graph."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _keep_constants(model: Any, concrete: Any) -> None:
    """Write constants that the function has captured into the model, where tf2onnx asks the caller for them."""
    import onnx

    captured = {inner.name: outer for outer, inner in concrete.graph.captures}
    for extra in [value for value in model.graph.input if value.name in captured]:
        model.graph.initializer.append(onnx.numpy_helper.from_array(captured[extra.name].numpy(), extra.name))
        model.graph.input.remove(extra)


def _is_standard(node: Any) -> bool:
    import onnx

    return node.domain in _STANDARD and onnx.defs.has(node.op_type, node.domain)


def _nodes(model: Any) -> Iterator[Any]:
    """Every operation, those inside of loops, branches and functions too."""
    return _inside(model, "NodeProto")


def _inside(message: Any, kind: str) -> Iterator[Any]:
    """Every protobuf message of that kind inside of another, at any depth."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                if inner.DESCRIPTOR.name == kind:
                    yield inner
                yield from _inside(inner, kind)
