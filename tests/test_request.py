"""What the user asked for: numbers in range, options that go together, names that are safe folders."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.request import Objective, Pruner, QuantMode, Tuner, TuneRequest, ValKind, ValSplit, check_study_name

HALF = ValSplit(kind=ValKind.FRACTION, fraction=0.5)
HOSTILE_NAMES = [
    "",
    " ",
    ".",
    "..",
    "../../x",
    "..\\..\\x",
    "/etc/passwd",
    "//server/share",
    "C:\\temp",
    "C:x",
    "~/x",
    "a/b",
    "a\\b",
    "a" * 65,
    "a" * 300,
    "试" * 64 + "验",
    "𝒟" * 64,
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "x' onmouseover='alert(1)",
    "{{7*7}}",
    "a$b",
    "$(rm -rf .)",
    "`id`",
    "a;b",
    "a|b",
    "a&b",
    "a*b?",
    "a\0b",
    "a\nb",
    "name\n",
    "a\tb",
    "a\x1b[31mred",
    "a\u202eb",
    "a\u200bb",
    "a\ud800b",
    ".hidden",
    "-rf",
    "name.",
    "name ",
    " name",
    "a\u2028b",
    "％2e％2e",
    "a:b",
    "a%2Fb",
]
GOOD_NAMES = [
    "digits",
    "digits-1",
    "digits 2.0",
    "a",
    "a" * 64,
    "_private",
    "2026-11-23",
    "研究",
    "étude",
    "исследование_1",
    "a..b",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_a_hostile_study_name_is_refused_on_one_printable_line(name):
    with pytest.raises(OptionError) as caught:
        check_study_name(name)
    message = str(caught.value)
    assert message.startswith("study name: received ")
    assert message.endswith("Try digits-1.")
    assert message.isascii()
    assert message.isprintable()
    assert len(message) < 600


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_usual_study_name_is_taken_as_it_is(name):
    assert check_study_name(name) == name
    assert TuneRequest(name=name).name == name


def test_a_name_in_two_spellings_of_unicode_is_one_name():
    assert check_study_name(unicodedata.normalize("NFD", "étude")) == "étude"


@given(st.text(st.characters(), max_size=80) | st.text("ab./\\~$ -_:\0\n", max_size=12))
def test_no_accepted_name_reaches_outside_the_study_root(name):
    try:
        accepted = check_study_name(name)
    except OptionError:
        return
    root = Path("/studies")
    folder = root / accepted
    assert folder.parent == root
    assert folder.name == accepted
    assert accepted not in (".", "..")
    assert 0 < len(accepted.encode()) <= 200
    assert accepted.isprintable()


def test_a_hostile_name_in_a_request_is_refused_too():
    with pytest.raises(OptionError, match=r"study name: received '\.\./\.\./x'"):
        TuneRequest(name="../../x")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"new": True, "resume": True}, "--new and --resume exclude each other"),
        ({"out": "two words"}, "--out: expected a Python variable name; received 'two words'"),
        ({"out": "os.path"}, "received 'os.path'"),
        ({"max_trials": 0}, "--max-trials: expected a whole number of at least 1; received 0"),
        ({"max_trials": -3}, "received -3"),
        ({"epochs": 0}, "--epochs: expected a whole number of at least 1; received 0"),
        ({"keep": 0}, "--keep: expected a whole number of at least 1; received 0"),
        ({"seed": -1}, "--seed: expected a whole number of at least 0; received -1"),
        ({"minutes": 0.0}, "--minutes: expected a number above 0; received 0"),
        ({"minutes": -1.5}, "--minutes: expected a number above 0; received -1.5"),
        ({"minutes": float("nan")}, "--minutes: expected a number above 0; received nan"),
        ({"max_failures": 0}, "max_failures: expected a whole number of at least 1; received 0"),
        ({"minutes": float("inf")}, "--minutes: expected a number above 0; received inf"),
        ({"repeats": 0}, "--repeats: expected a whole number of at least 1; received 0"),
        ({"folds": 1}, "--folds: expected a whole number of at least 2; received 1"),
        ({"folds": 5, "val": HALF}, "--folds and --val exclude each other"),
        ({"workers": -1}, "--workers: expected a whole number of at least 0; received -1"),
        ({"workers": 0, "cluster": "tcp://127.0.0.1:8786"}, "--cluster and --workers 0 exclude each other"),
        ({"memory_gb": 2.0, "cluster": "client"}, "--cluster and --memory-gb exclude each other"),
        ({"max_params": 0}, "--max-params: expected a whole number of at least 1; received 0"),
        ({"max_kb": 0.0}, "--max-kb: expected a number above 0; received 0."),
        ({"quant": QuantMode.MIXED}, "--quant mixed: which weights get 4 bits is known only when they are trained"),
        ({"max_ms": -1.0}, "--max-ms: expected a number above 0; received -1."),
        ({"memory_gb": 0.0}, "--memory-gb: expected a number above 0; received 0"),
        ({"memory_gb": float("nan")}, "--memory-gb: expected a number above 0; received nan"),
        ({"memory_gb": float("inf")}, "--memory-gb: expected a number above 0; received inf"),
        (
            {"objective": Objective(name="loss"), "objectives": (Objective(name="loss", direction=Direction.MAX),)},
            "--objective: received loss, loss; expected each name once",
        ),
        ({"objectives": (Objective(name="a"), Objective(name="a"))}, "--objective: received a, a"),
        ({"out": "class"}, "--out: expected a Python variable name; received 'class'"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(fields, message):
    with pytest.raises(OptionError) as caught:
        TuneRequest(**fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 1.5, float("nan")])
@pytest.mark.parametrize("kind", [ValKind.FRACTION, ValKind.LAST])
def test_a_part_for_validation_lies_between_nothing_and_all(kind, fraction):
    with pytest.raises(OptionError, match="--val: expected a fraction between 0 and 1"):
        ValSplit(kind=kind, fraction=fraction)


def test_named_validation_data_needs_no_fraction():
    assert ValSplit(kind=ValKind.NAMES, names=("x_val", "y_val")).fraction == 0.0


def test_what_was_not_asked_for_is_left_to_the_study():
    request = TuneRequest()
    assert (request.tuner, request.pruner, request.objectives) == (Tuner.AUTO, Pruner.AUTO, ())
    assert (request.repeats, request.folds, request.workers, request.cluster) == (1, None, None, None)
    assert (request.memory_gb, request.max_params, request.measure) == (None, None, None)


SIZE = (Objective(name="size_kb"),)


@pytest.mark.parametrize(
    ("asked", "mode"),
    [
        ({}, None),
        ({"max_params": 1, "objectives": (Objective(name="parameters"),)}, None),
        ({"max_kb": 30.0}, QuantMode.NONE),
        ({"max_ms": 0.5, "quant": QuantMode.INT8}, QuantMode.INT8),
        ({"quant": QuantMode.FLOAT16}, QuantMode.FLOAT16),
        ({"objectives": SIZE}, QuantMode.NONE),
        ({"objectives": (Objective(name="latency_ms"),), "quant": QuantMode.INT8}, QuantMode.INT8),
        ({"objectives": SIZE, "measure": "size"}, None),
        ({"objectives": SIZE, "measure": "size", "quant": QuantMode.NONE}, QuantMode.NONE),
    ],
    ids=str,
)
def test_models_are_measured_as_files_when_something_asks_for_it(asked, mode):
    assert TuneRequest(**asked).device_mode is mode


def test_limits_on_models_read_as_they_are_typed():
    asked = TuneRequest(max_params=10_000, max_kb=30.0, max_ms=0.25, quant=QuantMode.INT8)
    assert asked.model_limits == "--max-params 10000 --max-kb 30 --max-ms 0.25 --quant int8"
    assert TuneRequest(max_kb=1_234_567.0).model_limits == "--max-kb 1234567"
    assert TuneRequest(max_trials=3, quant=QuantMode.INT8).model_limits == ""


def test_options_that_go_together_are_taken():
    asked = {
        "objective": Objective(name="val_loss"),
        "objectives": (Objective(name="params", direction=Direction.MIN),),
        "repeats": 3,
        "folds": 2,
        "workers": 2,
        "memory_gb": 0.5,
        "max_params": 1,
    }
    request = TuneRequest(**asked)
    assert {name: getattr(request, name) for name in asked} == asked
    request = TuneRequest(workers=2, cluster="client")
    assert (request.workers, request.cluster) == (2, "client")
    assert TuneRequest(workers=0).workers == 0
