"""What a study's cell was, so that ``%tune run`` and ``%tune resume`` can run it again."""

from __future__ import annotations

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
        "tuner": Tuner(view.strategy),
        "epochs": view.epochs,
        "seed": view.seed,
        "keep": view.keep,
        "max_failures": view.max_failures,
        "objective": _objective(view.fingerprint.get("--objective", "")),
        "val": _val(view.fingerprint.get("--val", "")),
        "data": tuple(filter(None, view.fingerprint.get("--data", "").split(","))) or None,
    }
    return CellMemory(view.code, {key: value for key, value in given.items() if value is not None})


def _objective(text: str) -> Objective | None:
    name, colon, direction = text.rpartition(":")
    return Objective(name=name, direction=Direction(direction) if direction else None) if colon else None


def _val(text: str) -> ValSplit | None:
    if not text:
        return None
    kind, fraction, names = text.split(" ")
    return ValSplit(kind=ValKind(kind), fraction=float(fraction), names=tuple(filter(None, names.split(","))))
