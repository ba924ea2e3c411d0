"""Small tables as a notebook shows them: text for terminals, HTML for front ends.

Cells are text from trials, parameters and errors, so all of it is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tunemagic.analysis.wording import (
    MISSING,
    clock,
    number_text,
    progress_line,
    score_text,
    share_text,
)
from tunemagic.events import ModelExported, Verdict
from tunemagic.text import one_line
from tunemagic.trial import StudyView

__all__ = ["Table", "best_table", "exports_table", "status_line", "studies_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A caption, a header, rows of equal length, and lines below."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def bundle(self) -> dict[str, str]:
        """The table as a MIME bundle for ``display(..., raw=True)``."""
        return {"text/plain": self.text(), "text/html": self.html()}

    def text(self) -> str:
        """Columns aligned by blanks; every cell on one line."""
        lines = [[one_line(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(len(row[index]) for row in lines) for index in range(len(self.columns))]
        padded = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in lines]
        return "\n".join(line.rstrip() for line in [one_line(self.caption), *padded, *map(one_line, self.notes)])

    def html(self) -> str:
        """An HTML table without styles of its own: the front end's theme applies."""
        head = "".join(f'<th scope="col">{_escape(cell)}</th>' for cell in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{_escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        below = "".join(f"<p>{_escape(note)}</p>" for note in self.notes)
        caption = f"<caption>{_escape(self.caption)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _escape(text: str) -> str:
    return html.escape(one_line(text))


def status_line(view: StudyView) -> str:
    """The study's name and where it stands, on one line."""
    return f"{one_line(view.study)}: {progress_line(view)}"


def _done(view: StudyView) -> str:
    return f"{view.ended_trials}" if view.max_trials is None else f"{view.ended_trials}/{view.max_trials}"


def studies_table(views: Sequence[StudyView], faults: Sequence[str] = ()) -> Table:
    """One row per study, and below why others can't be read."""
    rows = tuple(
        (view.study, str(view.state), _done(view), score_text(view), clock(view.elapsed), view.strategy)
        for view in views
    )
    columns = ("study", "state", "trials", "best", "time", "tuner")
    caption = f"{len(views)} {'study' if len(views) == 1 else 'studies'}"
    return Table(caption=caption, columns=columns, rows=rows, notes=tuple(faults))


def best_table(view: StudyView) -> Table:
    """The best trial's values and metrics. The view must have a best trial."""
    best = view.best_trial
    assert best is not None
    rows = [(name, str(value)) for name, value in best.values.items()]
    rows += [(name, number_text(value)) for name, value in best.metrics.items()]
    caption = f"{view.study}: best {score_text(view)}"
    if best.best_epoch is not None:
        caption += f" in epoch {best.best_epoch} of {best.epochs}"
    return Table(caption=caption, columns=("name", "value"), rows=tuple(rows))


def _count(number: int | None) -> str:
    return MISSING if number is None else f"{number:,}"


def _from_here(path: str) -> str:
    """The path as seen from the notebook's folder when it lies below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if path and Path(path).is_relative_to(here) else path


def exports_table(results: Sequence[ModelExported]) -> Table:
    """One row per converted file: sizes in bytes, scores, agreement, time of one sample."""
    name = next((result.score_name for result in results if result.score_name), None) or "score"
    columns = (
        "mode",
        "verdict",
        "bytes",
        "gzip bytes",
        name,
        "in Keras",
        "agreement",
        "max abs diff",
        "µs/sample",
        "file",
    )
    rows = tuple(
        (
            result.mode,
            str(result.verdict),
            _count(result.bytes),
            _count(result.gzip_bytes),
            number_text(result.score_after),
            number_text(result.score_before),
            share_text(result.agreement),
            number_text(result.max_abs_diff),
            number_text(result.microseconds),
            _from_here(result.path),
        )
        for result in results
    )
    verified = sum(result.verdict is Verdict.VERIFIED for result in results)
    notes = tuple(f"{result.mode}: {result.message}" for result in results if result.message)
    return Table(caption=f"TF Lite: {verified} of {len(results)} verified", columns=columns, rows=rows, notes=notes)
