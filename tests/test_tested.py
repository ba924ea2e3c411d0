"""A study's best model on a test part that the search has never seen."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tunemagic
from tunemagic.analysis.held_out import HeldOutInfo, bootstrap_interval, held_out_verdict
from tunemagic.errors import DataError
from tunemagic.events import Direction
from tunemagic.i18n import Language, catalogue

EASY = """
units = hp.Int("units", 8, 32, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
INFO = HeldOutInfo(
    study="s", trial=3, metric="accuracy", direction=Direction.MAX, test=0.9, low=0.85, high=0.94, rows=200
)


@pytest.fixture(scope="module")
def study(some_digits: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A finished study of 80 digits, for all tests that only look at it."""
    import keras

    def build(hp: Any) -> Any:
        units = hp.Int("units", 8, 32, step=8)
        layers = [keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")]
        model = keras.Sequential(layers)
        model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    folder = tmp_path_factory.mktemp("studies")
    options = {"objective": "val_accuracy", "max_trials": 2, "epochs": 8, "workers": 0}
    study = tunemagic.tune(build, data=some_digits, name="s", directory=folder, **options)
    yield study
    study.close()


def objective(name: str) -> Any:
    from tunemagic.request import Objective

    return Objective(name=name)


@pytest.fixture(scope="module")
def others() -> tuple[Any, Any]:
    """200 digits of later writers: x (200, 64) from 0 to 1, y (200,)."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data[-200:] / 16).astype("float32"), found.target[-200:]


def test_the_best_model_is_scored_on_it_with_an_interval(study: Any, others: tuple[Any, Any]) -> None:
    x, y = others
    info = study.test(x, y)
    model = study.best_model
    right = model.predict(x, verbose=0).argmax(axis=1) == y
    assert info.test == pytest.approx(right.mean())
    assert info.validation == pytest.approx(study.best_trial.score)
    assert (info.trial, info.metric, info.direction) == (study.best_trial.number, "accuracy", Direction.MAX)
    assert (info.rows, info.validation_rows, info.prepared) == (200, 16, ())
    # The normal approximation of a share's interval.
    half = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 200)
    assert [info.low, info.high] == pytest.approx([right.mean() - half, right.mean() + half], abs=0.02)
    assert info.optimism == pytest.approx(info.validation - info.test)
    assert study.test(x, y) == info


def test_each_look_is_noted_once(study: Any, others: tuple[Any, Any]) -> None:
    x, y = others
    first = study.test(x, y)
    study.test(x.astype("float64"), y.astype("int32"))
    note = f"trial {first.trial} scored accuracy {first.test:.4g} on a test part of 200 samples ("
    assert len([each for each in looks(study) if each.startswith(note)]) == 1
    before = len(looks(study))
    assert study.test(x[:100], y[:100]).looks == before + 1
    assert len(looks(study)) == before + 1
    assert study.test(x[::-1], y[::-1]).test == first.test
    assert len(looks(study)) == before + 2


def test_a_single_row_has_a_score_without_an_interval(study: Any, others: tuple[Any, Any]) -> None:
    x, y = others
    info = study.test(x[:1], y[:1])
    assert (info.test in (0.0, 1.0), info.low, info.high, info.rows) == (True, None, None, 1)
    assert repr(info).splitlines()[2] == f"test: {info.test:.0f}"


def looks(study: Any) -> list[str]:
    return [note for note in study.view.notes if "on a test part of" in note]


def test_test_samples_that_were_trained_on_are_counted(study: Any, some_digits: tuple[Any, Any]) -> None:
    info = study.test(some_digits[0].astype("float64"), some_digits[1])
    assert info.doubles == 80
    assert held_out_verdict(info)[0] == (
        "80 of 80 test samples stand among the samples that were trained or chosen on, so the test score is too good."
    )


def test_a_loss_is_scored_without_penalties_on_both_sides(open_cell: Any, others: tuple[Any, Any]) -> None:
    cell = EASY.replace('Dense(units, "relu")', 'Dense(units, "relu", kernel_regularizer="l2")')
    study = open_cell("x_train = x_train * 1.0\n" + cell, workers=0)
    study.start()
    assert study.wait(60)
    info = study.test(*others)
    assert (info.metric, info.direction, info.prepared) == ("loss", Direction.MIN, ("x_train",))
    assert study.best_trial.score - info.validation > 0.1  # what the penalties add
    assert info.optimism == pytest.approx(info.test - info.validation)
    assert "The study's cell makes x_train anew" in repr(info)


def test_with_folds_the_trials_score_stands_beside_it(open_cell: Any, others: tuple[Any, Any]) -> None:
    study = open_cell(EASY, objective=objective("val_accuracy"), folds=2, max_trials=1, workers=0)
    study.start()
    assert study.wait(60)
    info = study.test(*others)
    assert (info.validation, info.validation_rows) == (study.best_trial.score, 0)
    assert info.test == pytest.approx((study.best_model.predict(others[0], verbose=0).argmax(1) == others[1]).mean())


def test_a_dataset_can_be_the_test_part(study: Any, others: tuple[Any, Any]) -> None:
    import tensorflow as tf

    again = study.test(tf.data.Dataset.from_tensor_slices(others).batch(32))
    assert again == study.test(*others)


def test_a_test_part_that_does_not_fit_is_told_in_one_line(study: Any, others: tuple[Any, Any]) -> None:
    x, y = others
    before = looks(study)
    for arguments, text in (
        ((x,), "the test part needs targets: test(x_test, y_test), --test x_test,y_test."),
        (
            (x, y[:5]),
            "numbers of samples differ: the test part has 200, its targets has 5; expected one target for each",
        ),
        ((x, y + 10), "the test part does not fit the model: the model has 10 classes, so labels 0 to 9 were expected"),
        ((x[:, :9], y), "the test part does not fit the model: "),
        (
            (np.where(np.arange(200)[:, None] == 7, np.nan, x), y),
            "the test part: the model has no finite answer for 1 of 200 samples, the first in row 7; look for missing",
        ),
        (
            (x, np.where(np.arange(200) == 3, np.nan, y)),
            "y of the test part has 1 NaN values in 1 of 200 rows, the first at row 3; expected a target for each",
        ),
        ((x, y.astype(str)), "y of the test part: received texts (type <U21); expected numbers, as the model was"),
    ):
        with pytest.raises(DataError) as raised:
            study.test(*arguments)
        assert str(raised.value).startswith(text)
    assert looks(study) == before


def test_targets_are_read_as_the_study_reads_its_own(tmp_path: Any, some_digits: tuple[Any, Any]) -> None:
    import keras

    def build(hp: Any) -> Any:
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Choice("n", [1]), "sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        return model

    x, y = some_digits[0], some_digits[1] % 2
    options = {"objective": "val_accuracy", "max_trials": 1, "epochs": 2, "workers": 0}
    study = tunemagic.tune(build, data=(x, y), name="even", directory=tmp_path, **options)
    with pytest.raises(DataError, match=r"y of the test part: received -1; expected 0 or 1, as in the study's own"):
        study.test(x, y * 2 - 1)
    right = (study.best_model.predict(x, verbose=0)[:, 0] > 0.5) == y
    assert study.test(x, y).test == pytest.approx(right.mean())
    assert study.test(x, y).validation == pytest.approx(study.best_trial.score)
    study.close()


def changed(**fields: Any) -> HeldOutInfo:
    import dataclasses

    return dataclasses.replace(INFO, **fields)


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (INFO, ()),
        (
            changed(validation=0.92),
            (
                "The validation score lies inside the test's interval (difference 0.02): nothing shows that the search "
                "has fitted its validation part.",
            ),
        ),
        (
            changed(validation=0.99),
            (
                "The validation score is better by 0.09, outside the test's interval: the trials were chosen by it. "
                "Expect the test score.",
            ),
        ),
        (
            changed(direction=Direction.MIN, validation=0.99, looks=3),
            (
                "The test score is better by 0.09, and the validation score lies outside its interval: the test part "
                "is easier or of another kind.",
                "3 models were scored on a test part of this study so far. A test that is looked at again and again "
                "becomes validation.",
            ),
        ),
    ],
)
def test_what_follows_is_said(info: HeldOutInfo, said: tuple[str, ...]) -> None:
    assert held_out_verdict(info) == said
    assert len(held_out_verdict(info, catalogue(Language.CHINESE))) == len(said)


def test_it_is_shown_as_text() -> None:
    assert repr(changed(validation=0.92, validation_rows=40)).splitlines()[:3] == [
        "s, trial 3, accuracy",
        "validation: 0.92",
        "test: 0.9 0.85 to 0.94",
    ]


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for seed in range(40):
        right = generator.random(120) < 0.8
        low, high = bootstrap_interval(lambda rows, right=right: float(right[rows].mean()), 120, seed=seed)
        inside += low <= 0.8 <= high
    assert 34 <= inside <= 40
