"""The process that workers are forked from: Keras imported, nothing run yet.

A fork server of our own (``multiprocessing.forkserver.ForkServer``), beside the one that other
code of the kernel may use. It freezes environment, working directory and ``sys.path`` when it
starts, so these are compared before each study and another server is started when they differ.
Whatever uses TensorFlow is never forked: a child of such a process hangs.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, popen_forkserver, reduction, resource_tracker, spawn, util
from multiprocessing.context import ForkServerContext, ForkServerProcess, set_spawning_popen
from typing import Any

__all__ = [
    "NOT_COMPARED",
    "WorkerContext",
    "WorkerServer",
    "borrow_server",
    "give_back_server",
    "start_ahead",
    "stop_unused",
]

_PRELOAD = "tunemagic.search.executors.preload"
# These may differ: TensorFlow, h5py and scikit-learn set them when they are imported, which the server does too.
NOT_COMPARED = {
    "ENABLE_RUNTIME_UPTIME_TELEMETRY",
    "HDF5_PLUGIN_PATH",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "TF2_BEHAVIOR",
    "TPU_ML_PLATFORM",
    "TPU_ML_PLATFORM_VERSION",
}

_lock = threading.Lock()
_current: WorkerServer | None = None


class WorkerServer:
    """One fork server. It ends when this process does, or when it is stopped."""

    def __init__(self) -> None:
        self.surroundings = _surroundings()
        self.users = 0
        self._stopped = False
        self.pid: int | None = None
        self._server = forkserver.ForkServer()
        self._server.set_forkserver_preload([_PRELOAD])

    def ensure_running(self) -> None:
        """Start the server if it is not running; returns at once, it imports while others go on.

        Raises OSError once it was stopped.
        """
        if self._stopped:
            raise OSError("this fork server was stopped, since nobody needed it")
        # multiprocessing reads it, and IPython's %reset takes it away with the user's variables.
        vars(sys.modules["__main__"]).setdefault("__spec__", None)
        # It starts with the server otherwise, and hands back a mask without SIGINT right before that.
        resource_tracker.ensure_running()
        with _interrupts_blocked():
            self._server.ensure_running()
        self.pid = self._server._forkserver_pid  # type: ignore[attr-defined]

    def connect_to_new_process(self, fds: list[int]) -> tuple[int, int]:
        """Fork a process that gets these descriptors; see ``multiprocessing.forkserver``."""
        self.ensure_running()
        return self._server.connect_to_new_process(fds)

    def stop(self) -> None:
        """End the server, and with it any process that it forked."""
        self._stopped = True
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._server._stop()  # type: ignore[attr-defined]


def start_ahead(unwanted: threading.Event) -> None:
    """Start a server for the next study now, so that its first worker need not wait for imports.

    Nothing is started once ``unwanted`` is set, as before ``stop_unused``.
    """
    with _lock:
        if not unwanted.is_set():
            _fitting_server().ensure_running()


def borrow_server() -> WorkerServer:
    """A running server with the environment, directory and ``sys.path`` of now. Give it back."""
    with _lock:
        server = _fitting_server()
        server.ensure_running()
        server.users += 1
        return server


def give_back_server(server: WorkerServer) -> None:
    """Say that a study needs the server no more; one that fits no longer ends with its last study."""
    with _lock:
        server.users -= 1
        if server is not _current and not server.users:
            server.stop()


def stop_unused() -> None:
    """End the server that was started for the next study, unless one uses it."""
    global _current
    with _lock:
        old, _current = _current, None
        if old is not None and not old.users:
            old.stop()


def _fitting_server() -> WorkerServer:
    global _current
    if _current is None or _current.surroundings != _surroundings():
        old, _current = _current, WorkerServer()
        if old is not None and not old.users:
            old.stop()
    return _current


def _surroundings() -> tuple[dict[str, str], str, tuple[str, ...]]:
    """What a fork server freezes."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_COMPARED}
    return environment, os.getcwd(), tuple(sys.path)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process started meanwhile never gets SIGINT, also not before it can ignore it by itself."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _WorkerPopen(popen_forkserver.Popen):
    """Starts a process from our server, without running the user's main script again in it."""

    def _launch(self, process_obj: Any) -> None:
        prepared = spawn.get_preparation_data(process_obj.name)
        # Workers get what they need of the main module by value; a script has no guard for a second run.
        for main in ("init_main_from_name", "init_main_from_path"):
            prepared.pop(main, None)
        prepared["sys_path"] = list(sys.path)  # with its "", which stands for the working directory
        message = io.BytesIO()
        set_spawning_popen(self)
        try:
            reduction.dump(prepared, message)
            reduction.dump(process_obj, message)
        finally:
            set_spawning_popen(None)
        self.sentinel, writer = process_obj.server.connect_to_new_process(self._fds)  # type: ignore[attr-defined]
        kept_open = os.dup(writer)  # the process sees its end when we are gone
        self.finalizer = util.Finalize(self, _close_all, (kept_open, self.sentinel))
        with open(writer, "wb") as pipe:
            pipe.write(message.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


def _close_all(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


class _WorkerProcess(ForkServerProcess):
    """A process of a WorkerServer, which stays behind when the process object travels."""

    def __init__(self, *args: Any, server: WorkerServer, **options: Any) -> None:
        super().__init__(*args, **options)
        self.server: WorkerServer | None = server

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        return _WorkerPopen(process_obj)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "server": None}


class WorkerContext(ForkServerContext):
    """A multiprocessing context whose processes come from one WorkerServer."""

    def __init__(self, server: WorkerServer) -> None:
        super().__init__()
        self._server = server

    def Process(self, *args: Any, **options: Any) -> Any:  # type: ignore[override]
        """A process, not started yet."""
        return _WorkerProcess(*args, server=self._server, **options)
