"""The static record of a study: what stays in the notebook when the live panel is gone.

It needs no kernel, no script and no file beside the notebook: pictures are inside the HTML. All
text that comes from the user's code, from parameters and from errors is escaped.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

from tunemagic.analysis.cells import Cells, verdict_text
from tunemagic.analysis.curves import best_so_far_info, curves_info
from tunemagic.analysis.exports import exports_info
from tunemagic.analysis.findings import FindingText
from tunemagic.analysis.pictures import PictureKind
from tunemagic.analysis.summary import FailureGroup, SummaryInfo, numbered, summary_info
from tunemagic.analysis.wording import count_text
from tunemagic.events import Verdict
from tunemagic.i18n import ENGLISH, Catalogue, Language
from tunemagic.plots import few_colours, plot, study_picture
from tunemagic.text import aligned
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
_ITEM = "overflow-wrap:anywhere"
_CODE = "font-family:monospace;white-space:pre-wrap;overflow-wrap:anywhere"


def record_bundle(view: StudyView, texts: Catalogue = ENGLISH) -> dict[str, str]:
    """The record as a MIME bundle for ``display(..., raw=True)``: ``text/html`` and ``text/plain``.

    Every text of the study is shown as text, whatever it holds. Together below 150 kB.
    """
    info = summary_info(view, texts)
    return {"text/plain": _text(info, texts), "text/html": _page(view, info, texts)}


# -- text ----------------------------------------------------------------------------------------


def _text(info: SummaryInfo, texts: Catalogue) -> str:
    def pair(label: str, text: str) -> str:
        return texts("record.setting", label=label, text=text)

    lines = [pair(info.title, info.headline), *([info.ending] if info.ending else [])]
    if info.top is not None:
        lines += ["", *_text_table(info.top)]
    if info.findings:
        lines += ["", texts("record.diagnosis")]
    for finding in info.findings:
        lines += [f"  {pair(finding.title, finding.text) if finding.text else finding.title}"]
        lines += [f"    {number}. {remedy}" for number, remedy in enumerate(finding.remedies, start=1)]
    if info.failures:
        lines += ["", texts("record.failed_trials")]
    for group in info.failures:
        lines.append(f"  {pair(numbered(group.trials, texts), group.reason)}")
        lines += [f"    > {group.source}"] if group.source else []
    if info.more_failures:
        lines.append(f"  {_more(info.more_failures, texts)}")
    if info.notes:
        lines += ["", texts("record.notes"), *(f"  {note}" for note in info.notes)]
    if info.exports is not None:
        lines += ["", *_text_table(info.exports)]
    if info.settings:
        lines += ["", texts("record.settings"), *(f"  {pair(label, text)}" for label, text in info.settings)]
    return "\n".join(lines)


def _text_table(cells: Cells) -> list[str]:
    lines = aligned((cells.columns, *cells.rows), right=cells.numeric)
    return [cells.caption, *(f"  {line}" for line in lines), *(f"  {remark}" for remark in cells.remarks)]


def _more(trials: tuple[int, ...], texts: Catalogue) -> str:
    return texts("record.more_trials", count=len(trials), trials=numbered(trials, texts))


# -- HTML ----------------------------------------------------------------------------------------


def _picture(view: StudyView, info: SummaryInfo, texts: Catalogue) -> str:
    """An ``<img>`` with the two pictures inside; nothing before the first epoch has ended."""
    curves, best = curves_info(view), best_so_far_info(view)
    if not curves.curves and not best.points:
        return ""
    trials = count_text("trials", curves.trials, texts)
    what = texts("record.picture", trials=trials, study=info.title, headline=info.headline)
    return _image(study_picture(curves, best, texts=texts), what, 920)


def _exports_picture(view: StudyView, texts: Catalogue) -> str:
    """The artefacts in the plane of size and score, where there are two to compare."""
    if len(exports_info(view).points) < 2:
        return ""
    picture = plot(view, PictureKind.EXPORTS, texts=texts)
    return _image(few_colours(picture.png), picture.text, 560)


def _image(png: bytes, what: str, width: int) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(what)}" '
        f'style="display:block;width:100%;max-width:{width}px;height:auto;margin:8px 0;border-radius:4px">'
    )


def _page(view: StudyView, info: SummaryInfo, texts: Catalogue) -> str:
    parts = [_heading(info), _picture(view, info, texts)]
    if info.top is not None:
        parts.append(_table(info.top, texts))
    if info.findings:
        parts.append(_section(texts("record.diagnosis"), _findings(info.findings)))
    if info.failures or info.more_failures:
        parts.append(_section(texts("record.failed_trials"), _failures(info.failures, info.more_failures, texts)))
    if info.notes:
        parts.append(_section(texts("record.notes"), _list(html.escape(note) for note in info.notes)))
    if info.exports is not None:
        parts += [_table(info.exports, texts), _exports_picture(view, texts)]
    if info.settings:
        parts.append(_section(texts("record.settings"), _settings(info.settings, texts)))
    # A page is taken to be English: nothing is said about that, so that an English record is as small as it can be.
    lang = "" if texts.language is Language.ENGLISH else f' lang="{texts.language.replace("_", "-")}"'
    return f'<div{lang} style="max-width:960px;line-height:1.45;text-align:left">{"".join(parts)}</div>'


def _heading(info: SummaryInfo) -> str:
    ending = f'<p style="margin:0 0 4px">{html.escape(info.ending)}</p>' if info.ending else ""
    title = f"<strong>{html.escape(info.title)}</strong>"
    return f'<p style="margin:4px 0;font-size:1.1em">{title} · {html.escape(info.headline)}</p>{ending}'


def _section(title: str, content: str) -> str:
    return f'<p style="margin:12px 0 4px"><strong>{html.escape(title)}</strong></p>{content}'


def _findings(findings: Iterable[FindingText]) -> str:
    items = []
    for finding in findings:
        text = f"<br>{html.escape(finding.text)}" if finding.text else ""
        remedies = "".join(f'<li style="{_ITEM}">{html.escape(remedy)}</li>' for remedy in finding.remedies)
        tried = f'<ol style="margin:2px 0 6px;padding-left:20px">{remedies}</ol>' if remedies else ""
        items.append(f"<strong>{html.escape(finding.title)}</strong>{text}{tried}")
    return _list(items)


def _table(cells: Cells, texts: Catalogue) -> str:
    """A table that scrolls sideways by itself when it is wider than the page."""
    head = "".join(
        f'<th scope="col" style="{_style(cells, index)}">{html.escape(text)}</th>'
        for index, text in enumerate(cells.columns)
    )
    body = "".join(f"<tr>{_row(cells, row, texts)}</tr>" for row in cells.rows)
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


def _row(cells: Cells, row: Iterable[str], texts: Catalogue) -> str:
    shown = (_badge(text, texts) if index in cells.verdicts else html.escape(text) for index, text in enumerate(row))
    return "".join(f'<td style="{_style(cells, index)}">{cell}</td>' for index, cell in enumerate(shown))


def _style(cells: Cells, index: int) -> str:
    side = "right" if index in cells.numeric else "left"
    return f"{_CELL};text-align:{side};{_LONG if index in cells.long else 'white-space:nowrap'}"


def _badge(text: str, texts: Catalogue) -> str:
    verdict = next(verdict for verdict in Verdict if verdict_text(verdict, texts) == text)
    sign, colours = _MARKS[verdict]
    return f'<span style="{_BADGE};{colours}">{sign} {html.escape(text)}</span>'


def _failures(groups: Iterable[FailureGroup], more: tuple[int, ...], texts: Catalogue) -> str:
    items = []
    for group in groups:
        source = f'<br><code style="{_CODE}">{html.escape(group.source)}</code>' if group.source else ""
        trials = f"<strong>{html.escape(numbered(group.trials, texts))}</strong>"
        items.append(texts("record.setting", label=trials, text=html.escape(group.reason)) + source)
    return _list([*items, *([html.escape(_more(more, texts))] if more else [])])


def _list(items: Iterable[str]) -> str:
    """An unordered list of items that are HTML already."""
    lines = "".join(f'<li style="{_ITEM}">{item}</li>' for item in items)
    return f'<ul style="margin:4px 0 0;padding-left:20px">{lines}</ul>'


def _settings(pairs: Iterable[tuple[str, str]], texts: Catalogue) -> str:
    lines = "".join(
        f"<div>{texts('record.setting', label=f'<em>{html.escape(label)}</em>', text=html.escape(text))}</div>"
        for label, text in pairs
    )
    return f'<div style="overflow-wrap:anywhere">{lines}</div>'
