"""What a worker prints: read at once, so that it never waits, and only the last lines kept."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from multiprocessing.connection import Connection

from tunemagic.trial import LOG_LINES

__all__ = ["LastLines"]

_MAX_LINE = 1000  # characters
_CHUNK = 65_536
_MOST_CHUNKS = 256  # read at a time; a flood must not keep others waiting


class LastLines:
    """The last lines that came out of a pipe, read on a thread of its own."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._rest = b""
        self._lock = threading.Lock()
        self._closed = False
        os.set_blocking(pipe.fileno(), False)
        self._thread = threading.Thread(target=self._read, name="tunemagic-output", daemon=True)
        self._thread.start()

    def take(self) -> str:
        """Everything printed so far, at most LOG_LINES lines; begins afresh."""
        with self._lock:
            self._drain()
            lines = [*self._lines, *([self._line(self._rest)] if self._rest else [])]
            self._lines.clear()
            self._rest = b""
        return "\n".join(lines[-LOG_LINES:])

    def close(self) -> None:
        """Stop reading. The writer must be gone by now."""
        with self._lock:
            self._closed = True
            self._pipe.close()

    def _read(self) -> None:
        while True:
            try:
                select.select([self._pipe], [], [], 0.5)
            except (OSError, ValueError):  # closed meanwhile
                return
            with self._lock:
                if self._closed or not self._drain():
                    return

    def _drain(self) -> bool:
        """Read what is there; False at the end. The lock is held."""
        for _ in range(_MOST_CHUNKS):
            if self._closed:
                return False
            try:
                chunk = os.read(self._pipe.fileno(), _CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            self._rest = self._rest[-_CHUNK:]
            self._lines.extend(map(self._line, whole[-LOG_LINES:]))
        return True

    @staticmethod
    def _line(raw: bytes) -> str:
        """One line as it would stand on a terminal: what a progress bar wrote over is gone."""
        return raw.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2][:_MAX_LINE]
