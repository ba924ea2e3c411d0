"""A trial's best weights: copied in memory while it trains, written whole, tied by their hash.

HDF5 is written to memory first (``hdf5``): a disk may be full.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.durable import remove_file, sha256_of, write_atomic
from tunemagic.errors import StorageError
from tunemagic.hdf5 import weights_bytes

__all__ = ["WeightsFolder", "load_weights", "weights_to_bytes"]


def weights_to_bytes(model: Any, weights: Sequence[Any]) -> bytes:
    """The ``.weights.h5`` file of the model with these weights, without the optimizer's state.

    ``weights`` is in the order of ``model.get_weights()``; the model keeps them afterwards.
    """
    model.set_weights(weights)
    return weights_bytes(model)


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
        return self._write(f"trial-{trial:04d}-{attempt}.weights.h5", data)

    def write_state(self, trial: int, run: int, epoch: int, data: bytes) -> ev.WeightsFile:
        """Write a training state whole or not at all, beside the trial's earlier one."""
        return self._write(f"trial-{trial:04d}-{run}-{epoch}.state.npz", data)

    def _write(self, name: str, data: bytes) -> ev.WeightsFile:
        try:
            write_atomic(self.directory / name, data)
        except OSError as error:
            raise StorageError(
                f"can't write {self.directory / name}: {error.strerror}. Free some space or choose another "
                "folder with `%config TuneMagics.directory`; finished trials are kept."
            ) from error
        return ev.WeightsFile(file=name, sha256=sha256_of(data), bytes=len(data))

    def read(self, file: ev.WeightsFile) -> bytes:
        """The file's bytes. Raises StorageError when it is gone or was altered."""
        path = self.path(file)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StorageError(f"{path} can't be read: {error.strerror}.") from error
        if sha256_of(data) != file.sha256:
            raise StorageError(f"{path} was altered: its SHA-256 is not the one in the journal.")
        return data

    def write_log(self, trial: int, text: str) -> None:
        """Keep the last lines that a trial's worker printed. Raises OSError."""
        folder = self.directory / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        write_atomic(folder / f"trial-{trial:04d}.log", text.encode("utf-8", "replace"))

    def read_log(self, trial: int) -> str:
        """The last lines that a trial's worker printed; empty when there are none."""
        try:
            return (self.directory / "logs" / f"trial-{trial:04d}.log").read_text("utf-8", "replace")
        except OSError:
            return ""

    def remove(self, file: ev.WeightsFile) -> None:
        """Delete the file; it is fine when it is gone already."""
        remove_file(self.path(file))

    def remove_strays(self, known: Sequence[ev.WeightsFile]) -> None:
        """Delete files of trials that none refers to: a crash came before they were journaled."""
        names = {file.file for file in known}
        for pattern in ("*trial-*.weights.h5*", "*trial-*.state.npz*"):
            for path in self.directory.glob(pattern):
                if path.name not in names:
                    remove_file(path)
