"""What each picture of a study shows, as values: computed once, painted by matplotlib and by the panel.

Positions run from 0 to 1 along an axis, so that no painter has to know about logarithms or
choices. Every number is finite or None. ``labextension/src/model/protocol.ts`` has the twins.
Learning curves and the best score so far stand in ``analysis.curves``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tunemagic.events import Direction
from tunemagic.trial import TrialState

__all__ = [
    "Axis",
    "ConfusionInfo",
    "ContourInfo",
    "ContourPoint",
    "ExportPoint",
    "ExportsInfo",
    "ImportanceBar",
    "ImportanceInfo",
    "ParallelInfo",
    "ParallelLine",
    "ParetoInfo",
    "ParetoPoint",
    "PictureKind",
    "SliceInfo",
    "SlicePoint",
    "SpreadInfo",
    "SpreadRow",
    "Tick",
    "TimelineBar",
    "TimelineInfo",
]


class PictureKind(StrEnum):
    """The pictures that there are of a study."""

    CURVES = "curves"
    BEST = "best"
    PARALLEL = "parallel"
    IMPORTANCE = "importance"
    SLICE = "slice"
    CONTOUR = "contour"
    PARETO = "pareto"
    TIMELINE = "timeline"
    SPREAD = "spread"
    EXPORTS = "exports"
    CONFUSION = "confusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis: ``at`` from 0 to 1, and what stands beside it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One hyperparameter or metric along an axis.

    ``low`` and ``high`` are the values at positions 0 and 1, None for an axis of choices, whose
    ticks are its values in order. ``log`` says how positions between them are spaced.
    """

    name: str
    ticks: tuple[Tick, ...]
    low: float | None = None
    high: float | None = None
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelLine:
    """One trial: its position on each axis, None where the parameter was not active or there is no score.

    ``rank`` is 0 for the best score and 1 for the worst, None without a score.
    """

    trial: int
    at: tuple[float | None, ...]
    rank: float | None
    state: TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelInfo:
    """All trials across all hyperparameters; the last axis is the objective, better is up.

    ``lines`` end with the best one, so that it is drawn on top. ``hidden`` counts trials left out.
    """

    axes: tuple[Axis, ...]
    lines: tuple[ParallelLine, ...]
    best: int | None
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceBar:
    """A hyperparameter's share of the variance of the objective, 0 to 1."""

    name: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportanceInfo:
    """How much each hyperparameter matters, the largest first; no bars while there are too few trials.

    ``transform`` is what was done to the objective: ``log`` or ``rank``. ``trials`` went in,
    ``needed`` is the least number.
    """

    objective: str
    transform: str
    bars: tuple[ImportanceBar, ...]
    trials: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicePoint:
    """A trial's value of one hyperparameter and its score, as positions.

    ``order`` is 0 for the study's first trial and 1 for its last.
    """

    trial: int
    x: float
    y: float
    order: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceInfo:
    """Scores over each hyperparameter by itself: ``points[i]`` belong to ``axes[i]``.

    ``hidden`` counts trials left out.
    """

    objective: Axis
    axes: tuple[Axis, ...]
    points: tuple[tuple[SlicePoint, ...], ...]
    best: int | None
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContourPoint:
    """A trial in the plane of two hyperparameters; ``level`` is the position of its score."""

    trial: int
    x: float
    y: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ContourInfo:
    """The objective over two hyperparameters, estimated between the trials.

    ``grid[row][column]`` is the position of the estimated score on ``objective``, rows along ``y``
    from 0 to 1; None where no trial is near. ``names`` are the hyperparameters to choose from,
    ``hidden`` counts trials that are not among the points.
    """

    names: tuple[str, ...]
    x: Axis | None
    y: Axis | None
    objective: Axis
    grid: tuple[tuple[float | None, ...], ...]
    points: tuple[ContourPoint, ...]
    best: int | None
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoPoint:
    """A trial in the plane of two objectives; ``front`` when no other trial beats it in every objective."""

    trial: int
    x: float
    y: float
    front: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoInfo:
    """Two objectives against each other, better to the right and up; ``names`` are those to choose from."""

    names: tuple[str, ...]
    x: Axis | None
    y: Axis | None
    points: tuple[ParetoPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBar:
    """When a trial ran, in seconds of the study's elapsed time, and in which lane."""

    trial: int
    lane: int
    start: float
    end: float
    state: TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineInfo:
    """Which worker ran what when. ``lanes`` are worker numbers, 0 for the kernel."""

    lanes: tuple[int, ...]
    bars: tuple[TimelineBar, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadRow:
    """A trial's runs: each score as a position, their mean, and one standard deviation around it."""

    trial: int
    scores: tuple[float, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadInfo:
    """How far the runs of the best trials lie apart, best trial first; ``runs`` is how many each trial has."""

    objective: Axis | None
    rows: tuple[SpreadRow, ...]
    runs: int
    direction: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPoint:
    """An artefact in the plane of its size or speed and its score; ``key`` finds it among the study's exports."""

    key: str
    name: str
    target: str
    mode: str
    x: float
    y: float
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportsInfo:
    """The artefacts of one trial: ``across`` runs what ``x`` is named after, up the score, better is up.

    ``x`` is named by its unit, ``kB`` or ``µs``. ``before`` is the Keras model's score as a position.
    An artefact that is not verified may lie beyond an end of the axes, which fit the others.
    """

    across: str
    x: Axis | None
    y: Axis | None
    points: tuple[ExportPoint, ...]
    before: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionInfo:
    """How often each class was answered with each: ``counts[truth][answer]``, by the artefact ``name``.

    ``names`` are the artefacts to choose from. There are no counts for regression or very many classes.
    """

    names: tuple[str, ...]
    name: str
    counts: tuple[tuple[int, ...], ...]
