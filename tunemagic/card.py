"""The model card of a study: what a reader has to know before using its best model."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tunemagic.analysis.cells import exports_cells
from tunemagic.analysis.summary import summary_info
from tunemagic.durable import sha256_of, write_atomic
from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export.result import ExportResult
from tunemagic.request import Target
from tunemagic.trial import StudyView

__all__ = ["HasView", "card_text", "write_card"]

_READABLE = 0o644


class HasView(Protocol):
    """A study."""

    @property
    def view(self) -> StudyView:
        """Its state now."""
        ...


def write_card(study: HasView, path: str | Path, *, force: bool = False) -> ExportResult:
    """Write the model card of a study's best model as Markdown.

    Args:
        study: The study. One that runs is told as it stands now.
        path: The file, such as ``digits.card.md``.
        force: Whether a file of that name is replaced.

    Raises:
        ExportError: There is no trial with a score, the file exists, or can't be written.
    """
    view = study.view
    if view.best_trial is None:
        raise ExportError(f"card: study {view.study} has no trial with a score yet.")
    target = Path(path)
    if target.exists() and not force:
        raise ExportError(f"card: {target} exists already; add --force to replace it, or -o PATH for another file.")
    content = card_text(view).encode("utf-8")
    try:
        write_atomic(target, content, mode=_READABLE)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ExportError(f"card: {target} can't be written: {why}. Use -o PATH for another place.") from error
    return ExportResult(
        target=Target.CARD,
        mode="none",
        path=target,
        verdict=Verdict.VERIFIED,
        message="written from the study's journal",
        trial=view.best,
        bytes=len(content),
        sha256=sha256_of(content),
    )


def card_text(view: StudyView) -> str:
    """The card in Markdown."""
    info = summary_info(view)
    exports = exports_cells(view.exports)
    lines = [f"# {info.title}", "", info.headline, ""]
    lines += [f"- {label}: {text}" for label, text in info.settings]
    lines += [] if exports is None else [exports.caption]
    return "\n".join(lines) + "\n"
