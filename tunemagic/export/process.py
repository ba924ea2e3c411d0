"""The parent's end of the conversion process: start it, read its facts, end it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any

from tunemagic.errors import ExportError

__all__ = ["Worker", "WorkerDied", "WorkerSilent"]

_LOOK_SECONDS = 0.2  # how soon a stop request is noticed


class WorkerDied(Exception):
    """The process ended without finishing its job. The text says how: ``crashed (SIGSEGV)``.."""


class WorkerSilent(Exception):
    """The process did not answer within the time limit.."""


class Worker:
    """One conversion process working in ``folder``. Close it, or use it as a context manager.

    It gets a session of its own, so an interrupt meant for the kernel does not reach it; it ends by
    itself when this process or the thread that made it is gone.
    """

    def __init__(self, folder: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(_import_paths()),
            "KERAS_BACKEND": "tensorflow",
            # The accelerator's memory belongs to the notebook.
            "CUDA_VISIBLE_DEVICES": "-1",
        }
        self._folder = folder
        self._facts: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        # -P: a keras.py beside the notebook must not be imported instead of Keras.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tunemagic.export.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="tflite-facts", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def next_fact(self, *, timeout_seconds: float, stop: threading.Event | None = None) -> dict[str, Any]:
        """The next fact that the process reports.

        Raises WorkerSilent after ``timeout_seconds``, WorkerDied when the process has ended,
        ExportError when ``stop`` is set.
        """
        limit = time.monotonic() + timeout_seconds
        while (left := limit - time.monotonic()) > 0:
            if stop is not None and stop.is_set():
                raise ExportError("the conversion was stopped; files that were finished before are kept.")
            with contextlib.suppress(queue.Empty):
                fact = self._facts.get(timeout=min(left, _LOOK_SECONDS))
                if fact is None:
                    raise WorkerDied(self._how_it_ended())
                return fact
        raise WorkerSilent

    def close(self) -> None:
        """End the process now, whatever it is doing, and wait until it is gone."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        # Bounded: a process forked by somebody else meanwhile may hold a copy of the pipe.
        self._reader.join(timeout=2)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        """On its own thread: every line of the process becomes a fact; None after the last."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):  # a line cut off by a crash
                self._facts.put(json.loads(line))
        self._facts.put(None)

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        if status < 0:
            name = signal.Signals(-status).name
            return f"crashed ({name}{'; the memory may have run out' if name == 'SIGKILL' else ''})"
        last = self._last_line_of_log()
        return f"ended with status {status}{': ' + last if last else ''}"

    def _last_line_of_log(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self._folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")
        return ""


def _import_paths() -> list[str]:
    """Where the new process finds this package, when it is not among the installed ones."""
    root = str(Path(__file__).resolve().parents[2])
    installed = root in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return [*([] if installed else [root]), *filter(None, [os.environ.get("PYTHONPATH")])]
