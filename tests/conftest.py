"""What holds for all tests: TensorFlow, no settings of whoever runs them; digits and a notebook's variables."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

SETTINGS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "KERAS_HOME")
# No deadline: the first example may import keras, and machines are busy.
settings.register_profile("tunemagic", deadline=None, database=None)
settings.load_profile("tunemagic")

_folder = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment before test modules import keras, which reads it only then."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    folder = config.stash[_folder] = tempfile.TemporaryDirectory(
        prefix="tunemagic-settings-", ignore_cleanup_errors=True
    )
    for name in SETTINGS:
        own = Path(folder.name, name.lower())
        own.mkdir()
        os.environ[name] = str(own)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the settings' folders."""
    config.stash[_folder].cleanup()


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
