"""The converter process, kept between exports: importing TensorFlow costs more than most conversions."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator

from tunemagic.export.process import Worker

__all__ = ["CONVERTER", "WarmProcess"]

_IDLE_SECONDS = 120.0


class WarmProcess:
    """Keeps one process of ``module`` between jobs, for ``idle_seconds`` at most. Works from any thread.

    Whoever takes it has it alone; who comes meanwhile gets another one. It is kept only when it is
    given back, which says that its job went well; what became of it otherwise is nobody's state. ``lent``
    does both.
    """

    def __init__(self, module: str, *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._module = module
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._kept: Worker | None = None
        self._timer: threading.Timer | None = None
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._afresh)

    @contextlib.contextmanager
    def lent(self) -> Iterator[Worker]:
        """The process for the block: kept when the block ends well, else ended."""
        worker = None
        try:
            worker = self.take()
            yield worker
        except BaseException:
            if worker is not None:
                worker.close()
            raise
        self.give_back(worker)

    def take(self) -> Worker:
        """The kept process, else a new one, which may still be importing. Close it or give it back."""
        kept = self._take_kept()
        if kept is not None and kept.alive:
            return kept
        if kept is not None:
            kept.close()
        return Worker(self._module)

    def give_back(self, worker: Worker) -> None:
        """Keep a process whose job has ended well, unless another one is kept already."""
        with self._lock:
            surplus = self._kept is not None
            if not surplus:
                self._kept = worker
                self._timer = threading.Timer(self._idle_seconds, self._end_idle, args=(worker,))
                self._timer.daemon = True
                self._timer.start()
        if surplus:
            worker.close()

    def close(self) -> None:
        """End the kept process."""
        kept = self._take_kept()
        if kept is not None:
            kept.close()

    def _afresh(self) -> None:
        """In a forked child: the process is the parent's, and the lock may have been held just then."""
        self._lock, self._kept, self._timer = threading.Lock(), None, None

    def _take_kept(self) -> Worker | None:
        with self._lock:
            kept, self._kept = self._kept, None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        return kept

    def _end_idle(self, worker: Worker) -> None:
        with self._lock:
            if self._kept is not worker:
                return
            self._kept = None
        worker.close()


CONVERTER = WarmProcess("tunemagic.export.worker")
