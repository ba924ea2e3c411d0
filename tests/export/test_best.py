"""The best file within limits, and what is said when there is none."""

from pathlib import Path

import pytest

from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export.best import choose
from tunemagic.export.result import ExportResult
from tunemagic.request import Target


def result(mode, kb, ms, score, *, name="accuracy", verdict=Verdict.VERIFIED, before=0.95):
    return ExportResult(
        target=Target.TFLITE,
        mode=mode,
        path=Path(f"{mode}.tflite"),
        verdict=verdict,
        message="",
        bytes=int(kb * 1000),
        microseconds=ms * 4000,
        microseconds_least=ms * 1000,
        score_name=name,
        score_before=None if score is None else before,
        score_after=score,
        max_abs_diff=0.1,
    )


FILES = [
    result("none", 70, 0.002, 0.95),
    result("dynamic", 24, 0.003, 0.95),
    result("int8", 25, 0.001, 0.95),
    result("int16x8", 20, 0.9, 0.96),
    result("int4", 12, 0.002, 0.90),
    result("mixed", 11, 0.002, 0.99, verdict=Verdict.NOT_VERIFIED),
]


@pytest.mark.parametrize(
    ("limits", "mode"),
    [
        ({}, "int16x8"),
        ({"max_ms": 0.5}, "dynamic"),
        ({"max_ms": 0.0025}, "int8"),
        ({"max_kb": 15}, "int4"),
        ({"max_kb": 30, "max_ms": 0.5, "max_loss": 0}, "dynamic"),
    ],
)
def test_the_best_score_within_the_limits_is_taken_then_the_smaller_file_and_only_verified_ones(limits, mode):
    assert choose(FILES, **limits).result.mode == mode


def test_the_choice_is_said_in_one_line():
    assert choose(FILES, max_kb=30, max_ms=0.5).sentence() == (
        "best: dynamic (accuracy 0.9500, 24.0 kB, 0.003 ms), of 3 of 5 verified files that keep to the limits"
    )


def test_when_none_fits_the_nearest_is_named_and_what_it_misses():
    choice = choose(FILES, max_kb=10, max_ms=0.001)
    assert (choice.result, choice.nearest.mode) == (None, "int4")
    assert choice.sentence() == (
        "none of 5 verified files keeps to the limits; int4 comes nearest: "
        "12 kB (limit 10 kB), 0.002 ms (limit 0.001 ms)"
    )
    assert choose([FILES[-1]]).sentence() == "no file was verified, so there is none to choose from"
    assert choose([]).result is None


def test_a_loss_is_better_when_lower_and_without_scores_the_closest_file_is_best():
    losses = [result("none", 9, 1, 0.2, name="loss"), result("int8", 3, 1, 0.3, name="loss")]
    assert choose(losses).result.mode == "none"
    own = [result("none", 9, 1, 0.2, name="f1"), result("int8", 3, 1, 0.3, name="f1")]
    assert choose(own, higher_is_better=True).result.mode == "int8"
    with pytest.raises(ExportError, match="choose: say whether a higher f1 is better"):
        choose(own)
    assert choose([result("none", 9, 1, None), result("int8", 3, 1, None)]).result.mode == "int8"


@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_limits_are_positive_numbers(limit):
    with pytest.raises(ExportError, match="max_kb: expected a positive number; received"):
        choose(FILES, max_kb=limit)
