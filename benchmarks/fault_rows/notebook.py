"""A notebook's variables, cells and studies, as ``%%tune`` would have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunemagic.errors import TuneError
from tunemagic.journal import read_journal
from tunemagic.request import TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.study import Study
from tunemagic.studybook import StudyBook
from tunemagic.trial import StudyView, replay

__all__ = ["CELL", "QUICK", "Notebook", "check", "refused", "scored", "view_on_disk"]

# One batch per epoch and no graph to compile.
CELL = """
units = hp.Int("units", 4, 32, step=4)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
batch_size = 80
"""

# A trial that only builds; what it gives back is up to the test.
QUICK = """
import keras_tuner

class Quick(keras_tuner.HyperModel):
    def build(self, hp):
        units = hp.Int("units", 4, 32, step=4)
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, x, y, **kwargs):
        units = hp.get("units")
        {body}
"""


def scored(body: str = "return 1 / units") -> str:
    """A cell whose trials train nothing: ``body`` sees ``units`` and returns the score."""
    return QUICK.format(body=body)


class Notebook:
    """80 digits, keras, and the studies of one kernel in a folder."""

    def __init__(self, folder: Path) -> None:
        import keras
        from sklearn.datasets import load_digits

        digits = load_digits()
        self.variables: dict[str, Any] = {
            "__name__": "__main__",
            "keras": keras,
            "x_train": (digits.data[:80] / 16).astype("float32"),
            "y_train": digits.target[:80],
        }
        self.book = StudyBook(folder)

    def open(self, source: str = CELL, **options: Any) -> Study:
        """Open the study ``s`` that a cell means: two trials of one epoch unless options say otherwise."""
        request = TuneRequest(**{"name": "s", "max_trials": 2, "epochs": 1, **options})
        data = resolve_data(request, self.variables, seed=request.seed or 0)
        program = read_cell(source, self.variables, first_line=2, data_names=(*data.names, *data.val_names))
        return self.book.open(request, program, data, sources=program.sources)

    def run(self, source: str = CELL, **options: Any) -> Study:
        """Open it, start it and wait for its end."""
        study = self.open(source, **options)
        study.start()
        study.wait()
        return study


def view_on_disk(directory: Path) -> StudyView:
    """The study as its journal has it."""
    return replay(read_journal(directory).events)


def check(right: bool, what: str) -> None:
    """Raise AssertionError with these words unless ``right``; unlike ``assert`` also under ``python -O``."""
    if not right:
        raise AssertionError(what)


def refused(action: Callable[[], Any], *words: str) -> str:
    """The text of the one-line TuneError that the action raises; it must have these words."""
    try:
        action()
    except TuneError as error:
        text = str(error)
        check("\n" not in text, f"more than one line: {text!r}")
        for word in words:
            check(word in text, f"expected {word!r} in: {text}")
        return text
    raise AssertionError(f"not refused; expected an error with {', '.join(words)}")
