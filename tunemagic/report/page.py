"""The report's page: everything of the record, all trials, all pictures, the cell and the versions.

All text that comes from the user's code, from parameters and from errors is escaped, and the page
forbids scripts and the network to itself.
"""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tunemagic.analysis.cells import MAX_TEXT, Cells, short, trials_cells, verdict_text
from tunemagic.analysis.findings import FindingText, finding_texts
from tunemagic.analysis.summary import FailureGroup, numbered, summary_info
from tunemagic.analysis.wording import count_text, range_text
from tunemagic.events import Verdict
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.i18n.facts import translate
from tunemagic.report.pictures import figures
from tunemagic.trial import StudyView

__all__ = ["report_html"]

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_SIGNS = {Verdict.VERIFIED: "✓", Verdict.NOT_VERIFIED: "⚠", Verdict.FAILED: "✗"}
_MAX_CODE = 100_000


def report_html(view: StudyView, texts: Catalogue = ENGLISH) -> str:
    """The study as a page of its own."""
    info = summary_info(view, texts)
    title = texts("report.title", study=info.title)
    sections = [
        ("pictures", texts("report.pictures"), "".join(figures(view, info.headline, texts))),
        ("best", texts("report.best"), "" if info.top is None else _table(info.top, texts)),
        ("diagnosis", texts("record.diagnosis"), _findings(finding_texts(view.findings, texts))),
        ("failed", texts("record.failed_trials"), _failures(info.failures, info.more_failures, texts)),
        ("notes", texts("record.notes"), _list(_escaped(info.notes))),
        ("exports", texts("report.exports"), "" if info.exports is None else _table(info.exports, texts)),
        ("settings", texts("record.settings"), _settings(info.settings)),
        ("space", texts("report.space"), _space(view, texts)),
        ("trials", texts("report.all_trials"), _all_trials(view, texts)),
        ("cell", texts("report.cell"), _code(view.code)),
    ]
    shown = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{key}">{_escape(name)}</a></li>' for key, name, _ in shown)
    body = "".join(
        f'<section id="{key}" aria-labelledby="{key}-h"><h2 id="{key}-h">{_escape(name)}</h2>{content}</section>'
        for key, name, content in shown
    )
    ending = f"<p>{_escape(info.ending)}</p>" if info.ending else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{texts.language.replace("_", "-")}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escape(title)}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n<main>\n"
        f'<header><h1>{_escape(info.title)}</h1><p class="headline">{_escape(info.headline)}</p>{ending}</header>\n'
        f'<nav aria-label="{_escape(texts("report.contents"))}"><ul>{links}</ul></nav>\n'
        f"{body}\n<footer><p>{_escape(_made(view, texts))}</p></footer>\n</main>\n</body>\n</html>\n"
    )


def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def _escape(text: str) -> str:
    return html.escape(text)


def _escaped(texts: Iterable[str]) -> list[str]:
    return [_escape(text) for text in texts]


def _made(view: StudyView, texts: Catalogue) -> str:
    started = datetime.datetime.fromtimestamp(view.started_at, datetime.UTC) if view.started_at else None
    version = view.versions.get("tunemagic", "")
    if started is None:
        return texts("report.made", version=version)
    return texts("report.made_at", version=version, date=f"{started:%Y-%m-%d %H:%M} UTC")


# -- tables --------------------------------------------------------------------------------------


def _table(cells: Cells, texts: Catalogue) -> str:
    """A table that scrolls sideways by itself when it is wider than the page; its first column names the row."""
    head = "".join(f'<th scope="col"{_kind(cells, i)}>{_escape(text)}</th>' for i, text in enumerate(cells.columns))
    body = "".join(f"<tr>{_row(cells, row, texts)}</tr>" for row in cells.rows)
    label = _escape(cells.caption)
    table = f"<table><caption>{label}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    remarks = _list(_escaped(cells.remarks))
    # Focusable, so that it can be scrolled by keyboard.
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>{remarks}'


