"""Events: frozen facts that cross JSON unchanged, and lines that are refused instead of guessed at."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic import events as ev
from tunemagic.errors import JournalError

numbers = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(1, 2**53)
# Lone surrogates can't be written as UTF-8, but JSON escapes carry them.
texts = st.text(st.characters(), max_size=40)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.dictionaries(texts, plain_json, max_size=3)
metrics = st.dictionaries(texts, st.none() | numbers, max_size=3)
marks = st.dictionaries(texts, texts, max_size=3)
files = st.builds(ev.WeightsFile, file=texts, sha256=texts, bytes=counts)
weights = st.none() | files
STAMPS = {"seq": counts, "at": numbers, "elapsed": numbers}
trial = {"trial": counts, "attempt": counts}
origin = {"trainer": texts, "worker": st.none() | counts}
cut_short = {
    "score": st.none() | numbers,
    "best_epoch": st.none() | counts,
    "metrics": metrics,
    "seconds": numbers,
    "reason": texts,
    "weights": weights,
    **origin,
}
FIELDS = {
    ev.StudyStarted: dict(
        study=texts,
        session=texts,
        space=st.lists(records, max_size=2),
        objective=texts,
        direction=st.sampled_from(ev.Direction),
        strategy=texts,
        seed=counts,
        max_trials=st.none() | counts,
        minutes=st.none() | numbers,
        epochs=counts,
        keep=counts,
        max_failures=counts,
        code=texts,
        data=texts,
        fingerprint=marks,
        versions=marks,
        strategy_reason=texts,
        pruner=texts,
        pruner_reason=texts,
        objectives=st.lists(marks, max_size=2),
        repeats=counts,
        folds=counts,
        model_limits=texts,
    ),
    ev.StudyResumed: dict(
        session=texts,
        max_trials=st.none() | counts,
        minutes=st.none() | numbers,
        epochs=counts,
        reason=texts,
        code=st.none() | texts,
        data=st.none() | texts,
        fingerprint=st.none() | marks,
        keep=st.none() | counts,
        max_failures=st.none() | counts,
        pruner=st.none() | texts,
        pruner_reason=st.none() | texts,
        model_limits=st.none() | texts,
    ),
    ev.StudyPaused: {},
    ev.StudyContinued: {},
    ev.LimitsChanged: dict(max_trials=st.none() | counts, minutes=st.none() | numbers),
    ev.TrialQueued: dict(values=st.dictionaries(texts, st.booleans() | counts | numbers | texts, max_size=3)),
    ev.StudyDiagnosed: dict(findings=st.lists(records, max_size=2)),
    ev.SpaceChanged: dict(space=st.lists(records, max_size=2), reason=texts, asked=st.booleans()),
    ev.StudyNoted: dict(text=texts),
    ev.ExecutorChosen: dict(kind=texts, workers=counts, reason=texts),
    ev.WorkersReady: dict(seconds=numbers),
    ev.TrialStarted: dict(
        **trial,
        values=st.dictionaries(texts, st.booleans() | counts | numbers | texts, max_size=3),
        epochs=counts,
        why=texts,
        parent=st.none() | counts,
        memo=records,
        resumed_epoch=counts,
        resumed_run=counts,
        queued=st.booleans(),
    ),
    ev.EpochEnded: dict(**trial, epoch=counts, logs=metrics, run=counts),
    ev.RunEnded: dict(**trial, run=counts, score=numbers, best_epoch=counts, metrics=metrics),
    ev.TrialStateSaved: dict(**trial, run=counts, epoch=counts, state=files),
    ev.TrialFinished: dict(
        **trial,
        score=numbers,
        best_epoch=counts,
        metrics=metrics,
        seconds=numbers,
        weights=weights,
        **origin,
    ),
    ev.TrialPruned: dict(**trial, **cut_short),
    ev.TrialStopped: dict(**trial, **cut_short),
    ev.TrialFailed: dict(
        **trial,
        error=texts,
        reason=texts,
        seconds=numbers,
        line=st.none() | counts,
        source=st.none() | texts,
        **origin,
    ),
    ev.TrialVerified: dict(trial=counts, scores=st.lists(numbers, max_size=3)),
    ev.WeightsDropped: dict(trial=counts, state_only=st.booleans()),
    ev.StudyEnded: dict(reason=st.sampled_from(ev.EndReason), message=texts),
    ev.ModelExported: dict(
        trial=st.none() | counts,
        target=texts,
        mode=texts,
        path=texts,
        verdict=st.sampled_from(ev.Verdict),
        message=texts,
        bytes=st.none() | counts,
        gzip_bytes=st.none() | counts,
        sha256=st.none() | texts,
        score_name=st.none() | texts,
        score_before=st.none() | numbers,
        score_after=st.none() | numbers,
        agreement=st.none() | numbers,
        max_abs_diff=st.none() | numbers,
        tolerance=st.none() | numbers,
        tolerance_reason=texts,
        samples=st.none() | counts,
        flips=st.lists(counts, max_size=3),
        confusion=st.none() | st.lists(st.lists(counts, max_size=2), max_size=2),
        microseconds=st.none() | numbers,
        microseconds_least=st.none() | numbers,
        threads=st.none() | counts,
        batch=st.none() | counts,
        runtime=texts,
        operations=st.lists(texts, max_size=2),
        warnings=st.lists(texts, max_size=2),
        seconds=st.none() | numbers,
    ),
}
EVENTS = {cls: st.builds(cls, **STAMPS, **fields) for cls, fields in FIELDS.items()}
NOTE = {"v": 1, "type": "StudyNoted", "seq": 3, "at": 1.0, "elapsed": 2.0, "text": "hello"}
ENDED = {"v": 1, "type": "StudyEnded", "seq": 3, "at": 1.0, "elapsed": 2.0, "reason": "time", "message": ""}


def test_every_field_of_every_event_is_tried_here():
    tried = {cls: {*STAMPS, *fields} for cls, fields in FIELDS.items()}
    assert tried == {cls: {field.name for field in dataclasses.fields(cls)} for cls in ev.event_types().values()}


@given(st.one_of(*EVENTS.values()))
def test_any_event_comes_back_from_json_as_it_was(event):
    text = json.dumps(ev.event_to_json(event), allow_nan=False)
    again = ev.event_from_json(json.loads(text))
    assert (type(again), again) == (type(event), event)
    for field in dataclasses.fields(event):
        assert type(getattr(again, field.name)) is type(getattr(event, field.name))


def test_an_event_in_json_says_its_version_and_type_first():
    note = ev.StudyNoted(seq=3, at=1.0, elapsed=2.0, text="hello")
    assert list(ev.event_to_json(note).items())[:2] == [("v", 1), ("type", "StudyNoted")]
    assert ev.event_to_json(note) == NOTE


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (NOTE | {"v": 2}, "expected an event of version 1; received type='StudyNoted' version=2"),
        (NOTE | {"type": "TrialMelted"}, "received type='TrialMelted' version=1"),
        ({}, "received type='None' version=None"),
        (NOTE | {"colour": "red"}, "unexpected keyword argument 'colour'"),
        ({key: value for key, value in NOTE.items() if key != "text"}, "StudyNoted event 3 can't be read: TypeError"),
        (ENDED | {"reason": "bored"}, "StudyEnded event 3 can't be read: ValueError"),
    ],
)
def test_a_line_that_cannot_be_understood_is_refused(data, message):
    with pytest.raises(JournalError) as caught:
        ev.event_from_json(data)
    assert message in str(caught.value)


def test_events_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ev.event_from_json(NOTE).text = "changed"


@pytest.mark.parametrize(
    ("direction", "new", "old", "better"),
    [
        (ev.Direction.MIN, 1.0, 2.0, True),
        (ev.Direction.MIN, 2.0, 1.0, False),
        (ev.Direction.MAX, 2.0, 1.0, True),
        (ev.Direction.MAX, 1.0, 2.0, False),
        (ev.Direction.MIN, 1.0, 1.0, False),
        (ev.Direction.MAX, 1.0, 1.0, False),
        (ev.Direction.MIN, 9e9, None, True),
        (ev.Direction.MAX, -9e9, None, True),
    ],
)
def test_better_is_strict_and_anything_is_better_than_nothing(direction, new, old, better):
    assert direction.better(new, old) is better


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), (math.nan, None), (math.inf, None), (-math.inf, None), (1, 1.0), (0.5, 0.5)]
)
def test_finite_keeps_numbers_and_turns_all_else_into_none(value, expected):
    assert ev.finite(value) == expected
