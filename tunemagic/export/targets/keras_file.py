"""One ``.keras`` file: Keras' own format, for going on with the model in Keras."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.whole import one_thread, remarks_of, run_model, whole_model

__all__ = ["run", "write"]


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the model; returns remarks. Raises ExportError for one that no config can rebuild."""
    from keras.src.saving import saving_lib

    model = whole_model(source, "keras")
    buffer = io.BytesIO()
    saving_lib.save_model(model, buffer)  # the public one asks for a path
    path.write_bytes(buffer.getvalue())
    return remarks_of(model)


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """Load the file as ``tunemagic.load`` does and answer ``x`` (sample, ...). Raises ExportError."""
    from tunemagic.export.loading import load

    one_thread()
    return run_model(load(path), x)
