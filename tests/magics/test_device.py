"""Searches for a device: limits and objectives on the converted model, end to end on real digits."""

import pytest

from tunemagic.trial import TrialState

CELL = """
units = hp.Choice("units", [8, 16, 128])
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
LINE = "small --tuner grid --epochs 2 --quant int8 --objective val_accuracy --objective size_kb --max-kb 10 --view none"


@pytest.mark.slow  # what a worker measures is in the lessons of notebook 10
def test_models_above_a_limit_are_not_trained_and_the_winners_file_has_the_measured_size(tune, notebook, shell):
    assert tune(LINE, CELL).err == ""
    study = shell.user_ns["study"]
    kept, (large,) = study.view.trials[:2], study.view.trials[2:]
    assert [trial.state for trial in kept] == [TrialState.COMPLETED] * 2
    assert (large.state, large.epochs_done, large.score) == (TrialState.PRUNED, 0, None)
    size, limit = large.reason.split(" kB > --max-kb ")
    assert 10 < float(size) < 20
    assert limit == "10"
    assert kept[0].metrics["size_kb"] < kept[1].metrics["size_kb"] < 10
    assert all(0 < trial.metrics["latency_ms"] < 10 for trial in kept)
    assert [trial.number for trial in study.view.pareto()] != []
    assert study.view.model_limits == "--max-kb 10 --quant int8"
    assert notebook("%tune export --to tflite --quant int8").err == ""
    (file,) = study.view.exports
    assert file.bytes / 1000 == study.best_trial.metrics["size_kb"]
    assert study.plot("pareto").info.x.name == "size_kb"


def test_limits_that_no_model_meets_end_the_study_and_are_named(tune, shell):
    error = tune("small --tuner grid --epochs 1 --max-kb 1.5 --view none", CELL).error
    assert error.startswith("study small found no model: every combination was tried (0 trials); the last trial: ")
    assert error.endswith(" kB > --max-kb 1.5")
    assert [trial.score for trial in shell.user_ns["study"].view.trials] == [None] * 3


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("--max-kb 0", "--max-kb: expected a number above 0; received 0."),
        ("--max-ms fast", "--max-ms: received 'fast'; expected a number."),
        ("--quant int9", "--quant: received 'int9'; expected none, "),
        ("--quant mixed", "which weights get 4 bits is known only when they are trained"),
        ("--objective size_kb", "--objective size_kb: is measured once in a trial, so it can't choose the best epoch"),
        ("--objective val_loss --objective size_kB", "Did you mean size_kb?"),
        ("--max-kb 9 --objective val_loss --objective latency", "Did you mean latency_ms?"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(tune, tmp_path, line, part):
    assert part in tune(f"--epochs 1 {line}", CELL).error
    assert list(tmp_path.iterdir()) == []
