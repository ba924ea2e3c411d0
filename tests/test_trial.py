"""The view: what each event changes, and that replaying gives what living through it gave."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic import events as ev
from tunemagic.space import Kind, Parameter, SearchSpace
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState, apply, replay

UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=128)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.1, low=0.001, high=1.0)
WEIGHTS = ev.WeightsFile(file="trial-1.weights.h5", sha256="ab" * 32, bytes=4096)
STATE = ev.WeightsFile(file="trial-1.1-2.state", sha256="cd" * 32, bytes=9000)
STARTED = ev.StudyStarted(
    seq=1,
    at=1_760_000_000.5,
    elapsed=0.25,
    study="digits",
    session="one",
    space=SearchSpace((UNITS,)).to_json(),
    objective="val_loss",
    direction=ev.Direction.MIN,
    strategy="random",
    seed=7,
    max_trials=4,
    minutes=None,
    epochs=3,
    keep=2,
    max_failures=3,
    code="model = ...",
    data="100 rows",
    fingerprint={"cell": "0123"},
    versions={"keras": "3.15.0"},
)
NEW_STUDY = StudyView(
    study="digits",
    session="one",
    state=StudyState.RUNNING,
    seq=1,
    space=SearchSpace((UNITS,)),
    objective="val_loss",
    direction=ev.Direction.MIN,
    strategy="random",
    seed=7,
    max_trials=4,
    minutes=None,
    epochs=3,
    keep=2,
    max_failures=3,
    code="model = ...",
    data="100 rows",
    fingerprint={"cell": "0123"},
    versions={"keras": "3.15.0"},
    started_at=1_760_000_000.5,
    elapsed=0.25,
)


def numbered(*events):
    """The events with the seq, time and elapsed seconds that a ledger would give them."""
    return [
        dataclasses.replace(event, seq=number, at=event.at or 1.0, elapsed=number / 4)
        for number, event in enumerate(events, start=1)
    ]


def begin(trial, attempt=1, units=64, **more):
    return ev.TrialStarted(trial=trial, attempt=attempt, values={"units": units}, epochs=3, why="random", **more)


def epoch(number, logs, trial=1, attempt=1, run=1):
    return ev.EpochEnded(trial=trial, attempt=attempt, run=run, epoch=number, logs=logs)


def end_run(run, score, trial=1, attempt=1):
    return ev.RunEnded(trial=trial, attempt=attempt, run=run, score=score, best_epoch=1, metrics={"val_loss": score})


def save(run, number, trial=1, attempt=1):
    return ev.TrialStateSaved(trial=trial, attempt=attempt, run=run, epoch=number, state=STATE)


def prune(trial, score, best_epoch=None):
    return ev.TrialPruned(
        trial=trial,
        attempt=1,
        score=score,
        best_epoch=best_epoch,
        metrics={} if score is None else {"val_loss": score},
        seconds=0.5,
        reason="above the median",
        trainer="one graph call per epoch",
        worker=2,
    )


def finish(trial, score, best_epoch=1, attempt=1, weights=None, **metrics):
    return ev.TrialFinished(
        trial=trial,
        attempt=attempt,
        score=score,
        best_epoch=best_epoch,
        metrics={"val_loss": score, **metrics},
        seconds=1.5,
        weights=weights,
    )


def stop(trial, score, best_epoch=None):
    return ev.TrialStopped(
        trial=trial,
        attempt=1,
        score=score,
        best_epoch=best_epoch,
        metrics={} if score is None else {"val_loss": score},
        seconds=0.5,
        reason="the study was stopped",
        weights=None,
    )


def fail(trial):
    return ev.TrialFailed(
        trial=trial,
        attempt=1,
        error="ValueError",
        reason="units must be positive",
        seconds=0.25,
        line=3,
        source="Dense(units)",
    )


def exported(mode, verdict, trial=1, message=""):
    return ev.ModelExported(
        trial=trial, target="tflite", mode=mode, path=f"{mode}.tflite", verdict=verdict, message=message
    )


def view_of(*events):
    return replay(numbered(STARTED, *events))


RUNNING = TrialRecord(
    number=1, attempt=1, values={"units": 64}, state=TrialState.RUNNING, epochs=3, why="random", started=0.5
)
RESUMED = ev.StudyResumed(session="two", max_trials=4, minutes=None, epochs=3)


def test_a_started_study_has_all_that_it_was_started_with():
    assert replay([STARTED]) == NEW_STUDY


def test_a_started_trial_runs_from_the_seconds_of_its_event():
    assert view_of(begin(1)) == dataclasses.replace(NEW_STUDY, seq=2, elapsed=0.5, trials=(RUNNING,))
    assert view_of(begin(1), begin(2, parent=1)).trial(2).parent == 1


def test_epochs_make_curves_and_late_or_missing_metrics_are_gaps():
    view = view_of(begin(1), epoch(1, {"loss": 0.5}), epoch(2, {"loss": None, "lr": 0.1}), epoch(4, {"lr": 0.01}))
    assert view.trial(1) == dataclasses.replace(
        RUNNING, curves={"loss": (0.5, None, None, None), "lr": (None, 0.1, None, 0.01)}
    )
    assert view.trial(1).epochs_done == 4
    assert RUNNING.epochs_done == 0


def test_each_run_has_curves_of_its_own_and_the_latest_counts():
    view = view_of(begin(1), epoch(1, {"loss": 0.5}), epoch(2, {"loss": 0.25}), epoch(1, {"loss": 0.75}, run=3))
    assert view.trial(1) == dataclasses.replace(
        RUNNING, curves={"loss": (0.5, 0.25)}, more_curves=({}, {"loss": (0.75,)})
    )
    assert view.trial(1).runs_curves == ({"loss": (0.5, 0.25)}, {}, {"loss": (0.75,)})
    assert view.trial(1).epochs_done == 1


@pytest.mark.parametrize(("repeats", "folds", "runs"), [(1, 0, 1), (3, 0, 3), (1, 5, 5), (2, 5, 10)])
def test_a_trial_is_trained_on_every_fold_in_every_repeat(repeats, folds, runs):
    assert replay([dataclasses.replace(STARTED, repeats=repeats, folds=folds)]).runs == runs


def test_ended_runs_give_scores_and_from_the_second_on_a_spread():
    view = view_of(begin(1), end_run(1, 0.5), end_run(2, 1.0))
    assert view.trial(1) == dataclasses.replace(RUNNING, scores=(0.5, 1.0))
    assert view.trial(1).spread == pytest.approx(0.125**0.5)
    assert dataclasses.replace(RUNNING, scores=(0.5,)).spread is None
    # A run that is trained again after a crash replaces what came of it.
    assert view_of(begin(1), end_run(1, 0.5), end_run(2, 1.0), end_run(1, 0.25)).trial(1).scores == (0.25,)


def test_a_finished_trial_has_its_score_and_becomes_the_best():
    view = view_of(begin(1), finish(1, 0.5, best_epoch=2, weights=WEIGHTS))
    ended = dataclasses.replace(
        RUNNING,
        state=TrialState.COMPLETED,
        score=0.5,
        best_epoch=2,
        metrics={"val_loss": 0.5},
        seconds=1.5,
        weights=WEIGHTS,
    )
    assert view == dataclasses.replace(NEW_STUDY, seq=3, elapsed=0.75, trials=(ended,), best=1)


def test_a_stopped_trial_counts_by_its_best_epoch_so_far():
    view = view_of(begin(1), finish(1, 0.5), begin(2), stop(2, 0.25, best_epoch=1), begin(3), stop(3, None))
    assert view.trial(2) == dataclasses.replace(
        RUNNING,
        number=2,
        started=1.0,
        state=TrialState.STOPPED,
        score=0.25,
        best_epoch=1,
        metrics={"val_loss": 0.25},
        seconds=0.5,
        reason="the study was stopped",
    )
    assert (view.best, view.trial(3).state, view.trial(3).score) == (2, TrialState.STOPPED, None)


def test_a_failed_trial_says_where_and_never_is_the_best():
    view = view_of(begin(1), fail(1))
    assert view.trial(1) == dataclasses.replace(
        RUNNING,
        state=TrialState.FAILED,
        error="ValueError",
        reason="units must be positive",
        seconds=0.25,
        line=3,
        source="Dense(units)",
    )
    assert (view.best, view.best_trial) == (None, None)


def test_a_pruned_trial_counts_by_its_best_epoch_and_is_no_failure():
    view = view_of(begin(1), finish(1, 0.5), begin(2), prune(2, 0.25, best_epoch=1), begin(3), prune(3, None))
    assert view.trial(2) == dataclasses.replace(
        RUNNING,
        number=2,
        started=1.0,
        state=TrialState.PRUNED,
        score=0.25,
        best_epoch=1,
        metrics={"val_loss": 0.25},
        seconds=0.5,
        reason="above the median",
        trainer="one graph call per epoch",
        worker=2,
    )
    assert (view.best, view.ended_trials, view.skipped_trials, view.trial(3).score) == (2, 2, 1, None)


def test_trials_know_their_worker_and_how_they_were_trained():
    origin = {"trainer": "plain fit: a custom train_step", "worker": 3}
    ends = [
        dataclasses.replace(finish(1, 0.5), **origin),
        dataclasses.replace(stop(2, 0.25), **origin),
        dataclasses.replace(fail(3), worker=3),
    ]
    view = view_of(*(event for end in ends for event in (begin(end.trial), end)))
    assert [(trial.trainer, trial.worker) for trial in view.trials] == [
        ("plain fit: a custom train_step", 3),
        ("plain fit: a custom train_step", 3),
        ("", 3),
    ]


def test_the_view_says_where_trials_run_and_whether_a_worker_is_ready():
    chosen = ev.ExecutorChosen(kind="process", workers=2, reason="you asked for 2")
    starting = view_of(chosen)
    assert starting == dataclasses.replace(
        NEW_STUDY,
        seq=2,
        elapsed=0.5,
        executor="process",
        executor_reason="you asked for 2",
        workers=2,
        workers_since=0.5,
    )
    ready = [
        view_of(chosen, ev.WorkersReady(seconds=2.5)),
        # Whoever trains is ready.
        view_of(chosen, begin(1), epoch(1, {})),
        # The next session starts its own.
        view_of(chosen, ev.WorkersReady(seconds=2.5), RESUMED, chosen),
        # The user wants more of them, while some are there.
        view_of(chosen, ev.WorkersReady(seconds=2.5), chosen),
    ]
    assert [view.workers_ready for view in ready] == [True, True, False, True]
    assert [view.workers_since for view in ready] == [0.5, 0.5, 1.25, 0.5]


def test_a_paused_study_is_under_way_until_it_ends():
    paused, continued = ev.StudyPaused(), ev.StudyContinued()
    ended = ev.StudyEnded(reason=ev.EndReason.STOPPED, message="")
    for events, state, under_way in (
        ([paused], StudyState.PAUSED, True),
        ([paused, continued], StudyState.RUNNING, True),
        ([paused, ended], StudyState.STOPPED, False),
        ([paused, RESUMED], StudyState.RUNNING, True),
    ):
        view = view_of(*events)
        assert (view.state, view.under_way) == (state, under_way)


def test_what_the_user_wants_tried_waits_in_order_until_its_trial_starts():
    first, second = {"units": 8}, {"units": 16}
    asked = [ev.TrialQueued(values=first), ev.TrialQueued(values=second)]
    assert view_of(*asked).queued == (first, second)
    # Also over a restart of the kernel; a trial of the strategy's takes none away.
    view = view_of(*asked, begin(1), RESUMED, dataclasses.replace(begin(2), values=first, queued=True))
    assert (view.queued, view.trial(2).values) == ((second,), first)


def test_limits_and_findings_are_the_latest_ones():
    finding = {"verdict": "overfit", "trial": 1, "evidence": {}, "remedies": []}
    view = view_of(ev.LimitsChanged(max_trials=None, minutes=2.5), ev.StudyDiagnosed(findings=[finding]))
    assert (view.max_trials, view.minutes, view.findings) == (None, 2.5, (finding,))
    assert view_of(ev.StudyDiagnosed(findings=[finding]), RESUMED).findings == ()


def test_a_saved_state_replaces_the_earlier_one_and_can_be_dropped():
    view = view_of(begin(1), save(1, 2), save(2, 1))
    assert view.trial(1) == dataclasses.replace(RUNNING, state_file=STATE, state_run=2, state_epoch=1)
    ended = [begin(1), save(1, 2), finish(1, 0.5, weights=WEIGHTS)]
    dropped = view_of(*ended, ev.WeightsDropped(trial=1, state_only=True)).trial(1)
    assert (dropped.state_file, dropped.state_epoch, dropped.weights) == (None, 0, WEIGHTS)
    dropped = view_of(*ended, ev.WeightsDropped(trial=1)).trial(1)
    assert (dropped.state_file, dropped.state_epoch, dropped.weights) == (STATE, 2, None)


def test_dropped_weights_leave_the_score():
    view = view_of(begin(1), finish(1, 0.5, weights=WEIGHTS), ev.WeightsDropped(trial=1))
    assert (view.trial(1).weights, view.trial(1).score, view.best) == (None, 0.5, 1)


def test_a_resumed_study_has_new_limits_and_its_running_trial_was_interrupted():
    events = [
        begin(1),
        finish(1, 0.5),
        begin(2),
        epoch(1, {"loss": 0.5}, trial=2),
        ev.StudyEnded(reason=ev.EndReason.TIME, message="time is up"),
        ev.StudyResumed(session="two", max_trials=8, minutes=2.0, epochs=5, reason="again", model_limits="--max-kb 9"),
    ]
    view, before = view_of(*events), view_of(*events[:-2])
    assert view == dataclasses.replace(
        before,
        session="two",
        max_trials=8,
        minutes=2.0,
        epochs=5,
        model_limits="--max-kb 9",
        seq=7,
        elapsed=1.75,
        trials=(before.trial(1), dataclasses.replace(before.trial(2), state=TrialState.INTERRUPTED)),
        workers_ready=False,
    )


def test_a_second_attempt_begins_with_empty_curves():
    view = view_of(
        begin(1),
        epoch(1, {"loss": 0.5}),
        ev.StudyResumed(session="two", max_trials=4, minutes=None, epochs=3),
        begin(1, attempt=2),
    )
    assert view.trial(1) == dataclasses.replace(RUNNING, attempt=2, started=1.25)


def test_an_attempt_that_goes_on_keeps_what_had_happened_until_then():
    begun = [begin(1), epoch(1, {"loss": 0.5}), epoch(2, {"loss": 0.25}), save(1, 2), epoch(3, {"loss": 0.125})]
    again = begin(1, attempt=2, resumed_epoch=2)
    kept = dataclasses.replace(
        RUNNING,
        attempt=2,
        started=1.75,
        curves={"loss": (0.5, 0.25)},
        state_file=STATE,
        state_epoch=2,
        resumed_epoch=2,
    )
    assert view_of(*begun, again).trial(1) == kept
    went_on = view_of(*begun, again, epoch(3, {"loss": 0.375}, attempt=2))
    assert went_on.trial(1) == dataclasses.replace(kept, curves={"loss": (0.5, 0.25, 0.375)})


@pytest.mark.parametrize(
    ("resumed", "kept"),
    [
        ({}, ({},)),
        ({"resumed_epoch": 1}, ({"loss": (0.5,)},)),
        ({"resumed_run": 2}, ({"loss": (0.5, 0.25)},)),
        ({"resumed_run": 2, "resumed_epoch": 1}, ({"loss": (0.5, 0.25)}, {"loss": (1.0,)})),
        ({"resumed_run": 3}, ({"loss": (0.5, 0.25)}, {"loss": (1.0, 0.75)})),
    ],
)
def test_an_attempt_that_goes_on_in_a_later_run_keeps_the_earlier_ones(resumed, kept):
    runs = {1: (0.5, 0.25), 2: (1.0, 0.75)}
    begun = [
        event
        for run, losses in runs.items()
        for event in (
            *(epoch(number, {"loss": loss}, run=run) for number, loss in enumerate(losses, 1)),
            end_run(run, losses[-1]),
        )
    ]
    trial = view_of(begin(1), *begun, begin(1, attempt=2, **resumed)).trial(1)
    assert trial.runs_curves == kept
    assert trial.scores == (0.25, 0.75)[: resumed.get("resumed_run", 1) - 1]


def test_a_space_that_grows_replaces_the_old_one():
    space = SearchSpace((UNITS, RATE))
    assert view_of(ev.SpaceChanged(space=space.to_json(), reason="trial 1 named lr")).space == space


def test_notes_stay_in_order():
    assert view_of(ev.StudyNoted(text="one"), ev.StudyNoted(text="two")).notes == ("one", "two")


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (ev.EndReason.TRIALS, StudyState.FINISHED),
        (ev.EndReason.TIME, StudyState.FINISHED),
        (ev.EndReason.EXHAUSTED, StudyState.FINISHED),
        (ev.EndReason.STOPPED, StudyState.STOPPED),
        (ev.EndReason.FAILURES, StudyState.FAILED),
        (ev.EndReason.LIMITS, StudyState.FAILED),
        (ev.EndReason.ERROR, StudyState.FAILED),
    ],
)
def test_every_reason_ends_the_study_in_its_state(reason, state):
    view = view_of(ev.StudyEnded(reason=reason, message="over"))
    assert view == dataclasses.replace(
        NEW_STUDY, seq=2, elapsed=0.5, state=state, end_reason=reason, end_message="over"
    )


def test_every_reason_to_end_has_a_state():
    for reason in ev.EndReason:
        assert view_of(ev.StudyEnded(reason=reason, message="")).state is not StudyState.RUNNING


def test_a_file_converted_again_replaces_its_older_result():
    first = exported("none", ev.Verdict.NOT_VERIFIED, message="first")
    others = [exported("int8", ev.Verdict.VERIFIED), exported("none", ev.Verdict.FAILED, trial=None)]
    again = exported("none", ev.Verdict.VERIFIED)
    shown = [(e.trial, e.mode, e.verdict) for e in view_of(first, *others, again).exports]
    assert shown == [
        (1, "int8", ev.Verdict.VERIFIED),
        (None, "none", ev.Verdict.FAILED),
        (1, "none", ev.Verdict.VERIFIED),
    ]


def test_an_event_that_apply_does_not_know_is_refused():
    with pytest.raises(TypeError, match="received Event"):
        apply(NEW_STUDY, ev.Event(seq=2))


def test_apply_knows_every_event():
    samples = [
        STARTED,
        begin(1),
        epoch(1, {"loss": 0.5}),
        finish(1, 0.5),
        begin(2),
        stop(2, 0.25, 1),
        begin(3),
        fail(3),
        begin(4),
        end_run(1, 0.5, trial=4),
        save(1, 1, trial=4),
        prune(4, 0.5, 1),
        ev.ExecutorChosen(kind="dask", workers=4, reason=""),
        ev.WorkersReady(seconds=0.5),
        ev.WeightsDropped(trial=1),
        ev.SpaceChanged(space=[], reason=""),
        ev.StudyNoted(text=""),
        ev.StudyPaused(),
        ev.StudyContinued(),
        ev.LimitsChanged(max_trials=4, minutes=None),
        ev.TrialQueued(values={}),
        ev.StudyDiagnosed(findings=[]),
        ev.TrialVerified(trial=1, scores=[0.5]),
        ev.StudyEnded(reason=ev.EndReason.TIME, message=""),
        RESUMED,
        exported("none", ev.Verdict.VERIFIED),
    ]
    assert {type(event).__name__ for event in samples} == set(ev.event_types())
    assert replay(numbered(*samples)).seq == len(samples)


def test_trials_are_reached_by_their_number_only():
    view = view_of(begin(1))
    assert view.trial(1).number == 1
    for number in (0, 2, -1):
        with pytest.raises(IndexError, match=f"from 1 to 1; received {number}"):
            view.trial(number)


@pytest.mark.parametrize(("direction", "order"), [(ev.Direction.MIN, [3, 1, 2]), (ev.Direction.MAX, [1, 2, 3])])
def test_the_ranking_has_scored_trials_best_first_and_the_earlier_of_equal_ones(direction, order):
    started = dataclasses.replace(STARTED, direction=direction)
    events = [begin(1), finish(1, 0.5), begin(2), finish(2, 0.5), begin(3), finish(3, 0.25), begin(4), fail(4)]
    view = replay(numbered(started, *events, begin(5)))
    assert [trial.number for trial in view.ranking()] == order
    assert view.best == order[0]
    assert view.ended_trials == 4


def beaten(values, directions, others):
    """Whether one of the others is at least as good everywhere and better somewhere: the definition."""
    return any(
        all(
            not direction.better(mine, theirs)
            for mine, theirs, direction in zip(values, other, directions, strict=True)
        )
        and other != values
        for other in others
    )


@given(
    st.lists(st.sampled_from(ev.Direction), min_size=1, max_size=3).flatmap(
        lambda directions: st.tuples(
            st.just(directions),
            st.lists(
                st.tuples(*[st.none() | st.integers(-3, 3).map(float) for _ in directions]),
                max_size=14,
            ),
        )
    )
)
def test_the_pareto_set_is_what_no_other_trial_beats(directed):
    directions, rows = directed
    further = [{"name": f"m{place}", "direction": way} for place, way in enumerate(directions[1:])]
    events = [dataclasses.replace(STARTED, direction=directions[0], objectives=further)]
    for number, (score, *others) in enumerate(rows, start=1):
        metrics = {f"m{place}": value for place, value in enumerate(others)}
        end = fail(number) if score is None else finish(number, score, **metrics)
        events += [begin(number), end]
    whole = {number: row for number, row in enumerate(rows, start=1) if None not in row}
    expected = [number for number, row in whole.items() if not beaten(row, directions, whole.values())]
    assert [trial.number for trial in replay(numbered(*events)).pareto()] == expected


@given(
    st.lists(
        st.tuples(st.sampled_from(["finish", "stop", "prune", "fail", "leave"]), st.floats(-10, 10)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(ev.Direction),
)
def test_the_best_trial_is_the_first_of_the_ranking_whatever_happened(story, direction):
    endings = {
        "finish": finish,
        "stop": lambda number, score: stop(number, score, 1),
        "prune": lambda number, score: prune(number, score, 1),
        "fail": lambda number, _: fail(number),
        "leave": lambda number, _: epoch(1, {"val_loss": None}, trial=number),
    }
    events = [dataclasses.replace(STARTED, direction=direction)]
    for number, (how, score) in enumerate(story, start=1):
        events += [begin(number), endings[how](number, score)]
    view = StudyView()
    for event in numbered(*events):
        earlier = dataclasses.replace(view)
        following = apply(view, event)
        assert view == earlier
        view = following
    assert view == replay(numbered(*events))
    assert [trial.number for trial in view.ranking()][:1] == ([] if view.best is None else [view.best])


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2),
            st.integers(1, 3),
            st.integers(1, 4),
            st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3)),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_epochs_taken_at_once_give_what_they_give_one_by_one(story):
    events = [STARTED, begin(1), begin(2)]
    for trial, run, number, logs, noted in story:
        events += [epoch(number, logs, trial=trial, run=run), *([ev.StudyNoted(text="hello")] if noted else [])]
    view = StudyView()
    for event in numbered(*events):
        view = apply(view, event)
    assert replay(numbered(*events)) == view
