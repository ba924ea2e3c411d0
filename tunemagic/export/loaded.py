"""A file that was exported and loaded again: what it says of itself, and what it answers."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import DataError, ExportError
from tunemagic.export.opening import ask
from tunemagic.export.process import START_SECONDS, WorkerDied, WorkerSilent
from tunemagic.export.runner import Run
from tunemagic.export.scratch import job_folder
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.warm import WarmProcess
from tunemagic.request import Target
from tunemagic.text import aligned, one_line

__all__ = ["LoadedFile", "open_file"]

_RUN_SECONDS = 300
_MAX_TEXT = 200
_DOUBLE = ("float64", "f64")  # OpenVINO's name is the second one


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LoadedFile:
    """A model in the format of a runtime.

    Attributes:
        path: The file or folder.
        target: Its format.
        inputs: What it takes, as ``name (shape) dtype``; empty where the format does not say.
        outputs: What it gives.
        about: Facts that were kept beside the model: study, trial, values, labels, versions.
    """

    path: Path
    target: Target
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    about: Mapping[str, Any]

    def predict(self, x: Any, *, batch_size: int | None = None, verbose: str | int = 0) -> NDArray[np.floating[Any]]:
        """What the model answers for ``x`` (sample, ...), computed by its runtime in a process of its own.

        The answers are float32, or float64 where the file's are; integers of the file are scaled back.
        ``batch_size`` and ``verbose`` change nothing: they are there so that it can be called as a Keras model is.

        Raises DataError for data that is no array of numbers, ExportError when the runtime does not take it.
        """
        array = _checked(x)
        with job_folder("run") as folder:
            np.save(folder / "x.npy", array, allow_pickle=False)
            Run(
                target=self.target,
                path=str(self.path.resolve()),
                x=str(folder / "x.npy"),
                outputs=str(folder / "y.npy"),
            ).write(folder)
            try:
                with _runner_of(self.target).lent() as worker:
                    worker.wait_until_up()
                    worker.send(folder)
                    fact = worker.next_fact(timeout_seconds=START_SECONDS + _RUN_SECONDS)
                    worker.next_fact(timeout_seconds=_RUN_SECONDS)  # the end
            except (WorkerDied, WorkerSilent) as error:
                raise ExportError(f"{self.path.name}: its runtime {error}.") from error
            if fact["kind"] == "failed":
                raise ExportError(f"{self.path.name}: {fact['message']}")
            answers = np.load(folder / "y.npy", allow_pickle=False)
            own: NDArray[np.floating[Any]] = answers.astype(np.float64 if self._is_double else np.float32)
            return own

    @property
    def _is_double(self) -> bool:
        return any(end.rpartition(" ")[2] in _DOUBLE for end in self.outputs)

    def _facts(self) -> list[tuple[str, str]]:
        pairs = [("format", str(self.target)), ("takes", "; ".join(self.inputs)), ("gives", "; ".join(self.outputs))]
        pairs += [(str(key), str(value)) for key, value in self.about.items() if key != "format"]
        return [(one_line(label, 40), one_line(text, _MAX_TEXT)) for label, text in pairs if text]

    def __repr__(self) -> str:
        return "\n".join([one_line(self.path.name), *aligned(self._facts())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left;vertical-align:top">{html.escape(label)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for label, text in self._facts()
        )
        name = html.escape(one_line(self.path.name))
        return f'<table><caption style="text-align:left"><strong>{name}</strong></caption>{rows}</table>'


@cache
def _runner_of(target: Target) -> WarmProcess:
    """The process that is kept for files of one format."""
    return WarmProcess("tunemagic.export.runner")


def open_file(path: Path, target: Target, *, trust: bool) -> LoadedFile:
    """The file, after a process of its own has opened it. Raises ExportError for one that can't be used."""
    KINDS[target].check_packages(str(target))
    fact = ask(path.name, do="describe", path=str(path.resolve()), target=str(target), trust=trust)
    return LoadedFile(
        path=path, target=target, inputs=tuple(fact["inputs"]), outputs=tuple(fact["outputs"]), about=fact["about"]
    )


def _checked(x: Any) -> NDArray[Any]:
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise DataError(
            f"predict: received rows of different lengths; expected an array (sample, ...). {error}"
        ) from error
    if array.dtype.kind not in "biuf" or array.ndim < 1 or not len(array):
        raise DataError(
            f"predict: received {array.dtype} of shape {array.shape}; expected numbers (sample, ...), at least one."
        )
    return array.astype(np.float32) if array.dtype == np.float64 else array
