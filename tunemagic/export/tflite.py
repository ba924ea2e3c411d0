"""A Keras model as TF Lite files, each compared with the model in its real runtime before it counts as done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.modes import MILDEST_FIRST
from tunemagic.export.pipeline import export_model
from tunemagic.export.result import ExportResult
from tunemagic.request import Target

__all__ = ["convert_tflite"]


def convert_tflite(
    model: Any,
    modes: str | Sequence[str],
    *,
    x_eval: Any,
    y_eval: Any,
    representative: Any = None,
    directory: str | Path,
    stem: str,
    trial: int | None = None,
    score_name: str | None = None,
    about: Mapping[str, Any] | None = None,
    force: bool = False,
    flex: bool = False,
    on_result: Callable[[ExportResult], None] | None = None,
    timeout_seconds: float = 300,
    stop: threading.Event | None = None,
) -> tuple[ExportResult, ...]:
    """Convert ``model`` in every mode, the mildest first; see ``export_model``, which says what the others mean.

    Args:
        model: a built Keras model.
        modes: what to make, one or several; repeated modes count once.
        x_eval: held-out inputs.
        y_eval: their targets.
        representative: inputs that int8, int16x8 and mixed look at.
        directory: folder of the files.
        stem: begin of the files' names.
        trial: the trial that the model belongs to.
        score_name: the study's metric.
        about: facts to be kept in the file.
        force: replace files that exist; those that tunemagic wrote are in any case, so that a cell can be run again.
        flex: let operations without a TF Lite form stay TensorFlow's own; such a file can't be verified.
        on_result: called with each result.
        timeout_seconds: for each step of a mode.
        stop: when set, the conversion ends with an ExportError.

    Returns:
        One result per mode.

    Raises:
        ExportError: the model, the data or the folder can't be used; nothing was written then.
    """
    if not modes:
        raise ExportError(f"expected at least one mode of {', '.join(MILDEST_FIRST)}; received none.")
    return export_model(
        model,
        [(Target.TFLITE, mode) for mode in ([modes] if isinstance(modes, str) else modes)],
        x_eval=x_eval,
        y_eval=y_eval,
        representative=representative,
        directory=directory,
        stem=stem,
        trial=trial,
        score_name=score_name,
        about=about,
        force=force,
        flex=flex,
        on_result=on_result,
        timeout_seconds=timeout_seconds,
        stop=stop,
    )
