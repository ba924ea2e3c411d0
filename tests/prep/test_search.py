"""A recipe inside a tuned cell: learned from the rows that the trial trains on, searched, trained fast."""

import textwrap
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

import tunemagic
from tunemagic import prep
from tunemagic.errors import DataError
from tunemagic.events import Direction
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.folds import joined, split_folds
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import Ending, StopFlag, TrialJob, Work
from tunemagic.search.parts import fold_of, run_on
from tunemagic.search.train import run_job

CELL = """
import tunemagic
from tunemagic import prep
scaler = hp.Choice("scaler", ["none", "minmax", "zscore"])
prepared = prep.recipe(scaler=scaler, missing="drop_rows").fit(x_train, y_train)
{rows}
model = prepared.wrap(keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]))
model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
learned.append(prepared)
"""
ROWS = "x_train, y_train = prepared.rows(x_train, y_train)"
LAST = ValSplit(kind=ValKind.LAST, fraction=0.2)


@pytest.fixture
def wine() -> dict[str, Any]:
    x, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x = x[order].astype(np.float32)
    x[::10, 3] = np.nan  # of every part
    return {"x_train": x, "y_train": y[order], "keras": keras, "learned": []}


def job_of(namespace: dict[str, Any], rows: str = "", request: TuneRequest | None = None, **changes: Any) -> TrialJob:
    data = resolve_data(request or TuneRequest(), namespace, seed=0)
    hp = new_hyperparameters()
    hp.values = {"scaler": "zscore"}
    program = read_cell(textwrap.dedent(CELL.format(rows=rows)), namespace, data_names=(*data.names, *data.val_names))
    work = Work(program=program, data=data, objective="val_loss", direction=Direction.MIN, **changes)
    return TrialJob(trial=1, attempt=1, work=work, hp=hp, epochs=2, seed=7)


def means(preparation: prep.Preparation) -> list[float]:
    return [column.shift for column in preparation.columns]


def mean_of(x: Any) -> Any:
    return StandardScaler().fit(x[~np.isnan(x).any(axis=1)].astype(np.float64)).mean_


@pytest.mark.parametrize("val", [None, LAST], ids=["shuffled", "last"])
def test_a_recipe_learns_from_the_training_part_though_the_cell_sees_all_rows(wine: Any, val: Any) -> None:
    job = job_of(wine, request=TuneRequest(val=val))
    _, data, _ = run_on(job.work.program, job.hp, job.work.data)
    assert len(data.x) == 142
    np.testing.assert_allclose(means(wine["learned"][-1]), mean_of(data.x), rtol=1e-6)
    assert wine["learned"][-1].report.given == 178
    assert wine["learned"][-1].report.rows == 142


def test_each_fold_has_its_own_training_part(wine: Any) -> None:
    job = job_of(wine, folds=3)
    whole = joined(job.work.data)
    for run, expected in enumerate(split_folds(whole, 3, seed=0), 1):
        fold = fold_of(job.work.data, 3, run, seed=0)
        _, _, given = run_on(job.work.program, job.hp, job.work.data, fold)
        assert given is fold
        np.testing.assert_array_equal(fold.train_rows, expected.train_rows)
        np.testing.assert_allclose(means(wine["learned"][-1]), mean_of(whole.x[expected.train_rows]), rtol=1e-6)


def test_rows_are_dropped_from_training_and_never_from_validation(wine: Any) -> None:
    before = job_of(wine).work.data
    job = job_of(wine, ROWS)
    _, data, _ = run_on(job.work.program, job.hp, job.work.data)
    whole = ~np.isnan(before.x).any(axis=1)
    assert whole.sum() < len(before.x)
    np.testing.assert_array_equal(data.x, before.x[whole])
    np.testing.assert_array_equal(data.y, before.y[whole])
    np.testing.assert_array_equal(data.val_x, before.val_x)
    np.testing.assert_array_equal(data.val_y, before.val_y)
    assert np.isnan(data.val_x).any()


def test_rows_are_dropped_from_the_training_part_of_each_fold(wine: Any) -> None:
    job = job_of(wine, ROWS, folds=3)
    whole = joined(job.work.data)
    fold = fold_of(job.work.data, 3, 2, seed=0)
    _, data, counted = run_on(job.work.program, job.hp, job.work.data, fold)
    left = joined(data)
    train = whole.x[fold.train_rows]
    np.testing.assert_array_equal(left.x[counted.train_rows], train[~np.isnan(train).any(axis=1)])
    np.testing.assert_array_equal(left.x[counted.val_rows], whole.x[fold.val_rows])
    np.testing.assert_array_equal(left.y[counted.val_rows], whole.y[fold.val_rows])


