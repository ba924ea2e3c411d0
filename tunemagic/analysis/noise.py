"""Whether a difference between two trials is more than the luck of their seeds.

The rule is Welch's t test at 95 % (B. L. Welch 1947; Satterthwaite's degrees of freedom): with scores
of several trainings on both sides, a difference of the means is *inside the noise* when its 95 %
interval holds 0. Two or three trainings a side give wide intervals, and honestly so. Where only one
score of a trial is known, the spread of the trials that were trained several times stands for its own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.trial import StudyView, TrialRecord

__all__ = ["Noise", "NoiseSource", "noise_between", "pooled_spread", "welch"]

_CONFIDENCE = 0.95


class NoiseSource(StrEnum):
    """Where the noise of a score is known from."""

    REPEATS = "repeats"  # both trials were trained several times in the search
    VERIFIED = "verified"  # both were trained again afterwards
    STUDY = "study"  # other trials of the study were trained several times
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Two means, their difference (second minus first), and whether that is inside the noise.

    ``margin`` is half of the 95 % interval around the difference; it and ``inside`` are None while
    the noise is unknown. ``runs`` are the numbers of trainings behind each mean, ``spreads`` their
    standard deviations, None for a single training.
    """

    source: NoiseSource
    means: tuple[float, float]
    difference: float
    margin: float | None = None
    inside: bool | None = None
    runs: tuple[int, int] = (1, 1)
    spreads: tuple[float | None, float | None] = (None, None)


def noise_between(view: StudyView, first: TrialRecord, second: TrialRecord) -> Noise | None:
    """The difference of two trials beside the noise; None when one of them has no score."""
    if len(first.verified) > 1 and len(second.verified) > 1:
        return welch(first.verified, second.verified, NoiseSource.VERIFIED)
    if len(first.scores) > 1 and len(second.scores) > 1:
        return welch(first.scores, second.scores, NoiseSource.REPEATS)
    if first.score is None or second.score is None:
        return None
    means, difference = (first.score, second.score), second.score - first.score
    pooled = pooled_spread(view)
    if pooled is None:
        return Noise(source=NoiseSource.UNKNOWN, means=means, difference=difference)
    spread, freedom = pooled
    runs = (max(1, len(first.scores)), max(1, len(second.scores)))
    margin = _quantile(freedom) * spread * math.sqrt(1 / runs[0] + 1 / runs[1])
    inside = abs(difference) <= margin
    return Noise(source=NoiseSource.STUDY, means=means, difference=difference, margin=margin, inside=inside, runs=runs)


def welch(first: Sequence[float], second: Sequence[float], source: NoiseSource) -> Noise:
    """The means of two samples of at least two scores each, and the noise of their difference."""
    means = (statistics.fmean(first), statistics.fmean(second))
    spreads = (statistics.stdev(first), statistics.stdev(second))
    parts = [spread**2 / len(sample) for spread, sample in zip(spreads, (first, second), strict=True)]
    error = math.sqrt(sum(parts))
    margin = 0.0
    if error > 0:
        freedom = sum(parts) ** 2 / sum(
            part**2 / (len(sample) - 1) for part, sample in zip(parts, (first, second), strict=True)
        )
        margin = _quantile(freedom) * error
    difference = means[1] - means[0]
    return Noise(
        source=source,
        means=means,
        difference=difference,
        margin=margin,
        inside=abs(difference) <= margin,
        runs=(len(first), len(second)),
        spreads=spreads,
    )


def pooled_spread(view: StudyView) -> tuple[float, float] | None:
    """The standard deviation of a single training's score and its degrees of freedom, over all trials with several.

    Scores of the same trial from the search and from verifying it afterwards are two samples.
    """
    samples = [sample for trial in view.trials for sample in (trial.scores, trial.verified) if len(sample) > 1]
    freedom = sum(len(sample) - 1 for sample in samples)
    if not freedom:
        return None
    squares = sum((len(sample) - 1) * statistics.variance(sample) for sample in samples)
    return math.sqrt(squares / freedom), freedom


def _quantile(freedom: float) -> float:
    """Student's t: within how many standard errors 95 % lie, on both sides."""
    from scipy.stats import t

    return float(t.ppf((1 + _CONFIDENCE) / 2, freedom))
