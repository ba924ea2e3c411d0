"""Change pieces of a text by their places, all at once."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Edit", "LineMap", "apply_edits"]


class Edit(NamedTuple):
    """Put ``text`` in the place of the characters from ``start`` to before ``end``."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits done. They must not overlap; those at one place keep their order."""
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*pieces, text[done:]])


class LineMap:
    """Offsets in a text of rows (from 1) and of syntax nodes, whose columns count UTF-8 bytes."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def start(self, row: int) -> int:
        """Where this row begins."""
        return self._starts[row - 1]

    def offset(self, row: int, column: int) -> int:
        """The place of a byte column in a row."""
        return self.start(row) + len(self._lines[row - 1].encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Begin and end of a node's text."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)
