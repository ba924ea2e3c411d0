"""The journal: whole lines, one writer, readable after any crash."""

import dataclasses
import json
import os
import resource
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest

from tunemagic import events as ev
from tunemagic.errors import JournalError, StorageError, StudyBusyError
from tunemagic.journal import JOURNAL_FILE, Journal, lock_holder, read_journal


def epoch(seq: int) -> ev.EpochEnded:
    return ev.EpochEnded(
        seq=seq, at=1.0, elapsed=0.5, trial=1, attempt=1, epoch=seq, logs={"loss": 0.25, "val_loss": None}
    )


def note(seq: int, text: str = "ein Gruß, 你好, \u2028") -> ev.StudyNoted:
    return ev.StudyNoted(seq=seq, at=1.0, elapsed=0.5, text=text)


def write(directory: Path, events: list[ev.Event]) -> None:
    journal = Journal(directory)
    for event in events:
        journal.append(event)
    journal.close()


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    events = [note(1), epoch(2), epoch(3)]
    write(tmp_path / "s", events)
    assert list(read_journal(tmp_path / "s").events) == events


def test_a_missing_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert read_journal(tmp_path).events == ()


def test_every_cut_of_the_last_line_loses_that_line_only(tmp_path: Path) -> None:
    write(tmp_path / "s", [note(1), epoch(2)])
    path = tmp_path / "s" / JOURNAL_FILE
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        content = read_journal(tmp_path / "s")
        assert list(content.events) == [note(1)]
        assert content.torn == whole[first:cut]


def test_a_torn_tail_is_kept_beside_the_journal_and_appending_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "s"
    write(directory, [note(1), epoch(2)])
    path = directory / JOURNAL_FILE
    path.write_bytes(path.read_bytes()[:-5])
    torn = read_journal(directory).torn
    write(directory, [epoch(2), epoch(3)])
    assert list(read_journal(directory).events) == [note(1), epoch(2), epoch(3)]
    assert (directory / "journal.torn-2").read_bytes() == torn


@pytest.mark.parametrize("position", [0, 5, 8, 20, 60])
def test_a_changed_byte_in_the_middle_is_reported_and_nothing_is_cut(tmp_path: Path, position: int) -> None:
    write(tmp_path / "s", [note(1), epoch(2), epoch(3)])
    path = tmp_path / "s" / JOURNAL_FILE
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match="line 1 is damaged"):
        Journal(tmp_path / "s")
    assert path.read_bytes() == bytes(data)
    assert lock_holder(tmp_path / "s") is None


def test_a_missing_line_is_reported(tmp_path: Path) -> None:
    write(tmp_path / "s", [note(1), epoch(2), epoch(3)])
    path = tmp_path / "s" / JOURNAL_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(JournalError, match="expected event 2; received 3"):
        read_journal(tmp_path / "s")


def test_an_event_of_a_newer_version_is_refused_with_advice(tmp_path: Path) -> None:
    payload = json.dumps({**ev.event_to_json(note(1)), "v": 99}).encode()
    (tmp_path / JOURNAL_FILE).write_bytes(b"%08x %s\n" % (zlib.crc32(payload), payload))
    with pytest.raises(JournalError, match="version=99"):
        read_journal(tmp_path)


def test_a_second_process_is_told_who_has_the_study(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from tunemagic.journal import Journal
        journal = Journal(Path(sys.argv[1]))
        print("ready", flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "s")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(StudyBusyError, match=rf"read-only here: process {other.pid} on .* since \d{{4}}-"):
            Journal(tmp_path / "s")
        other.kill()
        other.wait()
        Journal(tmp_path / "s").close()  # a killed holder leaves no stale lock


def test_a_full_disk_is_an_error_and_leaves_only_whole_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "s")
    journal.append(note(1))
    size = os.path.getsize(tmp_path / "s" / JOURNAL_FILE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        with pytest.raises(StorageError, match=r"journal\.jsonl: File too large"):
            journal.append(note(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.append(epoch(2))
    journal.close()
    assert list(read_journal(tmp_path / "s").events) == [note(1), epoch(2)]


def test_a_folder_that_cannot_be_made_names_path_and_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match=r"can't write .*file/s: Not a directory\. .*TuneMagics\.directory"):
        Journal(tmp_path / "file" / "s")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    write(tmp_path / "s", [note(1)])
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "s").iterdir()}
    assert modes == {JOURNAL_FILE: 0o600, "lock": 0o600}
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700


def test_a_number_that_is_not_finite_never_reaches_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "s")
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append(dataclasses.replace(epoch(1), logs={"loss": float("nan")}))
    journal.append(epoch(1))
    journal.close()
    assert list(read_journal(tmp_path / "s").events) == [epoch(1)]
