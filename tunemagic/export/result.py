"""What came of an export: the file, and how it compares with the Keras model in its real runtime."""

from __future__ import annotations

import html
from dataclasses import dataclass, fields
from pathlib import Path

from tunemagic.events import ModelExported, Verdict
from tunemagic.request import Target
from tunemagic.text import one_line

__all__ = ["ExportResult"]

_MAX_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExportResult:
    """One artefact of a model, and the numbers that its verdict rests on.

    Attributes:
        target: What the model was exported as.
        mode: How numbers are stored, ``"none"`` where the target has no choice.
        path: The file or folder; None when nothing was written.
        verdict: Whether it may be called done.
        message: The verdict in one sentence.
        trial: The trial that the model belongs to.
        bytes: Size; of a folder the sum of its files.
        gzip_bytes: Size after gzip -9.
        sha256: Of the file; of a folder over names and contents in order of name.
        runtime: What loaded and ran it, with its version.
        samples: How many held-out samples were compared.
        score_name: The metric of both scores.
        score_before: Of the Keras model.
        score_after: Of the artefact.
        agreement: Share (0 to 1) of samples with the same class; None for regression.
        flips: The first samples on which the classes differ, as indices of the evaluation data.
        confusion: ``[truth][answer]`` counts of the artefact's answers; None for regression or many classes.
        max_abs_diff: Largest absolute difference of outputs.
        tolerance: The limit of it.
        tolerance_reason: Why this limit.
        microseconds: Median time of one warm call.
        microseconds_least: Least time of one warm call.
        threads: Threads of that call.
        batch: Samples of that call.
        operations: What the file computes with, each once.
        warnings: Further remarks, one sentence each.
        seconds: How long the conversion took, without the start of its process.
    """

    target: Target
    mode: str
    path: Path | None
    verdict: Verdict
    message: str
    trial: int | None = None
    bytes: int | None = None
    gzip_bytes: int | None = None
    sha256: str | None = None
    runtime: str = ""
    samples: int | None = None
    score_name: str | None = None
    score_before: float | None = None
    score_after: float | None = None
    agreement: float | None = None
    flips: tuple[int, ...] = ()
    confusion: tuple[tuple[int, ...], ...] | None = None
    max_abs_diff: float | None = None
    tolerance: float | None = None
    tolerance_reason: str = ""
    microseconds: float | None = None
    microseconds_least: float | None = None
    threads: int | None = None
    batch: int | None = None
    operations: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def verified(self) -> bool:
        """Whether the artefact was loaded, run and found to be the same model."""
        return self.verdict is Verdict.VERIFIED

    def _facts(self) -> list[str]:
        """What was made, the verdict, its size, its score beside the Keras model's, and where it is."""
        made = self.target if self.mode == "none" else f"{self.target} {self.mode}"
        facts = [made, self.verdict, "" if self.bytes is None else f"{self.bytes:,} bytes"]
        if self.score_before is not None and self.score_after is not None:
            facts.append(f"{self.score_name or 'score'} {self.score_before:.4g} -> {self.score_after:.4g}")
        facts.append(self.message if self.path is None else str(self.path))
        return [one_line(fact, _MAX_TEXT) for fact in facts if fact]

    def __repr__(self) -> str:
        return f"<{', '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        made, *more = map(html.escape, self._facts())
        return f'<span title="{html.escape(one_line(self.message))}"><strong>{made}</strong>: {", ".join(more)}</span>'

    def event(self) -> ModelExported:
        """The same as a fact for the journal."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {name: list(values[name]) for name in ("flips", "operations", "warnings")}
        values["path"] = "" if self.path is None else str(self.path)
        values["target"] = str(self.target)
        if self.confusion is not None:
            values["confusion"] = [list(row) for row in self.confusion]
        return ModelExported(**values)
