"""The events of one study on disk: append-only lines, one writer, readable after any crash.

Each line is ``crc32 json``: eight hex digits over the JSON bytes, a blank, one event. Lines are
appended whole and state changes are synced before anything acts on them. A torn last line (the
process was killed in the middle of a write) is cut off, kept beside the journal and reported; a
bad line with good ones behind it is damage from outside, which is reported and never repaired.

The writer holds ``flock`` on ``lock`` for its life: the kernel of the operating system drops it
when the process dies, so there is no stale lock to wait for.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import json
import os
import socket
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.durable import crash_point, sync_folder, write_atomic
from tunemagic.errors import JournalError, StorageError, StudyBusyError

__all__ = ["JOURNAL_FILE", "Journal", "JournalContent", "lock_holder", "read_journal"]

JOURNAL_FILE = "journal.jsonl"
LOCK_FILE = "lock"

# Losing the last epochs of a running trial costs nothing: the trial runs again anyway.
_NOT_SYNCED = (ev.EpochEnded, ev.StudyNoted)


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a journal holds: its events, and how many of its bytes are whole lines."""

    events: tuple[ev.Event, ...]
    whole_bytes: int
    torn: bytes


def read_journal(directory: Path) -> JournalContent:
    """All events in order. A missing journal is an empty one.

    Raises JournalError when a line in the middle is damaged, when ``seq`` has a gap, or when an
    event was written by a newer version; StorageError when the file can't be read.
    """
    path = directory / JOURNAL_FILE
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):  # whoever wants to write there is told where and how to change it
        return JournalContent((), 0, b"")
    except OSError as error:
        raise StorageError(f"can't read {path}: {error.strerror}. Check its permissions.") from error
    lines = data.splitlines(keepends=True)
    payloads = [_payload(line) for line in lines]
    good = next((i for i, payload in enumerate(payloads) if payload is None), len(lines))
    if any(payload is not None for payload in payloads[good:]):
        raise JournalError(
            f"{path}: line {good + 1} is damaged, with whole lines behind it. It was changed by something else; "
            "restore the file from a backup, or start afresh with --new (the old folder is kept)."
        )
    whole = b"".join(lines[:good])
    with ev.collector_paused():
        events = tuple(map(ev.event_from_json, _objects(path, [payload for payload in payloads[:good] if payload])))
    for number, event in enumerate(events, start=1):
        if event.seq != number:
            raise JournalError(f"{path}: expected event {number}; received {event.seq}. Lines are missing.")
    return JournalContent(events, len(whole), data[len(whole) :])


def _encode(event: ev.Event) -> bytes:
    text = json.dumps(ev.event_to_json(event), separators=(",", ":"), allow_nan=False)
    payload = text.encode()
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def _payload(line: bytes) -> bytes | None:
    """The line's JSON, or None when the line is torn or altered."""
    payload = line[9:-1]
    whole = payload and line.endswith(b"\n") and line[8:9] == b" " and line[:8] == b"%08x" % zlib.crc32(payload)
    return payload if whole else None


def _objects(path: Path, payloads: Sequence[bytes]) -> list[dict[str, Any]]:
    """The JSON object of each payload. Parsed at once, which takes a third of the time of one by one."""
    try:
        values: list[Any] = json.loads(b"[" + b",".join(payloads) + b"]")
    except ValueError as error:
        raise JournalError(f"{path}: a line is no JSON ({error}) although its checksum fits.") from error
    if len(values) != len(payloads) or not all(isinstance(value, dict) for value in values):
        raise JournalError(f"{path}: a line holds no JSON object although its checksum fits.")
    return values


class Journal:
    """The one writer of a study's journal.

    Creating it makes the folder (mode 0700), takes the lock and repairs a torn tail; ``content``
    is what was there. Raises StudyBusyError when another process has the lock, StorageError when
    the folder can't be made or written, JournalError when the journal is damaged. Not safe for
    several threads: the ledger above it has the lock.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = _take_lock(directory)
        try:
            self.content = read_journal(directory)
            self._file = self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self) -> int:
        path = self.directory / JOURNAL_FILE
        try:
            if self.content.torn:
                write_atomic(self.directory / f"journal.torn-{len(self.content.events) + 1}", self.content.torn)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(descriptor, self.content.whole_bytes)
            os.lseek(descriptor, self.content.whole_bytes, os.SEEK_SET)
            sync_folder(self.directory)
        except OSError as error:
            raise _not_writable(path, error) from error
        self._size = self.content.whole_bytes
        return descriptor

    def append(self, event: ev.Event) -> None:
        """Write one event; synced to disk unless it is an epoch or a note.

        Raises StorageError when the disk is full or gone. The journal then ends where it ended
        before, so nothing torn is left behind.
        """
        line = _encode(event)
        crash_point(f"journal.{type(event).__name__}.before")
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._file, view) :]
            if not isinstance(event, _NOT_SYNCED):
                os.fdatasync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # the disk is gone: what can be read of it ends whole or torn
                os.ftruncate(self._file, self._size)
                os.lseek(self._file, self._size, os.SEEK_SET)
            raise _not_writable(self.directory / JOURNAL_FILE, error) from error
        self._size += len(line)
        crash_point(f"journal.{type(event).__name__}.after")

    def close(self) -> None:
        """Give the lock back. Closing twice is harmless."""
        for name in ("_file", "_lock"):
            descriptor = getattr(self, name)
            if descriptor >= 0:
                setattr(self, name, -1)
                os.close(descriptor)


def _take_lock(directory: Path) -> int:
    """An exclusive lock on the study's folder, which is made when it is missing."""
    path = directory / LOCK_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _not_writable(directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise _not_writable(path, error) from error
        raise StudyBusyError(
            f"study {directory.name} is read-only here: {_describe(lock_holder(directory))}."
        ) from error
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise _not_writable(path, error) from error
    return descriptor


def lock_holder(directory: Path) -> Mapping[str, Any] | None:
    """Who has the study open for writing now (pid, host, since), or None when nobody has."""
    path = directory / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        try:
            holder = json.loads(os.pread(descriptor, 4096, 0))
        except ValueError:
            holder = {}
        return holder if isinstance(holder, dict) else {}
    finally:
        os.close(descriptor)
    return None


def _describe(holder: Mapping[str, Any] | None) -> str:
    if not holder:
        return "another process has it open"
    since = datetime.datetime.fromtimestamp(float(holder.get("since", 0.0))).strftime("%Y-%m-%d %H:%M:%S")
    return f"process {holder.get('pid')} on {holder.get('host')} has it open since {since}"


def _not_writable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"can't write {path}: {error.strerror or error}. Studies are kept in the folder that "
        "`%config TuneMagics.directory` names; choose one with room that you may write to."
    )
