"""``%tflite`` with real Keras models, a real converter and the real runtime."""

import re
import signal

import numpy as np
import pytest

from tunemagic.events import Verdict
from tunemagic.export import MILDEST_FIRST
from tunemagic.export.metadata import read as read_metadata
from tunemagic.request import QuantMode

CELL = """%%tune digits -n 1 --epochs 2 --view none
import keras
units = hp.Int("units", 8, 32, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16.0).astype("float32")[:400], found.target[:400]


@pytest.fixture
def notebook(notebook, shell, digits):
    shell.user_ns["x_train"], shell.user_ns["y_train"] = digits
    return notebook


@pytest.fixture
def small_model():
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def error_of(cell):
    (line,) = cell.err.splitlines()
    assert line.startswith("UsageError: ")
    return line.removeprefix("UsageError: ")


@pytest.mark.slow
def test_a_studys_best_model_becomes_files_that_the_study_knows(notebook, shell, digits, tmp_path):
    notebook(CELL)
    shell.user_ns["digits"] = "a variable that is no model does not hide the study"
    cell = notebook("%tflite digits --quant best --max-kb 100 --snippet python -o out/small.tflite")
    assert cell.err == ""
    output, choice, code = cell.outputs
    assert set(output.data) == {"text/plain", "text/html"}
    exports = shell.user_ns["study"].view.exports
    assert {result.mode for result in exports} == set(QuantMode)
    chosen = choice.data["text/plain"].split()[1]
    assert choice.data["text/plain"].startswith(f"best: {chosen} (loss ")
    assert f"# small{'' if chosen == 'none' else '.' + chosen}.tflite: x float32 [1, 64]" in code.data["text/plain"]
    assert [result.mode for result in exports if result.verdict is Verdict.FAILED] == []
    files = {result.path for result in exports}
    assert {str(path) for path in (tmp_path / "out").iterdir()} == {str(tmp_path / path) for path in files}
    lines = output.data["text/plain"].splitlines()
    assert [line.split()[0] for line in lines[2:9]] == [result.mode for result in exports]

    shell.user_ns["x_test"], shell.user_ns["y_test"] = (part[-50:] for part in digits)  # or on other data
    del shell.user_ns["digits"]
    study = shell.user_ns["study"]
    assert notebook("%tflite --data x_test,y_test --quant int8").err == ""
    compared = study.view.exports[-1]
    assert (compared.mode, compared.verdict, compared.trial, compared.samples) == ("int8", Verdict.VERIFIED, 1, 50)
    assert not any("evaluation data" in warning for warning in compared.warnings)  # training data is looked at
    assert read_metadata(compared.path)["study"] == "digits"

    study.subscribe(lambda event: signal.raise_signal(signal.SIGINT))
    cell = notebook("%tflite --quant all --data x_test,y_test -o other/")
    assert "UsageError: the conversion was stopped; files that were finished before are kept." in cell.err
    assert cell.texts[0].splitlines()[0] == "TF Lite: 1 of 1 verified"
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["digits.tflite"]


@pytest.mark.slow
def test_a_model_that_was_never_tuned_is_compared_on_the_given_data(notebook, shell, small_model, tmp_path):
    shell.user_ns["mine"] = small_model
    cell = notebook("%tflite mine --data x_train,y_train")
    assert cell.err == ""
    assert cell.texts[0].splitlines()[0] == "TF Lite: 1 of 1 verified"
    assert (tmp_path / "mine.tflite").stat().st_size > 0
    weighed = notebook("%tflite mine --data x_train,y_train --sensitivity")
    assert weighed.err == ""
    assert [line.split()[:3] for line in weighed.texts[0].splitlines()[2:]] == [
        [small_model.layers[0].name, "640", bits] for bits in ("8", "4")
    ]
    notebook('%config TuneMagics.lang = "zh"')
    (table,) = notebook("%tflite mine --data x_train,y_train --quant all -o other/").texts
    head, *notes = [line for line in table.splitlines() if "：" in line]
    assert re.fullmatch("TF Lite：7 个中 . 个已验证", head)
    assert [note.partition("：")[0] for note in notes] == list(MILDEST_FIRST)
    assert [note for note in notes if re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", note)] == []


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("%tflite", "no study in this kernel yet"),
        ("%tflite min", "there is no variable and no study named 'min'. Did you mean mine?"),
        ("%tflite x_train", "x_train holds a ndarray; expected a Keras model, a study, or a study's name."),
        ("%tflite mine", "add --data x_test,y_test"),
        ("%tflite mine --data x_trian,y_train", "--data: the notebook has no variable x_trian. Did you mean x_train?"),
        ("%tflite mine --data x_train,y_train --rep nope", "--rep: the notebook has no variable nope."),
        ("%tflite mine --data x_train,y_train --quant int8 --rep broken", "NaN"),
        ("%tflite mine --data x_train,y_train -o '.hidden'", "file name"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(notebook, shell, small_model, tmp_path, line, part):
    shell.user_ns["mine"] = small_model
    shell.user_ns["broken"] = np.full((10, 64), np.nan, dtype="float32")
    assert part in error_of(notebook(line))
    assert list(tmp_path.iterdir()) == []
