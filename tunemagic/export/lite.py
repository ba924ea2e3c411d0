"""A TF Lite file opened in this process, to be asked again and again.

A malformed file may take the process down, so only one that has run before is opened: its SHA-256
must be the one that was measured when it ran in a process of its own.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tunemagic.durable import sha256_of
from tunemagic.errors import ExportError
from tunemagic.events import ModelExported
from tunemagic.export.runtime import open_file
from tunemagic.export.text import error_text

__all__ = ["LiteFile"]


class LiteFile:
    """One file in one interpreter with one thread. Not for several threads at once.

    Args:
        export: What came of the export; the file must not have changed since.
        shape: Of one sample.

    Raises:
        ExportError: The file is no TF Lite file that has run, is gone, or was changed.
    """

    def __init__(self, export: ModelExported, shape: tuple[int, ...]) -> None:
        name = Path(export.path).name or export.target
        if export.target != "tflite" or not export.path or export.microseconds is None:
            raise ExportError(
                f"{name}: expected a TF Lite file that was run when it was made. Convert the model again."
            )
        try:
            content = Path(export.path).read_bytes()
        except OSError as error:
            raise ExportError(f"{name} can't be read: {error.strerror or error}. Convert the model again.") from error
        if sha256_of(content) != export.sha256:
            raise ExportError(f"{name} was changed since it was verified. Convert the model again.")
        self.name = name
        self.export = export
        try:
            # From the bytes that were checked: the file could be replaced meanwhile.
            self._file = open_file(content, shape)
        except (RuntimeError, ValueError) as error:
            raise ExportError(f"{name} does not run in LiteRT: {error_text(error)}") from error

    def answer(self, sample: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """The outputs for one sample, float64, and how long the call took in microseconds."""
        begun = time.perf_counter()
        try:
            outputs = self._file.answer(sample)
        except (RuntimeError, ValueError) as error:
            raise ExportError(f"{self.name} does not run in LiteRT: {error_text(error)}") from error
        return outputs, (time.perf_counter() - begun) * 1e6
