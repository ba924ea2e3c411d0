"""The preparation in front of a model: wrapped, saved and loaded without this package, written as TF Lite."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_wine

import tunemagic
from tunemagic import models, prep
from tunemagic.errors import DataError
from tunemagic.events import Verdict

RECIPE = prep.recipe(missing="median", outliers="clip_iqr")


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    """Wine with a category, and with gaps in numbers and category."""
    x, y = load_wine(return_X_y=True)
    random = np.random.default_rng(0)
    frame = pd.DataFrame(np.where(random.random(x.shape) < 0.05, np.nan, x), columns=load_wine().feature_names)
    frame["taste"] = np.array(["dry", "sweet", "sour", None], dtype=object)[np.where(random.random(178) < 0.3, 3, y)]
    return frame, y


def body(width: int = 16) -> Any:
    return keras.Sequential([keras.layers.Dense(width, "relu"), keras.layers.Dense(3, "softmax")])


def compiled(model: Any) -> Any:
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_wrapped_model_answers_raw_rows_as_its_inside_answers_prepared_ones(table: Any) -> None:
    prepared = RECIPE.fit(*table)
    inside = body()
    model = prepared.wrap(inside)
    assert (model.input_shape, prepared.shape) == ((None, 14), (16,))
    raw = prepared.encode(table[0])
    assert np.isnan(raw).any()
    answers = model.predict(raw, verbose=0)
    assert np.isfinite(answers).all()
    np.testing.assert_allclose(inside.predict(prepared.transform(table[0]), verbose=0), answers, atol=1e-6)
    assert [layer.name for layer in model.layers[:2]] == ["raw", "preparation"]


def test_a_compiled_model_stays_compiled_and_a_functional_one_stays_whole(table: Any) -> None:
    prepared = RECIPE.fit(*table)
    inputs = keras.Input(prepared.shape)
    inside = compiled(keras.Model(inputs, keras.layers.Dense(3, "softmax")(inputs)))
    model = prepared.wrap(inside)
    assert model.optimizer is inside.optimizer
    history = model.fit(prepared.encode(table[0]), table[1], epochs=1, verbose=0).history
    assert set(history) == {"loss", "accuracy"}


def test_layers_that_follow_one_another_stay_so_and_others_stay_a_model(table: Any) -> None:
    prepared = RECIPE.fit(*table)
    inputs = keras.Input(prepared.shape)
    first = keras.layers.Dense(16, "relu", name="first")(inputs)
    chain = keras.Model(inputs, keras.layers.Dense(3, name="last")(first), name="chain")
    skip = keras.Model(inputs, keras.layers.Dense(3)(first + inputs), name="skip")
    names = [[layer.name for layer in prepared.wrap(model).layers] for model in (chain, skip)]
    assert names == [["raw", "preparation", "first", "last"], ["raw", "preparation", "skip"]]
    raw = prepared.encode(table[0])
    for model in (chain, skip):
        expected = model.predict(prepared.transform(table[0]), verbose=0)
        np.testing.assert_allclose(prepared.wrap(model).predict(raw, verbose=0), expected, atol=1e-6)


def test_what_cant_stand_behind_a_preparation_is_refused(table: Any) -> None:
    prepared = RECIPE.fit(*table)
    with pytest.raises(DataError, match="wrap: expected a Keras model; received str"):
        prepared.wrap("model")
    inputs = [keras.Input((16,)), keras.Input((16,))]
    with pytest.raises(DataError, match="wrap: pair has 2 inputs; expected a model with one"):
        prepared.wrap(keras.Model(inputs, keras.layers.Add()(inputs), name="pair"))
    with pytest.raises(DataError, match=r"takes rows of shape \(14,\); prepared rows have \(16,\)"):
        prepared.wrap(keras.Sequential([keras.Input((14,)), keras.layers.Dense(3)]))


class OwnStep(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.body = body()

    def call(self, x: Any) -> Any:
        return self.body(x)

    def train_step(self, data: Any) -> Any:
        raise RuntimeError("is never called")


class Twice(keras.Sequential):
    def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(x) * 2


@pytest.mark.parametrize("kind", ["class", "second order"])
def test_a_model_with_a_training_of_its_own_is_refused(table: Any, kind: str) -> None:
    prepared = RECIPE.fit(*table)
    model = OwnStep()
    if kind == "second order":
        model = body()
        model.build((None, *prepared.shape))
        models.compile(model, "hessian_free", loss="sparse_categorical_crossentropy")
    with pytest.raises(DataError) as caught:
        prepared.wrap(model)
    assert str(caught.value) == (
        f"wrap: {model.name} has a train_step of its own, which the whole model would not call. Wrap first, compile "
        "afterwards; of a class of your own, wrap its layers."
    )


def test_a_chain_of_a_class_of_the_users_own_answers_as_it_does_alone(table: Any) -> None:
    prepared = RECIPE.fit(*table)
    twice = Twice([keras.Input(prepared.shape), *body().layers])
    expected = twice.predict(prepared.transform(table[0]), verbose=0)
    np.testing.assert_allclose(prepared.wrap(twice).predict(prepared.encode(table[0]), verbose=0), expected, atol=1e-6)
    assert expected.sum() == pytest.approx(2 * len(expected), rel=1e-4)


def modules_in(config: Any) -> set[str]:
    """The modules of all classes that a config names."""
    if isinstance(config, dict):
        own = {str(config["module"])} if config.get("module") else set()
        return own.union(*map(modules_in, config.values()))
    return set().union(*map(modules_in, config)) if isinstance(config, list | tuple) else set()


def test_a_saved_model_needs_keras_only(table: Any, tmp_path: Path) -> None:
    prepared = RECIPE.fit(*table)
    model = compiled(prepared.wrap(body()))
    raw = prepared.encode(table[0])
    model.save(tmp_path / "wine.keras")
    with zipfile.ZipFile(tmp_path / "wine.keras") as file:
        config = json.loads(file.read("config.json"))
    assert {name.partition(".")[0] for name in modules_in(config)} <= {"keras", "builtins"}
    again = keras.saving.load_model(tmp_path / "wine.keras", safe_mode=True)
    np.testing.assert_array_equal(again.predict(raw, verbose=0), model.predict(raw, verbose=0))


def run_lite(path: str, rows: Any) -> Any:
    run = Interpreter(model_path=path).get_signature_runner()
    [source], [target] = run.get_input_details(), run.get_output_details()
    return np.concatenate([run(**{source: row[None]})[target] for row in rows])


@pytest.mark.slow
def test_a_searched_model_is_exported_with_its_preparation_and_takes_raw_rows(table: Any, tmp_path: Path) -> None:
    frame, y = table
    columns = RECIPE.fit(frame, y)
    raw = columns.encode(frame)

    def build(hp: Any) -> Any:
        recipe = prep.recipe(scaler=hp.Choice("scaler", ["minmax", "zscore"]), missing="median")
        prepared = recipe.fit(raw, y, like=columns)
        return compiled(prepared.wrap(body(hp.Int("units", 8, 16))))

    study = tunemagic.tune(
        build, data=(raw, y), objective="val_accuracy", max_trials=2, epochs=20, directory=tmp_path, workers=0
    )
    expected = study.best_model.predict(raw, verbose=0)
    gaps = np.isnan(raw).any(axis=1)
    assert 0 < gaps.sum() < len(gaps)
    done = tunemagic.tflite(study, ["none", "dynamic", "float16", "int8"])
    by_mode = {result.mode: result for result in done}
    for mode, limit in {"none": 1e-5, "dynamic": 0.01, "float16": 0.01, "int8": 0.1}.items():
        assert by_mode[mode].verdict is Verdict.VERIFIED, by_mode[mode].message
        answers = run_lite(by_mode[mode].path, raw)
        # Eight bits move single answers far; on the whole they stay, with gaps and without.
        for rows in (gaps, ~gaps):
            assert np.abs(answers - expected)[rows].mean() < limit
            assert (answers.argmax(1) == expected.argmax(1))[rows].mean() > 0.9
