"""What a screen asks is answered by plain values, or refused on one line."""

import dataclasses
import json

import pytest

from tests.analysis.made import ACT, RATE, UNITS, study, trial
from tunemagic.analysis.answers import answer
from tunemagic.analysis.compare import compare_info, compare_verdict, difference_texts
from tunemagic.analysis.contour import contour_info
from tunemagic.analysis.parallel import parallel_info
from tunemagic.analysis.pictures import PictureKind
from tunemagic.errors import OptionError
from tunemagic.i18n import Language, catalogue
from tunemagic.trial import StudyView, TrialState

TWO = study(
    trial(1, {"units": 10, "rate": 0.1, "act": "relu"}, score=0.5),
    trial(2, {"units": 20, "rate": 0.01, "act": "tanh"}, score=0.75),
    space=[UNITS, RATE, ACT],
)


def no_log(number):
    return ""


def test_a_picture_is_its_info_as_plain_values():
    assert answer(TWO, "parallel", {}, log_of=no_log) == dataclasses.asdict(parallel_info(TWO))
    chosen = answer(TWO, "contour", {"x": "act", "y": ""}, log_of=no_log)
    assert chosen == dataclasses.asdict(contour_info(TWO, x="act"))


@pytest.mark.parametrize("kind", list(PictureKind))
@pytest.mark.parametrize(
    "view",
    [
        StudyView(),
        study(space=[UNITS]),
        study(trial(1, {"units": 3}, score=0.5), space=[UNITS]),
        study(trial(1, {"units": 3}, state=TrialState.FAILED), space=[UNITS, ACT]),
        study(trial(1, {"units": 3}, state=TrialState.RUNNING), space=[UNITS, ACT]),
    ],
    ids=["new", "no trial", "one", "failed", "running"],
)
def test_no_trial_or_one_gives_a_valid_picture_of_finite_numbers(kind, view):
    json.dumps(answer(view, kind, {}, log_of=no_log), allow_nan=False)


def test_a_trial_is_told_with_the_end_of_its_log():
    told = answer(TWO, "trial", {"trial": "2"}, log_of=lambda number: f"log of {number}\n")
    assert told["trial"] == 2
    assert told["log"] == ("log of 2",)
    assert "log" not in dict(told["rows"])


def test_a_trial_is_told_in_the_screens_language_and_with_its_curves_when_it_has_ended():
    curves = {"score": (0.25, None, 0.5)}
    ended, running = trial(1, curves=curves), trial(2, curves=curves, state=TrialState.RUNNING)
    view, chinese = study(ended, running), catalogue(Language.CHINESE)
    told = answer(view, "trial", {"trial": "1"}, log_of=lambda _: "text", texts=chinese)
    assert told["rows"][0][0] == chinese("why.state")
    assert told["log"] == ("text",)
    assert told["curves"] == [curves]
    assert answer(view, "trial", {"trial": "2"}, log_of=no_log)["curves"] == []


def test_a_comparison_is_made_of_two_trials():
    told = answer(TWO, "compare", {"a": "1", "b": "2"}, log_of=no_log)
    assert json.dumps(told, allow_nan=False)
    info = compare_info(TWO, 1, 2)
    assert told == {"trials": [1, 2], "verdict": compare_verdict(info), "rows": difference_texts(info)}


@pytest.mark.parametrize(
    ("topic", "options", "said"),
    [
        ("importanc", {}, r"received 'importanc'; expected one of curves, .*, compare\. Did you mean importance\?"),
        ("contour", {"x": "unit"}, "contour x: received 'unit'"),
        ("slice", {"x": "units"}, "slice: received the option 'x'; it has no options"),
        ("trial", {}, r"trial: expected trial to be the number of a trial; the study has 2 trials; received ''"),
        ("trial", {"trial": "3"}, "received '3'"),
        ("trial", {"trial": "-1"}, "received '-1'"),
        ("trial", {"trial": "9" * 5000}, "received '999"),
        ("compare", {"a": "1"}, "compare: expected b to be the number of a trial"),
        ("compare", {"a": "1", "b": "2", "c": "3"}, "compare: received the option 'c'; expected a and b"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)
def test_what_there_is_not_is_refused_on_one_line(topic, options, said):
    with pytest.raises(OptionError, match=said) as caught:
        answer(TWO, topic, options, log_of=no_log)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
