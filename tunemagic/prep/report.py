"""What a recipe found in the training part and what it did about it, as a value that can be read."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field

from tunemagic.text import aligned, counted, one_line

__all__ = ["Report"]

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Numbers by name of column, where there are any. ``done`` says for each fault what became of it.

    ``rows`` were looked at, of ``given`` that the notebook has; ``left`` of them stay in the
    training. ``outliers`` are values beyond the recipe's limits (1.5 interquartile ranges when it
    asks for nothing). ``by_range`` are columns whose middle half is one value, so that ``robust``
    divides by their range.
    ``shape`` is that of a row.
    """

    given: int
    rows: int
    left: int
    columns: int
    shape: tuple[int, ...] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    outliers: Mapping[str, int] = field(default_factory=dict)
    constant: tuple[str, ...] = ()
    mixed: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)
    by_range: tuple[str, ...] = ()
    done: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """What was looked for, what was found, what was done: one line each."""
        looked = counted(self.rows, "row")
        part = "" if self.rows == self.given else f" of {self.given:,}, the part that is trained on"
        form = f"each of shape {self.shape}" if len(self.shape) > 1 else counted(self.columns, "column")
        found = {
            "rows": f"{looked}{part}, {form}",
            "missing": _by_column(self.missing),
            "duplicates": f"{counted(self.duplicates, 'row')} repeated" if self.duplicates else "none",
            "outliers": _by_column(self.outliers),
            "constant": _some(list(self.constant)),
            "mixed": _some([f"{name} ({note})" for name, note in self.mixed.items()]),
            "categories": _some([f"{name} {count}" for name, count in self.categories.items()]),
            "scaling": "",
        }
        return tuple((name, text, self.done.get(name, "")) for name, text in found.items() if text or name in self.done)

    def __repr__(self) -> str:
        rows = [(name, one_line(found), done) for name, found, done in self.lines()]
        return "\n".join(aligned([("", "found", "done"), *rows]))

    def _repr_html_(self) -> str:
        head = "<tr><th></th><th style='text-align:left'>found</th><th style='text-align:left'>done</th></tr>"
        body = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            f"<td style='text-align:left'>{html.escape(one_line(found))}</td>"
            f"<td style='text-align:left'>{html.escape(done)}</td></tr>"
            for name, found, done in self.lines()
        )
        return f"<table>{head}{body}</table>"


def _by_column(counts: Mapping[str, int]) -> str:
    if not counts:
        return "none"
    told = _some([f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1])])
    return f"{counted(sum(counts.values()), 'value')} in {counted(len(counts), 'column')}: {told}"


def _some(names: list[str]) -> str:
    if not names:
        return "none"
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
