"""Load what was exported, without running anything that a file brings along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunemagic.errors import ExportError

__all__ = ["load"]


def load(path: str | Path, *, trust: bool = False) -> Any:
    """The model in a file or folder that was exported.

    Args:
        path: A ``.keras`` file or a folder with ``model.json`` and ``model.weights.h5`` gives a Keras model.
        trust: Whether code in the file may run.

    Raises:
        ExportError: It can't be read, or needs code to run.
    """
    raise ExportError(f"load: {path} can't be read yet (trust={trust}).")
