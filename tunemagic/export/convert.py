"""One conversion to TF Lite, and the look inside the file that tells whether it is what was asked for.

Runs in the worker process only: the converter may abort the process.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.contents import Contents, contents_of, flex_operations
from tunemagic.export.front import quantize_behind, shrink_behind
from tunemagic.export.handover import SIGNATURE
from tunemagic.export.modes import CALIBRATED, FLOAT_FRONT, WITH_FLEX
from tunemagic.export.quantizer import four_bits, mixed_bits
from tunemagic.export.text import converter_reason, lacks_form
from tunemagic.request import QuantMode

__all__ = ["Converted", "NoFormError", "check_file", "convert", "convert_graph"]

# Bytes that one weight needs at least; a file below a fifth of that has lost its weights (biases and
# small tensors stay float, equal tensors are stored once, so the exact size is not known).
_WEIGHT_BYTES = {
    QuantMode.NONE: 4.0,
    QuantMode.FLOAT16: 2.0,
    QuantMode.DYNAMIC: 1.0,
    QuantMode.INT8: 1.0,
    QuantMode.INT16X8: 1.0,
    QuantMode.MIXED: 0.5,
    QuantMode.INT4: 0.5,
}
_LEAST_SHARE = 0.2
_BEHIND = {  # with a preparation in front
    QuantMode.INT8: quantize_behind,
    QuantMode.FLOAT16: shrink_behind,
    QuantMode.DYNAMIC: shrink_behind,
}
_SLOW = "advanced: 16-bit activations are slow, because XNNPACK has no kernels for them"


class NoFormError(ExportError):
    """An operation of the model has no TF Lite form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A file, and what is to be said about how it was made."""

    content: bytes
    remarks: tuple[str, ...] = ()


def convert_graph(
    graph: Path, mode: QuantMode, calibration: NDArray[Any] | None, loops: list[str], *, prepares: bool = False
) -> bytes:
    """The TF Lite file of the SavedModel at ``graph``; see ``convert``."""
    return convert(graph, mode, calibration, loops, prepares=prepares).content


def convert(
    graph: Path,
    mode: QuantMode,
    calibration: NDArray[Any] | None,
    loops: list[str],
    *,
    prepares: bool = False,
    rounds: bool = False,
    flex: bool = False,
) -> Converted:
    """The TF Lite file of the SavedModel at ``graph``, with remarks.

    ``calibration`` (sample, ...) is needed for int8, int16x8 and mixed. ``loops`` names recurrent layers
    that are not unrolled: integer conversion of those crashes, so it is refused. ``prepares``: the graph
    begins with a preparation, which stays in float. ``rounds``: the graph holds the ranges of int8, so for int8
    nothing is calibrated. ``flex``: an operation without a TF Lite form may stay TensorFlow's own, in modes that
    need not run the model. Raises ExportError, NoFormError for such an operation.
    """
    knows_ranges = rounds and mode is QuantMode.INT8
    if mode in CALIBRATED and calibration is None and not knows_ranges:
        raise ExportError(f"{mode}: expected representative data; received none.")
    if mode in {QuantMode.INT8, QuantMode.INT16X8} and loops:
        raise ExportError(
            f"{mode}: recurrent layer {loops[0]} reads more than 64 steps and can't be unrolled, and the converter "
            "crashes on integer loops. Shorten the sequences, or use dynamic."
        )
    if mode is QuantMode.INT16X8 and prepares:
        raise ExportError(
            "int16x8: the model begins with a preparation, which must stay in float, and the converter's 16-bit "
            "quantiser takes all operations or none. Use int8, which leaves it in float."
        )
    remarks = ["the preparation in front stays in float"] if prepares and mode in FLOAT_FRONT else []
    try:
        match mode:
            case QuantMode.INT4:
                content = four_bits(_float_file(graph))
            case QuantMode.MIXED:
                assert calibration is not None
                mixture = mixed_bits(_float_file(graph), calibration)
                content = mixture.content
                remarks.append(mixture.remark())
            case _:
                # Without calibration the preparation in front has no ranges, and so stays in float by itself.
                ranges = None if knows_ranges else calibration
                make = functools.partial(_converted, graph, mode, ranges, prepares=prepares and not knows_ranges)
                first = functools.partial(_float_file, graph) if mode is QuantMode.NONE else make
                content = _made_with_flex(first, make) if flex and mode in WITH_FLEX else first()
    except ExportError as error:
        raise type(error)(f"{mode}: {error}") from error
    if mode is QuantMode.INT16X8:
        remarks.append(_SLOW)
    return Converted(content=content, remarks=tuple(remarks))


def _float_file(graph: Path) -> bytes:
    """The float32 file, which several modes begin with."""
    return _kept_float_file(graph, (graph / "saved_model.pb").stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _kept_float_file(graph: Path, written: int) -> bytes:
    """The latest float32 file; ``written`` tells a graph from an earlier one in a folder of this name."""
    return _converted(graph, QuantMode.NONE, None)


def _made_with_flex(first: Callable[[], bytes], make: Callable[..., bytes]) -> bytes:
    """The file of built-in operations where there is one, else that with TensorFlow's own."""
    try:
        return first()
    except NoFormError:
        return make(flex=True)


