"""Whether a difference between two trials is more than the luck of their seeds.

The rule is Welch's t test at 95 % (B. L. Welch 1947; Satterthwaite's degrees of freedom): with scores
of several trainings on both sides, a difference of the means is *inside the noise* when its 95 %
interval holds 0. Two or three trainings a side give wide intervals, and honestly so. Where only one
score of a trial is known, or where all its scores are equal, the spread of the trials that were
trained several times stands for its own.

Scores of folds are no repeats: a hard fold is hard for both trials. They are compared fold by fold,
with the correction for training parts that overlap (Nadeau & Bengio 2003, Machine Learning 52,
"Inference for the generalization error", corrected resampled t test; for repeated folds Bouckaert &
Frank 2004). Where a spread is pooled, the mean over the folds is what one training gives.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.trial import StudyView, TrialRecord

__all__ = ["Noise", "NoiseSource", "noise_between", "paired", "pooled_spread", "welch"]

_CONFIDENCE = 0.95
_ROUNDING = 1e-12  # differences of floats that are meant to be equal


class NoiseSource(StrEnum):
    """Where the noise of a score is known from."""

    REPEATS = "repeats"  # both trials were trained several times in the search
    FOLDS = "folds"  # both were trained on the same folds
    VERIFIED = "verified"  # both were trained again afterwards
    STUDY = "study"  # other trials of the study were trained several times
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Two means, their difference (second minus first), and whether that is inside the noise.

    ``margin`` is half of the 95 % interval around the difference; it and ``inside`` are None while
    the noise is unknown. ``runs`` are the numbers of trainings behind each mean, ``spreads`` their
    standard deviations, None for a single training. Of scores on folds ``means`` and ``runs`` are
    those of the folds that both trials have.
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
    pooled = pooled_spread(view)
    if len(first.verified) > 1 and len(second.verified) > 1:
        return welch(first.verified, second.verified, NoiseSource.VERIFIED, pooled)
    if not view.folds and len(first.scores) > 1 and len(second.scores) > 1:
        return welch(first.scores, second.scores, NoiseSource.REPEATS, pooled)
    if view.folds and min(len(first.scores), len(second.scores)) > 1:
        return paired(first.scores, second.scores, view.folds)
    if first.score is None or second.score is None:
        return None
    means, runs = (first.score, second.score), (_trainings(view, first), _trainings(view, second))
    if pooled is None or not all(runs):
        return Noise(source=NoiseSource.UNKNOWN, means=means, difference=means[1] - means[0])
    return _pooled_noise(means, runs, pooled)


def welch(
    first: Sequence[float], second: Sequence[float], source: NoiseSource, pooled: tuple[float, float] | None = None
) -> Noise:
    """The means of two samples of at least two scores each, and the noise of their difference.

    Two or three equal scores don't show that there is no noise: then ``pooled``, a standard
    deviation and its degrees of freedom, stands for that of both, and without it the noise is
    unknown.
    """
    means = (statistics.fmean(first), statistics.fmean(second))
    spreads, runs = (statistics.stdev(first), statistics.stdev(second)), (len(first), len(second))
    if not all(spreads):
        if pooled is not None:
            return _pooled_noise(means, runs, pooled, spreads)
        return Noise(
            source=NoiseSource.UNKNOWN, means=means, difference=means[1] - means[0], runs=runs, spreads=spreads
        )
    parts = [spread**2 / count for spread, count in zip(spreads, runs, strict=True)]
    freedom = sum(parts) ** 2 / sum(part**2 / (count - 1) for part, count in zip(parts, runs, strict=True))
    return _noise(source, means, _quantile(freedom) * math.sqrt(sum(parts)), runs, spreads)


def paired(first: Sequence[float], second: Sequence[float], folds: int) -> Noise:
    """Two trials on the same splits: scores in order of their runs, at least two of each.

    ``folds`` is the number of folds. Unknown when all differences are equal.
    """
    both = list(zip(first, second, strict=False))
    differences = [after - before for before, after in both]
    means = (statistics.fmean(before for before, _ in both), statistics.fmean(after for _, after in both))
    spreads = (statistics.stdev(before for before, _ in both), statistics.stdev(after for _, after in both))
    count, spread = len(both), statistics.stdev(differences)
    if spread <= _ROUNDING * max(map(abs, means)):
        source = NoiseSource.UNKNOWN
        return Noise(source=source, means=means, difference=means[1] - means[0], runs=(count, count), spreads=spreads)
    error = spread * math.sqrt(1 / count + 1 / (folds - 1))
    return _noise(NoiseSource.FOLDS, means, _quantile(count - 1) * error, (count, count), spreads)


def pooled_spread(view: StudyView) -> tuple[float, float] | None:
    """The standard deviation of a single training's score and its degrees of freedom, over all trials with several.

    Scores of the same trial from the search and from verifying it afterwards are two samples. With
    folds a training is one on all of them. None while nothing is known, or all known scores are equal.
    """
    samples = [each for trial in view.trials for each in (_repeats(view, trial), trial.verified) if len(each) > 1]
    freedom = sum(len(sample) - 1 for sample in samples)
    squares = sum((len(sample) - 1) * statistics.variance(sample) for sample in samples)
    return (math.sqrt(squares / freedom), freedom) if squares > 0 else None


def _repeats(view: StudyView, trial: TrialRecord) -> tuple[float, ...]:
    """The scores of a trial's repeats in the search; with folds the means of those that are complete."""
    if not view.folds:
        return trial.scores
    starts = range(0, len(trial.scores) - view.folds + 1, view.folds)
    return tuple(statistics.fmean(trial.scores[start : start + view.folds]) for start in starts)


def _trainings(view: StudyView, trial: TrialRecord) -> int:
    """How many trainings a trial's score is the mean of; 0 when it lacks folds."""
    return len(_repeats(view, trial)) if view.folds else max(1, len(trial.scores))


def _pooled_noise(
    means: tuple[float, float],
    runs: tuple[int, int],
    pooled: tuple[float, float],
    spreads: tuple[float | None, float | None] = (None, None),
) -> Noise:
    spread, freedom = pooled
    margin = _quantile(freedom) * spread * math.sqrt(1 / runs[0] + 1 / runs[1])
    return _noise(NoiseSource.STUDY, means, margin, runs, spreads)


def _noise(
    source: NoiseSource,
    means: tuple[float, float],
    margin: float,
    runs: tuple[int, int],
    spreads: tuple[float | None, float | None],
) -> Noise:
    difference = means[1] - means[0]
    return Noise(
        source=source,
        means=means,
        difference=difference,
        margin=margin,
        inside=abs(difference) <= margin,
        runs=runs,
        spreads=spreads,
    )


def _quantile(freedom: float) -> float:
    """Student's t: within how many standard errors 95 % lie, on both sides."""
    from scipy.stats import t

    return float(t.ppf((1 + _CONFIDENCE) / 2, freedom))
