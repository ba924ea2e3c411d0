"""Whether a converted file may be called done: its answers against the Keras model's on real data.

Everything here is computed from the raw outputs of both on the same samples, by the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.events import Verdict
from tunemagic.export.columns import column_problem
from tunemagic.export.gates import MOST_NOISE_OF_CLASSES, Gate
from tunemagic.export.score import AnswerKind, Answers, Score

__all__ = ["LEAST_SAMPLES", "Comparison", "compare", "confusion_of", "differs", "flips_of", "judge"]

LEAST_SAMPLES = 8  # fewer say nothing about a model
_MOST_FLIPS = 50
_MOST_CLASSES = 20  # a larger table is no longer read


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The numbers of a comparison on ``samples`` samples; None where they have no meaning.

    ``tolerance`` is the limit for ``max_abs_diff``, in units of the output. ``noise`` as in Gate,
    ``column`` as in ``column_problem``.
    ``accuracy_before`` and ``accuracy_after`` are None for regression or without targets; ``chance``
    is the accuracy of always giving the commonest answer.
    """

    samples: int
    finite: bool
    constant: bool
    max_abs_diff: float
    tolerance: float
    noise: float
    column: str
    agreement: float | None
    score_name: str | None
    score_before: float | None
    score_after: float | None
    accuracy_before: float | None
    accuracy_after: float | None
    chance: float | None


def compare(
    keras: NDArray[Any],
    lite: NDArray[Any],
    y: NDArray[Any] | None,
    *,
    answers: Answers,
    score: Score | None,
    gate: Gate,
) -> Comparison:
    """Compare raw outputs (sample, ...) of the Keras model and of the file on the same samples.

    Raises ValueError when the shapes differ.
    """
    if keras.shape != lite.shape:
        raise ValueError(f"the file answers with shape {lite.shape}, the Keras model with {keras.shape}.")
    finite = bool(np.isfinite(lite).all())
    difference = np.abs(keras - lite)
    span = float(np.ptp(keras)) if keras.size else 0.0
    variance = float(np.mean((keras - keras.mean(axis=0)) ** 2))
    before, after = answers.classes(keras), answers.classes(lite)
    truth = None if y is None else answers.true_classes(y, keras)
    # Rounding of floats grows with the numbers themselves, that of integers with their span.
    unit = max(span, float(np.max(np.abs(keras), initial=0.0))) if gate.proves else span
    return Comparison(
        samples=len(keras),
        finite=finite,
        constant=bool(np.all(keras == keras[:1])),
        max_abs_diff=float(np.max(difference)) if finite else float("inf"),
        tolerance=gate.difference * unit,
        noise=float(np.mean(difference**2)) / variance if finite and variance > 0 else 0.0,
        column=column_problem(keras, lite, answers, gate) if finite else "",
        agreement=None if before is None or after is None else float(np.mean(before == after)),
        score_name=None if score is None else score.name,
        score_before=None if score is None or y is None else score.compute(y, keras),
        score_after=None if score is None or y is None else score.compute(y, lite),
        accuracy_before=None if truth is None or before is None else float(np.mean(before == truth)),
        accuracy_after=None if truth is None or after is None else float(np.mean(after == truth)),
        chance=None if truth is None else _commonest_share(truth),
    )


def flips_of(answers: Answers, keras: NDArray[Any], lite: NDArray[Any], rows: NDArray[np.int64]) -> tuple[int, ...]:
    """The first 50 of the samples on which the classes differ, by their numbers ``rows``; () for regression."""
    before, after = answers.classes(keras), answers.classes(lite)
    if before is None or after is None:
        return ()
    changed = (before != after).reshape(len(before), -1).any(axis=1)
    return tuple(int(row) for row in rows[changed][:_MOST_FLIPS])


