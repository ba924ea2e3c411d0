"""Writing files and folders so that a crash, a kill or a full disk never leaves half of one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["crash_point", "place_folder", "remove_file", "set_crash_point", "sha256_of", "write_atomic"]

_SWAPPING = threading.Lock()  # of two folders that go to one place, the second replaces the first
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
    temporary file is then removed. Of several threads that write to one path the last one wins.
    """
    temporary = _beside(path, "tmp")
    crash_point("file.write.before")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        crash_point("file.rename.before")
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)
    crash_point("file.rename.after")


def place_folder(source: Path, path: Path) -> None:
    """Copy the folder ``source`` to ``path`` so that readers see the old folder, the whole new one, or none.

    Written aside in the same folder, every file and folder fsynced, then renamed; what was at ``path``
    is moved aside before and removed after. Raises OSError; what was at ``path`` is there again then.
    """
    fresh, old = _beside(path, "tmp"), _beside(path, "old")
    crash_point("folder.write.before")
    try:
        _copy_durably(source, fresh)
        crash_point("folder.rename.before")
        with _SWAPPING:
            _swap(fresh, path, old)
        sync_folder(path.parent)
        crash_point("folder.rename.after")
    finally:
        _remove_tree(fresh)
        if path.exists():
            _remove_tree(old)


def _swap(fresh: Path, path: Path, old: Path) -> None:
    """Rename ``fresh`` to ``path``, and what is there to ``old``; back again when that fails."""
    try:
        if path.exists() or path.is_symlink():
            os.rename(path, old)
        os.rename(fresh, path)
    except BaseException:
        if fresh.exists():
            with contextlib.suppress(FileNotFoundError):
                os.rename(old, path)
        raise


def _beside(path: Path, word: str) -> Path:
    """A name in the same folder that no other call uses and nobody can foresee."""
    return path.with_name(f".{path.name}.{word}-{secrets.token_hex(6)}")


def _copy_durably(source: Path, target: Path) -> None:
    target.mkdir()
    for entry in source.iterdir():
        copy = target / entry.name
        if entry.is_dir():
            _copy_durably(entry, copy)
        else:
            shutil.copyfile(entry, copy)
            sync_folder(copy)
    sync_folder(target)


def _remove_tree(path: Path) -> None:
    """Remove a folder, or whatever else has this name; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename or a removal inside the folder durable; of a file, its contents."""
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
