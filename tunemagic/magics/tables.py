"""Small tables as a notebook shows them: text for terminals, HTML for front ends.

Cells are text from trials, parameters and errors, so all of it is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tunemagic.events import ModelExported, Verdict
from tunemagic.magics.tokens import one_line
from tunemagic.trial import StudyView

__all__ = ["Table", "best_table", "clock", "exports_table", "progress_line", "studies_table"]


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


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _number(value: float | None, form: str = ".6g") -> str:
    return "" if value is None else format(value, form)


def _score(view: StudyView) -> str:
    best = view.best_trial
    return "" if best is None else f"{view.objective} {_number(best.score)} (trial {best.number})"


def _done(view: StudyView) -> str:
    total = "" if view.max_trials is None else f"/{view.max_trials}"
    return f"{view.ended_trials}{total}"


def progress_line(view: StudyView) -> str:
    """``digits: running · 12/30 trials · 3:20 · best val_accuracy 0.97 (trial 5)`` on one line."""
    parts = [f"{view.study}: {view.state}", f"{_done(view)} trials", clock(view.elapsed)]
    if view.best is not None:
        parts.append(f"best {_score(view)}")
    return one_line(" · ".join(parts))


def studies_table(views: Sequence[StudyView]) -> Table:
    """One row per study."""
    rows = tuple(
        (view.study, str(view.state), _done(view), _score(view), clock(view.elapsed), view.strategy) for view in views
    )
    columns = ("study", "state", "trials", "best", "time", "tuner")
    return Table(caption=f"{len(views)} {'study' if len(views) == 1 else 'studies'}", columns=columns, rows=rows)


def best_table(view: StudyView) -> Table:
    """The best trial's values and metrics. The view must have a best trial."""
    best = view.best_trial
    assert best is not None
    metrics: Mapping[str, float | None] = best.metrics
    rows = [(name, str(value)) for name, value in best.values.items()]
    rows += [(name, _number(value)) for name, value in metrics.items()]
    caption = f"{view.study}: best trial is {best.number}, {view.objective} {_number(best.score)}"
    if best.best_epoch is not None:
        caption += f" in epoch {best.best_epoch}"
    return Table(caption=caption, columns=("name", "value"), rows=tuple(rows))


def exports_table(results: Sequence[ModelExported]) -> Table:
    """One row per converted file: sizes in bytes, scores, agreement, time of one sample."""
    name = next((result.score_name for result in results if result.score_name), None) or "score"
    columns = (
        "mode",
        "verdict",
        "bytes",
        "gzip bytes",
        f"Keras {name}",
        f"file's {name}",
        "agreement",
        "max abs diff",
        "µs/sample",
        "path",
    )
    rows = tuple(
        (
            result.mode,
            str(result.verdict),
            _number(result.bytes, ",d"),
            _number(result.gzip_bytes, ",d"),
            _number(result.score_before, ".4f"),
            _number(result.score_after, ".4f"),
            _number(result.agreement, ".2%"),
            _number(result.max_abs_diff, ".2g"),
            _number(result.microseconds, ".1f"),
            result.path,
        )
        for result in results
    )
    verified = sum(result.verdict is Verdict.VERIFIED for result in results)
    notes = tuple(f"{result.mode}: {result.message}" for result in results if result.message)
    return Table(caption=f"TF Lite: {verified} of {len(results)} verified", columns=columns, rows=rows, notes=notes)
