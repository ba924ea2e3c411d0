"""Temporary folders in which jobs are done."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tunemagic.errors import ExportError

__all__ = ["job_folder"]


@contextlib.contextmanager
def job_folder(purpose: str) -> Iterator[Path]:
    """A temporary folder for the block, removed after it.

    Raises ExportError when the system refuses it, or something inside the block: the disk is full, or the
    folder for temporary files is not there.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f"tunemagic-{purpose}-", ignore_cleanup_errors=True) as name:
            yield Path(name)
    except OSError as error:
        raise ExportError(
            f"can't work in the folder for temporary files: {error.strerror or error}. Free space there, or set "
            "TMPDIR to another folder and start the kernel again."
        ) from error
