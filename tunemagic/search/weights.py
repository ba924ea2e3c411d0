"""A trial's best weights: copied in memory while it trains, written whole, tied by their hash.

HDF5 is written to memory first: writing it straight to a disk that is full ends the process with
a segmentation fault inside the HDF5 library.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.durable import remove_file, sha256_of, write_atomic
from tunemagic.errors import StorageError

__all__ = ["WeightsFolder", "load_weights", "weights_to_bytes"]


def weights_to_bytes(model: Any, weights: Sequence[Any]) -> bytes:
    """The ``.weights.h5`` file of the model with these weights, without the optimizer's state.

    ``weights`` is in the order of ``model.get_weights()``; the model keeps them afterwards.
    """
    from keras.src.saving import saving_lib

    model.set_weights(weights)
    buffer = io.BytesIO()
    # The public save_weights takes paths only; the store behind it takes memory as well.
    store = saving_lib.H5IOStore(buffer, mode="w")
    skipped = {id(model.optimizer)} if model.optimizer is not None else set()
    saving_lib._save_state(model, weights_store=store, assets_store=None, inner_path="", visited_saveables=skipped)
    store.close()
    return buffer.getvalue()


def load_weights(model: Any, path: Path, sha256: str) -> None:
    """Load a weights file into a built model after checking its hash.

    Raises StorageError when the file is gone, was altered, or belongs to another model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"weights file {path} can't be read: {error.strerror}.") from error
    if sha256_of(data) != sha256:
        raise StorageError(f"weights file {path} was altered: its SHA-256 is not the one in the journal.")
    skipped = [] if model.optimizer is None else [model.optimizer]
    try:
        model.load_weights(path, objects_to_skip=skipped)
    except ValueError as error:
        raise StorageError(
            f"weights file {path} does not fit the model; the cell builds another one than when it was written."
        ) from error


class WeightsFolder:
    """Weights files inside a study's folder, one for each kept trial.

    Raises StorageError when a file can't be written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, file: ev.WeightsFile) -> Path:
        """Where the file lies."""
        return self.directory / Path(file.file).name

    def write(self, trial: int, attempt: int, data: bytes) -> ev.WeightsFile:
        """Write the bytes whole or not at all. Attempts have names of their own."""
        name = f"trial-{trial:04d}-{attempt}.weights.h5"
        try:
            write_atomic(self.directory / name, data)
        except OSError as error:
            raise StorageError(
                f"can't write {self.directory / name}: {error.strerror}. Free some space or choose another "
                "folder with `%config TuneMagics.directory`; finished trials are kept."
            ) from error
        return ev.WeightsFile(file=name, sha256=sha256_of(data), bytes=len(data))

    def remove(self, file: ev.WeightsFile) -> None:
        """Delete the file; it is fine when it is gone already."""
        remove_file(self.path(file))

    def remove_strays(self, known: Sequence[ev.WeightsFile]) -> None:
        """Delete weights files that no trial refers to: a crash came before they were journaled."""
        names = {file.file for file in known}
        for path in self.directory.glob("*trial-*.weights.h5*"):
            if path.name not in names:
                remove_file(path)
