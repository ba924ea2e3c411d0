"""The parent's end of a process that converts or runs models: start it, send jobs, read its facts, end it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tunemagic.errors import ExportError

__all__ = ["START_SECONDS", "Limits", "Worker", "WorkerDied", "WorkerSilent"]

# Importing TensorFlow takes 5 s, several times that on a busy machine or a cold disk.
START_SECONDS = 180
_LOOK_SECONDS = 0.2  # how soon a stop request is noticed


class WorkerDied(Exception):
    """The process ended without finishing its job. The text says how: ``crashed (SIGSEGV)``.."""


class WorkerSilent(Exception):
    """The process did not answer within the time limit; the text names it.."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``timeout_seconds`` for each step; ``stop`` is set when all of it is to end."""

    timeout_seconds: float
    stop: threading.Event | None = None


class Worker:
    """One process of the module ``module`` (see serve). Close it, or use it as a context manager.

    Keras computes with ``backend`` there.

    It gets a session of its own, so an interrupt meant for the kernel does not reach it; it ends by
    itself when this process is gone. A process forked from this one does not hold on to it.
    """

    def __init__(self, module: str, *, backend: str = "tensorflow") -> None:
        self.jobs = 0
        self.start_seconds: float | None = None
        self._facts: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._log: IO[bytes] = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - closed with the worker
        self._begun = time.monotonic()
        start = _Start(module, backend, self._log)
        # Linux ends the process together with the thread that made it, so that is the one which reads to its end.
        # It does not hold on to this object: a worker that an interrupt has cut off from its user ends its process.
        self._reader = threading.Thread(
            target=_start_and_read, args=(start, self._facts), name="tunemagic-facts", daemon=True
        )
        try:
            self._reader.start()
            start.over.wait()
            if start.error is not None:
                self._log.close()
                reason = start.error.strerror or start.error
                raise ExportError(f"can't start a process for the conversion: {reason}.")
            assert start.process is not None
            self._process = start.process
            weakref.finalize(self, _discard, self._process, self._log)
        except BaseException:  # an interrupt leaves nobody who could close what is being started
            start.abandon()
            raise
        _LIVE.add(self)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, folder: Path) -> None:
        """Let it do the job in ``folder`` next. A process that has died is noticed when its facts are read."""
        assert self._process.stdin is not None
        self.jobs += 1
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(str(folder)).encode() + b"\n")

    def wait_until_up(self, *, stop: threading.Event | None = None) -> float:
        """Wait until all that it needs is imported; seconds from its start to then. Raises as ``next_fact`` does."""
        if self.start_seconds is None:
            self.next_fact(timeout_seconds=START_SECONDS, stop=stop)
            self.start_seconds = time.monotonic() - self._begun
        return self.start_seconds

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
        raise WorkerSilent(f"did not finish within {timeout_seconds:g} s and was ended")

    def close(self) -> None:
        """End the process now, whatever it is doing, and wait until it is gone."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        # Bounded: a process forked by somebody else meanwhile may hold a copy of the pipe.
        self._reader.join(timeout=2)
        self._close_files()

    def forget(self) -> None:
        """Let go of a process that belongs to this one's parent, without ending it."""
        self._process.returncode = 0  # it is not ours to wait for
        self._close_files()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _close_files(self) -> None:
        for file in (self._process.stdin, self._process.stdout, self._log):
            if file is not None:
                file.close()

    def _how_it_ended(self) -> str:
        status = self._process.wait()
        if status < 0:
            name = signal.Signals(-status).name
            return f"crashed ({name}{': the memory may have run out' if name == 'SIGKILL' else ''})"
        last = self._last_line_of_log()
        return f"ended with status {status}{': ' + last if last else ''}"

    def _last_line_of_log(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            self._log.seek(0)
            lines = self._log.read().decode(errors="replace").splitlines()
            return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")
        return ""


@dataclass(slots=True)
class _Start:
    """What the thread that makes a process shares with the one that waits for it: one of them sees both facts."""

    module: str
    backend: str
    log: IO[bytes]
    over: threading.Event = field(default_factory=threading.Event)
    process: subprocess.Popen[bytes] | None = None
    error: OSError | None = None
    abandoned: bool = False

    def abandon(self) -> None:
        self.abandoned = True
        if self.process is not None:
            self.process.kill()


def _start_and_read(start: _Start, facts: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """On its own thread: make the process; every line of it becomes a fact; None after the last."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(_import_paths()),
        "KERAS_BACKEND": start.backend,
        # The accelerator's memory belongs to the notebook.
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    try:
        # -P: a keras.py beside the notebook must not be imported instead of Keras.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", start.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=start.log,
            bufsize=0,
            cwd=tempfile.gettempdir(),
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        start.error = error
        start.over.set()
        return
    start.process = process
    if start.abandoned:
        process.kill()
    start.over.set()
    assert process.stdout is not None
    with contextlib.suppress(ValueError, OSError), open(process.stdout.fileno(), "rb", closefd=False) as lines:
        for line in lines:
            with contextlib.suppress(ValueError):  # a line cut off by a crash
                facts.put(json.loads(line))
    facts.put(None)
    process.wait()
    if start.abandoned:
        _discard(process, start.log)
    process.stdout.close()


def _discard(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    """End a process that nobody has closed; what is closed, or was forgotten after a fork, stays as it is."""
    process.kill()
    for file in (process.stdin, log):
        if file is not None:
            file.close()


def _import_paths() -> list[str]:
    """Where the new process finds this package, when it is not among the installed ones."""
    root = str(Path(__file__).resolve().parents[2])
    installed = root in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return [*([] if installed else [root]), *filter(None, [os.environ.get("PYTHONPATH")])]


_LIVE: weakref.WeakSet[Worker] = weakref.WeakSet()


def _forget_all() -> None:
    """In a forked child: its copies of the pipes would keep the parent's processes from noticing the parent's end."""
    for worker in list(_LIVE):
        worker.forget()
    _LIVE.clear()


os.register_at_fork(after_in_child=_forget_all)