def _row(cells: Cells, row: Sequence[str], texts: Catalogue) -> str:
    shown = [_verdict(text, texts) if i in cells.verdicts else _escape(text) for i, text in enumerate(row)]
    first = f'<th scope="row"{_kind(cells, 0)}>{shown[0]}</th>'
    return first + "".join(f"<td{_kind(cells, i)}>{cell}</td>" for i, cell in enumerate(shown) if i)


def _kind(cells: Cells, index: int) -> str:
    name = "number" if index in cells.numeric else "long" if index in cells.long else ""
    return f' class="{name}"' if name else ""


def _verdict(text: str, texts: Catalogue) -> str:
    verdict = next(verdict for verdict in Verdict if verdict_text(verdict, texts) == text)
    return f'<span class="verdict {verdict.replace(" ", "-")}">{_SIGNS[verdict]} {_escape(text)}</span>'


def _all_trials(view: StudyView, texts: Catalogue) -> str:
    """Every trial with its state, why it was proposed and why it ended."""
    if not view.trials:
        return ""
    caption = count_text("trials", len(view.trials), texts)
    cells = trials_cells(view, view.trials, caption, states=True, texts=texts)
    rows = tuple(
        (*row, short(translate(trial.why, texts), MAX_TEXT), short(translate(trial.reason, texts), MAX_TEXT))
        for row, trial in zip(cells.rows, view.trials, strict=True)
    )
    width = len(cells.columns)
    more = replace(
        cells,
        columns=(*cells.columns, texts("report.proposed"), texts("report.reason")),
        rows=rows,
        long=cells.long | {width, width + 1},
    )
    return _table(more, texts)


def _space(view: StudyView, texts: Catalogue) -> str:
    if not view.space.parameters:
        return ""
    columns = tuple(texts(f"dry.{word}") for word in ("hyperparameter", "kind", "range", "default"))
    rows = tuple(
        (short(p.name), str(p.kind), short(range_text(p, texts), MAX_TEXT), short(str(p.default)))
        for p in view.space.parameters
    )
    return _table(Cells(caption=texts("record.space"), columns=columns, rows=rows, long=frozenset({2})), texts)


# -- texts ---------------------------------------------------------------------------------------


def _findings(findings: Iterable[FindingText]) -> str:
    parts = []
    for finding in findings:
        text = f"<p>{_escape(finding.text)}</p>" if finding.text else ""
        remedies = "".join(f"<li>{_escape(remedy)}</li>" for remedy in finding.remedies)
        tried = f"<ol>{remedies}</ol>" if remedies else ""
        parts.append(f'<div class="finding"><h3>{_escape(finding.title)}</h3>{text}{tried}</div>')
    return "".join(parts)


def _failures(groups: Iterable[FailureGroup], more: tuple[int, ...], texts: Catalogue) -> str:
    items = []
    for group in groups:
        source = f"<br><code>{_escape(group.source)}</code>" if group.source else ""
        trials = f"<strong>{_escape(numbered(group.trials, texts))}</strong>"
        items.append(texts("record.setting", label=trials, text=_escape(group.reason)) + source)
    if more:
        items.append(_escape(texts("record.more_trials", count=len(more), trials=numbered(more, texts))))
    return _list(items)


def _list(items: Sequence[str]) -> str:
    """An unordered list of items that are HTML already; nothing for no items."""
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def _settings(pairs: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<div><dt>{_escape(label)}</dt><dd>{_escape(text)}</dd></div>" for label, text in pairs)
    return f"<dl>{lines}</dl>" if lines else ""


def _code(code: str) -> str:
    """The cell as it is, line by line; only what no text can hold is made visible."""
    if not code.strip():
        return ""
    lines = code[:_MAX_CODE].expandtabs(4).splitlines()
    shown = "\n".join("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) for line in lines)
    return f'<pre tabindex="0"><code>{_escape(shown)}</code></pre>'
