"""A study in words: what its record says, whole."""

from dataclasses import replace

import pytest

from tunemagic.analysis.cells import exports_cells
from tunemagic.analysis.summary import Cells, FailureGroup, SummaryInfo, numbered, short, summary_info
from tunemagic.events import Direction, EndReason, ModelExported, Verdict
from tunemagic.i18n import Language, catalogue
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import StudyState, StudyView, TrialRecord, TrialState

UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=256, step=32)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=1e-3, low=1e-4, high=1e-1, sampling=Sampling.LOG)
ACTIVATION = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))


def done(number, score, **values):
    return TrialRecord(
        number=number,
        attempt=1,
        values=values,
        state=TrialState.COMPLETED,
        epochs=5,
        why="",
        started=0.0,
        score=score,
        best_epoch=3,
        seconds=1.5,
    )


def failed(number, reason, error="ValueError", line=None, source=None):
    return replace(
        done(number, None),
        state=TrialState.FAILED,
        best_epoch=None,
        error=error,
        reason=reason,
        line=line,
        source=source,
    )


def export(mode, verdict, **more):
    return ModelExported(trial=1, target="tflite", mode=mode, verdict=verdict, **({"path": "", "message": ""} | more))


def studied(*trials, **more):
    return StudyView(
        study="digits",
        state=StudyState.FINISHED,
        objective="val_accuracy",
        direction=Direction.MAX,
        trials=trials,
        **more,
    )


STUDY = studied(
    done(1, 0.75, units=64, lr=0.001),
    done(2, 0.9711, units=128, lr=0.0123456, act="tanh"),
    failed(3, "ValueError: units must be positive", line=3, source="model.add(Dense(units))"),
    failed(4, "ValueError: units must be positive", line=3, source="model.add(Dense(units))"),
    failed(5, "loss became NaN at epoch 2", error="diverged"),
    best=2,
    space=SearchSpace((UNITS, RATE, ACTIVATION)),
    strategy="bayesian",
    seed=7,
    max_trials=5,
    minutes=2.5,
    epochs=5,
    data="x_train (1437, 64) float32",
    versions={"keras": "3.15.0", "tensorflow": "2.21.0"},
    elapsed=200.0,
    notes=("3 NaN in x_train", "3 NaN in x_train"),
    end_reason=EndReason.TRIALS,
    end_message="5 of 5 trials were run.",
    exports=(
        export(
            "none",
            Verdict.VERIFIED,
            path="/home/me/exports/digits.tflite",
            bytes=20_480,
            gzip_bytes=18_432,
            score_name="accuracy",
            score_before=0.9711,
            score_after=0.97,
            agreement=0.9999,
            max_abs_diff=2.5e-7,
            microseconds=3.5,
        ),
        export("float16", Verdict.FAILED, message="float16: the converter refused op CustomOp"),
    ),
)


def test_a_whole_study_is_said_in_words():
    assert summary_info(STUDY) == SummaryInfo(
        title="digits",
        headline="finished · 5 of 5 trials · best val_accuracy 0.9711 (trial 2) · 3:20 elapsed",
        ending="5 of 5 trials were run.",
        top=Cells(
            caption="Best 2 trials",
            columns=("trial", "val_accuracy", "epoch", "time", "units", "lr", "act"),
            rows=(
                ("2", "0.9711", "3 of 5", "1.50 s", "128", "0.01235", "tanh"),
                ("1", "0.75", "3 of 5", "1.50 s", "64", "0.001", "–"),
            ),
            numeric=frozenset(range(7)),
        ),
        failures=(
            FailureGroup(
                trials=(3, 4), reason="line 3: ValueError: units must be positive", source="model.add(Dense(units))"
            ),
            FailureGroup(trials=(5,), reason="diverged: loss became NaN at epoch 2", source=""),
        ),
        more_failures=(),
        notes=("3 NaN in x_train",),
        exports=Cells(
            caption="Exported files: 1 of 2 verified",
            columns=(
                "mode",
                "verdict",
                "size",
                "gzip",
                "accuracy",
                "in Keras",
                "agreement",
                "max diff",
                "µs/sample",
                "file",
            ),
            rows=(
                (
                    "tflite",
                    "verified",
                    "20.5 kB",
                    "18.4 kB",
                    "0.97",
                    "0.9711",
                    "99.9 %",
                    "2.5e-7",
                    "3.5",
                    "digits.tflite",
                ),
                ("tflite float16", "failed", *("–",) * 8),
            ),
            numeric=frozenset(range(2, 9)),
            verdicts=frozenset({1}),
            remarks=("tflite float16: the converter refused op CustomOp",),
        ),
        settings=(
            ("objective", "val_accuracy, max"),
            ("search", "bayesian, seed 7"),
            ("space", "units 32 … 256 step 32; lr 0.0001 … 0.1 log; act relu | tanh"),
            ("limits", "5 trials, 2.5 minutes, 5 epochs a trial"),
            ("data", "x_train (1437, 64) float32"),
            ("versions", "keras 3.15.0, tensorflow 2.21.0"),
        ),
    )


