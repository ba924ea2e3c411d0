"""Files are whole, old or absent: never half."""

import contextlib
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tunemagic import durable


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    durable.write_atomic(path, b"old")
    durable.write_atomic(path, b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"new")]


def test_a_full_disk_keeps_the_old_file_and_leaves_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    durable.write_atomic(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            durable.write_atomic(path, b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]


def test_a_full_disk_keeps_the_old_folder_and_leaves_no_half_of_the_new_one(tmp_path: Path) -> None:
    made, path = tmp_path / "made", tmp_path / "out" / "model"
    for folder, size in ((made, 1000), (path, 10)):
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"x" * size)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            durable.place_folder(made, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [(p.name, p.stat().st_size) for p in (tmp_path / "out").rglob("*")][1:] == [("weights", 10)]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["model"]


def test_a_crash_at_any_step_leaves_the_old_folder_or_the_new_one(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "weights").write_bytes(b"new")
    for number, step in enumerate(("folder.write.before", "folder.rename.before", "folder.rename.after")):
        path = tmp_path / str(number) / "model"
        path.mkdir(parents=True)
        (path / "weights").write_bytes(b"old")

        def crash(name: str, step: str = step) -> None:
            if name == step:
                raise KeyboardInterrupt

        durable.set_crash_point(crash)
        try:
            with pytest.raises(KeyboardInterrupt):
                durable.place_folder(made, path)
        finally:
            durable.set_crash_point(None)
        assert (path / "weights").read_bytes() == (b"new" if step == "folder.rename.after" else b"old")
        durable.place_folder(made, path)
        assert [p.name for p in path.parent.iterdir()] == ["model"]


@contextlib.contextmanager
def meanwhile(step: str, then: Callable[[], object]) -> Iterator[None]:
    """``then()`` once, when ``step`` is reached for the first time."""

    def hook(name: str) -> None:
        if name == step:
            durable.set_crash_point(None)
            then()

    durable.set_crash_point(hook)
    try:
        yield
    finally:
        durable.set_crash_point(None)


def test_two_that_write_to_one_path_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    path, made = tmp_path / "out" / "a", [tmp_path / "first", tmp_path / "second"]
    path.parent.mkdir()
    with meanwhile("file.rename.before", lambda: durable.write_atomic(path, b"second")):
        durable.write_atomic(path, b"first")
    assert [(found.name, found.read_bytes()) for found in path.parent.iterdir()] == [("a", b"first")]
    for folder in made:
        folder.mkdir()
        (folder / folder.name).touch()
    with meanwhile("folder.rename.before", lambda: durable.place_folder(made[1], path)):
        durable.place_folder(made[0], path)
    assert [found.relative_to(path.parent).as_posix() for found in sorted(path.parent.rglob("*"))] == ["a", "a/first"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with meanwhile("file.rename.before", interrupt), pytest.raises(KeyboardInterrupt):
        durable.write_atomic(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_link_under_the_temporary_name_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable.secrets, "token_hex", lambda _: "guessed")
    other, link = tmp_path / "other", tmp_path / ".a.tmp-guessed"
    other.write_bytes(b"kept")
    link.symlink_to(other)
    with pytest.raises(FileExistsError):
        durable.write_atomic(tmp_path / "a", b"x")
    assert (other.read_bytes(), link.readlink(), (tmp_path / "a").exists()) == (b"kept", other, False)


def test_removing_what_is_gone_is_fine(tmp_path: Path) -> None:
    durable.remove_file(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
