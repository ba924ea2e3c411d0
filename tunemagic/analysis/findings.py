"""A study's findings in words, as every screen in Python shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.wording import MISSING, number_text
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.text import one_line

__all__ = ["FindingText", "finding_texts"]

_MAX_VALUE = 60
_MAX_TEXT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingText:
    """One finding: what it is, the evidence, and what to try, the most promising first. All texts are one line."""

    title: str
    text: str
    remedies: tuple[str, ...]


def finding_texts(findings: Sequence[Mapping[str, Any]], texts: Catalogue = ENGLISH) -> tuple[FindingText, ...]:
    """The findings of a StudyDiagnosed event, or a view's, in words.

    Values are put into the catalogue's ``diagnosis.VERDICT.title``, ``diagnosis.VERDICT.text`` and
    ``remedy.ID``. What has no text of its own stands there by its name with its values.
    """
    return tuple(_finding(finding, texts) for finding in findings)


def _finding(finding: Mapping[str, Any], texts: Catalogue) -> FindingText:
    verdict, evidence = str(finding.get("verdict", "")), finding.get("evidence", {})
    title = _said(texts, f"diagnosis.{verdict}.title", verdict.replace("_", " "), evidence)
    trial = finding.get("trial")
    remedies = finding.get("remedies", ())
    return FindingText(
        title=title if trial is None else texts("record.finding_trial", title=title, trial=trial),
        text=_said(texts, f"diagnosis.{verdict}.text", "", evidence),
        remedies=tuple(_said(texts, f"remedy.{each['id']}", each["id"], each.get("values", {})) for each in remedies),
    )


def _said(texts: Catalogue, key: str, name: str, values: Mapping[str, Any]) -> str:
    shown = {word: _shown(value) for word, value in values.items()}
    count = {"count": values["count"]} if isinstance(values.get("count"), int) else {}
    text = texts(key, **{**shown, **count})
    if text == key:  # the catalogue has none
        listed = ", ".join(f"{word} {value}" for word, value in shown.items())
        text = f"{name}: {listed}" if name and listed else name or listed
    return one_line(text, _MAX_TEXT)


def _shown(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool | str):
        return one_line(str(value), _MAX_VALUE)
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, Mapping):
        return one_line(", ".join(f"{name}={_shown(each)}" for name, each in value.items()), _MAX_VALUE)
    return one_line(", ".join(map(_shown, value)), _MAX_VALUE) if isinstance(value, Sequence) else str(type(value))
