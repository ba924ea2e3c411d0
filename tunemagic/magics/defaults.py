"""What a search is told when its line does not say: set by ``%config TuneMagics.tuner = "tpe"``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from IPython.core.magic import Magics
from traitlets import Bool, Enum, Float, Int, Unicode, Union

from tunemagic.errors import OptionError
from tunemagic.magics.options import AUTO, objective, val_split
from tunemagic.request import (
    DEFAULT_EPOCHS,
    DEFAULT_KEEP,
    DEFAULT_MAX_FAILURES,
    Lang,
    Objective,
    Pruner,
    Tuner,
    ValSplit,
    ViewKind,
)

__all__ = ["SearchDefaults"]

_PLAIN = (
    "max_trials",
    "minutes",
    "epochs",
    "repeats",
    "seed",
    "workers",
    "memory_gb",
    "max_params",
    "max_kb",
    "max_ms",
    "keep",
    "max_failures",
    "background",
)


def _words(words: type[Any], default: str, help: str) -> Any:
    return Enum([str(word) for word in words], str(default), help=help).tag(config=True)


class SearchDefaults(Magics):  # type: ignore[misc]  # mypy doesn't follow IPython
    """Options that a line leaves out come from here: ``%config TuneMagics.max_trials = 50``."""

    tuner = _words(Tuner, Tuner.AUTO, "how values are proposed")
    pruner = _words(Pruner, Pruner.AUTO, "how hopeless trials are ended early")
    objective = Unicode("", help="NAME or NAME:min or NAME:max; empty: val_loss").tag(config=True)
    max_trials = Int(None, allow_none=True, help="number of trials").tag(config=True)
    minutes = Float(None, allow_none=True, help="end within this many minutes").tag(config=True)
    epochs = Int(DEFAULT_EPOCHS, help="epochs of a trial").tag(config=True)
    repeats = Int(1, help="how often a trial is trained").tag(config=True)
    seed = Int(None, allow_none=True, help="seed of the search, the split and the weights").tag(config=True)
    val = Unicode("", help="validation data as after --val; empty: a fifth of the data").tag(config=True)
    workers = Union(
        [Enum([AUTO]), Int()],
        default_value=AUTO,
        help="trials at a time; 0: in the kernel; auto: one process if it can",
    ).tag(config=True)
    cluster = Unicode("", help="address of a Dask scheduler, or a variable with a client; empty: this machine").tag(
        config=True
    )
    memory_gb = Float(None, allow_none=True, help="end a trial whose worker needs more").tag(config=True)
    max_params = Int(None, allow_none=True, help="skip models with more weights").tag(config=True)
    max_kb = Float(None, allow_none=True, help="skip models that are larger as TF Lite files").tag(config=True)
    max_ms = Float(None, allow_none=True, help="skip models that are slower as TF Lite files").tag(config=True)
    keep = Int(DEFAULT_KEEP, help="best weights kept on disk").tag(config=True)
    max_failures = Int(DEFAULT_MAX_FAILURES, help="end after this many failed trials in a row").tag(config=True)
    background = Bool(False, help="return at once instead of waiting for the study").tag(config=True)
    view = _words(ViewKind, ViewKind.FULL, "what a cell shows")
    lang = _words(Lang, Lang.AUTO, "language of records, tables and the panel; auto: the page's, else the machine's")

    def request_defaults(self) -> dict[str, Any]:
        """The configured values as fields of a TuneRequest. Raises OptionError."""
        return {
            **{field: getattr(self, field) for field in _PLAIN},
            "tuner": Tuner(self.tuner),
            "pruner": Pruner(self.pruner),
            "view": ViewKind(self.view),
            "lang": Lang(self.lang),
            "cluster": self.cluster or None,
            "objective": self._parsed("objective", objective),
            "val": self._parsed("val", val_split),
        }

    def _parsed(self, trait: str, convert: Callable[[str], Objective | ValSplit]) -> Objective | ValSplit | None:
        text = getattr(self, trait)
        try:
            return convert(text) if text else None
        except argparse.ArgumentTypeError as error:
            raise OptionError(f"%config TuneMagics.{trait}: {error}") from error
