"""Write the script and its data, run the script in a process of its own, and say what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.result import ExportResult

__all__ = ["write_code"]


def write_code(source: Any, path: str | Path, *, force: bool = False) -> ExportResult:
    """Write a script of plain Keras that rebuilds the model, trains it as the study did and evaluates it.

    Args:
        source: A study, or a built Keras model.
        path: The script, ``digits.py``; a study's data is written beside it as ``digits.npz``.
        force: Whether files of these names are replaced.

    Raises:
        ExportError: Something that the model needs can't be had as source, or a file can't be written.
    """
    raise ExportError(f"code: scripts can't be written yet ({path}, force={force}, {type(source).__name__}).")
