"""What is said of one trial: its labels and texts, whole."""

from dataclasses import replace

import pytest

from tunemagic.analysis.why import explain_trial
from tunemagic.events import Direction, WeightsFile
from tunemagic.trial import StudyView, TrialRecord, TrialState

DONE = TrialRecord(
    number=1,
    attempt=1,
    values={"units": 64, "lr": 0.001},
    state=TrialState.COMPLETED,
    epochs=3,
    why="TPE",
    started=0.5,
    curves={"loss": (0.5, 0.25, 0.375), "val_accuracy": (0.5, 0.75, None)},
    score=0.75,
    best_epoch=2,
    metrics={"loss": 0.25, "val_accuracy": 0.75},
    seconds=1.5,
    weights=WeightsFile(file="trial-1.weights.h5", sha256="ab", bytes=40_960),
    trainer="whole epochs in one graph call",
)
PRUNED = replace(
    DONE,
    number=2,
    attempt=2,
    state=TrialState.PRUNED,
    parent=1,
    curves={"val_accuracy": (0.5,)},
    more_curves=({"val_accuracy": (0.25, 0.375)},),
    scores=(0.5, 0.375),
    score=0.4375,
    reason="below the median at epoch 2: 0.375 < 0.75",
    weights=None,
    state_file=WeightsFile(file="trial-2.2-1.state", sha256="cd", bytes=122_880),
    state_run=2,
    state_epoch=1,
    resumed_run=2,
    resumed_epoch=1,
    worker=2,
)
FAILED = TrialRecord(
    number=3,
    attempt=1,
    values={"units": -1},
    state=TrialState.FAILED,
    epochs=3,
    why="your default values",
    started=2.0,
    error="ValueError",
    reason="units must be positive",
    line=3,
    source="  model.add(Dense(units))",
    seconds=0.25,
    worker=1,
)


def study(*trials, **more):
    return StudyView(study="digits", objective="val_accuracy", direction=Direction.MAX, trials=trials, **more)


def test_a_completed_trial_is_explained():
    assert explain_trial(study(DONE, PRUNED, executor="inline"), 1, "") == [
        ("state", "completed after 3 of 3 epochs"),
        ("score", "val_accuracy 0.75 in epoch 2, place 1 of 2"),
        ("values", "units=64, lr=0.001"),
        ("proposed as", "TPE"),
        ("trained", "in the kernel"),
        ("trained by", "whole epochs in one graph call"),
        ("metrics", "loss 0.25, val_accuracy 0.75"),
        ("time", "1.50 s"),
        ("kept", "weights, 41.0 kB"),
        ("epochs", "val_accuracy 0.5, 0.75, –"),
    ]


def test_a_pruned_trial_of_several_runs_and_attempts_is_explained():
    view = study(DONE, PRUNED, repeats=2, objectives=(("params", Direction.MIN),), executor="process")
    assert explain_trial(view, 2, "one\n\n\x1b[31mtwo\x1b[0m\n") == [
        ("state", "pruned after 2 of 3 epochs in run 2 of 2"),
        ("reason", "below the median at epoch 2: 0.375 < 0.75"),
        ("score", "val_accuracy 0.4375 ± 0.088 in epoch 2, place 2 of 2"),
        ("its runs", "0.5, 0.375"),
        ("Pareto set", "left out: no value of params"),
        ("values", "units=64, lr=0.001"),
        ("proposed as", "TPE — it goes on from trial 1"),
        ("trained", "in worker 2, attempt 2, went on after epoch 1, in run 2"),
        ("trained by", "whole epochs in one graph call"),
        ("metrics", "loss 0.25, val_accuracy 0.75"),
        ("time", "1.50 s"),
        ("kept", "training state after epoch 1 of run 2, 123 kB"),
        ("epochs of run 1", "val_accuracy 0.5"),
        ("epochs of run 2", "val_accuracy 0.25, 0.375"),
        ("log", "one"),
        ("", "two"),
    ]


def test_a_failed_trial_is_explained_with_the_users_line():
    assert explain_trial(study(DONE, PRUNED, FAILED), 3, "") == [
        ("state", "failed"),
        ("reason", "ValueError: units must be positive"),
        ("your line", "line 3: model.add(Dense(units))"),
        ("values", "units=-1"),
        ("proposed as", "your default values"),
        ("trained", "in worker 1"),
        ("time", "0.25 s"),
    ]


def test_a_trial_is_said_to_be_in_the_pareto_set_or_beaten():
    sized = replace(DONE, metrics={"params": 900})
    view = study(sized, replace(sized, number=2, score=0.5), objectives=(("params", Direction.MIN),))
    assert [dict(explain_trial(view, number, ""))["Pareto set"] for number in (1, 2)] == [
        "yes: no other trial is as good in every objective and better in one",
        "no: another trial is as good in every objective and better in one",
    ]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"attempt": 2}, "attempt 2"),
        ({"attempt": 2, "resumed_epoch": 3}, "attempt 2, went on after epoch 3"),
        ({"attempt": 2, "resumed_run": 2}, "attempt 2, went on with run 2"),
    ],
)
def test_a_later_attempt_says_where_it_went_on(changes, text):
    assert dict(explain_trial(study(replace(DONE, **changes)), 1, ""))["trained"] == text


def test_a_skipped_trial_has_no_epochs():
    skipped = replace(FAILED, number=1, state=TrialState.PRUNED, error="", reason="too large", line=None, source=None)
    assert explain_trial(study(skipped), 1, "")[:2] == [("state", "skipped"), ("reason", "too large")]


def test_of_a_long_log_and_many_epochs_the_last_are_shown():
    long = replace(DONE, curves={"val_accuracy": tuple(n / 100 for n in range(1, 41))})
    rows = explain_trial(study(long), 1, "\n".join(f"line {n}" for n in range(230)))
    assert dict(rows)["epochs"].startswith("val_accuracy …, 0.11, 0.12, ")
    log = [text for label, text in rows if label in ("log", "")]
    assert (len(log), log[0], log[1], log[-1]) == (201, "… 30 earlier lines", "line 30", "line 229")


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "a\nb\x1b[2J\u202ec", "\ud800", "x" * 100_000])
def test_hostile_text_stays_on_its_line(text):
    hostile = replace(
        FAILED, number=1, values={text: text}, why=text, error=text, reason=text, source=text, trainer=text
    )
    for _, said in explain_trial(study(hostile), 1, text):
        assert said.isprintable()
        assert len(said) <= 2000


def test_a_trial_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match="from 1 to 1; received 2"):
        explain_trial(study(DONE), 2, "")