def _converted(
    graph: Path, mode: QuantMode, calibration: NDArray[Any] | None, *, prepares: bool = False, flex: bool = False
) -> bytes:
    """What TensorFlow's converter makes of the graph."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(graph), signature_keys=[SIGNATURE])
    if mode is not QuantMode.NONE:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode is QuantMode.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    operations = {
        QuantMode.INT8: tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        QuantMode.INT16X8: tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
    }
    if mode in operations and calibration is not None:
        samples = calibration
        converter.target_spec.supported_ops = [operations[mode]]
        converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    if flex:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    try:
        if prepares and mode in _BEHIND:
            return _BEHIND[mode](converter)
        return bytes(converter.convert())
    except Exception as error:  # the converter raises ConverterError, RuntimeError, ValueError and plain Exception
        kind = NoFormError if lacks_form(str(error)) else ExportError
        raise kind(f"the converter refused the model: {converter_reason(str(error))}") from error


def check_file(content: bytes, mode: QuantMode, params: int, *, flex: bool = False) -> list[str]:
    """Remarks about the file. Raises ExportError when it is not what ``mode`` asks for.

    ``params`` is how many weights the model has. ``flex``: TensorFlow's own operations may be in it.
    """
    least = int(_LEAST_SHARE * params * _WEIGHT_BYTES[mode])
    if len(content) < least:
        raise ExportError(
            f"the converter wrote {len(content)} bytes for {params} weights (at least {least} were expected): "
            "the weights are missing."
        )
    contents = contents_of(content)
    allowed = flex_operations(contents.foreign) if flex else []
    foreign = [name for name in contents.foreign if name not in allowed]
    if foreign:
        names = ", ".join(foreign)
        raise ExportError(
            f"the file needs {names} ({contents.places[foreign[0]]}), which the LiteRT runtime does not have. "
            "Replace the layer that uses it by one of plain Keras operations."
        )
    return _check_numbers(contents, mode)


def _check_numbers(contents: Contents, mode: QuantMode) -> list[str]:
    """Whether the file computes and stores in what ``mode`` says."""
    silent = f"{mode}: the converter wrote a float file without a word: check the representative data."
    match mode:
        case QuantMode.INT8 if "int8" not in contents.computed:
            raise ExportError(silent)
        case QuantMode.INT16X8 if "int16" not in contents.computed:
            raise ExportError(silent)
        case QuantMode.DYNAMIC if "int8" not in contents.constants:
            return ["no weight tensor is large enough (1024 values) to be quantised, so this is a float file"]
        case QuantMode.INT4 if "int4" not in contents.constants:
            return ["no operation of the model can read weights in 4 bits"]
    return []
