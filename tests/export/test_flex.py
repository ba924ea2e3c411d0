"""Operations without a TF Lite form: refused, or kept as TensorFlow's own where that is asked for."""

import re

import keras
import numpy as np
import pytest

import tunemagic
from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export import convert_tflite, export_model
from tunemagic.export.contents import contents_of
from tunemagic.export.snippet import snippet

MODES = ["none", "float16", "int8"]


@pytest.fixture(scope="module")
def tangent():
    """A model with an operation that is among TensorFlow's own only."""
    keras.utils.set_random_seed(7)
    taken = keras.Input((8,))
    inner = keras.ops.tan(keras.layers.Dense(8, "tanh")(taken))
    return keras.Model(taken, keras.layers.Dense(3, "softmax")(inner))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(7).normal(size=(60, 8)).astype("float32")


@pytest.fixture(scope="module")
def convert(tangent, x, tmp_path_factory):
    def made(**options):
        folder = tmp_path_factory.mktemp("flex")
        results = convert_tflite(
            tangent, MODES, x_eval=x, y_eval=np.arange(60) % 3, directory=folder, stem="tangent", **options
        )
        return folder, results

    return made


def test_a_file_that_no_runtime_here_can_run_is_made_only_when_asked_for_and_never_verified(convert):
    folder, results = convert()
    refused = "the converter refused the model: operation tf.Tan in layer "
    assert [(each.verdict, each.path, each.message.partition(refused)[0]) for each in results] == [
        (Verdict.FAILED, None, f"{mode}: ") for mode in MODES
    ]
    assert list(folder.iterdir()) == []

    folder, results = convert(flex=True)
    names = ["tangent.not-verified.tflite", "tangent.float16.not-verified.tflite"]
    assert [each.path and each.path.name for each in results] == [*names, None]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    why = (
        "no runtime here has FlexTan; run the file where the Flex delegate is linked in (Android, iOS, C++), and "
        "compare its answers there"
    )
    for result in results[:2]:
        said = (result.verdict, result.message, result.warnings)
        assert said == (Verdict.NOT_VERIFIED, f"not verified: {why}", ())
        assert (result.runtime, result.score_after, result.microseconds, result.max_abs_diff) == ("", None, None, None)
        assert result.bytes == result.path.stat().st_size
        assert contents_of(result.path.read_bytes()).foreign == ("FlexTan",)
        assert "FlexTan" in result.operations
    assert (results[2].verdict, results[2].message.partition(refused)[0]) == (Verdict.FAILED, "int8: ")
    with pytest.raises(ExportError, match=f"^snippet: .*{re.escape(why)}"):
        snippet(results[0], "cpp")
    with pytest.raises(ExportError, match=f"^{re.escape(names[0])}: {re.escape(why)}"):
        tunemagic.load(results[0].path)


def test_the_way_out_is_named_where_it_is_one(tangent, x, tmp_path):
    both = [("tflite", "none"), ("tflite", "int4"), ("c", "none")]
    options = {"x_eval": x, "y_eval": None, "directory": tmp_path, "stem": "tangent"}
    ends = [each.message.rpartition("uses it")[2] for each in export_model(tangent, both, **options)]
    assert ends == [", or keep the operation with --flex.", ".", "."]
    ends = [each.message.rpartition("uses it")[2] for each in export_model(tangent, both, flex=True, **options)]
    assert ends[1:] == [".", "."]
    with pytest.raises(ExportError, match=r"^--flex keeps .*; received tflite int8, onnx none\. Ask for"):
        export_model(tangent, [("tflite", "int8"), "onnx"], flex=True, **options)


def test_what_was_traced_in_the_kernel_is_said_of_a_file_that_was_not_run(x, tmp_path):
    own = keras.Sequential([keras.Input((8,)), keras.layers.Lambda(keras.ops.tan), keras.layers.Dense(3)])
    (result,) = convert_tflite(own, "none", x_eval=x, y_eval=None, directory=tmp_path, stem="own", flex=True)
    assert result.operations.count("FlexTan") == 1
    assert result.warnings == ("traced in this kernel, because a Lambda layer can't be rebuilt outside it",)


def test_a_model_of_built_in_operations_is_the_same_file_with_and_without(dense, dense_files, digits, tmp_path):
    (result,) = convert_tflite(
        dense, "dynamic", x_eval=digits.x_held, y_eval=digits.y_held, directory=tmp_path, stem="digits", flex=True
    )
    folder, _, _ = dense_files
    assert result.verified
    assert result.path.read_bytes() == (folder / "digits.dynamic.tflite").read_bytes()
