"""What a line of the article's table is, and how one is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Check", "Line", "Section"]

Check = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Line:
    """A topic: its section, the article's own words, what they mean, and the check that fills it.

    ``check`` returns the figures, or raises AssertionError.
    """

    section: str
    words: str
    meaning: str
    check: Check


class Section:
    """Collects the lines of one section in the order in which they are written."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.lines: list[Line] = []

    def line(self, words: str, meaning: str) -> Callable[[Check], Check]:
        """Decorate the check of a topic."""

        def add(check: Check) -> Check:
            self.lines.append(Line(self.number, words, meaning, check))
            return check

        return add
