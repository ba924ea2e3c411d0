"""What is looked at inside a converted file, and files that the runtime refuses."""

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.convert import check_file, convert_graph
from tunemagic.export.handover import hand_over
from tunemagic.export.runtime import run_file
from tunemagic.request import QuantMode

PARAMS = 64 * 64 + 64 + 64 * 10 + 10


def test_files_that_are_what_was_asked_for_pass(dense_files):
    for result in dense_files[1]:
        assert check_file(result.path.read_bytes(), QuantMode(result.mode), PARAMS) == []


def test_a_float_file_passed_off_as_int8_is_noticed(dense_files):
    content = (dense_files[0] / "digits.tflite").read_bytes()
    with pytest.raises(ExportError, match="the converter wrote a float file without a word"):
        check_file(content, QuantMode.INT8, PARAMS)
    assert check_file(content, QuantMode.DYNAMIC, PARAMS) == [
        "no weight tensor is large enough (1024 values) to be quantised, so this is a float file"
    ]


def test_a_file_without_its_weights_is_noticed(dense_files):
    content = (dense_files[0] / "digits.tflite").read_bytes()
    with pytest.raises(
        ExportError, match=r"the converter wrote \d+ bytes for 1000000 weights .* the weights are missing"
    ):
        check_file(content, QuantMode.NONE, 1_000_000)


def test_operations_that_the_runtime_lacks_are_named(dense_files):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    content = (dense_files[0] / "digits.tflite").read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    for code, name in zip(model.operatorCodes, [b"FlexErfinv", b"mine"], strict=False):
        code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, name
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(
        ExportError,
        match=r"the file needs CUSTOM mine, FlexErfinv \(.*dense.*\), which the LiteRT runtime does not have",
    ):
        check_file(bytes(builder.Output()), QuantMode.NONE, PARAMS)


class Beta(keras.layers.Layer):
    def call(self, x):
        import tensorflow as tf

        return tf.math.betainc(x + 1.0, x + 1.0, x)


def test_a_layer_that_tf_lite_has_no_operation_for_is_named_by_its_operation(tmp_path):
    model = keras.Sequential([keras.Input((3,)), Beta(name="strange")])
    hand_over(model, tmp_path, np.full((4, 3), 0.5, "float32"))
    expected = r"refused the model: operation tf\.Betainc in layer strange\w* has no TF Lite form"
    with pytest.raises(ExportError, match=expected):
        convert_graph(tmp_path / "graph", QuantMode.NONE, None, [])


def test_a_file_that_is_none_or_has_another_input_is_refused(dense_files, tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no file at all")
    with pytest.raises(ExportError, match="the file does not run in LiteRT"):
        run_file(broken, np.zeros((8, 64), "float32"))
    with pytest.raises(ExportError, match="the file does not run in LiteRT"):
        run_file(dense_files[0] / "digits.tflite", np.zeros((8, 63), "float32"))
