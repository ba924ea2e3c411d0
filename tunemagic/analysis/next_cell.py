"""The text of a cell that searches again with something changed: what a remedy's button writes."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass

from tunemagic.errors import OptionError
from tunemagic.request import DEFAULT_KEEP, Pruner, TuneRequest, check_study_name
from tunemagic.trial import StudyView

__all__ = ["Again", "changed_cell", "has_plain_body"]

_PLAIN = re.compile(r"^model\s*=|^\s+model\s*=", re.MULTILINE)
_BUILDER = re.compile(r"^(def\s+build\b|class\s+\w+.*HyperModel)", re.MULTILINE)
_EPOCHS = re.compile(r"^epochs\s*(?::[^=\n]*)?=(?!=)\s*(.*?)\s*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a study's events don't tell of its cell: the request, and the names of studies that there are.

    Each is None where it is not known.
    """

    request: TuneRequest | None = None
    names: Collection[str] | None = None


def has_plain_body(view: StudyView) -> bool:
    """Whether the study's cell assigns its model itself, so that a line below still counts."""
    return bool(_PLAIN.search(view.code)) and not _BUILDER.search(view.code)


def changed_cell(
    view: StudyView,
    *,
    epochs: int | None = None,
    repeats: int | None = None,
    lines: tuple[str, ...] = (),
    again: Again | None = None,
    what: str = "again",
) -> str | None:
    """The study's cell with other options and further lines at its end, as a study of its own.

    Its name tells ``what`` is other; where names are not known it has none, and gets a free one when
    it runs. None for a study that did not come from a cell, or whose cell would not take the lines.
    """
    if not view.code.strip() or not view.fingerprint or (lines and not has_plain_body(view)):
        return None
    again = again or Again()
    assigned = _EPOCHS.findall(view.code)  # counts more than the option
    if epochs is not None and assigned:
        if not assigned[-1].isdecimal() or not has_plain_body(view):
            return None
        lines = (*lines, f"epochs = {epochs}")
    name = _free_name(f"{view.study}-{what.replace('_', '-')}", again.names)
    options = [*_budget(view, epochs, repeats), *_search(view, again.request), *_where(again.request)]
    body = view.code.rstrip("\n")
    return "\n".join([" ".join(["%%tune", *name, *options]), body, *lines]) + "\n"


def _free_name(wanted: str, names: Collection[str] | None) -> list[str]:
    """The wanted name, or the first with a number behind it that is free, as a word of a magic line."""
    if names is None:
        return []
    free = next(each for n in itertools.count(1) if (each := wanted if n == 1 else f"{wanted}-{n}") not in names)
    try:
        return [shlex.quote(check_study_name(free))]
    except OptionError:  # too long
        return []


def _budget(view: StudyView, epochs: int | None, repeats: int | None) -> list[str]:
    asked = view.fingerprint
    options = [f"--objective {shlex.quote(each.rstrip(':'))}" for each in asked.get("--objective", "").split()] or [
        f"--objective {shlex.quote(f'{view.objective}:{view.direction}')}"
    ]
    options += [f"--tuner {asked['--tuner']}"] if asked.get("--tuner", "auto") != "auto" else []
    options += [] if view.max_trials is None else [f"--max-trials {view.max_trials}"]
    options += [] if view.minutes is None else [f"--minutes {view.minutes:g}"]
    options += [f"--epochs {epochs or view.epochs}"]
    return options + ([f"--repeats {repeats or view.repeats}"] if (repeats or view.repeats) > 1 else [])


def _search(view: StudyView, request: TuneRequest | None) -> list[str]:
    """What is trained on and how it is judged."""
    asked = view.fingerprint
    options = [f"--folds {view.folds}"] if view.folds else []
    options += [f"--data {asked['--data']}"] if asked.get("--data") else []
    options += _val(asked.get("--val", ""))
    options += [f"--seed {view.seed}"] if view.seed else []
    pruner = view.pruner if request is None else request.pruner
    options += [f"--pruner {pruner}"] if pruner != Pruner.AUTO else []
    options += [f"--keep {view.keep}"] if view.keep not in (0, DEFAULT_KEEP) else []
    return options


def _where(request: TuneRequest | None) -> list[str]:
    """Where trials run and what they may use; nothing when it is not known what was asked for."""
    if request is None:
        return []
    limits = request.model_limits
    given = {
        "--quant": None if "--quant" in limits else request.quant,
        "--workers": request.workers,
        "--memory-gb": None if request.memory_gb is None else f"{request.memory_gb:g}",
        "--cluster": request.cluster,
        "--measure": request.measure,
    }
    options = [f"{option} {shlex.quote(str(value))}" for option, value in given.items() if value is not None]
    return [limits, *options] if limits else options


def _val(text: str) -> list[str]:
    """The option that the fingerprint's words ``KIND FRACTION NAMES`` stand for."""
    words = text.split(" ")
    if len(words) < 2:
        return []
    if len(words) > 2 and words[2]:
        return [f"--val {words[2]}"]
    return [f"--val {'last:' if words[0] == 'last' else ''}{float(words[1]):g}"]
