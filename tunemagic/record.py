"""The static record of a study: what stays in the notebook when the live panel is gone.

It needs no kernel, no script and no file beside the notebook: pictures are inside the HTML. All
text that comes from the user's code, from parameters and from errors is escaped.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

from tunemagic.analysis.curves import best_so_far_info, curves_info
from tunemagic.analysis.summary import Cells, FailureGroup, SummaryInfo, numbered, summary_info
from tunemagic.events import Verdict
from tunemagic.plots import study_picture
from tunemagic.text import counted
from tunemagic.trial import StudyView

__all__ = ["record_bundle"]

# Colours of the page are left alone, so that light and dark notebooks both stay readable.
_LINE = "1px solid rgba(128,128,128,0.4)"
_CELL = f"padding:2px 12px 2px 0;border:none;border-bottom:{_LINE};vertical-align:top"
_LONG = "min-width:18em;white-space:normal;overflow-wrap:anywhere"
_BADGE = "padding:0 6px;border-radius:8px;white-space:nowrap"
_MARKS: dict[str, tuple[str, str]] = {  # the sign tells verdicts apart without colours
    Verdict.VERIFIED: ("✓", "background:#d7f0df;color:#0a4a24"),
    Verdict.NOT_VERIFIED: ("⚠", "background:#fdebc2;color:#5f3c00"),
    Verdict.FAILED: ("✗", "background:#fbdad6;color:#7c1710"),
}
_CODE = "font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere"


def record_bundle(view: StudyView) -> dict[str, str]:
    """The record as a MIME bundle for ``display(..., raw=True)``: ``text/html`` and ``text/plain``.

    Every text of the study is shown as text, whatever it holds. Together below 150 kB.
    """
    info = summary_info(view)
    return {"text/plain": _text(info), "text/html": _page(info, _picture(view, info))}


# -- text ----------------------------------------------------------------------------------------


def _text(info: SummaryInfo) -> str:
    lines = [f"{info.title}: {info.headline}", *([info.ending] if info.ending else [])]
    if info.top is not None:
        lines += ["", *_text_table(info.top)]
    if info.failures:
        lines += ["", "Failed trials"]
    for group in info.failures:
        lines += [f"  {numbered(group.trials)}: {group.reason}", *([f"    > {group.source}"] if group.source else [])]
    if info.more_failures:
        lines.append(f"  {_more(info.more_failures)}")
    if info.notes:
        lines += ["", "Notes", *(f"  {note}" for note in info.notes)]
    if info.exports is not None:
        lines += ["", *_text_table(info.exports)]
    if info.settings:
        lines += ["", "Settings", *(f"  {label}: {text}" for label, text in info.settings)]
    return "\n".join(lines)


def _text_table(cells: Cells) -> list[str]:
    rows = (cells.columns, *cells.rows)
    widths = [max(len(row[index]) for row in rows) for index in range(len(cells.columns))]
    lines = []
    for row in rows:
        padded = (
            cell.rjust(width) if index in cells.numeric else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(("  " + "  ".join(padded)).rstrip())
    return [cells.caption, *lines, *(f"  {remark}" for remark in cells.remarks)]


def _more(trials: tuple[int, ...]) -> str:
    return f"and {len(trials)} more: {numbered(trials)}"


# -- HTML ----------------------------------------------------------------------------------------


def _picture(view: StudyView, info: SummaryInfo) -> str:
    """An ``<img>`` with the two pictures inside; nothing before the first epoch has ended."""
    curves, best = curves_info(view), best_so_far_info(view)
    if not curves.curves and not best.points:
        return ""
    data = base64.b64encode(study_picture(curves, best)).decode("ascii")
    trials = counted(curves.trials, "trial")
    what = f"Learning curves of {trials} and best score so far of {info.title}: {info.headline}"
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(what)}" '
        'style="display:block;width:100%;max-width:920px;height:auto;margin:8px 0;border-radius:4px">'
    )


def _page(info: SummaryInfo, picture: str) -> str:
    parts = [_heading(info), picture]
    if info.top is not None:
        parts.append(_table(info.top))
    if info.failures or info.more_failures:
        parts.append(_section("Failed trials", _failures(info.failures, info.more_failures)))
    if info.notes:
        parts.append(_section("Notes", _list(html.escape(note) for note in info.notes)))
    if info.exports is not None:
        parts.append(_table(info.exports))
    if info.settings:
        parts.append(_section("Settings", _settings(info.settings)))
    return f'<div style="max-width:960px;line-height:1.45;text-align:left">{"".join(parts)}</div>'


def _heading(info: SummaryInfo) -> str:
    ending = f'<p style="margin:0 0 4px">{html.escape(info.ending)}</p>' if info.ending else ""
    title = f"<strong>{html.escape(info.title)}</strong>"
    return f'<p style="margin:4px 0;font-size:1.1em">{title} · {html.escape(info.headline)}</p>{ending}'


def _section(title: str, content: str) -> str:
    return f'<p style="margin:12px 0 4px"><strong>{title}</strong></p>{content}'


def _table(cells: Cells) -> str:
    """A table that scrolls sideways by itself when it is wider than the page."""
    head = "".join(
        f'<th scope="col" style="{_style(cells, index)}">{html.escape(text)}</th>'
        for index, text in enumerate(cells.columns)
    )
    body = "".join(f"<tr>{_row(cells, row)}</tr>" for row in cells.rows)
    caption = (
        '<caption style="caption-side:top;text-align:left;padding:12px 0 4px;color:inherit;font-size:inherit">'
        f"<strong>{html.escape(cells.caption)}</strong></caption>"
    )
    table = (
        f'<table style="border-collapse:collapse;border:none;margin:0">{caption}'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    remarks = _list(map(html.escape, cells.remarks)) if cells.remarks else ""
    # Focusable, so that it can be scrolled by keyboard.
    label = html.escape(cells.caption)
    return f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{label}">{table}</div>{remarks}'


def _row(cells: Cells, row: Iterable[str]) -> str:
    return "".join(
        f'<td style="{_style(cells, index)}">{_badge(text) if index in cells.verdicts else html.escape(text)}</td>'
        for index, text in enumerate(row)
    )


def _style(cells: Cells, index: int) -> str:
    side = "right" if index in cells.numeric else "left"
    return f"{_CELL};text-align:{side};{_LONG if index in cells.long else 'white-space:nowrap'}"


def _badge(verdict: str) -> str:
    sign, colours = _MARKS[verdict]
    return f'<span style="{_BADGE};{colours}">{sign} {html.escape(verdict)}</span>'


def _failures(groups: Iterable[FailureGroup], more: tuple[int, ...]) -> str:
    items = []
    for group in groups:
        source = f'<br><code style="{_CODE}">{html.escape(group.source)}</code>' if group.source else ""
        items.append(f"<strong>{numbered(group.trials)}</strong>: {html.escape(group.reason)}{source}")
    return _list([*items, *([html.escape(_more(more))] if more else [])])


def _list(items: Iterable[str]) -> str:
    """An unordered list of items that are HTML already."""
    lines = "".join(f'<li style="overflow-wrap:anywhere">{item}</li>' for item in items)
    return f'<ul style="margin:4px 0 0;padding-left:20px">{lines}</ul>'


def _settings(pairs: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<div><em>{html.escape(label)}</em>: {html.escape(text)}</div>" for label, text in pairs)
    return f'<div style="overflow-wrap:anywhere">{lines}</div>'
