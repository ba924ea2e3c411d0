"""What holds for all tests: TensorFlow, no settings of whoever runs them; digits and a notebook's variables."""

import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tunemagic.search.executors import forkserver

SETTINGS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "KERAS_HOME")
# No deadline: the first example may import keras, and machines are busy.
settings.register_profile("tunemagic", deadline=None, database=None)
# The same examples in every run: a change must not be refused for what it did not touch.
settings.register_profile("repeatable", settings.get_profile("tunemagic"), derandomize=True)
settings.load_profile("tunemagic")

_folder = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before test modules import keras, which reads it only then."""
    # A run started in the background ignores SIGINT, and so would the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["LANGUAGE"] = "en"  # what tunemagic speaks where no page and no option says otherwise
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    forkserver.NOT_COMPARED.add("PYTEST_CURRENT_TEST")  # or each test that has workers starts a server of its own
    folder = config.stash[_folder] = tempfile.TemporaryDirectory(
        prefix="tunemagic-settings-", ignore_cleanup_errors=True
    )
    for name in SETTINGS:
        own = Path(folder.name, name.lower())
        own.mkdir()
        os.environ[name] = str(own)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process is left with one when the others have ended.

    A failed test of a browser or a kernel is tried once more: they race with a machine that others use too. The
    summary names each that needed its second try.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        if item.get_closest_marker("browser") or item.get_closest_marker("kernel"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the settings' folders."""
    config.stash[_folder].cleanup()


@pytest.fixture(autouse=True)
def page_that_told_no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page says in one test is not the language of others."""
    monkeypatch.setattr("tunemagic.widgets.page._told", None)


@pytest.fixture(autouse=True, scope="module")
def leftovers_that_no_collection_walks() -> Iterator[None]:
    """What TensorFlow and Keras keep of a file's models is walked once, not by each collection of the files to come.

    The price: a cycle that is let go only later, such as a session's model, stays to the end.
    """
    yield
    gc.collect()
    gc.freeze()


# One batch per epoch and no graph to compile: an epoch takes a few milliseconds.
CELL = """
units = hp.Int("units", 4, 32, step=4)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
batch_size = 80
"""

# A trial that only builds: its score follows from its values, for tests of everything around training.
QUICK_CELL = """
import keras_tuner

class Quick(keras_tuner.HyperModel):
    def build(self, hp):
        units = hp.Int("units", 4, 32, step=4)
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, x, y, **kwargs):
        return 1 / model.layers[0].units
"""


@pytest.fixture(scope="session")
def cell() -> str:
    """A cell with one hyperparameter and a tiny model for the digits."""
    return CELL


@pytest.fixture(scope="session")
def quick_cell() -> str:
    """A cell whose trials train nothing; the more units, the better the score."""
    return QUICK_CELL


@pytest.fixture(scope="session")
def some_digits() -> tuple[Any, Any]:
    """80 handwritten digits, 8 of each: x (80, 64) from 0 to 1 as float32, y (80,) classes."""
    import numpy as np
    from sklearn.datasets import load_digits

    found = load_digits()
    rows = np.concatenate([np.flatnonzero(found.target == digit)[:8] for digit in range(10)])
    rows = np.random.default_rng(0).permutation(rows)
    return (found.data[rows] / 16).astype("float32"), found.target[rows]


@pytest.fixture
def namespace(some_digits: tuple[Any, Any]) -> dict[str, Any]:
    """The variables of a notebook that has imported keras and loaded the digits."""
    import keras

    x, y = some_digits
    return {"__name__": "__main__", "keras": keras, "x_train": x.copy(), "y_train": y.copy()}


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Any]:
    """The studies of a kernel, in a folder of the test's own."""
    from tunemagic.studybook import StudyBook

    book = StudyBook(tmp_path / "studies")
    yield book
    book.close()


@pytest.fixture
def open_cell(namespace: dict[str, Any], book: Any, cell: str) -> Callable[..., Any]:
    """Open the study that a cell means, as %%tune does: ``open_cell(source, option=...)``.

    Not started. The name is ``s``, and there are two trials of one epoch, unless options say otherwise.
    """
    from tunemagic.request import TuneRequest
    from tunemagic.search.cell import read_cell
    from tunemagic.search.data import resolve_data

    def open_cell(source: str = cell, *, book: Any = book, **options: Any) -> Any:
        request = TuneRequest(**{"name": "s", "max_trials": 2, "epochs": 1, **options})
        data = resolve_data(request, namespace, seed=request.seed or 0)
        program = read_cell(source, namespace, first_line=2, data_names=(*data.names, *data.val_names))
        return book.open(request, program, data, sources=program.sources)

    return open_cell
