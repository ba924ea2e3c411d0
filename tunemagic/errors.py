"""Every error that tunemagic raises on purpose, in one tree.

TuneError
├── CellError            the cell's text or what it leaves behind is not usable
├── SpaceError           a hyperparameter is defined wrongly, twice, or not at all
├── DataError            training or validation data is missing or does not fit
├── OptionError          the text of an option can't be used
├── ModelError           a model can't be built or trained in the way that was asked for
├── StudyError           a study can't be started, changed or read
│   ├── StudyBusyError       it is running, or another process holds it
│   ├── StudyChangedError    what it was started with differs from what is asked now
│   ├── StorageError         its folder can't be made or written
│   └── JournalError         its journal is damaged
├── UnsendableError      something that the trials need can't be sent to a worker
├── TrialError           the user's own model code failed
└── ExportError          a model can't be converted or its file can't be verified

A message says what was received, what was expected and how to fix it. Nothing here knows
IPython: the magics turn a TuneError into a one-line ``UsageError``.
"""

from __future__ import annotations

__all__ = [
    "CellError",
    "DataError",
    "ExportError",
    "JournalError",
    "ModelError",
    "OptionError",
    "SpaceError",
    "StorageError",
    "StudyBusyError",
    "StudyChangedError",
    "StudyError",
    "TrialError",
    "TuneError",
    "UnsendableError",
]


class TuneError(Exception):
    """Root of all errors raised on purpose. Its text is meant for the user, on one line."""


class CellError(TuneError):
    """The cell can't be read as a model to tune.

    ``line`` is the 1-based line in the cell as the notebook shows it, or None when the fault
    belongs to no single line.
    """

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


class SpaceError(TuneError):
    """A hyperparameter has an impossible range, two definitions, or the space is empty."""


class DataError(TuneError):
    """Training or validation data is missing, empty, or its parts do not fit together."""


class OptionError(TuneError):
    """An option's text can't be used: unknown name, wrong type, or impossible combination."""


class ModelError(TuneError):
    """A model can't be built or trained in the way that was asked for."""


class StudyError(TuneError):
    """A study can't be started, changed or read."""


class StudyBusyError(StudyError):
    """The study is running already, or another process has it open for writing."""


class StudyChangedError(StudyError):
    """The study on disk was made with another cell, data, objective or strategy."""


class StorageError(StudyError):
    """The study's folder can't be created or written."""


class JournalError(StudyError):
    """The study's journal is damaged in the middle and can't be continued."""


class TrialError(TuneError):
    """The user's model code failed.

    ``line`` is the 1-based line of the user's cell, ``source`` that line's text; both None when
    the fault was raised outside the cell and the notebook.
    """

    def __init__(self, message: str, *, line: int | None = None, source: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.source = source


class UnsendableError(TuneError):
    """Objects that the trials need can't be sent to a worker.

    ``objects`` holds each one's name and why so: ``(("base", "a Keras model"),)``.
    """

    def __init__(self, objects: tuple[tuple[str, str], ...]) -> None:
        self.objects = objects
        super().__init__(
            f"{self.summary} can't be sent to a worker. Use --workers 0 to train in the kernel, or make it in the cell."
        )

    @property
    def summary(self) -> str:
        """The objects in words: ```base` (a Keras model), `lock` (cannot pickle ...)``."""
        return ", ".join(f"`{name}` ({reason})" for name, reason in self.objects)


class ExportError(TuneError):
    """A model can't be converted, or the converted file can't be loaded or compared."""
