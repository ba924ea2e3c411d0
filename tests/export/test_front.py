"""int8 and float16 leave a preparation in float; missing values go through every model that has an answer for them."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import ops

from tunemagic import prep
from tunemagic.errors import ExportError
from tunemagic.export.contents import contents_of
from tunemagic.export.convert import convert, convert_graph
from tunemagic.export.front import front_of
from tunemagic.export.handover import _write_graph
from tunemagic.export.infer import infer_model
from tunemagic.export.runtime import run_file
from tunemagic.export.task import prepare
from tunemagic.request import QuantMode

X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
GAPS = np.where(np.arange(40)[:, None] % 4 == 0, np.float32("nan"), X)


def body():
    return keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])


def named(name):
    inputs = keras.Input((5,))
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(5, name=name)(inputs)))


def test_a_preparation_is_known_and_another_layer_of_its_name_is_not():
    assert front_of(prep.recipe().fit(X).wrap(body()))
    assert not front_of(named("preparation"))
    assert not front_of(named("first"))


def test_a_model_with_an_answer_for_missing_values_is_compared_on_them():
    task = prepare(prep.recipe().fit(X).wrap(body()), GAPS, None, None, [], None)
    np.testing.assert_array_equal(task.x, GAPS)
    inputs = keras.Input((5,))
    filled = ops.where(ops.isnan(inputs), 0.0, inputs)
    own = keras.Model(inputs, keras.layers.Dense(2)(filled))
    assert np.isfinite(prepare(own, GAPS, None, None, [], None).keras).all()


def test_a_model_without_one_is_refused_as_before():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    with pytest.raises(ExportError, match="x_eval: expected finite numbers; received 50 NaN, first in sample 0"):
        prepare(model, GAPS, None, None, [], None)


def test_int8_is_calibrated_on_samples_without_missing_values():
    model = prep.recipe().fit(X).wrap(body())
    given = prepare(model, GAPS, None, GAPS, [QuantMode.INT8], None)
    np.testing.assert_array_equal(given.calibration, X[np.arange(40) % 4 != 0])
    aside = prepare(model, GAPS, None, None, [QuantMode.INT8], None)
    assert np.isfinite(aside.calibration).all()
    with pytest.raises(ExportError, match="expected samples without missing values; received NaN in all 10"):
        prepare(model, GAPS, None, GAPS[::4], [QuantMode.INT8], None)


def test_float16_leaves_a_preparation_in_float(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal([1e6, 20_000], [3e3, 5], (60, 2)).astype(np.float32)  # float16 ends at 65504
    x[::9, 0] = np.nan
    table = np.column_stack([x, random.integers(0, 3, 60)]).astype(np.float32)
    # Without categories the converter merges the scale into the first kernel, which then belongs to the preparation.
    for name, rows, categories, halves in (("numbers", x, (), 1), ("categories", table, (2,), 2)):
        model = prep.recipe(outliers="clip_iqr", categories=categories).fit(rows).wrap(body())
        (tmp_path / name).mkdir()
        _write_graph(infer_model(model), tmp_path / name, rows)
        file = tmp_path / f"{name}.tflite"
        file.write_bytes(convert_graph(tmp_path / name / "graph", QuantMode.FLOAT16, None, [], prepares=True))
        np.testing.assert_allclose(run_file(file, rows).outputs, model.predict(rows, verbose=0), atol=0.01)
        operations = [detail["op_name"] for detail in Interpreter(model_path=str(file))._get_ops_details()]
        assert operations.count("DEQUANTIZE") == halves


@pytest.mark.parametrize("mode", [QuantMode.DYNAMIC, QuantMode.INT4, QuantMode.MIXED])
def test_columns_of_different_size_keep_their_values_in_modes_that_round_weights(tmp_path, mode):
    keras.utils.set_random_seed(5)
    x = np.random.default_rng(1).normal([1e6, 20, 0.01], [3e3, 5, 0.001], (60, 3)).astype(np.float32)
    layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu"), keras.layers.Dense(2)]
    model = prep.recipe().fit(x).wrap(keras.Sequential(layers))
    _write_graph(infer_model(model), tmp_path, x)
    made = convert(tmp_path / "graph", mode, x, [], prepares=True)
    assert "the preparation in front stays in float" in made.remarks
    (tmp_path / "a.tflite").write_bytes(made.content)
    expected = model.predict(x, verbose=0)
    received = run_file(tmp_path / "a.tflite", x).outputs
    assert np.abs(received - expected).max() < (0.02 if mode is QuantMode.DYNAMIC else 0.2) * np.ptp(expected)
    stored = contents_of(made.content).constants
    assert stored["int4" if mode is QuantMode.INT4 else "int8"] > 1000


def test_int16x8_behind_a_preparation_is_refused_with_the_mode_that_works(tmp_path):
    with pytest.raises(ExportError, match=r"int16x8: the model begins with a preparation.* Use int8"):
        convert(tmp_path, QuantMode.INT16X8, X, [], prepares=True)
