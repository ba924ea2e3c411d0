"""The text of a cell that searches again with something changed: what a remedy's button writes."""

from __future__ import annotations

import re

from tunemagic.trial import StudyView

__all__ = ["changed_cell", "has_plain_body"]

_PLAIN = re.compile(r"^model\s*=|^\s+model\s*=", re.MULTILINE)
_BUILDER = re.compile(r"^(def\s+build\b|class\s+\w+.*HyperModel)", re.MULTILINE)


def has_plain_body(view: StudyView) -> bool:
    """Whether the study's cell assigns its model itself, so that a line below still counts."""
    return bool(_PLAIN.search(view.code)) and not _BUILDER.search(view.code)


def changed_cell(
    view: StudyView, *, epochs: int | None = None, repeats: int | None = None, lines: tuple[str, ...] = ()
) -> str | None:
    """The study's cell under another name, with other options and further lines at its end.

    None for a study that did not come from a cell, or whose cell would not take the lines.
    """
    if not view.code.strip() or not view.fingerprint or (lines and not has_plain_body(view)):
        return None
    asked = view.fingerprint
    options = [f"--objective {each.rstrip(':')}" for each in asked.get("--objective", "").split()] or [
        f"--objective {view.objective}:{view.direction}"
    ]
    options += [f"--tuner {asked['--tuner']}"] if asked.get("--tuner", "auto") != "auto" else []
    options += [] if view.max_trials is None else [f"--max-trials {view.max_trials}"]
    options += [] if view.minutes is None else [f"--minutes {view.minutes:g}"]
    options += [f"--epochs {epochs or view.epochs}"]
    options += [f"--repeats {repeats or view.repeats}"] if (repeats or view.repeats) > 1 else []
    options += [f"--folds {view.folds}"] if view.folds else []
    options += [f"--data {asked['--data']}"] if asked.get("--data") else []
    options += _val(asked.get("--val", ""))
    options += [f"--seed {view.seed}"] if view.seed else []
    body = view.code.rstrip("\n")
    return "\n".join([f"%%tune {view.study}-2 {' '.join(options)}", body, *lines]) + "\n"


def _val(text: str) -> list[str]:
    """The option that the fingerprint's words ``KIND FRACTION NAMES`` stand for."""
    words = text.split(" ")
    if len(words) < 2:
        return []
    if len(words) > 2 and words[2]:
        return [f"--val {words[2]}"]
    return [f"--val {'last:' if words[0] == 'last' else ''}{float(words[1]):g}"]
