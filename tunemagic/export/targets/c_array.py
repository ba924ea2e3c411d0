"""C++ sources with the model as an array, for TensorFlow Lite Micro on a microcontroller.

The file inside takes one sample a call: with an open batch it would compute its shapes at run time, which takes
more memory and, for recurrent layers, operations that TensorFlow Lite Micro does not have.
"""

from __future__ import annotations

import importlib.metadata
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.contents import contents_of
from tunemagic.export.convert import check_file, convert
from tunemagic.export.handover import INPUT_NAME, OUTPUT_NAME, SIGNATURE
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.targets.micro.arena import measure
from tunemagic.export.targets.micro.compiled import check_compiled
from tunemagic.export.targets.micro.operations import resolver_methods
from tunemagic.export.targets.micro.sources import Program, read_arena, read_model, write_sources
from tunemagic.export.targets.whole import about_text
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds
from tunemagic.request import QuantMode, Target

__all__ = ["MODES", "operations", "run", "write"]

MODES = KINDS[Target.C].modes

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 _.-]")  # a backslash or a line break would end the comment it stands in
_MOST_NAME = 60


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the folder ``path``; returns remarks: the arena's size, how the sources were checked.

    Raises ExportError when TensorFlow Lite Micro can't run the model in this mode.
    """
    if mode not in MODES:
        raise ExportError(
            f"c: TensorFlow Lite Micro can't compute with {mode} weights; expected one of {', '.join(MODES)}. Use int8."
        )
    if source.loops:
        raise ExportError(
            f"c: recurrent layer {source.loops[0]} reads too many steps to be unrolled, and a loop of unknown length "
            "has no place in TensorFlow Lite Micro. Shorten the sequences."
        )
    wanted = QuantMode(mode)
    with tempfile.TemporaryDirectory() as folder:
        single = _single_sample(source.graph, Path(folder) / "single")
        try:
            made = convert(single, wanted, source.calibration, [], prepares=source.prepares, rounds=source.rounds)
        except ExportError as error:
            raise ExportError(f"c: {str(error).removeprefix(f'{mode}: ')}") from error
    content = made.content
    remarks = [*(made.remarks if source.prepares else ()), *check_file(content, wanted, source.params)]
    methods = resolver_methods(contents_of(content).operations)
    needs = measure(content)
    name = _NOT_PLAIN.sub("_", getattr(source.model, "name", "model"))[:_MOST_NAME]
    program = Program(
        title=f"{name}: a Keras model in {'float32' if mode == 'none' else mode}, written by tunemagic",
        content=content,
        methods=methods,
        needs=needs,
        runtime=_runtime(),
    )
    path.mkdir()
    write_sources(program, path)
    (path / "about.json").write_text(about_text(source), encoding="utf-8")
    compiled = check_compiled(path, content)
    return [f"arena: {needs.arena} bytes, measured in {_runtime()} on a 64-bit machine", compiled, *remarks]


def operations(path: Path) -> list[str]:
    """Names of the operations of the model in the array, each once."""
    return sorted(contents_of(read_model(path)).operations)


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """What the array in ``path/model.cc`` answers in TensorFlow Lite Micro's own interpreter, sample by sample.

    It gets the arena that ``path/model.h`` asks for. Raises ExportError.
    """
    from tflite_micro import runtime

    try:
        interpreter = runtime.Interpreter.from_bytes(read_model(path), arena_size=read_arena(path))
        answers = [_answer(interpreter, sample) for sample in x]
        times = call_seconds(interpreter.invoke)
    except (OSError, RuntimeError, ValueError) as error:
        raise ExportError(f"the sources do not run in TensorFlow Lite Micro: {error_text(error)}") from error
    return RunResult.timed(np.stack(answers), times, _runtime())


def _single_sample(graph: Path, folder: Path) -> Path:
    """The SavedModel ``graph`` again, with a batch of one."""
    import tensorflow as tf

    module = tf.Module()
    module.kept = tf.saved_model.load(str(graph))
    predict = module.kept.signatures[SIGNATURE]
    given = predict.structured_input_signature[1][INPUT_NAME]
    spec = tf.TensorSpec((1, *given.shape[1:]), given.dtype, name=INPUT_NAME)
    single = tf.function(
        lambda x: {OUTPUT_NAME: predict(**{INPUT_NAME: x})[OUTPUT_NAME]}, input_signature=[spec], autograph=False
    )
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: single})
    return folder


def _answer(interpreter: Any, sample: NDArray[Any]) -> NDArray[Any]:
    """Real numbers in, real numbers out (float64), stored as the file's own quantisation says."""
    source, target = interpreter.get_input_details(0), interpreter.get_output_details(0)
    scale, zero = _quantisation(source)
    stored = sample[None]
    if scale and source["dtype"] != sample.dtype:
        limits = np.iinfo(source["dtype"])
        stored = np.clip(np.round(stored / scale + zero), limits.min, limits.max)
    interpreter.set_input(np.ascontiguousarray(stored, source["dtype"]), 0)
    interpreter.invoke()
    answer: NDArray[Any] = np.asarray(interpreter.get_output(0))[0].astype(np.float64)
    scale, zero = _quantisation(target)
    return (answer - zero) * scale if scale else answer


def _quantisation(details: dict[str, Any]) -> tuple[float, int]:
    found = details["quantization_parameters"]
    return (float(found["scales"][0]), int(found["zero_points"][0])) if len(found["scales"]) else (0.0, 0)


def _runtime() -> str:
    return f"tflite-micro {importlib.metadata.version('tflite-micro')}"
