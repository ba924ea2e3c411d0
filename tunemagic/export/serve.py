"""The child's end of a process that does one job after the other, so that a crash never takes the notebook along.

Each line of standard input names a folder with a job. Facts go to the original standard output, one
JSON object a line; all that is printed otherwise, from C++ too, goes to standard error, which the
parent keeps. The process ends when its standard input is closed, which is how it notices that its
parent is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["FAULT_VARIABLE", "Report", "fault", "serve"]

Report = Callable[[Mapping[str, Any]], None]

# For tests of the parent only: "abort:int8" or "hang:start" ends or stops a process at that point.
FAULT_VARIABLE = "TUNEMAGIC_WORKER_FAULT"
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG in linux/prctl.h
_LOG = 2


def serve(
    work: Callable[[Path, Report], None], *, prepare: Callable[[], None], tidy: Callable[[], None] = lambda: None
) -> None:
    """Do ``work`` on each folder that is sent, until the parent closes standard input.

    ``prepare`` imports what takes long; the fact ``up`` says that it is done, the fact ``end`` that a
    folder is. ``tidy`` runs after that and before the next folder: who wants nothing more does not wait for it.
    """
    report = _keep_output_for_facts()
    folders: queue.SimpleQueue[str] = queue.SimpleQueue()
    _end_with_parent(folders)
    fault("start", os.environ.get(FAULT_VARIABLE, ""))
    prepare()
    gc.freeze()  # lives as long as the process; the converter collects garbage after each file and would walk it
    report({"kind": "up"})
    while True:
        folder = Path(folders.get())
        os.ftruncate(_LOG, 0)
        os.chdir(folder)  # where libraries leave files of theirs
        work(folder, report)
        os.chdir(folder.anchor)
        report({"kind": "end"})
        tidy()


def fault(point: str, wanted: str) -> None:
    """End or stop this process when that is ``wanted`` at this point; see FAULT_VARIABLE."""
    kind, _, place = wanted.partition(":")
    if place != point:
        return
    if kind == "abort":
        os.abort()
    if kind == "hang":
        # As the converter does: in C, with the interpreter's lock held.
        ctypes.PyDLL(None).sleep(3600)


def _keep_output_for_facts() -> Report:
    """Send all that is printed to the log; returns what writes a fact to the parent."""
    facts = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(_LOG, 1)
    faulthandler.enable()

    def report(fact: Mapping[str, Any]) -> None:
        facts.write(json.dumps(fact) + "\n")

    return report


def _end_with_parent(folders: queue.SimpleQueue[str]) -> None:
    """Take the folders in, and end this process when the parent's end of standard input closes, however it ended.

    The thread can't run while C++ code holds the interpreter's lock, so on Linux the kernel is also
    asked for a SIGKILL at the death of the parent's thread that made this process.
    """

    def take_in() -> None:
        with os.fdopen(os.dup(0), encoding="utf-8") as lines:
            for line in lines:
                folders.put(json.loads(line))
        os._exit(3)

    threading.Thread(target=take_in, name="parent-watch", daemon=True).start()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
