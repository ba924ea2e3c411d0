"""From an attempt to its result: judged on the evaluation data, and put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tunemagic.events import Verdict, finite
from tunemagic.export.contents import flex_problem
from tunemagic.export.gates import gate_of
from tunemagic.export.job import Attempt, Variant
from tunemagic.export.modes import milder
from tunemagic.export.place import artefact_name, fingerprint, place
from tunemagic.export.result import ExportResult
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.task import Task
from tunemagic.export.verify import Comparison, compare, confusion_of, differs, flips_of, judge
from tunemagic.request import QuantMode

__all__ = ["Judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges attempts at one model. ``folder`` holds what was made and answered; artefacts end in ``directory``."""

    task: Task
    folder: Path
    directory: Path
    stem: str
    trial: int | None

    def result(self, attempt: Attempt) -> ExportResult:
        """The attempt's result; an artefact is in its place then, under a name that says when it is not verified."""
        if attempt.problem:
            return self._failed(attempt.variant, attempt.problem)
        if not attempt.ran:
            message = f"not verified: {flex_problem(attempt.facts['operations'])}"
            return self._placed(attempt, Verdict.NOT_VERIFIED, message)
        variant, task = attempt.variant, self.task
        gate = gate_of(variant.target, variant.mode, task.answers.kind, half=task.half)
        try:
            outputs = np.load(variant.outputs_in(self.folder), allow_pickle=False)
            compared = compare(task.keras, outputs, task.y, answers=task.answers, score=task.score, gate=gate)
        except (OSError, ValueError) as error:
            return self._failed(variant, f"{variant.label}: {error}")
        verdict, message = judge(compared, gate)
        if differs(compared, gate) and not gate.proves:
            message += f"; try --quant {milder(QuantMode(variant.mode), KINDS[variant.target].modes)}"
        return self._placed(
            attempt,
            verdict,
            message,
            flips=flips_of(task.answers, task.keras, outputs, task.rows),
            confusion=confusion_of(task.answers, outputs, task.y),
            tolerance_reason=gate.reason,
            **_compared(compared),
            **_measured(attempt.facts),
        )

    def _placed(self, attempt: Attempt, verdict: Verdict, message: str, **compared: Any) -> ExportResult:
        """Put the artefact in its place; its result with what was ``compared``."""
        variant, task = attempt.variant, self.task
        path = self.directory / artefact_name(variant.target, self.stem, variant.mode, verdict)
        try:
            size, packed, digest = fingerprint(variant.path_in(self.folder))  # others may write to the path
            place(variant.path_in(self.folder), path)
        except OSError as error:
            return self._failed(variant, f"{variant.label}: can't write {path}: {error.strerror or error}.")
        return ExportResult(
            target=variant.target,
            mode=variant.mode,
            path=path,
            verdict=verdict,
            message=message,
            trial=self.trial,
            bytes=size,
            gzip_bytes=packed,
            sha256=digest,
            operations=tuple(attempt.facts["operations"]),
            seconds=attempt.facts["seconds"],
            **compared,
            warnings=(
                *attempt.facts["remarks"],
                *task.handed,
                *(task.said_of(variant.mode) if attempt.ran else ()),
            ),
        )

    def _failed(self, variant: Variant, message: str) -> ExportResult:
        return ExportResult(
            target=variant.target,
            mode=variant.mode,
            path=None,
            verdict=Verdict.FAILED,
            message=message,
            trial=self.trial,
        )


def _compared(comparison: Comparison) -> dict[str, Any]:
    return {
        "samples": comparison.samples,
        "score_name": comparison.score_name,
        "score_before": comparison.score_before,
        "score_after": comparison.score_after,
        "agreement": comparison.agreement,
        "max_abs_diff": finite(comparison.max_abs_diff),
        "tolerance": comparison.tolerance,
    }


def _measured(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "runtime": facts["runtime"],
        "microseconds": facts["microseconds"],
        "microseconds_least": facts["microseconds_least"],
        "threads": 1,
        "batch": 1,
    }
