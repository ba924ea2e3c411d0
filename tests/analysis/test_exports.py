"""Exported files beside each other, as values."""

import dataclasses

import pytest

from tests.analysis.made import study
from tests.browser.story import shipped
from tunemagic.analysis.exports import confusion_info, export_key, export_name, exports_info
from tunemagic.analysis.pictures import ConfusionInfo, ExportsInfo
from tunemagic.errors import OptionError
from tunemagic.events import Direction

EXPORTS = tuple(shipped())


def view(exports=EXPORTS, **more):
    return dataclasses.replace(study(), exports=exports, **{"objective": "val_accuracy", **more})


def test_files_lie_by_size_and_score_and_those_without_one_are_left_out():
    info = exports_info(view())
    assert [point.name for point in info.points] == [
        "tflite",
        "float16",
        "dynamic",
        "int8",
        "onnx",
        "openvino",
        "c int8",
    ]
    assert (info.across, info.x.name, info.y.name) == ("size", "kB", "accuracy")
    at = {point.name: (point.x, point.y, point.verified) for point in info.points}
    assert at["int8"][0] < at["dynamic"][0] < at["float16"][0] < at["tflite"][0]
    assert at["tflite"][1] == info.before > at["int8"][1] > 0
    # Far below the others, which keep their room.
    assert at["c int8"][1:] == (0.0, False)
    assert [point.key for point in info.points][3] == export_key(EXPORTS[3]) == "1 tflite int8"


def test_time_may_run_across_on_an_axis_by_decades():
    info = exports_info(view(), "latency")
    assert (info.x.name, info.x.log) == ("µs", True)
    at = {point.name: point.x for point in info.points}
    assert at["dynamic"] < at["onnx"] < at["c int8"]


def test_less_of_a_loss_is_up():
    named = tuple(dataclasses.replace(one, score_name="loss") for one in EXPORTS[:4])
    info = exports_info(view(named, objective="val_loss", direction=Direction.MIN))
    at = {point.name: point.y for point in info.points}
    assert at["int8"] > at["tflite"]
    as_said = exports_info(view(named, objective="val_accuracy"))  # a loss is one whatever was searched for
    assert {point.name: point.y for point in as_said.points} == at


def test_only_the_trial_that_was_exported_last_is_drawn():
    later = dataclasses.replace(EXPORTS[0], trial=2)
    assert [point.key for point in exports_info(view((*EXPORTS, later))).points] == ["2 tflite none"]


def test_without_files_there_is_no_plane():
    empty = ExportsInfo(across="size", x=None, y=None, points=(), before=None)
    assert exports_info(view(())) == empty
    assert exports_info(view(EXPORTS[-1:])) == empty
    with pytest.raises(OptionError, match=r"exports x: received 'sise'.*Did you mean size\?"):
        exports_info(view(), "sise")


def test_the_confusion_is_that_of_the_smallest_verified_file_or_of_the_one_that_is_named():
    info = confusion_info(view())
    assert (info.name, info.names[-1], len(info.counts)) == ("int8", "c int8", 10)
    named = confusion_info(view(), "c int8")
    assert named.counts == tuple(map(tuple, EXPORTS[6].confusion))
    assert confusion_info(view(EXPORTS[6:])).name == "c int8"  # better a doubtful one than none
    assert confusion_info(view(EXPORTS[-1:])) == ConfusionInfo(names=(), name="", counts=())
    with pytest.raises(OptionError, match="confusion: received 'int4'; expected one of tflite, float16"):
        confusion_info(view(), "int4")


def test_a_short_name_says_what_was_made():
    assert [export_name(one) for one in EXPORTS[:1] + EXPORTS[3:7]] == ["tflite", "int8", "onnx", "openvino", "c int8"]
