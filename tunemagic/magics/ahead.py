"""Start the process that workers come from before a search asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
import threading
from typing import Any

__all__ = ["WorkersAhead"]

_EVENT = "post_run_cell"
_IDLE_SECONDS = 0.5
_SERVER = "tunemagic.search.executors.forkserver"


class WorkersAhead:
    """Starts the fork server when the cell that loaded the extension has ended and the kernel is idle.

    So importing Keras there delays neither ``%load_ext`` nor, unless it comes at once, the first
    search. Without an event loop, as in a terminal, nothing is started ahead.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._waiting = True
        self._unwanted = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        shell.events.register(_EVENT, self._after_cell)

    def _after_cell(self, _: Any) -> None:
        self._unregister()
        with contextlib.suppress(RuntimeError):  # no event loop
            # A kernel's loop comes to its timers only when no cell runs.
            self._timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._start)

    def _start(self) -> None:
        self._timer = None
        threading.Thread(target=_start_quietly, args=(self._unwanted,), name="tunemagic-ahead", daemon=True).start()

    def _unregister(self) -> None:
        if self._waiting:
            self._waiting = False
            self._shell.events.unregister(_EVENT, self._after_cell)

    def close(self) -> None:
        """Start nothing any more, and end what no study uses."""
        self._unwanted.set()
        self._unregister()
        if self._timer is not None:
            self._timer.cancel()
        if _SERVER in sys.modules:
            sys.modules[_SERVER].stop_unused()


def _start_quietly(unwanted: threading.Event) -> None:
    """A start that fails fails again, and is reported, when a study needs it."""
    # ImportError: a system without fork servers.
    with contextlib.suppress(OSError, ImportError):
        importlib.import_module(_SERVER).start_ahead(unwanted)
