"""Writing files so that a crash, a kill or a full disk never leaves half of one."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["crash_point", "remove_file", "set_crash_point", "sha256_of", "write_atomic"]

_on_crash_point: Callable[[str], None] | None = None


def set_crash_point(hook: Callable[[str], None] | None) -> None:
    """Call ``hook(name)`` before and after every durable step; None switches it off.

    For crash tests only: the hook kills the process at the step that is under test.
    """
    global _on_crash_point
    _on_crash_point = hook


def crash_point(name: str) -> None:
    """Mark a step after which (or before which) a crash must be harmless."""
    if _on_crash_point is not None:
        _on_crash_point(name)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write the bytes to ``path`` so that readers see the old file, the new one, or none.

    Temporary file in the same folder, fsync, rename, fsync of the folder. Raises OSError; the
    temporary file is then removed.
    """
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    crash_point("file.write.before")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        crash_point("file.rename.before")
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)
    crash_point("file.rename.after")


def sync_folder(folder: Path) -> None:
    """Make a rename or a removal inside the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_file(path: Path) -> None:
    """Remove a file of ours; it is fine when it is gone already."""
    crash_point("file.remove.before")
    path.unlink(missing_ok=True)
    crash_point("file.remove.after")


def sha256_of(data: bytes) -> str:
    """Hexadecimal SHA-256 of the bytes."""
    return hashlib.sha256(data).hexdigest()
