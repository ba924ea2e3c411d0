"""``%tune export`` with real models, real converters and the real runtimes."""

import signal

import numpy as np
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


@pytest.mark.slow
def test_interrupt_ends_the_export_and_what_was_finished_is_kept(notebook, shell, tmp_path):
    notebook(CELL)
    study = shell.user_ns["study"]
    study.subscribe(lambda event: signal.raise_signal(signal.SIGINT))
    cell = notebook("%tune export digits --to onnx,tflite,keras -o out/")
    assert "UsageError: the conversion was stopped; files that were finished before are kept." in cell.err
    assert cell.texts[0].splitlines()[0] == "TF Lite: 1 of 1 verified"
    assert [each.target for each in study.view.exports] == ["tflite"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["digits.tflite"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("%tune export", "%tune export: expected --to after it."),
        ("%tune export mine --to onx", "target 'onx': expected one of keras, json,"),
        ("%tune export mine --to onnx,,c", "received 'onnx,,c'; expected words with commas between them"),
        ("%tune export mine --to tflite --quant best", "`%tflite --quant best` makes every mode"),
        ("%tune export mine --to onnx --quant int8", "modes are for tflite and c"),
        ("%tune export mine --to card", "card: tells about a study"),
        ("%tune export --to onnx", "no study in this kernel yet"),
        ("%tune export min --to onnx", "there is no variable and no study named 'min'. Did you mean mine?"),
        ("%tune export x_train --to onnx", "x_train holds a ndarray; expected a Keras model, a study, or"),
        ("%tune export mine --to onnx", "%tune export: a model that was not tuned here needs data to be compared on"),
        ("%tune export mine --to onnx --data x_trian", "--data: the notebook has no variable x_trian. Did you mean"),
        ("%tune export mine --to tflite --data x_train --rep nope", "--rep: the notebook has no variable nope."),
        ("%tune export mine --to onnx --data y_train,x_train", "x_eval: expected shape (samples, 64); received (80,)."),
        ("%tune export mine --to onnx --data x_train,wrong", "y_eval: expected 80 values"),
        ("%tune export mine --to onnx --data broken", "x_eval: expected finite numbers; received 1 NaN"),
        ("%tune export mine --to onnx --data x_train,y_train -o '../.hidden'", "file name: expected"),
        ("%tune export mine --to code --data x_train,y_train -o '../.hidden'", "file name: expected"),
        ("%tune export mine --to onnx --data x_train,y_train -o /proc/nothing/here", "can't write into /proc/nothing"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(notebook, shell, small_model, tmp_path, line, part):
    broken = shell.user_ns["x_train"].copy()
    broken[3, 5] = np.nan
    shell.user_ns.update(mine=small_model, broken=broken, wrong=shell.user_ns["y_train"][:9])
    assert part in notebook(line).error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["onnx", "code"])
def test_what_is_there_already_stays_as_it_is_without_force(notebook, shell, small_model, tmp_path, target):
    shell.user_ns["mine"] = small_model
    there = tmp_path / ("mine.npz" if target == "code" else "mine.onnx")
    there.write_bytes(b"not to be lost")
    error = notebook(f"%tune export mine --to {target},keras --data x_train,y_train").error
    assert f"{there.name} exists; add --force" in error
    assert [path.name for path in tmp_path.iterdir()] == [there.name]
    assert there.read_bytes() == b"not to be lost"