def test_trainings_from_other_seeds_have_a_column_and_a_line_of_their_own():
    one, two = STUDY.trials[:2]
    verified = (replace(one, verified=(0.7, 0.72)), replace(two, verified=(0.94, 0.96, 0.95)), *STUDY.trials[2:])
    top = summary_info(replace(STUDY, trials=verified)).top
    assert top.columns[:4] == ("trial", "val_accuracy", "other seeds", "epoch")
    assert [row[2] for row in top.rows] == ["0.95 ± 0.01", "0.71 ± 0.014"]
    assert top.numeric == frozenset(range(8))
    assert top.remarks[0].startswith("Trial 2 over trial 1: the gain of 0.24 is more than the noise of")


def test_an_empty_study_says_that_there_is_nothing():
    assert summary_info(StudyView()) == SummaryInfo(
        title="study",
        headline="new · 0 trials · no score yet · 0:00 elapsed",
        ending="",
        top=None,
        failures=(),
        more_failures=(),
        notes=(),
        exports=None,
        settings=(),
    )


@pytest.mark.parametrize(
    ("view", "start"),
    [
        (studied(done(1, 0.5), best=1, max_trials=1), "finished · 1 of 1 trial ·"),
        (studied(done(1, 0.5), best=1), "finished · 1 trial ·"),
        (studied(done(1, 0.5), done(2, 0.5), best=1), "finished · 2 trials ·"),
        (studied(failed(1, "no"), max_trials=4), "finished · 1 of 4 trials · no score yet ·"),
    ],
)
def test_the_headline_counts_ended_trials(view, start):
    assert summary_info(view).headline.startswith(start)


def test_only_the_five_best_trials_are_in_the_table():
    info = summary_info(studied(*(done(n, n / 10) for n in range(1, 9)), best=8))
    assert (info.top.caption, [row[0] for row in info.top.rows]) == ("Best 5 trials", ["8", "7", "6", "5", "4"])


def test_many_hyperparameters_share_one_column():
    values = {f"p{n}": n for n in range(12)}
    top = summary_info(studied(done(1, 0.5, **values), best=1)).top
    assert top.columns == ("trial", "val_accuracy", "epoch", "time", "values")
    assert top.rows[0][4] == ", ".join(f"p{n}={n}" for n in range(12))
    assert (top.numeric, top.long) == (frozenset(range(4)), frozenset({4}))


def test_failures_of_more_than_five_kinds_are_counted_only():
    info = summary_info(studied(*(failed(n, f"reason {n % 7}") for n in range(1, 15))))
    assert [group.trials for group in info.failures] == [(1, 8), (2, 9), (3, 10), (4, 11), (5, 12)]
    assert info.more_failures == (6, 7, 13, 14)


@pytest.mark.parametrize(
    ("trial", "reason"),
    [
        (failed(1, "line 3: ValueError: no", line=3), "line 3: ValueError: no"),
        (failed(1, "no", error="", line=3), "line 3: no"),
        (failed(1, "out of memory", error="out of memory"), "out of memory"),
        (failed(1, "two\nlines"), "ValueError: two lines"),
        (failed(1, "x" * 1000), "ValueError: " + "x" * 287 + "…"),
    ],
)
def test_a_failure_says_line_and_error_once_and_on_one_line(trial, reason):
    assert [group.reason for group in summary_info(studied(trial)).failures] == [reason]


def test_trials_that_were_cut_off_are_noted():
    cut = replace(done(1, None), state=TrialState.INTERRUPTED)
    assert summary_info(studied(cut, replace(cut, number=2))).notes == (
        "trials 1, 2 cut off when the session died; resuming the study runs them again",
    )
    assert summary_info(studied(cut)).notes == (
        "trial 1 cut off when the session died; resuming the study runs it again",
    )


def test_of_very_many_notes_the_first_are_shown():
    notes = summary_info(StudyView(notes=tuple(f"note {n}" for n in range(50)))).notes
    assert notes == (*(f"note {n}" for n in range(20)), "30 more notes are in the journal")


def test_one_note_too_many_is_no_plural():
    notes = summary_info(StudyView(notes=tuple(f"note {n}" for n in range(21)))).notes
    assert notes[-1] == "1 more note is in the journal"


def test_pruned_trials_are_counted_and_skipped_ones_noted():
    pruned = replace(done(1, 0.5), state=TrialState.PRUNED, curves={"val_accuracy": (0.5,)})
    skipped = replace(done(2, None), state=TrialState.PRUNED)
    info = summary_info(studied(pruned, skipped, done(3, 0.75), best=3))
    assert info.headline.startswith("finished · 2 trials (1 pruned, 1 skipped) · best val_accuracy 0.75 (trial 3) ·")
    assert info.notes == ("trial 2 skipped before training: its model breaks a limit",)
    told = summary_info(studied(pruned, replace(skipped, reason="5 kB, more than 4"), done(3, 0.75), best=3)).notes
    assert told == ("trial 2 skipped before training: its model breaks a limit (trial 2: 5 kB, more than 4)",)
    assert (info.failures, [row[0] for row in info.top.rows]) == ((), ["3", "1"])
    again = summary_info(studied(replace(skipped, number=1), skipped))
    assert again.notes == ("trials 1, 2 skipped before training: their models break a limit",)


