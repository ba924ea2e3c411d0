"""A study as one HTML file that needs nothing else: no script, no network, no kernel."""

from __future__ import annotations

from tunemagic.report.file import report_path, write_report
from tunemagic.report.page import report_html

__all__ = ["report_html", "report_path", "write_report"]
