"""Texts made fit for one line, and counted things in words."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

__all__ = ["aligned", "counted", "did_you_mean", "near_variable", "one_line"]

_NEAR_VARIABLE = 0.7  # likeness from 0 to 1
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def one_line(text: str, limit: int | None = None) -> str:
    """The text on one line: white space becomes a blank, other control characters are escaped.

    A terminal's colours are left out. With a ``limit`` a longer text is cut to that many
    characters, with an ellipsis at its end.
    """
    # Cut first: escaping a long text character by character takes long.
    taken = text if limit is None else text[: 4 * limit]
    joined = " ".join(_COLOURS.sub("", taken).split())
    line = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in joined)
    if limit is None or (len(line) <= limit and len(text) <= 4 * limit):
        return line
    return line[: limit - 1] + "…"


def counted(count: float, thing: str, things: str = "") -> str:
    """``1 trial``, ``2,000 trials``, ``2.5 minutes``; ``things`` where an s is not enough."""
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {thing}" if count == 1 else f"{number} {things or thing + 's'}"


def aligned(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Rows of equal length as lines whose columns stand below each other, two blanks apart.

    ``right`` are the indices of columns that align right. Wide characters, such as Chinese ones,
    take two places, as they do in a terminal.
    """
    places = [[_places(cell) for cell in row] for row in rows]
    widths = [max(column) for column in zip(*places, strict=True)]
    lines = []
    for row, own in zip(rows, places, strict=True):
        gaps = [" " * (width - place) for width, place in zip(widths, own, strict=True)]
        cells = (
            gap + cell if index in right else cell + gap
            for index, (cell, gap) in enumerate(zip(row, gaps, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines


def _places(text: str) -> int:
    """How many places the text takes in a line of a terminal."""
    wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide


def near_variable(name: str, namespace: Iterable[str]) -> str:
    """The same hint for a variable of the notebook; the many names there are near to anything, so it is stricter."""
    public = [key for key in namespace if not key.startswith("_")]
    same = [key for key in public if key.lower() == name.lower()]
    return f" Did you mean {same[0]}?" if same else did_you_mean(name, public, _NEAR_VARIABLE)


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`` Did you mean X?`` with a blank in front, or an empty text when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f" Did you mean {near[0]}?" if near else ""
