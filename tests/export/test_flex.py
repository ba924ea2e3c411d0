"""Operations without a TF Lite form: refused, or kept as TensorFlow's own where that is asked for."""

import keras
import numpy as np
import pytest

from tunemagic.events import Verdict
from tunemagic.export import convert_tflite
from tunemagic.export.contents import contents_of

MODES = ["none", "float16", "int8"]


@pytest.fixture(scope="module")
def tangent():
    """A model with an operation that is among TensorFlow's own only."""
    keras.utils.set_random_seed(7)
    taken = keras.Input((8,))
    inner = keras.ops.tan(keras.layers.Dense(8, "tanh")(taken))
    return keras.Model(taken, keras.layers.Dense(3, "softmax")(inner))


@pytest.fixture(scope="module")
def convert(tangent, tmp_path_factory):
    x = np.random.default_rng(7).normal(size=(60, 8)).astype("float32")

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
    said = (
        "not verified: no runtime here has FlexTan; run the file where the Flex delegate is linked in "
        "(Android, iOS, C++), and compare its answers there"
    )
    for result in results[:2]:
        assert (result.verdict, result.message, result.warnings) == (Verdict.NOT_VERIFIED, said, ())
        assert (result.runtime, result.score_after, result.microseconds, result.max_abs_diff) == ("", None, None, None)
        assert result.bytes == result.path.stat().st_size
        assert contents_of(result.path.read_bytes()).foreign == ("FlexTan",)
        assert "FlexTan" in result.operations
    assert (results[2].verdict, results[2].message.partition(refused)[0]) == (Verdict.FAILED, "int8: ")


def test_a_model_of_built_in_operations_is_the_same_file_with_and_without(dense, dense_files, digits, tmp_path):
    (result,) = convert_tflite(
        dense, "dynamic", x_eval=digits.x_held, y_eval=digits.y_held, directory=tmp_path, stem="digits", flex=True
    )
    folder, _, _ = dense_files
    assert result.verified
    assert result.path.read_bytes() == (folder / "digits.dynamic.tflite").read_bytes()