def confusion_of(answers: Answers, lite: NDArray[Any], y: NDArray[Any] | None) -> tuple[tuple[int, ...], ...] | None:
    """``[truth][answer]`` counts of the file's answers; None without targets, for several labels and many classes."""
    given = answers.classes(lite)
    truth = None if y is None else answers.true_classes(y, lite)
    several_labels = answers.kind is AnswerKind.YES_NO and lite[0].size > 1
    if given is None or truth is None or several_labels:
        return None
    classes = lite.shape[-1] if answers.kind is AnswerKind.CLASSES else 2
    if classes > _MOST_CLASSES:
        return None
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth.ravel(), given.ravel()), 1)
    return tuple(tuple(map(int, row)) for row in counts)


def judge(comparison: Comparison, gate: Gate) -> tuple[Verdict, str]:
    """The verdict and one sentence for the user. Verified only when every limit was kept."""
    problems = _problems(comparison, gate)
    if not problems:
        problems = _blindness(comparison, gate)
    if problems:
        return Verdict.NOT_VERIFIED, f"not verified: {'; '.join(problems)}"
    parts = [f"largest difference {comparison.max_abs_diff:.2g} (limit {comparison.tolerance:.2g}: {gate.reason})"]
    if comparison.agreement is not None:
        parts.append(f"same answer on {comparison.agreement:.2%}")
    return Verdict.VERIFIED, f"verified on {comparison.samples} samples: {', '.join(parts)}"


def differs(comparison: Comparison, gate: Gate) -> bool:
    """Whether the file answers too differently, whatever else keeps it from being verified."""
    return bool(_problems(comparison, gate))


def _problems(comparison: Comparison, gate: Gate) -> list[str]:
    """What the file does too differently."""
    if not comparison.finite:
        return ["the file answers with NaN or infinite numbers"]
    problems = []
    if not comparison.max_abs_diff <= comparison.tolerance:
        problems.append(
            f"outputs differ by up to {comparison.max_abs_diff:.2g} (limit {comparison.tolerance:.2g}: {gate.reason})"
        )
    least_flips = 1 / comparison.samples  # one tie may always fall the other way
    most_noise = gate.noise if comparison.agreement is None else MOST_NOISE_OF_CLASSES
    if not comparison.noise <= most_noise:
        problems.append(f"the error is {comparison.noise:.2g} of the outputs' variance (limit {most_noise:g})")
    if comparison.column and not problems:
        problems.append(comparison.column)
    if comparison.agreement is not None and 1 - comparison.agreement > max(gate.flips, least_flips) + 1e-9:
        problems.append(f"same answer on only {comparison.agreement:.2%} (at least {1 - gate.flips:.1%} expected)")
    before, after = comparison.accuracy_before, comparison.accuracy_after
    if before is not None and after is not None:
        if before - after > max(gate.loss, 2 * least_flips) + 1e-9:
            problems.append(f"accuracy falls from {before:.4f} to {after:.4f} (at most {gate.loss:g} may be lost)")
        if comparison.chance is not None and after <= comparison.chance < before:
            problems.append(f"accuracy {after:.4f} is no better than always giving the commonest answer")
    return problems


def _blindness(comparison: Comparison, gate: Gate) -> list[str]:
    """Why this comparison could not have noticed a broken file."""
    if comparison.samples < LEAST_SAMPLES:
        return [f"only {comparison.samples} samples to compare on (at least {LEAST_SAMPLES} expected)"]
    if comparison.constant:
        return ["the Keras model gives the same answer for every sample, so comparing shows nothing"]
    # A float file that follows varying outputs closely is the same function; a quantised one is judged by
    # its answers, and those of a model at chance level prove nothing.
    at_chance = (
        comparison.accuracy_before is not None
        and comparison.chance is not None
        and comparison.accuracy_before <= comparison.chance
    )
    if at_chance and not gate.proves:
        return [
            f"the Keras model itself is at chance level (accuracy {comparison.accuracy_before:.4f}), "
            "so agreement proves nothing: train it first"
        ]
    return []


def _commonest_share(truth: NDArray[Any]) -> float:
    """How often the commonest answer occurs (for several labels: the mean over labels)."""
    if truth.ndim == 2 and truth.shape[1] > 1:
        return float(np.mean([_commonest_share(column) for column in truth.T]))
    return float(np.unique(truth, return_counts=True)[1].max() / truth.size)
