"""MNIST: a slice that comes along, and the full set where it is on disk or may be fetched."""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import zipfile
from pathlib import Path
from typing import IO, Any

from tunemagic.datasets.card import Task
from tunemagic.datasets.dataset import Dataset, class_names, with_card
from tunemagic.errors import DataError
from tunemagic.text import one_line

__all__ = ["fetch_mnist", "mnist", "mnist300"]

_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"  # what keras.datasets fetches
_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
_SECONDS = 5.0  # without any answer
_PARTS = ("x_train", "y_train", "x_test", "y_test")
_OTHERWISE = 'tunemagic.datasets.load("mnist300") is a slice that needs no file'


def mnist300() -> Dataset:
    """300 + 1000 images, (row, 28, 28, 1), as many of each digit."""
    file = importlib.resources.files("tunemagic") / "datasets" / "mnist300" / "mnist300.npz"
    with file.open("rb") as stream:
        return _dataset(
            "mnist300", stream, "a slice of MNIST: 30 of each digit to train on and 100 of each to test on; "
        )


def mnist() -> Dataset:
    """All 60,000 + 10,000 images, (row, 28, 28, 1), from Keras' own folder of data sets."""
    path = _full_path()
    try:
        with path.open("rb") as stream:
            return _dataset("mnist", stream, "")
    except FileNotFoundError as error:
        raise DataError(
            f'mnist: there is no {path}. Fetch it (11 MB) with load("mnist", download=True); {_OTHERWISE}.'
        ) from error
    except (EOFError, OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"mnist: {path} can't be read as MNIST ({one_line(str(error), 100)}). Delete it and fetch it again with"
            f' load("mnist", download=True); {_OTHERWISE}.'
        ) from error


def fetch_mnist() -> None:
    """Put the full set where ``keras.datasets`` would, unless it is there.

    Raises DataError when the server can't be reached or stops answering for some seconds (Keras would wait
    for ever), when it sends something else, and when the file can't be written.
    """
    import urllib.request

    path = _full_path()
    if path.exists():
        return
    try:
        with urllib.request.urlopen(_ADDRESS, timeout=_SECONDS) as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise OSError(f"received {len(content)} bytes that are not MNIST")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise DataError(
            f"mnist: {_ADDRESS} can't be fetched ({one_line(str(error), 100)}). Put the file at {path}"
            f" by other means; {_OTHERWISE}."
        ) from error


def _full_path() -> Path:
    """Where Keras keeps the set."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def _dataset(name: str, stream: IO[bytes], what: str) -> Dataset:
    import numpy as np

    with np.load(stream, allow_pickle=False) as arrays:
        parts = {part: arrays[part] for part in _PARTS}
    for part in ("train", "test"):
        _check(parts[f"x_{part}"], parts[f"y_{part}"])
    x, x_test = (parts[part][..., None].astype("float32") for part in ("x_train", "x_test"))
    y, y_test = (parts[part].astype("int64") for part in ("y_train", "y_test"))
    return with_card(
        name,
        x,
        y,
        test=(x_test, y_test),
        task=Task.MULTICLASS,
        classes=class_names(10),
        licence="CC BY-SA 3.0",
        source="MNIST: Yann LeCun and Corinna Cortes, from images of NIST",
        note=f"{what}images of 28x28 pixels, each from 0 (empty) to 255; x is (row, 28, 28, 1)",
    )


def _check(x: Any, y: Any) -> None:
    if x.ndim != 3 or x.shape[1:] != (28, 28) or y.shape != x.shape[:1] or y.min() < 0 or y.max() > 9:
        raise ValueError(f"expected images (row, 28, 28) and as many digits; received {x.shape} and {y.shape}")
