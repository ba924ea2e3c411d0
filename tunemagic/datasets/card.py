"""What is known of a data set: its size, its gaps, its classes, and under which terms it may be used."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tunemagic.text import aligned, counted, one_line

__all__ = ["Card", "Task"]

_SHOWN_CLASSES = 12


class Task(StrEnum):
    """What is to be told of a row, or of what the rows are made."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    SERIES = "series"  # rows in the order of time; the target is a number
    TEXT = "text"  # one text a row; the target is a class


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Facts about a data set.

    ``rows`` counts ``x``, ``test_rows`` the set's own test part (0: it has none). ``columns`` are the
    values of one row, ``features`` their names (empty for pixels, steps and texts), ``missing`` the
    missing values in rows and targets, test part included. ``classes`` are the names of the classes,
    ``y`` holds their indices; empty when the target is a number.
    """

    name: str
    task: Task
    rows: int
    test_rows: int
    columns: int
    features: tuple[str, ...]
    missing: int
    classes: tuple[str, ...]
    licence: str
    source: str
    note: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values under the names of the fields."""
        values = asdict(self)
        return {**values, "task": str(self.task), "features": list(self.features), "classes": list(self.classes)}

    def _facts(self) -> Iterator[tuple[str, str]]:
        """What a reader wants to know, most important first, each with its label."""
        own_test = f", and {self.test_rows:,} of its own test part" if self.test_rows else ""
        yield "task", str(self.task)
        yield "rows", f"{self.rows:,}{own_test}"
        yield "columns", f"{self.columns:,}" + (f": {', '.join(self.features)}" if self.features else "")
        yield "missing", counted(self.missing, "value") if self.missing else "none"
        if self.classes:
            more = ", …" if len(self.classes) > _SHOWN_CLASSES else ""
            yield "classes", f"{len(self.classes)}: {', '.join(self.classes[:_SHOWN_CLASSES])}{more}"
        yield "licence", self.licence
        yield "source", self.source
        yield "note", self.note

    def __repr__(self) -> str:
        return "\n".join([one_line(self.name), *aligned([(label, one_line(text)) for label, text in self._facts()])])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left;vertical-align:top">{label}</th>'
            f'<td style="text-align:left">{html.escape(one_line(text))}</td></tr>'
            for label, text in self._facts()
        )
        name = html.escape(one_line(self.name))
        return f'<table><caption style="text-align:left"><strong>{name}</strong></caption>{rows}</table>'