def test_with_validation_data_of_its_own_all_rows_are_learned_from(wine: Any) -> None:
    namespace = {**wine, "x_val": wine["x_train"][:30], "y_val": wine["y_train"][:30]}
    val = ValSplit(kind=ValKind.NAMES, names=("x_val", "y_val"))
    job = job_of(namespace, ROWS, TuneRequest(val=val))
    _, data, _ = run_on(job.work.program, job.hp, job.work.data)
    np.testing.assert_allclose(means(wine["learned"][-1]), mean_of(wine["x_train"]), rtol=1e-6)
    assert (len(data.x), len(data.val_x)) == (160, 30)


@pytest.mark.parametrize("rows", ["", ROWS], ids=["kept", "dropped"])
@pytest.mark.parametrize("folds", [0, 2])
def test_a_wrapped_model_trains_by_whole_epochs_in_one_graph(wine: Any, rows: str, folds: int) -> None:
    outcome = run_job(job_of(wine, rows, folds=folds), lambda report: None, StopFlag())
    assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")
    assert outcome.trainer.startswith("whole epochs in one graph call")
    assert "this trial only" not in outcome.trainer


def test_the_best_model_of_folds_is_prepared_as_in_its_own_fold(wine: Any, tmp_path: Path) -> None:
    x, y = wine["x_train"], wine["y_train"]

    def build(hp: Any) -> Any:
        prepared = prep.recipe(scaler=hp.Choice("scaler", ["zscore"])).fit(x, y)
        model = prepared.wrap(keras.Sequential([keras.layers.Dense(3, "softmax")]))
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        return model

    study = tunemagic.tune(build, data=(x, y), folds=3, max_trials=1, epochs=3, directory=tmp_path, workers=0, seed=0)
    trial = study.best_trial
    run = trial.best_run(Direction.MIN)
    fold = fold_of(study.data, 3, run, seed=0)
    held_out = study.best_model.evaluate(x[fold.val_rows], y[fold.val_rows], verbose=0)
    assert held_out == pytest.approx(trial.scores[run - 1], rel=1e-4)


CHAIN = """
first = prep.recipe(missing="drop_rows").fit(x_train, y_train)
x_train, y_train = first.rows(x_train, y_train)
again = prep.recipe(scaler="zscore", outliers="drop_iqr").fit(x_train, y_train, like=first)
x_train, y_train = again.rows(x_train, y_train)
model = again.wrap(keras.Sequential([keras.layers.Dense(3, "softmax")]))
model.compile("sgd", loss="sparse_categorical_crossentropy")
learned.append(again)
"""


def job_of_cell(cell: str, namespace: dict[str, Any], request: TuneRequest | None = None, **changes: Any) -> TrialJob:
    data = resolve_data(request or TuneRequest(), namespace, seed=0)
    program = read_cell(cell, {**namespace, "prep": prep}, data_names=(*data.names, *data.val_names))
    work = Work(program=program, data=data, objective="val_loss", direction=Direction.MIN, **changes)
    return TrialJob(trial=1, attempt=1, work=work, hp=new_hyperparameters(), epochs=1, seed=7)


