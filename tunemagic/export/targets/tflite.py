"""TF Lite files, by TensorFlow's own converter, run in LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.contents import contents_of, flex_operations
from tunemagic.export.convert import NoFormError, check_file, convert
from tunemagic.export.kernels import kernel_remarks
from tunemagic.export.metadata import describe, end_names, facts
from tunemagic.export.modes import WITH_FLEX
from tunemagic.export.runtime import RunResult, run_file
from tunemagic.export.source import Source
from tunemagic.request import QuantMode

__all__ = ["operations", "run", "write"]

_WITH_SCALES = frozenset({QuantMode.INT8, QuantMode.INT16X8})  # at every operation


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Make the TF Lite file of ``mode`` at ``path``; remarks about it. Raises ExportError."""
    wanted = QuantMode(mode)
    try:
        made = convert(
            source.graph,
            wanted,
            source.calibration,
            source.loops,
            prepares=source.prepares,
            rounds=source.rounds,
            flex=source.flex,
        )
    except NoFormError as error:
        if wanted not in WITH_FLEX or source.flex:
            raise
        raise ExportError(f"{str(error).removesuffix('.')}, or keep the operation with --flex.") from error
    remarks = [*made.remarks, *check_file(made.content, wanted, source.params, flex=source.flex)]
    said = facts(wanted, source.about, prepares=source.prepares)
    content = describe(made.content, said, end_names(source.model))
    path.write_bytes(content)
    plain = source.made.get(f"tflite {QuantMode.NONE}")
    if wanted in _WITH_SCALES and plain is not None and len(content) > plain.stat().st_size:
        remarks.insert(0, "larger than the float32 file, because every operation (each unrolled step too) adds scales")
    runs = not (source.flex and flex_operations(operations(path)))
    return [*remarks, *kernel_remarks(content, source.x)] if runs else remarks


def operations(path: Path) -> list[str]:
    """Names of the operations in the file, each once."""
    return sorted(contents_of(path.read_bytes()).operations)


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """Answers of the file for ``x`` (sample, ...) in LiteRT. Raises ExportError."""
    return run_file(path, x)