def test_a_score_of_several_runs_has_its_spread_in_the_table_and_the_headline():
    info = summary_info(studied(replace(done(1, 0.75), scores=(0.5, 1.0)), best=1))
    assert info.top.rows[0][1] == "0.75 ± 0.35"
    assert "best val_accuracy 0.75 ± 0.35 (trial 1)" in info.headline


def test_what_was_chosen_stands_in_the_settings_with_its_reason():
    view = studied(
        strategy="bohb",
        seed=3,
        strategy_reason="epochs cost the same",
        pruner="asha",
        pruner_reason="many short trials",
        executor="process",
        workers=1,
        executor_reason="all that the cell needs can be sent",
        objectives=(("params", Direction.MIN),),
        max_trials=1,
        minutes=1.0,
        epochs=1,
        repeats=2,
        folds=5,
        model_limits="--max-kb 50 --quant int8",
    )
    assert summary_info(view).settings == (
        ("objective", "val_accuracy, max; params, min"),
        ("search", "bohb, seed 3 — epochs cost the same"),
        ("pruner", "asha — many short trials"),
        ("trials ran", "in an isolated worker — all that the cell needs can be sent"),
        ("limits", "1 trial, 1 minute, 1 epoch a trial, 2 repeats × 5 folds, --max-kb 50 --quant int8"),
    )


def sized(number, score, params):
    return replace(done(number, score, units=number), metrics={"params": params})


def test_of_several_objectives_the_pareto_set_is_listed_best_first_objective_first():
    trials = [sized(1, 0.75, 500), sized(2, 0.875, 9000), sized(3, 0.75, 700), sized(4, 0.9, None)]
    view = studied(*trials, best=4, objectives=(("params", Direction.MIN),), space=SearchSpace((UNITS,)))
    assert summary_info(view).top == Cells(
        caption="Pareto set: 2 trials",
        columns=("trial", "val_accuracy", "params", "epoch", "time", "units"),
        rows=(
            ("2", "0.875", "9000", "3 of 5", "1.50 s", "2"),
            ("1", "0.75", "500", "3 of 5", "1.50 s", "1"),
        ),
        numeric=frozenset(range(6)),
    )


def test_a_large_pareto_set_is_cut_and_an_empty_one_gives_way_to_the_best_trials():
    objectives = (("params", Direction.MIN),)
    large = summary_info(studied(*(sized(n, n / 20, n) for n in range(1, 15)), best=14, objectives=objectives)).top
    assert (large.caption, len(large.rows), large.remarks) == ("Pareto set: 14 trials", 10, ("and 4 more",))
    empty = summary_info(studied(sized(1, 0.5, None), best=1, objectives=objectives)).top
    assert (empty.caption, empty.rows[0][:3]) == ("Best trial", ("1", "0.5", "–"))


def test_long_lists_and_long_texts_are_cut():
    assert numbered([3]) == "trial 3"
    assert numbered([3, 4]) == "trials 3, 4"
    assert numbered(range(1, 31)) == f"trials {', '.join(map(str, range(1, 21)))} and 10 more"
    assert short("a" * 60) == "a" * 60
    assert short("a" * 61) == "a" * 59 + "…"
    assert short("\0" * 1_000_000) == "\\x00" * 14 + "\\x0" + "…"
    assert short(" " * 1000 + "a", 10) == "…"


@pytest.mark.parametrize(
    ("path", "name"),
    [("exports/a.tflite", "a.tflite"), ("C:\\me\\a.tflite", "a.tflite"), ("a.tflite", "a.tflite"), ("", "–")],
)
def test_a_converted_file_is_named_without_its_folder(path, name):
    view = studied(exports=(export("none", Verdict.VERIFIED, path=path),))
    assert summary_info(view).exports.rows[0][9] == name


def test_a_remark_names_its_file_once():
    made = ModelExported(
        trial=1, target="keras", mode="none", path="", verdict=Verdict.FAILED, message="keras: a Lambda layer"
    )
    assert exports_cells([made]).remarks == ("keras: a Lambda layer",)


def test_remarks_are_told_in_the_language_of_the_table():
    verified = export("int8", Verdict.VERIFIED, path="a.tflite", warnings=["the preparation in front stays in float"])
    warned = replace(
        verified, warnings=["compared in float32; ours"], verdict=Verdict.NOT_VERIFIED, message="try --quant none"
    )
    table = exports_cells([verified, warned], catalogue(Language.CHINESE))
    assert table.remarks == (
        "tflite int8：前面的数据准备保持浮点",
        "tflite int8：请试 --quant none; 以 float32 比较; ours",
    )