@pytest.mark.parametrize("folds", [0, 3])
def test_what_follows_dropped_rows_is_learned_and_dropped_from_the_training_part_too(wine: Any, folds: int) -> None:
    job = job_of_cell(CHAIN, wine, folds=folds)
    before = joined(job.work.data)
    fold = fold_of(job.work.data, folds, 2, seed=0)
    _, data, counted = run_on(job.work.program, job.hp, job.work.data, fold)
    trained, held = (job.work.data if fold is None else fold).train_rows, (fold or job.work.data).val_rows
    x = before.x[np.sort(trained)]
    x = x[~np.isnan(x).any(axis=1)]
    low, high = np.percentile(x, 25, axis=0), np.percentile(x, 75, axis=0)
    inside = ~((x < low - 1.5 * (high - low)) | (x > high + 1.5 * (high - low))).any(axis=1)
    assert 0 < inside.sum() < len(x)
    np.testing.assert_allclose(means(wine["learned"][-1]), mean_of(x[inside]), rtol=1e-6)
    left = joined(data)
    train_rows, val_rows = (counted or data).train_rows, (counted or data).val_rows
    np.testing.assert_array_equal(left.x[np.sort(train_rows)], x[inside])
    np.testing.assert_array_equal(left.x[val_rows], before.x[held])


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            "prep.recipe().fit(x_train[:90])",
            "received 90 rows in a trial; expected all 178, to leave out those that validate. Give whole arrays, or "
            "learn before the cell.",
        ),
        (
            "prepared = prep.recipe(missing='drop_rows').fit(x_train)\nx_train = prepared.rows(x_train)\n"
            "prep.recipe().fit(x_train[:90])",
            "received 90 rows in a trial; expected all 178, or the 163 that prepared.rows left, to leave out those "
            "that validate. Give whole arrays, or learn before the cell.",
        ),
        (
            "prepared = prep.recipe(missing='drop_rows').fit(x_train)\n"
            "x_other, y_train = prepared.rows(x_train, y_train)\nx_train = prepared.rows(x_train[::-1])",
            "rows: 14 rows of the whole data would be dropped, others than before; expected one set of rows in a "
            "trial. Drop further rows from what the first call gave.",
        ),
    ],
    ids=["slice", "slice after a drop", "two drops"],
)  # fmt: skip
def test_rows_of_which_it_cant_be_told_which_validate_are_refused(wine: Any, cell: str, message: str) -> None:
    tail = "model = keras.Sequential([keras.layers.Dense(3)])\nmodel.compile('sgd', 'mse')\n"
    job = job_of_cell(f"{cell}\n{tail}", wine)
    with pytest.raises(DataError) as caught:
        run_on(job.work.program, job.hp, job.work.data)
    assert str(caught.value) == message


@pytest.mark.parametrize("folds", [0, 2])
@pytest.mark.parametrize("own", [False, True], ids=["split", "own validation"])
def test_weights_of_all_samples_fit_rows_that_were_dropped(wine: Any, folds: int, own: bool) -> None:
    namespace = {**wine, "x_val": wine["x_train"][:30], "y_val": wine["y_train"][:30], "w": np.arange(178.0)}
    val = ValSplit(kind=ValKind.NAMES, names=("x_val", "y_val")) if own else None
    job = job_of(namespace, f"{ROWS}\nsample_weight = w", TuneRequest(val=val), folds=folds)
    setup, data, _ = run_on(job.work.program, job.hp, job.work.data, fold_of(job.work.data, folds, 1, seed=0))
    gaps = np.isnan(wine["x_train"]).any(axis=1)
    weights = joined(data).training_rows(setup.fit["sample_weight"], "sample_weight")
    assert len(weights) < 178
    whole = {tuple(np.nan_to_num(row)): weight for row, weight in zip(wine["x_train"], np.arange(178.0), strict=True)}
    np.testing.assert_array_equal(weights, [whole[tuple(np.nan_to_num(row))] for row in joined(data).x])
    assert (gaps.sum(), run_job(job, lambda report: None, StopFlag()).ending) == (18, Ending.FINISHED)


@pytest.mark.parametrize("val", [None, LAST], ids=["shuffled", "last"])
def test_gaps_are_filled_in_time_from_rows_of_the_training_part_before(val: Any) -> None:
    x = np.arange(100.0)[:, None]
    x[70:80] = np.nan
    x[80:] += 1000
    namespace = {"x_train": x, "y_train": np.arange(100) % 3, "keras": keras, "learned": []}
    cell = (
        "prepared = prep.recipe(scaler='mean', missing='interpolate').fit(x_train)\nlearned.append(prepared)\n"
        "x_train = prepared.encode(x_train)\nmodel = prepared.wrap(keras.Sequential([keras.layers.Dense(3)]))\n"
        "model.compile('sgd', 'mse')\n"
    )
    job = job_of_cell(cell, namespace, TuneRequest(val=val))
    _, data, _ = run_on(job.work.program, job.hp, job.work.data)
    rows = np.sort(data.train_rows)
    expected = pd.Series(x[rows, 0]).ffill()
    assert namespace["learned"][-1].columns[0].shift == pytest.approx(expected.mean(), rel=1e-6)
    np.testing.assert_array_equal(joined(data).x[:, 0], pd.Series(x[:, 0]).ffill())
