"""Arrays that all workers of a study share: one nameless file, mapped into each of them."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from multiprocessing import reduction
from pickle import PickleBuffer
from typing import Any

from tunemagic.errors import StorageError

__all__ = ["SharedBuffers"]

_ALIGNMENT = 64  # bytes, a cache line


class SharedBuffers:
    """The memory of buffers in a temporary file without a name, so that nothing outlives a crash.

    Raw bytes only, never a pickle. Nobody else can open the file: workers get its descriptor
    when they are started. Raises StorageError when the disk is full.
    """

    def __init__(self, buffers: Sequence[PickleBuffer]) -> None:
        self._places: list[tuple[int, int, bool]] = []
        self._file = tempfile.TemporaryFile(prefix="tunemagic-")  # noqa: SIM115 - lives as long as the study
        try:
            for buffer in buffers:
                memory = buffer.raw()
                self._file.seek(-self._file.tell() % _ALIGNMENT, 1)
                self._places.append((self._file.tell(), memory.nbytes, memory.readonly))
                self._file.write(memory)
            self._file.flush()
        except OSError as error:
            self._file.close()
            total = sum(buffer.raw().nbytes for buffer in buffers) / 1e6
            raise StorageError(
                f"can't write {total:.0f} MB of arrays for the workers to {tempfile.gettempdir()}: {error.strerror}. "
                "Set TMPDIR to a folder with more room, or use --workers 0."
            ) from error

    def close(self) -> None:
        """Give the memory free once no worker has it mapped any more."""
        self._file.close()

    def __reduce__(self) -> Any:
        """Only while a process is being started: it gets a descriptor of its own."""
        return _map_buffers, (reduction.DupFd(self._file.fileno()), self._places)


def _map_buffers(descriptor: Any, places: Sequence[tuple[int, int, bool]]) -> list[memoryview]:
    """In the worker: read-only memory for what was read-only in the kernel, else copied on writing."""
    fd = descriptor.detach()
    shared: dict[bool, memoryview] = {}
    for access in {read_only for _, _, read_only in places}:
        kind = mmap.ACCESS_READ if access else mmap.ACCESS_COPY
        shared[access] = memoryview(mmap.mmap(fd, 0, access=kind))
    os.close(fd)
    return [shared[read_only][start : start + length] for start, length, read_only in places]
