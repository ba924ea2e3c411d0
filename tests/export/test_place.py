"""Names of artefacts, and how they get to their place."""

import contextlib
import gzip
import hashlib
import re
from pathlib import Path

import pytest

from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export.place import artefact_name, check_free, fingerprint, place, split_target, usable_stem
from tunemagic.request import Target


def test_names_tell_mode_and_verdict():
    names = [
        artefact_name(Target.TFLITE, "digits", "none"),
        artefact_name(Target.TFLITE, "digits", "int8", Verdict.NOT_VERIFIED),
        artefact_name(Target.SAVEDMODEL, "digits", "none"),
        artefact_name(Target.C, "digits", "int8"),
        artefact_name(Target.ONNX, "digits", "none", Verdict.NOT_VERIFIED),
    ]
    assert names == [
        "digits.tflite",
        "digits.int8.not-verified.tflite",
        "digits-savedmodel",
        "digits.int8-c",
        "digits.not-verified.onnx",
    ]


def test_only_endings_of_what_is_made_are_taken_off_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    int8 = [("tflite", "int8"), ("card", "none")]
    split = [
        split_target("out/digits.int8.tflite", "x", int8),
        split_target("out/digits.tflite", "x", int8),
        split_target("out/digits.int4.tflite", "x", int8),
        split_target("out/digits.int4.tflite", "x"),
        split_target("out/vitamin-c", "x", int8),
        split_target("out/vitamin-c", "x", [("c", "none")]),
        split_target("~/m", "x", int8),
        split_target("~", "x", int8),
    ]
    out = Path("out")
    assert split == [
        (out, "digits"),
        (out, "digits"),
        (out, "digits.int4"),
        (out, "digits"),
        (out, "vitamin-c"),
        (out, "vitamin"),
        (tmp_path, "m"),
        (tmp_path, "x"),
    ]


def test_our_file_of_the_same_study_is_free_to_be_made_again_and_others_are_not(tmp_path, monkeypatch):
    path = tmp_path / "digits.tflite"
    path.touch()
    message = f"{path} exists; add --force (Python: force=True) to replace it, or name another path."
    for said, study, free in [
        ({"mode": "none", "study": "a"}, "a", True),
        ({"mode": "none"}, None, True),
        ({"mode": "none", "study": "a"}, "b", False),
        ({"mode": "none", "study": "a"}, None, False),
        ({"mode": "none"}, "a", False),
        ({}, None, False),
    ]:
        monkeypatch.setattr("tunemagic.export.metadata.read", lambda _, said=said: said)
        with contextlib.nullcontext() if free else pytest.raises(ExportError, match=f"^{re.escape(message)}$"):
            check_free(path, study)


def test_a_path_names_a_folder_and_the_begin_of_names(tmp_path):
    assert split_target(tmp_path, "digits") == (tmp_path, "digits")
    assert split_target(f"{tmp_path}/new/", "digits") == (tmp_path / "new", "digits")
    for name in ("small.tflite", "small.onnx", "small-json", "small"):
        assert split_target(tmp_path / name, "digits") == (tmp_path, "small")


@pytest.mark.parametrize("stem", ["", ".x", "a/b", "..", "a\x00b", "a\nb", "x" * 151, 'a"b', "a\ud800"])
def test_a_name_that_could_leave_the_folder_is_refused(stem):
    with pytest.raises(ExportError, match="file name: expected 1 to 150 printable characters"):
        usable_stem(stem)


def test_a_file_s_fingerprint_is_that_of_its_bytes_and_a_folder_s_follows_names_and_bytes(tmp_path):
    content = b"weights" * 1000
    (tmp_path / "file").write_bytes(content)
    expected = (7000, len(gzip.compress(content, 9)), hashlib.sha256(content).hexdigest())
    assert fingerprint(tmp_path / "file") == expected
    prints = set()
    for number, names in enumerate([("a", "b"), ("a", "c"), ("b", "a")]):
        folder = tmp_path / str(number)
        (folder / "deep").mkdir(parents=True)
        (folder / names[0]).write_bytes(b"1")
        (folder / "deep" / names[1]).write_bytes(b"2")
        assert fingerprint(folder)[0] == 2
        prints.add(fingerprint(folder)[2])
    assert len(prints) == 3


@pytest.mark.parametrize("before", ["nothing", "folder", "file", "link"])
def test_a_folder_takes_the_place_of_what_was_there(tmp_path, before):
    made, path, other = tmp_path / "made", tmp_path / "out" / "model-json", tmp_path / "other"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "new").write_bytes(b"new")
    for folder in (path.parent, other):
        folder.mkdir()
    (other / "kept").touch()
    match before:
        case "folder":
            path.mkdir()
            (path / "old").touch()
        case "file":
            path.touch()
        case "link":
            path.symlink_to(other)
    if before != "nothing":
        with pytest.raises(ExportError, match=r"model-json exists; add --force \(Python: force=True\)"):
            check_free(path)
    place(made, path)
    assert sorted(found.relative_to(path.parent).as_posix() for found in path.parent.rglob("*")) == [
        "model-json",
        "model-json/deep",
        "model-json/deep/new",
    ]
    assert [found.name for found in other.iterdir()] == ["kept"]
