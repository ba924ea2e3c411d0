"""A model and its files asked side by side, and the samples on which they differ."""

import dataclasses

import numpy as np
import pytest

from tunemagic.errors import DataError, ExportError, OptionError
from tunemagic.events import Verdict
from tunemagic.export.lite import LiteFile
from tunemagic.export.score import AnswerKind, Answers
from tunemagic.flips import flips_info, same_answer
from tunemagic.paired import Paired
from tunemagic.widgets.demo import demo


@pytest.fixture(scope="module")
def exports(dense_files):
    _, results, _ = dense_files
    return {result.mode: result.event() for result in results}


@pytest.fixture(scope="module")
def paired(dense, digits, exports):
    files = [LiteFile(export, (64,)) for export in exports.values()]
    return Paired(dense, files, digits.x_held, digits.y_held)


def test_a_picked_sample_is_answered_by_both_with_their_times(paired, digits, dense):
    reply = paired.row("int8", 3)
    outputs = np.asarray(dense(digits.x_held[3:4]))[0]
    np.testing.assert_allclose(reply.keras.outputs, outputs, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(reply.file.outputs, outputs, atol=0.1)
    assert reply.keras.text.startswith(f"{outputs.argmax()} (")
    assert (reply.truth, reply.sample.row) == (str(digits.y_held[3]), 3)
    assert reply.keras.microseconds > 0
    assert reply.file.microseconds > 0
    assert dataclasses.astuple(paired.look)[:4] == ("image", 8, 8, 1)


def test_drawn_numbers_are_answered_like_the_sample_that_they_are(paired, digits):
    picked, drawn = paired.row("none", 7), paired.values("none", digits.x_held[7].tolist())
    assert (drawn.keras.outputs, drawn.file.outputs) == (picked.keras.outputs, picked.file.outputs)
    assert (drawn.sample, drawn.truth) == (None, "")


def test_the_next_wrong_one_and_the_next_disagreement_are_found_round_and_round(paired, dense, digits, exports):
    wrong = np.flatnonzero(np.asarray(dense(digits.x_held)).argmax(axis=1) != digits.y_held)
    assert [paired.next_wrong(-1), paired.next_wrong(int(wrong[0])), paired.next_wrong(int(wrong[-1]))] == [
        wrong[0],
        wrong[1],
        wrong[0],
    ]
    flips = exports["int8"].flips
    found = [paired.next_flip("int8", -1), paired.next_flip("int8", 449)]
    assert found == ([flips[0]] * 2 if flips else [None] * 2)
    assert paired.next_flip("none", 0) is None


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda paired: paired.row("int8", 450), "demo: expected a sample from 0 to 449; received 450."),
        (lambda paired: paired.row("int2", 0), "demo: expected one of {modes}; received 'int2'."),
        (lambda paired: paired.values("none", [1.0]), "demo: expected 64 finite numbers; received 1."),
        (lambda paired: paired.values("none", [float("inf")] * 64), "demo: expected 64 finite numbers; received 64."),
    ],
)
def test_what_can_not_be_asked_is_refused(paired, ask, message):
    with pytest.raises(OptionError) as caught:
        ask(paired)
    assert str(caught.value) == message.format(modes=", ".join(paired.files))


def test_flips_are_shown_with_what_both_say(dense, digits, exports):
    """Samples between two classes: rows that int8 and the model answer otherwise, else none are there to be shown."""
    export = exports["int8"]
    info = flips_info(export, dense, digits.x_held, digits.y_held)
    assert [flip.sample.row for flip in info.flips] == list(export.flips[:12])
    for flip in info.flips:
        assert flip.keras.split(" ")[0] != flip.file.split(" ")[0]
        assert flip.sample.picture.startswith("data:image/png;base64,")
    same = [row for row in range(60) if row not in export.flips][:2]
    others = dataclasses.replace(export, flips=same)
    with pytest.raises(ExportError, match=r"2 samples differed when it was verified, on other data than the study's"):
        flips_info(others, dense, digits.x_held, None)


@pytest.mark.parametrize(
    ("answers", "one", "other", "same"),
    [
        (Answers(kind=AnswerKind.CLASSES), [0.2, 0.8], [0.45, 0.55], True),
        (Answers(kind=AnswerKind.CLASSES), [0.2, 0.8], [0.55, 0.45], False),
        (Answers(kind=AnswerKind.YES_NO), [0.9, 0.1, 0.6], [0.8, 0.2, 0.7], True),
        (Answers(kind=AnswerKind.YES_NO), [0.9, 0.1, 0.6], [0.8, 0.2, 0.4], False),
        (Answers(kind=AnswerKind.NUMBERS), [1.0, 2.0], [1.00001, 2.00001], True),
        (Answers(kind=AnswerKind.NUMBERS), [1.0, 2.0], [1.0, 2.1], False),
    ],
)
def test_answers_are_the_same_when_all_of_their_parts_are(answers, one, other, same):
    assert same_answer(answers, np.array(one), np.array(other)) is same


def test_only_a_file_that_has_run_and_is_as_it_was_is_opened(exports, tmp_path):
    export = exports["dynamic"]
    altered = tmp_path / "digits.tflite"
    altered.write_bytes(b"TFL3" + bytes(100))
    for bad, message in (
        ({"path": str(altered)}, "digits.tflite was changed since it was verified. Convert the model again."),
        ({"path": str(tmp_path / "gone.tflite")}, "gone.tflite can't be read: No such file or directory."),
        ({"microseconds": None}, "expected a TF Lite file that was run when it was made."),
        ({"target": "onnx"}, "expected a TF Lite file that was run when it was made."),
    ):
        with pytest.raises(ExportError) as caught:
            LiteFile(dataclasses.replace(export, **bad), (64,))
        assert message in str(caught.value)


def test_the_widget_offers_verified_files_and_answers_its_page(dense, digits, exports, monkeypatch):
    not_verified = dataclasses.replace(exports["float16"], verdict=Verdict.NOT_VERIFIED)
    sent = []
    widget = demo(dense, [not_verified, exports["int8"], exports["none"]], digits.x_held, digits.y_held)
    monkeypatch.setattr(widget, "send", lambda content, *_: sent.append(content))
    widget._receive(None, {"kind": "hello", "lang": "zh-CN"}, [])
    for number, more in enumerate(
        ({"what": "row", "row": 5}, {"what": "wrong", "row": 0}, {"what": "row", "row": "x"})
    ):
        widget._receive(None, {"kind": "ask", "id": number, "mode": "int8", **more}, [])
    setup, row, wrong, odd = sent
    assert [file["mode"] for file in setup["files"]] == ["int8", "none"]
    assert (setup["count"], setup["labels"], setup["texts"]["demo.clear"]) == (450, [*"0123456789"], "清空")
    assert (row["id"], row["reply"]["sample"]["row"]) == (0, 5)
    assert wrong["reply"]["keras"]["text"].split(" ")[0] != wrong["reply"]["truth"]
    assert (odd["reply"], odd["error"]) == (None, "demo: expected the number of a sample; received 'x'.")
    assert repr(widget) == "Try it: the Keras model and its TF Lite file side by side"
    widget.close()


def test_without_a_verified_file_or_samples_there_is_nothing_to_try(dense, digits, exports):
    with pytest.raises(ExportError, match=r"expected a verified TF Lite file; received none\."):
        demo(dense, [dataclasses.replace(exports["none"], target="onnx")], digits.x_held)
    with pytest.raises(DataError, match="expected samples to pick from; received none"):
        demo(dense, [exports["none"]], digits.x_held[:0])
