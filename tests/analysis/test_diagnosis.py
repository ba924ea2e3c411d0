"""Verdicts on curves that are written down, and on studies made of such curves."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tunemagic.analysis.diagnosis import diagnose, diagnose_history
from tunemagic.analysis.finding import Diagnosis
from tunemagic.analysis.signs import signs_of
from tunemagic.analysis.training import epoch_seconds, whole_run
from tunemagic.events import Direction
from tunemagic.search.replay import replay
from tunemagic.search.replay_table import ReplayRow, ReplayTable
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import StudyView, TrialRecord, TrialState

RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG)
UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=128, step=32)
CELL = "model = keras.Sequential([])\nmodel.compile('adam', 'mse')\n"


def falling(start, end, epochs=12, speed=0.5):
    """A loss that falls from start to end, faster at first."""
    return [end + (start - end) * speed**epoch for epoch in range(epochs)]


def rising(start, end, epochs=12):
    return [1 - value for value in falling(1 - start, 1 - end, epochs)]


def history(train, val, **more):
    """Curves of a classifier by its accuracies."""
    losses = {name: [2.3 * (1 - value) for value in curve] for name, curve in (("loss", train), ("val_loss", val))}
    return {**losses, "accuracy": train, "val_accuracy": val, **more}


def without(curves, epochs):
    """Curves whose validation has no value in these epochs, from 0."""
    return {
        name: [None if epoch in epochs and name.startswith("val_") else value for epoch, value in enumerate(curve)]
        for name, curve in curves.items()
    }


HEALTHY = history(rising(0.5, 0.99), rising(0.55, 0.97))
GAPS = {"gaps": 12, "gap_rows": 9, "rows": 150}
ZIGZAG = [0.9 if epoch % 2 else 0.7 for epoch in range(12)]
RANKING = [0.9, 0.94, *[0.985] * 10]
TOP = rising(0.5, 0.99)
CASES = {
    "healthy": (HEALTHY, {}, None),
    "loss became NaN": ({"loss": [2.0, 1.5, math.nan]}, {}, "diverged"),
    "loss became None": ({"loss": [2.0, 1.5, None]}, {}, "diverged"),
    "weights are NaN behind a ReLU": (HEALTHY, {"spoilt_weights": 8}, "spoilt_weights"),
    "gaps and weights that are NaN": (HEALTHY, {**GAPS, "spoilt_weights": 8}, "missing_values"),
    "gaps and a loss that is NaN from the start": ({"loss": [math.nan]}, GAPS, "missing_values"),
    "gaps and a loss that blows up later": ({"loss": [2.0, 1.5, math.nan]}, GAPS, "diverged"),
    "gaps that the model fills": (HEALTHY, GAPS, None),
    "loss is NaN from the start": ({"loss": [math.nan, math.nan]}, {}, "diverged"),
    "the first epochs were not reported": ({name: [None] * 3 + curve for name, curve in HEALTHY.items()}, {}, None),
    "validation every second epoch": (without(HEALTHY, range(0, 12, 2)), {}, None),
    "one value of the validation is missing": (without(HEALTHY, [5]), {}, None),
    "validation once at the end": (without(HEALTHY, range(11)), {}, None),
    "a gap every second epoch": (without(history(rising(0.5, 1.0), rising(0.4, 0.7)), range(0, 12, 2)), {}, "overfit"),
    "loss blew up": ({"loss": [2.3, 2.0, 30.0, 60.0]}, {}, "diverged"),
    "loss is high but falls": (
        {"loss": [900.0, 600.0, 400.0, 300.0], "val_loss": [880, 610, 400, 310]},
        {"guess_loss": 80.0},
        "still_improving",
    ),
    "duplicates": (HEALTHY, {"duplicates": 40, "held_out": 100}, "leak_suspected_duplicates"),
    "a duplicate by chance": (HEALTHY, {"duplicates": 1, "held_out": 10}, None),
    "an input is the target": (HEALTHY, {"target_column": 0}, "leak_suspected_feature"),
    "perfect at once": (history([0.9, 0.99, 1.0], [0.995, 1.0, 1.0]), {}, "leak_suspected_at_once"),
    "better in validation": (history(rising(0.2, 0.6), rising(0.4, 0.95)), {}, "leak_suspected_better"),
    "better in validation by dropout": (history(rising(0.2, 0.7), rising(0.4, 0.96)), {"dropout": 1}, None),
    "dead units": (HEALTHY, {"dead_share": 0.6, "relu_units": 64, "dead_layer": "dense"}, "dead_units"),
    "a few dead units": (HEALTHY, {"dead_share": 0.2, "relu_units": 64, "dead_layer": "dense"}, None),
    "a straight slow descent": (history([0.1 + 0.01 * n for n in range(10)], [0.1] * 10), {}, "rate_too_low"),
    "a gap": (history(rising(0.5, 1.0), rising(0.4, 0.7)), {}, "overfit"),
    "a validation loss that rises again": (
        {"loss": falling(2.0, 0.05), "val_loss": [2.0, 1.0, 0.8, *(0.9 + 0.05 * n for n in range(9))]},
        {"classes": 10},
        "overfit",
    ),
    "flat and poor": (history(rising(0.2, 0.35), rising(0.2, 0.34)), {"classes": 10}, "underfit"),
    "flat and poor by the loss alone": (
        {"loss": falling(1.0, 0.9), "val_loss": falling(1.0, 0.92)},
        {"guess_loss": 1.0},
        "underfit",
    ),
    "to and fro": (history(rising(0.5, 0.9), ZIGZAG), {"classes": 10}, "noisy"),
    "waiting for data": (HEALTHY, {"epoch_seconds": 2.0, "input_share": 0.8}, "too_slow_input"),
    "waiting for little data": (HEALTHY, {"epoch_seconds": 0.1, "input_share": 0.8}, None),
    "eager": (HEALTHY, {"epoch_seconds": 2.0, "eager_share": 0.8}, "too_slow_tracing"),
    "traced again and again": (HEALTHY, {"epoch_seconds": 2.0, "traces": 40}, "too_slow_tracing"),
    "one sample a step": (HEALTHY, {"epoch_seconds": 2.0, "step_share": 0.9, "batch_size": 1}, "too_slow_steps"),
    "ended early": (history([0.3, 0.5, 0.65, 0.75, 0.83], [0.3, 0.5, 0.64, 0.74, 0.82]), {}, "still_improving"),
    "one sample more of a few": (
        {**history([0.9, *[0.95] * 11], [0.9, *[0.93] * 10, 0.96]), "val_loss": [0.3, *[0.2] * 11]},
        {"guess_loss": 1.0},
        None,
    ),
    "a good ranking of classes of unequal size": (
        {"loss": [0.2, *[0.11] * 11], "val_loss": [0.2, *[0.116] * 11], "auc": RANKING, "val_auc": RANKING},
        {"classes": 2, "guess_accuracy": 0.95, "guess_loss": 0.1985},
        None,
    ),
    "top 5 of 10 is good, the accuracy is not": (
        {"top_5_accuracy": TOP, "val_top_5_accuracy": TOP, **history(rising(0.2, 0.35), rising(0.2, 0.34))},
        {"classes": 10},
        "underfit",
    ),
    "stuck": (history([0.4, 0.7, *[0.8] * 10], [0.4, 0.7, *[0.79] * 10]), {"classes": 10}, "plateaued"),
    "no epoch": ({"loss": []}, {}, None),
    "one epoch": (history([0.3], [0.3]), {}, None),
    "an unknown metric only": ({"my_score": [1.0, 2.0]}, {}, None),
}


@pytest.mark.parametrize(("curves", "evidence", "verdict"), CASES.values(), ids=CASES)
def test_curves_get_their_verdict(curves, evidence, verdict):
    finding = diagnose_history(curves, evidence=evidence)
    assert (None if finding is None else str(finding.verdict)) == verdict


@pytest.mark.parametrize(
    ("names", "metric", "chance"),
    [
        (["auc", "accuracy"], "accuracy", 0.9),
        (["binary_accuracy", "accuracy"], "accuracy", 0.9),
        (["sparse_top_k_categorical_accuracy", "head_accuracy"], "head_accuracy", 0.9),
        (["auc_3", "top_k_accuracy", "top5_acc"], "auc_3", 0.5),
        (["auc_pr", "precision", "stop_accuracy"], "stop_accuracy", 0.9),
        (["auc_pr", "top_k_categorical_accuracy"], "loss", 1.0),
    ],
)
def test_levels_are_made_from_the_plainest_accuracy(names, metric, chance):
    signs = signs_of({"loss": [1.0, 0.5], **{name: [0.5, 0.75] for name in names}}, {"guess_accuracy": 0.9})
    assert (signs.metric, signs.chance) == (metric, chance)


def test_an_outlier_in_a_healthy_curve_changes_nothing():
    val = list(HEALTHY["val_accuracy"])
    val[-4] -= 0.1
    assert diagnose_history(history(HEALTHY["accuracy"], val)) is None


def test_a_history_object_is_taken_as_well_as_its_dict():
    given = SimpleNamespace(history={"loss": [2.0, math.nan]})
    assert diagnose_history(given) == diagnose_history(given.history)


def test_what_spoils_other_readings_comes_first():
    curves = history(rising(0.5, 1.0), rising(0.4, 0.7))
    evidence = {"duplicates": 40, "held_out": 100, "dead_share": 0.9, "relu_units": 9, "dead_layer": "a"}
    assert diagnose_history(curves, evidence=evidence).verdict is Diagnosis.LEAK_DUPLICATES
    del evidence["duplicates"]
    assert diagnose_history(curves, evidence=evidence).verdict is Diagnosis.DEAD_UNITS


def test_missing_values_are_counted_and_to_be_filled():
    finding = diagnose_history(HEALTHY, evidence={**GAPS, "spoilt_weights": 8})
    assert finding.evidence == GAPS
    assert [remedy.id for remedy in finding.remedies] == ["fill_gaps", "check_data"]


def test_the_evidence_of_overfitting_is_its_numbers():
    finding = diagnose_history(history([0.5, 0.8, 1.0, 1.0], [0.5, 0.7, 0.65, 0.6]))
    assert finding.evidence == {"metric": "accuracy", "train": 1.0, "val": 0.6, "best_epoch": 2, "epochs": 4}
    assert [remedy.id for remedy in finding.remedies][:2] == ["stop_early", "dropout"]


def test_epochs_without_validation_are_left_out_and_the_others_keep_their_numbers():
    curves = history([0.5, 0.6, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0], [0.5, 0.6, 0.6, 0.7, 0.65, 0.65, 0.6, 0.6])
    finding = diagnose_history(without(curves, [0, 2, 4, 6]))
    assert finding.evidence == {"metric": "accuracy", "train": 1.0, "val": 0.6, "best_epoch": 4, "epochs": 8}


# -- studies -----------------------------------------------------------------------------------------


def trial(number, curves, score=0.5, **more):
    values = {"units": 64, "lr": 0.01}
    fields = {"values": values, "seconds": 1.0, "score": score, "best_epoch": 1, "state": TrialState.COMPLETED, **more}
    return TrialRecord(number=number, attempt=1, epochs=12, why="", started=0.0, curves=curves, **fields)


def study(*trials, **more):
    fields = {"space": SearchSpace((UNITS, RATE)), "code": CELL, "epochs": 12, "fingerprint": {"--data": "x,y"}, **more}
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score, default=None)
    return StudyView(
        study="digits",
        objective="val_accuracy",
        direction=Direction.MAX,
        trials=trials,
        best=None if best is None else best.number,
        **fields,
    )


def test_a_study_without_an_epoch_has_no_finding():
    assert diagnose(study()) == ()
    assert diagnose(study(trial(1, {}, score=None, state=TrialState.FAILED))) == ()


def test_the_best_trial_is_what_is_diagnosed():
    overfitting = history(rising(0.5, 1.0), rising(0.4, 0.7))
    [finding] = diagnose(study(*(trial(n, HEALTHY, 0.4) for n in range(1, 4)), trial(4, overfitting, 0.7)))
    assert (finding.verdict, finding.trial) == (Diagnosis.OVERFIT, 4)
    assert diagnose(study(*(trial(n, HEALTHY, n / 10) for n in range(1, 5)))) == ()


def test_when_all_trials_diverge_the_last_one_is_the_finding():
    failed = {"score": None, "state": TrialState.FAILED, "error": "diverged"}
    view = study(trial(1, {"loss": (2.0, None)}, **failed), trial(2, {"loss": (3.0, 9.0, None)}, **failed))
    found = diagnose(view)
    assert (found[0].verdict, found[0].trial) == (Diagnosis.DIVERGED, 2)
    assert found[0].evidence == {"epoch": 3, "least": 3.0, "worst": "NaN"}


def part(curves, begin, end):
    """Curves as those of a trial that trains these epochs only."""
    return {name: (*[None] * begin, *curve[begin:end]) for name, curve in curves.items()}


def test_a_trial_that_goes_on_from_another_is_judged_by_the_whole_training():
    slow = history([0.1 + 0.01 * n for n in range(10)], [0.1] * 10)
    trials = [
        trial(1, part(slow, 0, 2), 0.1),
        trial(2, part(slow, 2, 4), 0.2, parent=1),
        trial(3, part(slow, 4, 10), 0.3, parent=2, seconds=12.0),
        trial(4, part(slow, 0, 1), 0.1),
    ]
    [finding] = diagnose(study(*trials))
    assert (finding.verdict, finding.trial, finding.evidence["epochs"]) == (Diagnosis.RATE_TOO_LOW, 3, 10)
    assert epoch_seconds(trials[2]) == 2.0
    assert dict(whole_run(study(*trials), trials[2], 1)) == {name: tuple(curve) for name, curve in slow.items()}
    blown_up = replace(trials[2], curves={"loss": (None,) * 5})
    assert whole_run(study(*trials), blown_up, 1)["loss"] == (*slow["loss"][:4], None)


def test_a_later_attempt_counts_the_epochs_that_it_trained_itself():
    again = trial(1, part(HEALTHY, 0, 12), seconds=8.0, resumed_epoch=8)
    assert epoch_seconds(again) == 2.0
    runs = replace(again, more_curves=(part(HEALTHY, 0, 12),), resumed_run=2)
    assert epoch_seconds(runs) == 2.0


def rows():
    """60 rates of which those near 0.03 learn well, 9 epochs each."""
    for rate in (round(0.001 * n, 4) for n in range(1, 61)):
        train = [0.5 + 0.05 * (1 - 8 * abs(rate - 0.03)) * epoch for epoch in range(1, 10)]
        curves = history(train, [value - 0.01 for value in train])
        yield ReplayRow(values={"lr": rate}, curves={name: tuple(curve) for name, curve in curves.items()})


def test_the_winner_of_hyperband_has_not_diverged():
    made = tuple(rows())
    rates = Parameter(name="lr", kind=Kind.CHOICE, default=0.01, choices=tuple(row.values["lr"] for row in made))
    table = ReplayTable(
        name="rates",
        space=SearchSpace((rates,)),
        objective="val_accuracy",
        direction=Direction.MAX,
        epochs=9,
        rows=made,
    )
    view = replay(table, tuner="hyperband", max_trials=18)
    assert (view.best_trial.parent, view.best_trial.curves["loss"][0]) == (10, None)
    [finding] = diagnose(view)
    assert (finding.verdict, finding.trial, finding.evidence["epochs"]) == (Diagnosis.STILL_IMPROVING, 13, 9)


def test_a_larger_model_than_needed_is_told_by_a_smaller_trial():
    large = trial(1, HEALTHY, 0.97, seconds=24.0, metrics={"parameters": 90_000})
    small = replace(large, number=2, score=0.969, seconds=6.0, metrics={"parameters": 9_000})
    poor = replace(small, number=3, score=0.5)
    [finding] = [each for each in diagnose(study(large, small, poor)) if each.trial is not None]
    assert finding.verdict is Diagnosis.SLOW_SIZE
    assert finding.evidence == {"seconds": 2.0, "parameters": 90_000, "times": 10.0, "other": 2}


def test_findings_are_json_without_nan():
    import json

    curves = history([0.5, 0.9, 1.0, 1.0], [0.5, 0.6, 0.6, 0.6])
    curves["accuracy"][-1] = math.nan
    finding = diagnose_history(curves, evidence={"target_column": math.inf})
    assert json.loads(json.dumps(finding.to_json(), allow_nan=False))["evidence"] == {"column": "inf"}
