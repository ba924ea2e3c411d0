"""A script that is not what the study trained is not called so: the layers of the model take the cell's place."""

import re

import numpy as np
import pytest

from tunemagic.events import Verdict
from tunemagic.script import write_code
from tunemagic.script.same_data import what_differs

SCALED = """
units = hp.Int("units", 4, 32, step=4)
x_train = x_train - x_train.mean(axis=0)
model = keras.Sequential([keras.Input((64,)), layers.Dense(units, "relu"), layers.Dense(10, "softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
"""
OWN_FIT = """
import keras_tuner

class Digits(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((64,)), layers.Dense(hp.Int("units", 10, 32), "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
        return model

    def fit(self, hp, model, *args, **kwargs):
        LINE
        return model.fit(*args, GIVEN**kwargs)
"""
BY_PLACE = SCALED.replace("x_train = x_train - x_train.mean(axis=0)", "x_train = x_train - x_train[:1]")
BY_HELPER = SCALED.replace("layers.Dense(units, ", "hidden(hp, ")
HELPER = """
def hidden(h, activation):
    return keras.layers.Dense(h.get("units"), activation)
"""
IN_A_TEXT = SCALED.replace('"relu")', """"relu", name=f"wide_{hp.get('units')}")""")
WEIGHTS = "sample_weight = np.where(y_train == 3, 4.0, 1.0)\n"


def test_what_a_cell_s_script_gets_wrong_is_written_from_the_layers(winner, notebook, checked_here, tmp_path):
    notebook.define(HELPER)
    for cell, why in [
        (BY_PLACE, "as a script 64 of 64 rows of its x_train are not the study's"),
        (BY_HELPER, r"as a script TypeError: hidden\(\) missing 1 required positional argument"),
        (IN_A_TEXT, "line 10 uses hp inside of an f-string"),
        (SCALED + "sample_weight = np.arange(len(x_train))\n", "rows of its sample_weight are not the study's"),
    ]:
        result = write_code(winner(cell, units=12), tmp_path / "digits.py", force=True)
        assert result.verdict is Verdict.VERIFIED, result.message
        assert result.warnings[0].startswith("written from the model's layers, not from the cell: ")
        assert re.search(why, result.warnings[0]), result.warnings
    kept = write_code(winner(SCALED + WEIGHTS, units=12), tmp_path / "own.py")
    assert (kept.verdict, len(kept.warnings)) == (Verdict.VERIFIED, 1)
    assert "x_train = x_train - x_train.mean(axis=0)" in (tmp_path / "own.py").read_text()


def test_sample_weights_follow_the_rows_of_a_fold(winner, notebook, checked_here, tmp_path):
    notebook.namespace["by_sample"] = np.arange(80.0)
    for line, own in [(WEIGHTS, True), ("sample_weight = by_sample\n", False)]:
        won = winner(SCALED + line, folds=4, units=9)
        result = write_code(won, tmp_path / "digits.py", force=True)
        assert result.verdict is Verdict.VERIFIED, result.message
        assert (len(result.warnings) == 1) is own, result.warnings
    with np.load(tmp_path / "digits.npz") as kept:
        np.testing.assert_array_equal(kept["sample_weight"], won.fold.train_rows)


@pytest.mark.parametrize(
    ("line", "given", "expected"),
    [
        ('"""Pass epochs=3 to train for longer."""', "", 4),
        ("del kwargs['epochs']", "epochs=3, ", 3),
        ("pass", "epochs=3, ", 3),
    ],
    ids=["in a docstring", "taken out", "set"],
)
def test_a_fit_of_one_s_own_trains_the_epochs_that_the_study_trained(winner, scripted, line, given, expected):
    cell = OWN_FIT.replace("LINE", line).replace("GIVEN", given)
    names, _, _ = scripted(winner(cell, units=10))
    model, _ = names["train"](names["load"](names["DATA"]), verbose=0)
    assert len(model.history.epoch) == expected


def test_the_best_epoch_is_one_whose_score_is_a_number(winner, scripted):
    names, _, _ = scripted(winner(SCALED, units=9))
    best = names["BestEpoch"]()
    best.set_model(names["make"](names["load"](names["DATA"]))[0])
    for epoch, score in enumerate([float("nan"), 0.25, float("inf"), 0.5, float("nan")]):
        best.on_epoch_end(epoch, {"val_accuracy": score})
    assert (best.score, best.epoch) == (0.5, 4)


def test_data_is_the_same_where_only_sums_were_added_in_another_order():
    classes = np.array([3, 400_000])
    assert what_differs({"y_val": classes}, {"y_val": classes - 1}) == "2 of 2 rows of its y_val are not the study's"
    rows = np.array([[2e6, 1.0, np.nan], [1e6, -1.0, 0.0]])
    same = {"x_train": rows, "y_train": np.array(["a", "b"], object)}
    assert what_differs(same, {"x_train": rows * (1 + 1e-6), "y_train": np.array(["a", "b"])}) == ""
    for other, told in [
        ({"x_train": rows + np.array([0, 0.01, 0])}, "2 of 2 rows of its x_train are not the study's"),
        ({"x_train": rows[:1]}, "its x_train has shape (1, 3), the study's (2, 3)"),
        ({"y_train": np.array(["a", "c"])}, "1 of 2 rows of its y_train are not the study's"),
        ({"y_train": np.array([1, 2])}, "2 of 2 rows of its y_train are not the study's"),
        ({"sample_weight": np.ones(2)}, "it trains with sample_weight, unlike the study"),
    ]:
        assert what_differs(same, {**same, **other}) == told
