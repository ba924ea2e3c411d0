"""The process that converts and runs files, so that a crash never takes the notebook along.

``python -m tunemagic.export.worker FOLDER``: the folder holds the model (see handover) and the data;
``job.json`` names the modes. Facts go to the original standard output, one JSON object a line; all
that the converter prints goes to ``log.txt``. The process ends when its standard input is closed,
which is how it notices that its parent is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gzip
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.request import QuantMode

__all__ = ["FAULT_VARIABLE", "Job", "main"]

# For tests of the parent only: "abort:int8" or "hang:start" ends or stops this process at that point.
FAULT_VARIABLE = "TUNEMAGIC_WORKER_FAULT"
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG in linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the worker is asked for; ``job.json`` in its folder."""

    modes: list[str]
    half: bool
    calibrated: bool

    def write(self, folder: Path) -> None:
        """Put the job into the folder."""
        text = json.dumps({"modes": self.modes, "half": self.half, "calibrated": self.calibrated})
        (folder / "job.json").write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Job:
        """The job in the folder."""
        return cls(**json.loads((folder / "job.json").read_text(encoding="utf-8")))


def main(folder: Path) -> int:
    """Do the job in ``folder``. Returns the exit status; 0 also when a mode failed in an ordinary way."""
    report = _keep_output_for_facts(folder / "log.txt")
    _end_with_parent()
    job = Job.read(folder)
    _fault("start")
    try:
        from tunemagic.export.handover import receive

        x, expected = _load(folder, "x"), _load(folder, "expected")
        graph, facts = receive(folder, expected, x, half=job.half)
    except ExportError as error:
        report({"kind": "refused", "message": str(error)})
        return 0
    report({"kind": "ready"})
    calibration = _load(folder, "calibration") if job.calibrated else None
    for name in job.modes:
        report({"kind": "step", "mode": name, "step": "converter"})
        try:
            report(_one_mode(QuantMode(name), folder, graph, facts, x, calibration, report))
        except ExportError as error:
            report({"kind": "failed", "mode": name, "message": str(error)})
    return 0


def _one_mode(
    mode: QuantMode,
    folder: Path,
    graph: Path,
    facts: dict[str, Any],
    x: NDArray[Any],
    calibration: NDArray[Any] | None,
    report: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Convert, look inside, run. The file and its outputs stay in the folder; the rest is returned."""
    from tunemagic.export.convert import check_file, convert_graph
    from tunemagic.export.runtime import run_file

    _fault(mode)
    prepares = facts["prepares"]
    content = convert_graph(graph, mode, calibration, facts["loops"], prepares=prepares)
    remarks = check_file(content, mode, facts["params"])
    if prepares and mode in {QuantMode.INT8, QuantMode.FLOAT16}:
        remarks.append("the preparation in front stays in float")
    path = folder / f"{mode}.tflite"
    path.write_bytes(content)
    report({"kind": "step", "mode": mode, "step": "LiteRT runtime"})
    result = run_file(path, x)
    np.save(folder / f"{mode}.npy", result.outputs, allow_pickle=False)
    return {
        "kind": "done",
        "mode": mode,
        "remarks": remarks,
        "gzip_bytes": len(gzip.compress(content, 9)),
        "microseconds": result.microseconds,
        "microseconds_least": result.microseconds_least,
        "runtime": result.runtime,
    }


def _load(folder: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return array


def _keep_output_for_facts(log: Path) -> Callable[[dict[str, Any]], None]:
    """Send all that is printed, from C++ too, to ``log``; returns what writes a fact to the parent."""
    facts = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    faulthandler.enable()

    def report(fact: dict[str, Any]) -> None:
        facts.write(json.dumps(fact) + "\n")

    return report


def _end_with_parent() -> None:
    """End this process when the parent's end of standard input closes, however the parent ended.

    The thread can't run while C++ code holds the interpreter's lock, so on Linux the kernel is also
    asked for a SIGKILL at the parent thread's death.
    """

    def wait_for_end() -> None:
        while os.read(0, 1024):
            pass
        os._exit(3)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _fault(point: str) -> None:
    kind, _, wanted = os.environ.get(FAULT_VARIABLE, "").partition(":")
    if wanted == point and kind == "abort":
        os.abort()
    if wanted == point and kind == "hang":
        # As the converter does: in C, with the interpreter's lock held.
        ctypes.PyDLL(None).sleep(3600)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
