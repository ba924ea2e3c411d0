"""Numbers, durations and progress in words."""

import math
from dataclasses import replace

import pytest

from tunemagic.analysis.wording import (
    byte_text,
    clock,
    number_text,
    progress_line,
    remaining_seconds,
    seconds_text,
    share_text,
    value_text,
)
from tunemagic.events import Direction
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState


def trial(number, state=TrialState.COMPLETED, score=None, epochs_done=0):
    return TrialRecord(
        number=number,
        attempt=1,
        values={},
        state=state,
        epochs=4,
        why="",
        started=0.0,
        score=score,
        curves={"loss": (0.5,) * epochs_done},
    )


RUNNING = StudyView(
    study="digits",
    state=StudyState.RUNNING,
    objective="val_accuracy",
    direction=Direction.MAX,
    max_trials=30,
    elapsed=200.0,
    trials=(
        *(trial(number, score=0.9711 if number == 7 else 0.5) for number in range(1, 12)),
        trial(12, TrialState.RUNNING, epochs_done=2),
    ),
    best=7,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (-math.inf, "–"),
        (10**400, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.95321, "0.9532"),
        (0.99996, "1"),
        (0.5, "0.5"),
        (-12.345, "-12.35"),
        (1234.5678, "1235"),
        (123456.7, "123457"),
        (999_999, "999999"),
        (1_000_000, "1e6"),
        (12_345_678.0, "1.23e7"),
        (0.0001, "0.0001"),
        (0.000012, "1.2e-5"),
        (-3e-9, "-3e-9"),
        (5e-324, "4.94e-324"),
    ],
)
def test_a_number_has_at_most_four_digits_that_matter(value, text):
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (True, "True"), ("relu", "relu"), (64, "64"), (1e-3, "0.001")]
)
def test_a_value_keeps_words_and_shortens_numbers(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0:00"), (0, "0:00"), (59.9, "0:59"), (200, "3:20"), (3600, "1:00:00"), (90_061, "25:01:01")],
)
def test_a_clock_counts_whole_seconds(seconds, text):
    assert clock(seconds) == text


def test_durations_bytes_and_shares_are_short():
    assert [seconds_text(value) for value in (None, 0.421, 12.34, 200)] == ["–", "0.42 s", "12.3 s", "3:20"]
    sizes = (None, 812, 20_480, 123_456, 1_500_000, 250_000_000)
    assert [byte_text(value) for value in sizes] == ["–", "812 B", "20.5 kB", "123 kB", "1.5 MB", "250 MB"]
    assert [share_text(value) for value in (None, 1.0, 0.9999, 0.5, 0.0)] == [
        "–",
        "100.0 %",
        "99.9 %",
        "50.0 %",
        "0.0 %",
    ]


def test_a_running_study_says_where_it_is_and_how_long_it_still_takes():
    assert progress_line(RUNNING) == (
        "trial 12/30 · best val_accuracy 0.9711 (trial 7) · 3:20 elapsed · about 5:21 left"
    )


def test_an_ended_study_says_how_it_ended():
    ended = replace(RUNNING, state=StudyState.STOPPED, max_trials=None)
    assert progress_line(ended) == "11 trials, stopped · best val_accuracy 0.9711 (trial 7) · 3:20"
    assert progress_line(StudyView(state=StudyState.FAILED, max_trials=4)) == "0/4 trials, failed · no score yet · 0:00"


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"max_trials": 23}, 200.0),
        ({"minutes": 4.0}, 40.0),
        ({"minutes": 4.0, "max_trials": None}, 40.0),
        ({"minutes": 1.0}, 0.0),
        ({"max_trials": None}, None),
        ({"trials": ()}, None),
        ({"state": StudyState.FINISHED}, None),
        ({"max_trials": 5}, 0.0),
    ],
)
def test_the_limit_reached_first_gives_the_remaining_time(changes, seconds):
    assert remaining_seconds(replace(RUNNING, **changes)) == seconds


def test_a_hostile_metric_name_stays_on_the_line():
    assert "\n" not in progress_line(replace(RUNNING, objective="a\nb\x1b[2J"))
