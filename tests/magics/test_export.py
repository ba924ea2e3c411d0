"""``%tune export`` with real models, real converters and the real runtimes."""

import pytest

from tunemagic.events import Verdict

CELL = """%%tune digits -n 1 --epochs 1 --view none
import keras
units = hp.Int("units", 8, 32, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@pytest.fixture
def small_model():
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.slow
def test_a_study_becomes_artefacts_that_its_record_lists(notebook, shell, tmp_path):
    notebook(CELL)
    cell = notebook("%tune export digits --to onnx,tflite,card --quant int8 -o out/small --force")
    assert cell.err == ""
    study = shell.user_ns["study"]
    assert [(each.target, each.mode, each.verdict) for each in study.view.exports] == [
        ("tflite", "int8", Verdict.VERIFIED),
        ("onnx", "none", Verdict.VERIFIED),
        ("card", "none", Verdict.VERIFIED),
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "small.card.md",
        "small.int8.tflite",
        "small.onnx",
    ]
    lines = cell.texts[0].splitlines()
    assert lines[0] == "Exported: 3 of 3 verified"
    assert [line.split("  ")[0] for line in lines[2:5]] == ["tflite int8", "onnx", "card"]
    again = notebook("%tune export digits --to tflite,onnx -o out/small")
    assert "out/small.onnx exists; add --force" in again.err
