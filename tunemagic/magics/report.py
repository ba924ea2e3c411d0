"""``%tune report``: one HTML file about a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.analysis.wording import byte_text
from tunemagic.i18n import Catalogue
from tunemagic.magics.lines import add_language
from tunemagic.magics.options import LineParser, text
from tunemagic.study import Study

__all__ = ["add_report", "report_line"]


def add_report(parser: LineParser) -> None:
    """The options of ``%tune report`` beside the study's name."""
    where = "file or folder; default: NAME.html beside the notebook"
    parser.option("-o", "--out", type=text, metavar="PATH", help=where)
    parser.flag("--force", help="replace a file of that name")
    add_language(parser)


def report_line(study: Study, given: Mapping[str, Any], texts: Catalogue) -> str:
    """Write the report; what to tell the user of it. Raises OptionError or StorageError when it can't be written."""
    from tunemagic.report import write_report

    path = write_report(study, given.get("out"), texts=texts, force=bool(given.get("force")))
    return texts("report.written", study=study.name, path=str(path), size=byte_text(path.stat().st_size))
