"""``%tune demo`` with a real study, its files and a model in a variable."""

import pytest

from tunemagic.request import QuantMode
from tunemagic.widgets.demo import Demo

CELL = """%%tune digits -n 1 --epochs 2 --view none
import keras
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Int("units", 8, 32), "relu"),
                          keras.layers.Dense(10, "softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@pytest.fixture
def shown(monkeypatch):
    """Widgets that were shown, instead of a page."""
    widgets = []
    monkeypatch.setattr("tunemagic.magics.demo.display", widgets.append)
    yield widgets
    for widget in widgets:
        widget.close()


@pytest.fixture
def digits(notebook, shell):
    from sklearn.datasets import load_digits

    found = load_digits()
    shell.user_ns["x_train"], shell.user_ns["y_train"] = (found.data / 16).astype("float32")[:600], found.target[:600]
    shell.user_ns["x_test"], shell.user_ns["y_test"] = (found.data / 16).astype("float32")[1500:], found.target[1500:]
    return notebook


@pytest.mark.slow
def test_a_studys_files_are_made_once_and_tried_beside_its_model(digits, shell, shown, monkeypatch):
    digits(CELL)
    study = shell.user_ns["study"]
    assert digits("%tune demo digits").err == ""
    (widget,) = shown
    assert isinstance(widget, Demo)
    made = [(export.mode, export.at) for export in study.view.exports]
    assert {mode for mode, _ in made} == {"none", "dynamic", "int8"}
    reply = widget._paired.row("none", 3)
    assert (reply.same, reply.sample.row, reply.keras.text) == (True, 3, reply.file.text)
    digits("%tune demo --data x_test,y_test --file digits.tflite --lang zh")
    assert [(export.mode, export.at) for export in study.view.exports] == made
    assert (list(shown[1]._paired.files), len(shown[1]._paired.x)) == (["none"], 297)
    wrong = digits("%tune demo digits --file digits.int9.tflite").err
    assert "--file: received 'digits.int9.tflite'; expected a verified TF Lite file of study digits: digits" in wrong
    shell.user_ns["best"] = study.best_model
    monkeypatch.setattr("tunemagic.magics.demo._MODES", (QuantMode.NONE,))  # each takes seconds
    digits("%tune demo best --data x_test,y_test")
    assert shown[2]._paired.row("none", 3).same
    own = digits("%tune demo best --data x_test,y_test --file digits.tflite").err
    assert "--file: names a file that a study has verified; of a model in a variable" in own
    assert "needs data to be compared on; add --data x_test,y_test." in digits("%tune demo best").err
    assert "%tune demo: there is no variable and no study named 'digit'" in digits("%tune demo digit").err
