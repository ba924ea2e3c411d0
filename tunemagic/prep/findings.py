"""What a look at the data finds, as values: a verdict, its numbers, and what to do, the best first.

Texts come from the catalogue's ``check.VERDICT.title``, ``check.VERDICT.text`` and ``remedy.ID``.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.text import one_line

__all__ = ["DataFinding", "DataReport", "DataVerdict", "Numbers"]

Numbers: TypeAlias = Mapping[str, float | int | str]

_MAX_VALUE = 80
_MAX_TEXT = 400


class DataVerdict(StrEnum):
    """What may be wrong with data. Up to ``TARGET_FUTURE`` a validation score would be too good."""

    DUPLICATES = "duplicates"  # validation samples that are trained on too
    ZSCORE_BEFORE_SPLIT = "zscore_before_split"
    MINMAX_BEFORE_SPLIT = "minmax_before_split"
    TARGET_COLUMN = "target_column"  # an input that is the target
    TARGET_FUTURE = "target_future"  # an input that is the target of a later row
    REPEATED = "repeated"  # copies in data that is yet to be split
    TARGET_SCALED = "target_scaled"  # classes that went through a scaler
    CONFLICTS = "conflicts"  # one sample with two labels
    ONE_CLASS = "one_class"
    UNSEEN_CLASS = "unseen_class"  # classes that only the validation part has
    IMBALANCE = "imbalance"
    MISSING = "missing"
    MISSING_TARGET = "missing_target"
    CONSTANT = "constant"


_LEAKS = (
    DataVerdict.DUPLICATES,
    DataVerdict.ZSCORE_BEFORE_SPLIT,
    DataVerdict.MINMAX_BEFORE_SPLIT,
    DataVerdict.TARGET_COLUMN,
    DataVerdict.TARGET_FUTURE,
)
# The number that decides between a text's forms for one and for several.
_COUNTED: Mapping[DataVerdict, str] = {
    DataVerdict.CONFLICTS: "samples",
    DataVerdict.UNSEEN_CLASS: "count",
    DataVerdict.MISSING: "values",
    DataVerdict.MISSING_TARGET: "rows",
    DataVerdict.CONSTANT: "number",
}
_REMEDIES: Mapping[DataVerdict, tuple[str, ...]] = {
    DataVerdict.DUPLICATES: ("drop_duplicates", "split_by_group"),
    DataVerdict.ZSCORE_BEFORE_SPLIT: ("fit_scaler_on_training",),
    DataVerdict.MINMAX_BEFORE_SPLIT: ("fit_scaler_on_training",),
    DataVerdict.TARGET_COLUMN: ("drop_column", "look_at_data"),
    DataVerdict.TARGET_FUTURE: ("only_the_past", "drop_column"),
    DataVerdict.REPEATED: ("drop_duplicates",),
    DataVerdict.TARGET_SCALED: ("scale_inputs_only",),
    DataVerdict.CONFLICTS: ("decide_label",),
    DataVerdict.ONE_CLASS: ("check_target",),
    DataVerdict.UNSEEN_CLASS: ("stratify", "more_data"),
    DataVerdict.IMBALANCE: ("judge_by_rare_classes", "class_weight", "stratify"),
    DataVerdict.MISSING: ("fill_missing",),
    DataVerdict.MISSING_TARGET: ("drop_rows_without_target",),
    DataVerdict.CONSTANT: ("drop_column",),
}


@dataclass(frozen=True, slots=True)
class DataFinding:
    """One verdict with the numbers that it rests on. ``numbers`` fill the placeholders of its text."""

    verdict: DataVerdict
    numbers: Numbers

    @property
    def remedies(self) -> tuple[str, ...]:
        """Ids of what to do, the best first."""
        return _REMEDIES[self.verdict]

    def title(self, texts: Catalogue = ENGLISH) -> str:
        """What it is, in a few words."""
        return one_line(texts(f"check.{self.verdict}.title", **self._shown()), _MAX_TEXT)

    def text(self, texts: Catalogue = ENGLISH) -> str:
        """How it is known."""
        number = self.numbers.get(_COUNTED.get(self.verdict, ""))
        form: dict[str, Any] = {"count": 1} if number == 1 else {}
        return one_line(texts(f"check.{self.verdict}.text", **{"count": number, **self._shown(), **form}), _MAX_TEXT)

    def steps(self, texts: Catalogue = ENGLISH) -> tuple[str, ...]:
        """What to do, in words."""
        return tuple(texts(f"remedy.{each}") for each in self.remedies)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, of the same form as a finding of ``%tune check`` on a study."""
        return {
            "verdict": str(self.verdict),
            "evidence": dict(self.numbers),
            "remedies": [{"id": each} for each in self.remedies],
        }

    def _shown(self) -> dict[str, str]:
        return {
            name: one_line(value, _MAX_VALUE) if isinstance(value, str) else f"{value:,.4g}"
            if isinstance(value, float) else f"{value:,}"
            for name, value in self.numbers.items()
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class DataReport:
    """What ``prep.check`` has found, the worst first; as a sequence it is its findings.

    ``rows`` and ``held_out`` are the numbers of training and validation samples that were looked at.
    """

    findings: tuple[DataFinding, ...]
    rows: int
    held_out: int = 0

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdicts by name: ``("duplicates", "imbalance")``."""
        return tuple(str(each.verdict) for each in self.findings)

    @property
    def leaks(self) -> tuple[DataFinding, ...]:
        """The findings that make a validation score too good."""
        return tuple(each for each in self.findings if each.verdict in _LEAKS)

    def __getitem__(self, verdict: str) -> DataFinding:
        """The finding of this verdict. Raises KeyError when there is none."""
        for each in self.findings:
            if each.verdict == verdict:
                return each
        raise KeyError(verdict)

    def __iter__(self) -> Iterator[DataFinding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"rows": self.rows, "held_out": self.held_out, "findings": [each.to_json() for each in self.findings]}

    def text(self, texts: Catalogue = ENGLISH) -> str:
        """Verdicts, numbers and remedies as lines."""
        lines: list[str] = []
        for each in self.findings:
            lines.append(f"{each.title(texts)}: {each.text(texts)}")
            lines += [f"  {place}. {step}" for place, step in enumerate(each.steps(texts), start=1)]
        return "\n".join(lines) or self._nothing(texts)

    def html(self, texts: Catalogue = ENGLISH) -> str:
        """The same as HTML; every text is escaped."""
        parts = [
            f"<p><strong>{html.escape(each.title(texts))}</strong><br>{html.escape(each.text(texts))}</p>"
            f"<ol>{''.join(f'<li>{html.escape(step)}</li>' for step in each.steps(texts))}</ol>"
            for each in self.findings
        ]
        return "".join(parts) or f"<p>{html.escape(self._nothing(texts))}</p>"

    def _nothing(self, texts: Catalogue) -> str:
        which = "check.nothing" if self.held_out else "check.nothing_alone"
        return texts(which, rows=f"{self.rows:,}", held_out=f"{self.held_out:,}")

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()
