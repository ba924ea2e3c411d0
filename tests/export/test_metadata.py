"""What TF Lite files say about themselves, and what they are called by."""

import json

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tunemagic.errors import ExportError
from tunemagic.export.metadata import describe, end_names, facts, read
from tunemagic.export.runtime import outputs_of
from tunemagic.export.tables import read_tables, write_tables

layers = keras.layers
SAID = {
    "labels": ["zero", "null", "零"],
    "study": "digits",
    "trial": 3,
    "versions": {"numpy": "2.4"},
    "values": {"units": 64, "rate": 0.001},
}


@pytest.fixture(scope="module")
def plain(dense_files):
    return (dense_files[0] / "digits.int8.tflite").read_bytes()


def test_every_file_says_its_mode_and_what_made_it(dense_files):
    folder, results, _ = dense_files
    for result in results:
        said = read(result.path)
        assert (said["mode"], said["created_by"], said["preparation"]) == (result.mode, "tunemagic", "none inside")
        assert set(said["versions"]) == {"keras", "tensorflow", "ai-edge-litert", "tunemagic"}
        assert str(folder) not in json.dumps(said)


def test_facts_about_the_model_go_in_and_come_out_and_nothing_else_changes(plain, digits, tmp_path):
    said = facts("int8", SAID, prepares=True)
    content = describe(plain, said, ("image", "digit"))
    (tmp_path / "a.tflite").write_bytes(content)
    assert read(tmp_path / "a.tflite") == said
    assert {key: said[key] for key in SAID} == SAID | {"versions": said["versions"]}
    assert set(said["versions"]) == {"keras", "tensorflow", "ai-edge-litert", "tunemagic", "numpy"}
    assert said["preparation"] == "inside: give it raw rows"
    np.testing.assert_array_equal(outputs_of(content, digits.x_held[:20]), outputs_of(plain, digits.x_held[:20]))
    again = describe(content, {"mode": "x"}, ("image", "digit"))
    (tmp_path / "b.tflite").write_bytes(again)
    assert read(tmp_path / "b.tflite") == {"mode": "x"}


def test_the_signature_has_the_names_of_the_model(plain, digits):
    interpreter = Interpreter(model_content=describe(plain, {}, ("image", "digit")))
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["digit"]}}
    run = interpreter.get_signature_runner()
    assert run(image=digits.x_held[:1])["digit"].shape == (1, 10)
    assert [each["name"] for each in interpreter.get_input_details()] == ["image"]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ("x", "y")),
        ("image", "digit", ("image", "digit")),
        ("grey image-8", "class (0-9)", ("grey_image_8", "class_0_9")),
        ("2d", None, ("_2d", "y")),
        ("y", None, ("x", "y")),
        ("dense", "dense_of_mine", ("dense", "dense_of_mine")),
    ],
)
def test_names_that_keras_made_up_are_x_and_y(first, last, expected):
    inputs = keras.Input((4,), name=first)
    middle = layers.Dense(3)(inputs)
    assert end_names(keras.Model(inputs, layers.Dense(2, name=last)(middle))) == expected
    assert end_names(keras.Sequential([keras.Input((4,), name=first), layers.Dense(2, name=last)])) == expected


def test_facts_that_are_no_json_are_refused():
    with pytest.raises(ExportError, match="about: expected texts, finite numbers, lists and dicts"):
        facts("none", {"model": object()}, prepares=False)
    with pytest.raises(ExportError, match="about: expected texts, finite numbers, lists and dicts"):
        facts("none", {"rate": float("nan")}, prepares=False)
    with pytest.raises(ExportError, match=r"about: expected versions as a dict, name to version; received '2\.4'\.$"):
        facts("none", {"versions": "2.4"}, prepares=False)


def test_nobody_else_says_how_a_file_was_made():
    wrong = {"mode": "int8", "created_by": "me", "format": 0, "preparation": "", "versions": {"keras": "0"}}
    assert facts("none", {**wrong, "study": "a"}, prepares=False) == facts("none", {"study": "a"}, prepares=False)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[1]", b"{", b"[" * 100_000])
def test_an_entry_that_is_not_ours_or_damaged_reads_as_nothing(plain, tmp_path, data):
    model = read_tables(plain)
    for entry in model.metadata:
        if entry.name == b"tunemagic":
            model.buffers[entry.buffer].data = list(data)
    (tmp_path / "a.tflite").write_bytes(write_tables(model, len(plain)))
    assert read(tmp_path / "a.tflite") == {}
    model.metadata = None
    (tmp_path / "b.tflite").write_bytes(write_tables(model, len(plain)))
    assert read(tmp_path / "b.tflite") == {}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file", b"\x00\x00\x00\x00TFL3" + b"\xff" * 64])
def test_what_is_no_tf_lite_file_is_refused(tmp_path, content):
    (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(ExportError, match=r"expected a TF Lite file|damaged"):
        read(tmp_path / "a.tflite")
    with pytest.raises(ExportError, match="can't read"):
        read(tmp_path / "none.tflite")


def test_every_buffer_begins_at_a_multiple_of_sixteen_bytes_as_the_schema_demands(plain):
    model = schema.Model.GetRootAsModel(plain, 0)
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    begins = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers if buffer.DataLength()]
    assert len(begins) > 4
    assert [begin % 16 for begin in begins] == [0] * len(begins)
