"""Keras hyperparameter search driven from notebook cells.

In a notebook: ``%load_ext tunemagic``, then ``%%tune`` on top of a cell that builds a model.
Names are imported when they are first used: ``import tunemagic`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunemagic import datasets, models, prep
    from tunemagic.api import diagnose, explain, tflite, tune
    from tunemagic.errors import TuneError
    from tunemagic.export.loading import load
    from tunemagic.rates import lr_range
    from tunemagic.study import Study
    from tunemagic.studybook import StudyBook

__version__ = "0.1.0"

__all__ = [
    "Study",
    "StudyBook",
    "TuneError",
    "datasets",
    "diagnose",
    "explain",
    "load",
    "load_ipython_extension",
    "lr_range",
    "models",
    "prep",
    "tflite",
    "tune",
    "unload_ipython_extension",
]

_HOME = {
    "Study": "tunemagic.study",
    "StudyBook": "tunemagic.studybook",
    "TuneError": "tunemagic.errors",
    "diagnose": "tunemagic.api",
    "explain": "tunemagic.api",
    "load": "tunemagic.export.loading",
    "lr_range": "tunemagic.rates",
    "tflite": "tunemagic.api",
    "tune": "tunemagic.api",
}


_PARTS = ("datasets", "models", "prep")


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name in _PARTS:
        return importlib.import_module(f"tunemagic.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'tunemagic' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names, for completion."""
    return [*__all__, "__version__"]


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext tunemagic``."""
    from tunemagic.magics.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Called by ``%unload_ext tunemagic`` and ``%reload_ext tunemagic``."""
    from tunemagic.magics.extension import unload

    unload(shell)
