"""The process that runs an artefact which it has not made: ``python -m tunemagic.export.runner``, see serve.

A job is a folder with ``run.json``. Nothing of the model but the artefact reaches this process, and
what does not need TensorFlow can't import it here: where the artefact goes, it may not be either.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.serve import FAULT_VARIABLE, Report, fault, serve
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.text import error_text
from tunemagic.request import Target

__all__ = ["Run", "run_artefact", "work"]

_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """``run.json``: the artefact ``path`` is run on the array in ``x``, its answers go to ``outputs``."""

    target: str
    path: str
    x: str
    outputs: str
    fault: str = field(default_factory=lambda: os.environ.get(FAULT_VARIABLE, ""))

    def write(self, folder: Path) -> None:
        """Put the run into the folder."""
        (folder / _FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Run:
        """The run in the folder."""
        return cls(**json.loads((folder / _FILE).read_text(encoding="utf-8")))


def work(folder: Path, report: Report) -> None:
    """Run what ``folder`` says and report it."""
    run = Run.read(folder)
    target = Target(run.target)
    if not KINDS[target].tensorflow:
        for name in ("tensorflow", "keras"):
            sys.modules[name] = None  # type: ignore[assignment]  # makes the import fail
    fault(f"run {target}", run.fault)
    try:
        fact = run_artefact(target, Path(run.path), np.load(run.x, allow_pickle=False), Path(run.outputs))
    except ExportError as error:
        report({"kind": "failed", "message": str(error)})
    except Exception as error:  # a runtime may raise anything on a file that it does not understand
        report({"kind": "failed", "message": f"{target}: does not run: {type(error).__name__}: {error_text(error)}"})
    else:
        report({"kind": "done", **fact})


def run_artefact(target: Target, path: Path, x: NDArray[Any], outputs: Path) -> dict[str, Any]:
    """Run the artefact on ``x`` in its runtime; the answers go to the file ``outputs``, facts are returned."""
    result = KINDS[target].load().run(path, x)
    np.save(outputs, result.outputs, allow_pickle=False)
    return {
        "microseconds": result.microseconds,
        "microseconds_least": result.microseconds_least,
        "runtime": result.runtime,
    }


if __name__ == "__main__":
    serve(work, prepare=lambda: None)
