"""What the two standard pictures of a study show: learning curves and the best score so far.

Every number is finite or None, so that nothing has to be decided while drawing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.events import Direction, finite
from tunemagic.trial import StudyView, TrialRecord, TrialState

__all__ = [
    "MAX_CURVES",
    "MIN_BAND",
    "BestSoFarInfo",
    "Curve",
    "CurveRole",
    "CurvesInfo",
    "Limits",
    "ScoreBand",
    "ScorePoint",
    "best_so_far_info",
    "curves_info",
    "limits_of",
]

MAX_CURVES = 50  # more lines than this can't be told apart in a small picture
MIN_BAND = 5  # fewer scores say nothing about others that might have come
_BAND = (0.1, 0.9)
_LARGEST = 1e300  # differences of larger floats overflow


class CurveRole(StrEnum):
    """Why a curve is drawn the way it is."""

    BEST = "best"
    RUNNING = "running"
    ENDED = "ended"
    PRUNED = "pruned"
    CUT = "cut"  # stopped, failed or interrupted before its last epoch


_ROLES = {
    TrialState.RUNNING: CurveRole.RUNNING,
    TrialState.COMPLETED: CurveRole.ENDED,
    TrialState.PRUNED: CurveRole.PRUNED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The range of values that a picture should show, low < high."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One run of a trial; ``values[i]`` belongs to epoch ``i + 1``, None where it was not finite.

    ``run`` counts from 1: a trial with repeats or folds is trained in several runs.
    """

    trial: int
    role: CurveRole
    values: tuple[float | None, ...]
    run: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvesInfo:
    """Learning curves of one metric, the best trial's last so that it is drawn on top.

    Of a trial with several runs there is the first one, of the best and of running trials all.
    ``hidden`` counts trials left out because the picture holds MAX_CURVES only; ``best_epoch`` is
    the epoch (from 1) of run ``best_run`` whose weights the best trial has kept. ``limits`` is None
    without a value.
    """

    metric: str
    curves: tuple[Curve, ...]
    hidden: int
    limits: Limits | None
    best_epoch: int | None
    best_run: int = 1

    @property
    def trials(self) -> int:
        """Of how many trials there are curves."""
        return len({curve.trial for curve in self.curves})

    @property
    def epochs(self) -> int:
        """The length of the longest curve."""
        return max((len(curve.values) for curve in self.curves), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    """A trial's score, and the best score of all trials up to this one."""

    trial: int
    score: float
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBand:
    """Where the best score after as many trials would lie had they come in another order (bootstrap, 10 to 90 %)."""

    trial: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSoFarInfo:
    """Scores in the order of the trials.

    ``without_score`` lists ended trials that have none, ``skipped`` those that were never trained
    because their models break a limit.
    """

    objective: str
    direction: Direction
    points: tuple[ScorePoint, ...]
    without_score: tuple[int, ...]
    best: int | None
    limits: Limits | None
    skipped: tuple[int, ...] = ()
    band: tuple[ScoreBand, ...] = ()


def curves_info(view: StudyView, metric: str | None = None) -> CurvesInfo:
    """The learning curves of a metric, by default the objective.

    Of more than MAX_CURVES, the running ones and those with the best scores are kept.
    """
    name = view.objective if metric is None else metric
    trials = [trial for trial in view.trials if any(finite(value) is not None for value in trial.curves.get(name, ()))]
    kept = _most_telling(view, trials)
    curves = [curve for trial in kept for curve in _runs(trial, _role(view, trial), name)]
    curves.sort(key=lambda curve: (curve.role is CurveRole.BEST, curve.role is CurveRole.RUNNING, curve.trial))
    best = view.best_trial
    shown_best = any(curve.role is CurveRole.BEST for curve in curves) and name == view.objective
    values = [value for curve in curves for value in curve.values if value is not None]
    must_show = [v for curve in curves if curve.role is CurveRole.BEST for v in curve.values if v is not None]
    return CurvesInfo(
        metric=name,
        curves=tuple(curves),
        hidden=len(trials) - len(kept),
        limits=limits_of(values, must_show),
        best_epoch=best.best_epoch if best is not None and shown_best else None,
        best_run=1 if best is None else _best_run(view, best),
    )


def _runs(trial: TrialRecord, role: CurveRole, name: str) -> list[Curve]:
    runs = trial.runs_curves if role in (CurveRole.BEST, CurveRole.RUNNING) else (trial.curves,)
    return [
        Curve(trial=trial.number, role=role, values=tuple(map(finite, curves[name])), run=run)
        for run, curves in enumerate(runs, start=1)
        if name in curves
    ]


def _best_run(view: StudyView, trial: TrialRecord) -> int:
    """The run whose weights were kept, from 1; of equal ones the first."""
    best = 1
    for run, score in enumerate(trial.scores, start=1):
        if view.direction.better(score, trial.scores[best - 1]):
            best = run
    return best


def best_so_far_info(view: StudyView) -> BestSoFarInfo:
    """Each trial's score and the best up to there, in the order of the trials."""
    points: list[ScorePoint] = []
    without: list[int] = []
    skipped: list[int] = []
    best: float | None = None
    for trial in view.trials:
        score = finite(trial.score)
        if score is None:
            if trial.state is TrialState.PRUNED:
                skipped.append(trial.number)
            elif trial.state is not TrialState.RUNNING:
                without.append(trial.number)
            continue
        best = score if best is None or view.direction.better(score, best) else best
        points.append(ScorePoint(trial=trial.number, score=score, best=best))
    return BestSoFarInfo(
        objective=view.objective,
        direction=view.direction,
        points=tuple(points),
        without_score=tuple(without),
        skipped=tuple(skipped),
        best=view.best,
        limits=limits_of([point.score for point in points], [point.best for point in points[-1:]]),
        band=_band(view.direction, points),
    )


def _band(direction: Direction, points: Sequence[ScorePoint]) -> tuple[ScoreBand, ...]:
    """What endlessly many bootstrap draws of the scores come to, so that nothing is left to chance.

    The best of k scores drawn with replacement is at most x with probability F(x) ** k, where F
    is the share of scores up to x; for the smallest of k it is 1 - (1 - F(x)) ** k.
    """
    count = len(points)
    if count < MIN_BAND:
        return ()
    worst_first = sorted((point.score for point in points), reverse=direction is Direction.MIN)
    band = []
    for drawn, point in enumerate(points, start=1):
        # A little less, since a rounding error must not skip a score.
        places = (math.ceil(count * share ** (1 / drawn) - 1e-9) for share in _BAND)
        ends = [worst_first[place - 1] for place in places]
        band.append(ScoreBand(trial=point.trial, low=min(ends), high=max(ends)))
    return tuple(band)


def _most_telling(view: StudyView, trials: list[TrialRecord]) -> list[TrialRecord]:
    """At most MAX_CURVES of the trials, in their order: running ones, then by score, then the latest."""
    if len(trials) <= MAX_CURVES:
        return trials
    rank = {trial.number: place for place, trial in enumerate(view.ranking())}
    ordered = sorted(
        trials,
        key=lambda trial: (
            trial.state is not TrialState.RUNNING,
            rank.get(trial.number, len(rank)),
            -trial.number,
        ),
    )
    kept = {trial.number for trial in ordered[:MAX_CURVES]}
    return [trial for trial in trials if trial.number in kept]


def _role(view: StudyView, trial: TrialRecord) -> CurveRole:
    if trial.number == view.best:
        return CurveRole.BEST
    return _ROLES.get(trial.state, CurveRole.CUT)


def limits_of(values: Iterable[float], must_show: Iterable[float]) -> Limits | None:
    """A range in which the values can be told apart: far outliers are left outside.

    One trial whose loss explodes would press all others into a line. What lies more than three
    times the middle half's width away from it counts as far out (Tukey's outer fences), except
    values in ``must_show``.
    """
    ordered = sorted(map(_clamped, values))
    if not ordered:
        return None
    low, high = ordered[0], ordered[-1]
    if len(ordered) >= 4:
        first, _, third = statistics.quantiles(ordered, n=4)
        reach = 3 * (third - first)
        # Equal quartiles would leave everything else out.
        if reach > 0:
            inside = [value for value in ordered if first - reach <= value <= third + reach]
            low, high = inside[0], inside[-1]
    shown = [low, high, *map(_clamped, must_show)]
    low, high = min(shown), max(shown)
    margin = max(0.05 * (high - low), 1e-9 * abs(high), 1e-12)
    if high == low:
        margin = 0.05 * abs(high) if abs(high) > 1e-12 else 0.05
    return Limits(low=low - margin, high=high + margin)


def _clamped(value: float) -> float:
    return max(-_LARGEST, min(_LARGEST, value))
