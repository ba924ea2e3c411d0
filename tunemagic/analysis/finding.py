"""What a diagnosis finds, as values: a verdict, its evidence, and what to try, the most promising first.

Texts are made elsewhere (``analysis.findings``) from the catalogue's ``diagnosis.*`` and ``remedy.*``,
so that every screen says the same in its own language.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from tunemagic.analysis.findings import FindingText, finding_texts
from tunemagic.analysis.magic_lines import magic_line
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.text import one_line

__all__ = ["Action", "ActionVerb", "Diagnosis", "Evidence", "Finding", "Findings", "Found", "Remedy", "action_line"]

Evidence: TypeAlias = Mapping[str, float | str]

_MAX_LINE = 500


class Diagnosis(StrEnum):
    """What may be wrong with a model, or (from ``BOUNDARY_HIGH`` on) with the space that was searched.

    What is slow and where a leak is suspected have verdicts of their own, since their evidence and
    their remedies differ. From ``NO_SCORE`` on nothing is wrong, but too little known to call a model
    healthy.
    """

    MISSING_VALUES = "missing_values"  # in the training samples, and NaN or infinite weights or losses from them
    SPOILT_WEIGHTS = "spoilt_weights"  # NaN or infinite, from samples that are not
    DIVERGED = "diverged"
    LEAK_DUPLICATES = "leak_suspected_duplicates"  # validation samples that are trained on too
    LEAK_FEATURE = "leak_suspected_feature"  # an input column that is the target
    LEAK_AT_ONCE = "leak_suspected_at_once"  # nearly perfect from the first epoch on
    LEAK_BETTER = "leak_suspected_better"  # better in validation than in training
    DEAD_UNITS = "dead_units"
    RATE_TOO_LOW = "rate_too_low"
    OVERFIT = "overfit"
    UNDERFIT = "underfit"
    NOISY = "noisy"
    SLOW_INPUT = "too_slow_input"
    SLOW_TRACING = "too_slow_tracing"
    SLOW_STEPS = "too_slow_steps"  # steps so small that their fixed cost is most of them
    SLOW_SIZE = "too_slow_size"
    STILL_IMPROVING = "still_improving"
    PLATEAUED = "plateaued"
    BOUNDARY_HIGH = "boundary_high"
    BOUNDARY_LOW = "boundary_low"
    MANY_DIVERGED = "many_diverged"
    MANY_FAILED = "many_failed"
    MANY_RANDOM = "many_random"
    FEW_TRIALS = "few_trials"
    NO_SCORE = "no_score"
    NO_LOSS = "no_loss"
    TOO_EARLY = "too_early"
    NO_VALIDATION = "no_validation"


class ActionVerb(StrEnum):
    """What a remedy's button does; the panel's commands of the same names."""

    SPACE = "space"  # {"ranges": {name: [low, high]}}
    TRY = "try"  # {"values": {name: value}}
    CELL = "cell"  # {"code": text of a new cell}


Found: TypeAlias = tuple[Diagnosis, Evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A step that can be taken with one click or one line."""

    verb: ActionVerb
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Something to try; ``values`` fill the placeholders of its text ``remedy.ID``."""

    id: str
    values: Evidence = field(default_factory=dict)
    action: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One verdict. ``trial`` is the trial that it is about, None for a space or a lone History."""

    verdict: Diagnosis
    evidence: Evidence
    remedies: tuple[Remedy, ...]
    trial: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, as in a StudyDiagnosed event."""
        return {
            "verdict": str(self.verdict),
            "trial": self.trial,
            "evidence": {name: _plain(value) for name, value in self.evidence.items()},
            "remedies": [
                {
                    "id": each.id,
                    "values": dict(each.values),
                    "action": None
                    if each.action is None
                    else {"verb": str(each.action.verb), "args": dict(each.action.args)},
                }
                for each in self.remedies
            ],
        }


def _plain(value: float | str) -> float | int | str:
    """What JSON can hold; whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        return str(value)
    return int(value) if value == int(value) else float(value)


class Findings(tuple[Mapping[str, Any], ...]):
    """Findings as JSON, with a readable repr in consoles and notebooks.

    ``study`` names the study in the magic lines that carry out a remedy, "" where there is none;
    ``looked`` is False when there was nothing to look at yet.
    """

    study: str
    looked: bool

    def __new__(cls, findings: Sequence[Mapping[str, Any]], study: str = "", *, looked: bool = True) -> Findings:
        """Take these findings."""
        made = super().__new__(cls, findings)
        made.study, made.looked = study, looked
        return made

    def text(self, texts: Catalogue = ENGLISH) -> str:
        """Verdicts, evidence and remedies as lines, each with the magic line that carries it out."""
        said: list[str] = []
        for text, lines in self._said(texts):
            said.append(f"{text.title}: {text.text}")
            for place, (remedy, line) in enumerate(zip(text.remedies, lines, strict=True), start=1):
                said += [f"  {place}. {remedy}", *([f"     {line}"] if line else [])]
        return "\n".join(said) or self._nothing(texts)

    def html(self, texts: Catalogue = ENGLISH) -> str:
        """The same as HTML; every text is escaped."""
        parts: list[str] = []
        for text, lines in self._said(texts):
            items = "".join(
                f"<li>{html.escape(remedy)}{f'<br><code>{html.escape(line)}</code>' if line else ''}</li>"
                for remedy, line in zip(text.remedies, lines, strict=True)
            )
            parts.append(f"<p><strong>{html.escape(text.title)}</strong><br>{html.escape(text.text)}</p>")
            parts += [f"<ol>{items}</ol>"] if items else []
        return "".join(parts) or f"<p>{html.escape(self._nothing(texts))}</p>"

    def _nothing(self, texts: Catalogue) -> str:
        return texts("diagnosis.nothing") if self.looked else texts("diagnosis.no_epoch", study=self.study)

    def _said(self, texts: Catalogue) -> Iterator[tuple[FindingText, list[str]]]:
        for finding, text in zip(self, finding_texts(self, texts), strict=True):
            lines = (action_line(each.get("action"), self.study) for each in finding["remedies"])
            yield text, [one_line(line, _MAX_LINE) for line in lines]

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()


def action_line(action: Mapping[str, Any] | None, study: str) -> str:
    """The magic line that does what an action's button does; of a new cell its first line, "" for no action."""
    if action is None:
        return ""
    if action["verb"] == ActionVerb.CELL:
        return str(action["args"]["code"]).split("\n", 1)[0]
    return magic_line(study, action["verb"], action["args"])
