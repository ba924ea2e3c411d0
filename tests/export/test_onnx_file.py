"""ONNX files answer alike in onnxruntime, also for gaps, text and own layers; those of strangers reach nothing."""

import json

import keras
import numpy as np
import onnx
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.targets import onnx_file


def same(source, path, limit=1e-5):
    """What the file answers, after checking it against the model, a sample at a time too."""
    result = onnx_file.run(path, source.x)
    expected = np.asarray(source.clone(source.x, training=False))
    np.testing.assert_allclose(result.outputs, expected, atol=limit)
    one_by_one = np.concatenate([onnx_file.run(path, source.x[at : at + 1]).outputs for at in range(2)])
    np.testing.assert_allclose(one_by_one, expected[:2], atol=limit)
    return result


def test_a_file_takes_any_batch_under_the_models_names_and_holds_its_facts(source_of, augmented, images, tmp_path):
    source = source_of(augmented, images[1] * 16, about={"study": "数字", "labels": ["0", "1"]})
    path = tmp_path / "m.onnx"
    remarks = onnx_file.write(source, "none", path)
    model = onnx.load(path)
    (taken,), (given,) = model.graph.input, model.graph.output
    assert remarks == [f"opset 15, input {taken.name} (batch, 8, 8, 1), output {given.name}"]
    assert (taken.name, given.name) == (source.clone.inputs[0].name, augmented.layers[-1].name)
    assert [size.dim_param or size.dim_value for size in taken.type.tensor_type.shape.dim] == ["batch", 8, 8, 1]
    assert json.loads(model.metadata_props[0].value) == {"study": "数字", "labels": ["0", "1"]}
    result = same(source, path)
    assert result.runtime.startswith("onnxruntime ")
    assert 0 < result.microseconds_least <= result.microseconds
    assert "Conv" in onnx_file.operations(path)


def test_an_lstm_stays_one_operation(source_of, digits, tmp_path):
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.LSTM(8), keras.layers.Dense(10, "softmax")])
    source = source_of(model, digits.x_held.reshape(-1, 8, 8))
    onnx_file.write(source, "none", tmp_path / "m.onnx")
    same(source, tmp_path / "m.onnx")
    assert "LSTM" in onnx_file.operations(tmp_path / "m.onnx")


def test_gaps_are_filled_in_the_file(gaps, tmp_path):
    assert np.isnan(gaps.x).any()
    onnx_file.write(gaps, "none", tmp_path / "m.onnx")
    assert np.isfinite(same(gaps, tmp_path / "m.onnx").outputs).all()


def test_a_normalization_that_cant_be_folded_asks_for_no_further_input(source_of, digits, tmp_path):
    x = digits.x * 16 + 1e5  # far from zero for its spread: folding would lose digits
    scaling = keras.layers.Normalization()
    scaling.adapt(x)
    source = source_of(keras.Sequential([keras.Input((64,)), scaling, keras.layers.Dense(3)]), x[:50])
    onnx_file.write(source, "none", tmp_path / "m.onnx")
    same(source, tmp_path / "m.onnx", limit=1e-4)


def test_gelu_and_a_convolution_in_groups_have_a_form(source_of, tmp_path):
    layers = [keras.layers.Conv2D(4, 3, groups=2, activation="gelu"), keras.layers.GlobalMaxPooling2D()]
    x = np.random.default_rng(0).normal(size=(20, 6, 6, 2)).astype("float32")
    source = source_of(keras.Sequential([keras.Input((6, 6, 2)), *layers]), x)
    onnx_file.write(source, "none", tmp_path / "m.onnx")
    same(source, tmp_path / "m.onnx")
    assert {"Conv", "Erf"} <= set(onnx_file.operations(tmp_path / "m.onnx"))


def test_text_stays_whole_numbers(source_of, tmp_path):
    layers = [keras.Input((None,), dtype="int32"), keras.layers.Embedding(50, 4), keras.layers.Conv1D(3, 3)]
    layers.append(keras.layers.GlobalAveragePooling1D())
    x = np.random.default_rng(0).integers(0, 50, (20, 6)).astype("int32")
    source = source_of(keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")]), x)
    (remark,) = onnx_file.write(source, "none", tmp_path / "m.onnx")
    assert "(batch, 6)" in remark  # of a length that the model leaves open
    same(source, tmp_path / "m.onnx")


def test_a_model_with_a_layer_of_the_notebooks_own_is_written_from_its_graph(source_of, dense, digits, tmp_path):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Lambda(lambda x: x * 2), *dense.layers])
    source = source_of(model, digits.x_held)
    assert source.clone is None
    onnx_file.write(source, "none", tmp_path / "m.onnx")
    np.testing.assert_allclose(
        onnx_file.run(tmp_path / "m.onnx", digits.x_held).outputs, dense(digits.x_held * 2), atol=1e-5
    )


def test_an_operation_without_a_form_is_named(source_of, tmp_path):
    import tensorflow as tf

    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(tf.math.digamma)])
    source = source_of(model, np.ones((9, 4), "float32"))
    with pytest.raises(ExportError, match=r"^onnx: Digamma has no ONNX form; replace the layer that uses it\.$"):
        onnx_file.write(source, "none", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def hostile(kind):
    make = onnx.helper
    value = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1]) for name in ("x", "y")]
    weight = onnx.numpy_helper.from_array(np.ones((1, 1), "float32"), "w")
    node = make.make_node("MatMul", ["x", "w"], ["y"])
    if kind == "elsewhere":
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="../../../etc/passwd")
    if kind == "library":
        node = make.make_node("Steal", ["x", "w"], ["y"], domain="evil")
    opsets = [make.make_opsetid("", 15), make.make_opsetid("evil", 1)]
    return make.make_model(
        make.make_graph([node], "g", value[:1], value[1:], [weight]), opset_imports=opsets, ir_version=8
    ).SerializeToString()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (hostile("elsewhere"), r"keeps its weights in other files, which are not opened"),
        (hostile("library"), r"does not run in onnxruntime: .*Steal"),
        (b"\x00not onnx", r"is no ONNX file"),
        (hostile("")[:40], r"is no ONNX file"),
    ],
)
def test_a_file_of_a_stranger_reaches_nothing_outside_of_it(content, why, tmp_path):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ExportError, match=f"^onnx: m.onnx {why}"):
        onnx_file.run(tmp_path / "m.onnx", np.ones((2, 1), "float32"))
