"""What a study's cell was, so that ``%tune run`` and ``%tune resume`` can run it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import StudyError
from tunemagic.events import Direction
from tunemagic.request import Objective, Tuner, ValKind, ValSplit
from tunemagic.trial import StudyView

__all__ = ["CellMemory", "cell_from_journal"]

# Options that belong to one run of a cell and are not repeated.
_ONCE = ("new", "resume", "dry_run", "background", "out", "view")


@dataclass(frozen=True, slots=True)
class CellMemory:
    """A cell's body and the options given on its first line."""

    body: str
    given: Mapping[str, Any]

    def again(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options for another run of study ``name``: the cell's own, overruled by ``given``."""
        kept = {key: value for key, value in self.given.items() if key not in _ONCE}
        return {**kept, **given, "name": name}


def cell_from_journal(view: StudyView) -> CellMemory:
    """The cell of a study that another kernel ran, as far as its journal tells.

    Raises StudyError when the study did not come from a cell.
    """
    if not view.code.strip():
        raise StudyError(f"study {view.study} was not made by a cell; go on with it from Python.")
    given: dict[str, Any] = {
        # What was asked for, which may be auto; the rest of the view says what became of it.
        "tuner": Tuner(view.fingerprint.get("--tuner", view.strategy)),
        "epochs": view.epochs,
        "repeats": view.repeats,
        "folds": view.folds or None,
        "seed": view.seed,
        "keep": view.keep,
        "max_failures": view.max_failures,
        **_objectives(view),
        "val": _val(view.fingerprint.get("--val", "")),
        "data": tuple(filter(None, view.fingerprint.get("--data", "").split(","))) or None,
    }
    return CellMemory(view.code, {key: value for key, value in given.items() if value is not None})


def _objectives(view: StudyView) -> dict[str, Any]:
    """The objectives as they were asked for: the fingerprint says which directions were stated."""
    names = [view.objective, *(name for name, _ in view.objectives)]
    pattern = " ".join(f"{re.escape(name)}(:(?:min|max)?)?" for name in names)
    found = re.fullmatch(pattern, view.fingerprint.get("--objective", ""))
    if found is None or found[1] is None:  # without a colon nothing was asked for
        return {}
    stated = [None if mark in (None, ":") else Direction(mark[1:]) for mark in found.groups()]
    first, *others = (Objective(name=name, direction=each) for name, each in zip(names, stated, strict=True))
    return {"objective": first, "objectives": tuple(others)}


def _val(text: str) -> ValSplit | None:
    if not text:
        return None
    kind, fraction, names = text.split(" ")
    return ValSplit(kind=ValKind(kind), fraction=float(fraction), names=tuple(filter(None, names.split(","))))
