"""Where a report is written, and how: whole or not at all, and never over a file unless told so."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tunemagic.durable import write_atomic
from tunemagic.errors import OptionError, StorageError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.report.page import report_html
from tunemagic.trial import StudyView

__all__ = ["HasView", "report_path", "write_report"]

_SUFFIXES = (".html", ".htm")
_READABLE = 0o644


class HasView(Protocol):
    """A study."""

    @property
    def view(self) -> StudyView:
        """Its state now."""
        ...


def report_path(asked: str | Path | None, study: str) -> Path:
    """The file for this wish: a file, a folder in which it is called like the study, or None for the working folder.

    Raises OptionError for a name that ends like another kind of file.
    """
    path = Path(asked or ".").expanduser()
    if path.is_dir():
        return path / f"{study}.html"
    if path.suffix and path.suffix.lower() not in _SUFFIXES:
        raise OptionError(f"report: received {path.name!r}; expected a name that ends in .html, or a folder.")
    return path if path.suffix else path.with_name(f"{path.name}.html")


def write_report(
    source: HasView | StudyView, path: str | Path | None = None, *, texts: Catalogue = ENGLISH, force: bool = False
) -> Path:
    """Write the report of a study, or of its view; gives the file's path.

    Args:
        source: The study. One that runs is told as it stands now.
        path: A file, or a folder; None for ``NAME.html`` in the working folder.
        texts: The language of the report.
        force: Whether a file of that name is replaced.

    Raises:
        OptionError: The file exists, or its name is not one of an HTML file.
        StorageError: It can't be written.
    """
    view = source if isinstance(source, StudyView) else source.view
    target = report_path(path, view.study or "study")
    if target.exists() and not force:
        raise OptionError(f"report: {target} exists already. Use --force to replace it, or -o PATH for another file.")
    page = report_html(view, texts)
    try:
        write_atomic(target, page.encode("utf-8"), mode=_READABLE)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StorageError(f"report: {target} can't be written: {why}. Use -o PATH for another place.") from error
    return target
