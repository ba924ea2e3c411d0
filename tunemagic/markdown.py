"""Markdown from texts that nobody has checked: they stay text wherever it is shown."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from tunemagic.text import one_line

__all__ = ["code_block", "escaped", "table"]

# Inside of a word an underline is one; a colon makes an address only before two strokes, a dot behind www.
_SPECIAL = re.compile(r"[\\`*\[\]|~$@]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.")
# A line that begins so would be a heading, a list or a rule.
_BEGIN = re.compile(r"^([#+\-=]|\d+[.)](?=\s|$))")


def escaped(text: str, limit: int | None = None) -> str:
    """The text on one line, without any meaning for Markdown or HTML; no address in it becomes a link."""
    safe = _SPECIAL.sub(r"\\\g<0>", html.escape(one_line(text, limit), quote=False))
    return _BEGIN.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", safe)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; cells are escaped."""
    head = [f"| {' | '.join(map(escaped, columns))} |", f"|{' --- |' * len(columns)}"]
    return [*head, *(f"| {' | '.join(escaped(cell) or ' ' for cell in row)} |" for row in rows)]


def code_block(code: str, language: str) -> list[str]:
    """Code as it is, fenced by more backticks than it holds in a row."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    shown = "\n".join(
        "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
        for line in code.expandtabs(4).splitlines()
    )
    return [f"{fence}{language}", shown, fence]
