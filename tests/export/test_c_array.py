"""C++ sources for TensorFlow Lite Micro, run by its own interpreter on real digits."""

import re

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export import export_model
from tunemagic.export.runtime import run_file
from tunemagic.export.targets import c_array
from tunemagic.export.targets.micro.arena import measure
from tunemagic.export.targets.micro.compiled import check_compiled
from tunemagic.export.targets.micro.operations import resolver_methods
from tunemagic.export.targets.micro.sources import Program, read_arena, read_model, write_sources


@pytest.fixture(scope="module")
def sources(dense, digits, tmp_path_factory):
    """(folder, results by mode) of the dense model."""
    folder = tmp_path_factory.mktemp("micro")
    results = export_model(
        dense,
        [("c", "none"), ("c", "int8"), ("c", "dynamic")],
        x_eval=digits.x_held,
        y_eval=digits.y_held,
        representative=digits.x,
        directory=folder,
        stem="digits",
        about={"labels": list("0123456789")},
    )
    return folder, {result.mode: result for result in results}


def int8_file(dense, digits):
    """A TF Lite file whose input and output are int8 too."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(dense)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in digits.x[:100])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def written(content, folder):
    folder.mkdir()
    program = Program(title="digits", content=content, methods=["AddSoftmax"], needs=measure(content), runtime="here")
    write_sources(program, folder)
    return program


def test_float_and_int8_sources_of_a_dense_model_are_verified_in_the_runtime_of_microcontrollers(sources):
    folder, results = sources
    assert [results[mode].verdict for mode in ("none", "int8")] == ["verified", "verified"]
    assert results["none"].path == folder / "digits-c"
    assert results["int8"].path == folder / "digits.int8-c"
    assert results["int8"].runtime.startswith("tflite-micro ")
    assert results["int8"].operations == ("DEQUANTIZE", "FULLY_CONNECTED", "QUANTIZE", "SOFTMAX")


def test_the_arena_is_measured_and_stands_in_remark_header_and_page(sources):
    _, results = sources
    path = results["int8"].path
    arena = measure(read_model(path)).arena
    assert read_arena(path) == arena
    assert results["int8"].warnings[0].startswith(f"arena: {arena} bytes, measured in tflite-micro ")
    assert f"| Arena in RAM | {arena:,} bytes |" in (path / "README.md").read_text()
    assert arena > 2512  # what the interpreter prints after a run, in which it does not start


def test_the_compiled_array_holds_the_bytes_of_the_model(sources):
    _, results = sources
    content = read_model(results["int8"].path)
    assert check_compiled(results["int8"].path, content) == (
        f"compiled by g++: the array holds the {len(content)} bytes of the model"
    )
    with pytest.raises(ExportError, match=r"the compiled array holds \d+ bytes that are not the model's \d+"):
        check_compiled(results["int8"].path, content[:-1])


def test_without_a_compiler_a_remark_says_that_nothing_was_compiled(sources, monkeypatch):
    _, results = sources
    monkeypatch.setenv("PATH", "")
    assert check_compiled(results["int8"].path, b"") == "not compiled: none of g++, clang++, c++ is installed here"


def test_the_example_registers_the_operations_of_the_file(sources):
    _, results = sources
    text = (results["int8"].path / "main.cc").read_text()
    assert re.findall(r"resolver\.(\w+)\(\)", text) == [
        "AddDequantize",
        "AddFullyConnected",
        "AddQuantize",
        "AddSoftmax",
    ]


def test_a_mode_without_kernels_is_refused_with_the_mode_to_use(sources):
    _, results = sources
    assert results["dynamic"].verdict == "failed"
    assert results["dynamic"].message == (
        "c: TensorFlow Lite Micro can't compute with dynamic weights; expected one of none, int8, int16x8. Use int8."
    )


def test_an_unrolled_lstm_runs_too_because_the_file_takes_one_sample(digits, tmp_path):
    model = keras.Sequential([keras.Input((4, 16)), keras.layers.LSTM(4), keras.layers.Dense(10, "softmax")])
    [result] = export_model(
        model,
        [("c", "none")],
        x_eval=digits.x_held.reshape(-1, 4, 16),
        y_eval=digits.y_held,
        directory=tmp_path,
        stem="lstm",
    )
    assert result.verdict == "verified", result.message
    assert "SHAPE" not in result.operations


def test_an_int8_input_is_scaled_by_the_files_own_quantisation(digits, tmp_path):
    # The weights are drawn, not trained: no two trainings are quite the same, and what lies half way between two
    # steps inside the model may be rounded the other way by the other runtime.
    keras.utils.set_random_seed(7)
    layers = [keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")]
    content = int8_file(keras.Sequential(layers), digits)
    program = written(content, tmp_path / "io-c")
    (tmp_path / "io.tflite").write_bytes(content)
    x = digits.x_held[:50]
    found, expected = c_array.run(tmp_path / "io-c", x), run_file(tmp_path / "io.tflite", x)
    assert program.needs.source.dtype == "int8"
    assert np.ptp(expected.outputs) > 0.2
    np.testing.assert_allclose(found.outputs, expected.outputs, atol=program.needs.target.scale)
    header = (tmp_path / "io-c" / "model.h").read_text()
    assert f"constexpr int kModelInputZero = {program.needs.source.zero};" in header
    assert "using ModelInput = int8_t;" in header
    assert check_compiled(tmp_path / "io-c", content).startswith("compiled by g++")


def test_an_operation_that_microcontrollers_lack_is_named():
    assert resolver_methods(["SOFTMAX", "CONV_2D", "FULLY_CONNECTED"]) == [
        "AddConv2D",
        "AddFullyConnected",
        "AddSoftmax",
    ]
    with pytest.raises(ExportError, match="c: TensorFlow Lite Micro has no operation GELU; replace the layer"):
        resolver_methods(["SOFTMAX", "GELU"])


def test_a_model_that_does_not_start_is_refused_in_the_runtimes_words(dense_files):
    folder, _, _ = dense_files
    with pytest.raises(ExportError, match=r"refused the model: .*Node DEQUANTIZE \(number 0\) failed to prepare"):
        measure((folder / "digits.float16.tflite").read_bytes())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("int main() {}", "digits-c/model.cc has no array g_model"),
        ("g_model[] = {0x54, sizeof(int)};", "digits-c/model.cc holds something else than bytes"),
    ],
)
def test_a_foreign_source_is_refused(text, reason, tmp_path):
    folder = tmp_path / "digits-c"
    folder.mkdir()
    (folder / "model.cc").write_text(text)
    with pytest.raises(ExportError, match=reason):
        read_model(folder)
