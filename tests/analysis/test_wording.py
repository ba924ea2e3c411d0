"""Numbers, durations and progress in words."""

import math
from dataclasses import replace

import pytest

from tunemagic.analysis.wording import (
    byte_text,
    clock,
    number_text,
    place_text,
    progress_line,
    reasoned,
    remaining_seconds,
    runs_text,
    seconds_text,
    share_text,
    spread_text,
    state_text,
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


def test_pruned_trials_are_counted_apart():
    pruned = replace(RUNNING, trials=(replace(RUNNING.trials[0], state=TrialState.PRUNED), *RUNNING.trials[1:]))
    assert progress_line(pruned).startswith("trial 12/30 (1 pruned) · best ")
    ended = replace(pruned, state=StudyState.FINISHED, max_trials=11)
    assert progress_line(ended).startswith("11/11 trials (1 pruned), finished · best ")


@pytest.mark.parametrize(
    ("max_trials", "start"), [(None, "1 trial, finished"), (1, "1/1 trial, finished"), (2, "1/2 trials, finished")]
)
def test_one_trial_is_no_plural(max_trials, start):
    view = StudyView(state=StudyState.FINISHED, max_trials=max_trials, trials=(trial(1),))
    assert progress_line(view).startswith(start)


@pytest.mark.parametrize(
    ("executor", "workers", "text"),
    [
        ("", 0, ""),
        ("inline", 1, "in the kernel"),
        ("process", 1, "in an isolated worker"),
        ("process", 2, "in 2 isolated workers"),
        ("dask", 0, "on a Dask cluster"),
        ("dask", 1, "on a Dask cluster, 1 worker"),
        ("dask", 4, "on a Dask cluster, 4 workers"),
        ("replay", 1, "replayed from stored learning curves"),
        ("rocket", 1, "rocket"),
    ],
)
def test_where_trials_run_is_said_while_they_run(executor, workers, text):
    view = replace(RUNNING, executor=executor, workers=workers, workers_ready=True)
    assert place_text(view) == text
    assert progress_line(view) == progress_line(RUNNING) + (f" · {text}" if text else "")
    assert text not in progress_line(replace(view, state=StudyState.FINISHED)) or not text


@pytest.mark.parametrize(("workers", "words"), [(1, "starting worker"), (2, "starting workers")])
def test_starting_workers_are_told_in_place_of_a_clock_that_stands(workers, words):
    view = StudyView(state=StudyState.RUNNING, max_trials=4, executor="process", workers=workers)
    assert progress_line(view) == f"trial 0/4 · no score yet · {words} · {place_text(view)}"
    assert "starting" not in progress_line(replace(view, executor="inline"))
    assert "starting" not in progress_line(replace(view, workers_ready=True))


@pytest.mark.parametrize(
    ("repeats", "folds", "text"),
    [(1, 0, ""), (3, 0, "3 repeats"), (1, 5, "5 folds"), (2, 5, "2 repeats × 5 folds")],
)
def test_how_often_a_trial_is_trained(repeats, folds, text):
    assert runs_text(StudyView(repeats=repeats, folds=folds)) == text


def test_a_score_of_several_runs_has_a_spread():
    scores = [(), (0.75,), (0.75, 0.7512), (0.5, 1.0), (0.75, 0.75)]
    texts = [spread_text(replace(trial(1, score=0.75), scores=each)) for each in scores]
    assert texts == ["0.75", "0.75", "0.75 ± 0.00085", "0.75 ± 0.35", "0.75 ± 0"]
    assert spread_text(replace(trial(1), scores=(0.5, 1.0))) == "–"


def test_a_trial_that_was_pruned_before_training_was_skipped():
    states = [trial(1, TrialState.PRUNED), trial(1, TrialState.PRUNED, epochs_done=2), trial(1, TrialState.FAILED)]
    assert [state_text(each) for each in states] == ["skipped", "pruned", "failed"]


def test_a_reason_follows_what_was_chosen_where_both_are_known():
    assert [reasoned("tpe", "a small space"), reasoned("tpe", ""), reasoned("", "why")] == [
        "tpe — a small space",
        "tpe",
        "",
    ]


def test_a_trial_in_several_runs_is_done_run_by_run():
    runs = {"curves": {"loss": (0.5,) * 4}, "more_curves": ({"loss": (0.5,) * 2},)}
    view = replace(RUNNING, repeats=3, trials=(*RUNNING.trials[:11], replace(RUNNING.trials[11], **runs)))
    # Eleven trials and half of one more in 200 seconds; 18.5 to go.
    assert remaining_seconds(view) == pytest.approx(200 / 11.5 * 18.5)
    assert remaining_seconds(replace(view, repeats=1)) == pytest.approx(200 / 12 * 18)


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
