"""What a fault is: a number, a name, and a function that raises it and checks what became of the study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LAST", "ROWS", "Counts", "Row", "row"]

LAST = 38  # the rows are numbered from 1 without gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often faults that strike at random are raised."""

    kills: int = 6
    flips: int = 200
    proposals: int = 200
    finished_trials: int = 2000


Check = Callable[[Path, Counts], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. ``check`` gets an empty folder and says what was seen; it raises when that is not right."""

    number: int
    name: str
    check: Check


ROWS: dict[int, Row] = {}


def row(number: int, name: str) -> Callable[[Check], Check]:
    """Enter a check under its number. Raises ValueError for a number that is taken."""

    def enter(check: Check) -> Check:
        if number in ROWS:
            raise ValueError(f"two rows have the number {number}")
        ROWS[number] = Row(number, name, check)
        return check

    return enter
