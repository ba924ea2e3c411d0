"""Small tables as a notebook shows them: text for terminals, HTML for front ends.

Cells are text from trials, parameters and errors, so all of it is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tunemagic.analysis.cells import artefact_name, export_remark, verdict_text
from tunemagic.analysis.wording import (
    MISSING,
    clock,
    count_text,
    number_text,
    progress_line,
    score_text,
    share_text,
)
from tunemagic.events import ModelExported, Verdict
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.request import Target
from tunemagic.text import aligned, one_line
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
        lines = aligned([[one_line(cell) for cell in row] for row in (self.columns, *self.rows)])
        return "\n".join([one_line(self.caption), *lines, *map(one_line, self.notes)])

    def html(self) -> str:
        """An HTML table without styles of its own: the front end's theme applies."""
        head = "".join(f'<th scope="col">{_escape(cell)}</th>' for cell in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{_escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        below = "".join(f"<p>{_escape(note)}</p>" for note in self.notes)
        caption = f"<caption>{_escape(self.caption)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _escape(text: str) -> str:
    return html.escape(one_line(text))


def status_line(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """The study's name and where it stands, on one line."""
    line = texts("table.status", study=one_line(view.study), progress=progress_line(view, texts))
    return f"{line} · {_waiting(view, texts)}" if view.queued else line


def _done(view: StudyView, texts: Catalogue) -> str:
    done = f"{view.ended_trials}" if view.max_trials is None else f"{view.ended_trials}/{view.max_trials}"
    return f"{done} · {_waiting(view, texts)}" if view.queued else done


def _waiting(view: StudyView, texts: Catalogue) -> str:
    """How many trials were asked for that have not begun."""
    return texts("table.waiting", count=len(view.queued))


def studies_table(views: Sequence[StudyView], faults: Sequence[str] = (), texts: Catalogue = ENGLISH) -> Table:
    """One row per study, and below why others can't be read."""
    rows = tuple(
        (
            view.study,
            texts(f"state.{view.state}"),
            _done(view, texts),
            score_text(view, texts),
            clock(view.elapsed),
            view.strategy,
        )
        for view in views
    )
    columns = tuple(
        texts(key) for key in ("table.study", "table.state", "table.trials", "table.best", "record.time", "table.tuner")
    )
    return Table(caption=count_text("studies", len(views), texts), columns=columns, rows=rows, notes=tuple(faults))


def best_table(view: StudyView, texts: Catalogue = ENGLISH) -> Table:
    """The best trial's values and metrics. The view must have a best trial."""
    best = view.best_trial
    assert best is not None
    rows = [(name, str(value)) for name, value in best.values.items()]
    rows += [(name, number_text(value)) for name, value in best.metrics.items()]
    caption = texts("table.best_caption", study=view.study, score=score_text(view, texts))
    if best.best_epoch is not None:
        caption = texts("table.best_epoch", caption=caption, epoch=best.best_epoch, epochs=best.epochs)
    return Table(caption=caption, columns=(texts("table.name"), texts("table.value")), rows=tuple(rows))


def _count(number: int | None) -> str:
    return MISSING if number is None else f"{number:,}"


def _from_here(path: str) -> str:
    """The path as seen from the notebook's folder when it lies below it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if path and Path(path).is_relative_to(here) else path


def exports_table(results: Sequence[ModelExported], texts: Catalogue = ENGLISH, *, more: Sequence[str] = ()) -> Table:
    """One row per artefact: sizes in bytes, scores, agreement, time of one sample; ``more`` are lines below."""
    lite = all(result.target == Target.TFLITE for result in results)
    names = [result.mode if lite else artefact_name(result) for result in results]
    score = next((result.score_name for result in results if result.score_name), None) or texts("record.score")
    first = texts("record.mode" if lite else "table.exported_as")
    sizes = [texts(key) for key in ("record.verdict", "table.bytes", "table.gzip_bytes")]
    others = ("record.in_keras", "record.agreement", "table.max_abs_diff", "record.per_sample", "record.file")
    rows = tuple(
        (
            name,
            verdict_text(result.verdict, texts),
            _count(result.bytes),
            _count(result.gzip_bytes),
            number_text(result.score_after),
            number_text(result.score_before),
            share_text(result.agreement),
            number_text(result.max_abs_diff),
            number_text(result.microseconds),
            _from_here(result.path),
        )
        for name, result in zip(names, results, strict=True)
    )
    verified = sum(result.verdict is Verdict.VERIFIED for result in results)
    told = [(name, text) for name, result in zip(names, results, strict=True) if (text := export_remark(result, texts))]
    return Table(
        caption=texts("table.exports" if lite else "table.artefacts", verified=verified, count=len(results)),
        columns=(first, *sizes, score, *map(texts, others)),
        rows=rows,
        notes=(*(texts("record.setting", label=name, text=message) for name, message in told), *more),
    )
