"""What a picture shows, in one sentence: for whoever can't see it."""

from __future__ import annotations

from typing import Any

from tunemagic.analysis.curves import BestSoFarInfo, CurvesInfo
from tunemagic.analysis.pictures import (
    ConfusionInfo,
    ContourInfo,
    ExportsInfo,
    ImportanceInfo,
    ParallelInfo,
    ParetoInfo,
    SliceInfo,
    SpreadInfo,
    TimelineInfo,
)
from tunemagic.analysis.wording import MISSING, number_text
from tunemagic.i18n import Catalogue
from tunemagic.plots.importance import few_text, how_text
from tunemagic.text import one_line

__all__ = ["said"]


def said(info: Any, texts: Catalogue) -> str:
    """The sentence, on one line. Raises TypeError for what is no picture's info."""
    return one_line(_said(info, texts))


def _said(info: Any, texts: Catalogue) -> str:
    match info:
        case CurvesInfo():
            if not info.curves:
                return texts("plot.no_epoch")
            return texts("plot.curves.said", metric=info.metric, count=info.trials)
        case BestSoFarInfo():
            return _best(info, texts)
        case ParallelInfo():
            if not any(line.rank is not None for line in info.lines):
                return texts("plot.empty")
            names = ", ".join(axis.name for axis in info.axes)
            return texts("plot.parallel.said", count=len(info.lines), names=names, best=info.best or MISSING)
        case ImportanceInfo():
            if not info.bars:
                return few_text(info, texts)
            bars = ", ".join(f"{bar.name} {100 * bar.share:.0f} %" for bar in info.bars)
            return texts("plot.importance.said", objective=info.objective, bars=bars, how=how_text(info, texts))
        case SliceInfo():
            if not any(info.points):
                return texts("plot.empty") if info.axes else texts("plot.importance.none")
            names = ", ".join(axis.name for axis in info.axes)
            count = len({point.trial for points in info.points for point in points})
            return texts("plot.slice.said", objective=info.objective.name, names=names, count=count)
        case ContourInfo() | ParetoInfo():
            return _plane(info, texts)
        case TimelineInfo():
            if not info.bars:
                return texts("plot.timeline.few")
            return texts("plot.timeline.said", count=len(info.bars), lanes=len(info.lanes))
        case SpreadInfo():
            if info.objective is None:
                return texts("plot.spread.few")
            return texts("plot.spread.said", objective=info.objective.name, runs=info.runs, count=len(info.rows))
        case ExportsInfo():
            if info.x is None or info.y is None or not info.points:
                return texts("plot.exports.few")
            names = ", ".join(point.name for point in info.points)
            return texts("plot.exports.said", x=texts(f"plot.exports.{info.across}"), y=info.y.name, names=names)
        case ConfusionInfo():
            if not info.counts:
                return texts("plot.confusion.few")
            right = sum(row[truth] for truth, row in enumerate(info.counts))
            return texts("plot.confusion.said", file=info.name, right=right, count=sum(map(sum, info.counts)))
        case _:
            raise TypeError(f"expected the info of a picture; received {type(info).__name__}.")


def _best(info: BestSoFarInfo, texts: Catalogue) -> str:
    if not info.points:
        return texts("plot.empty")
    return texts(
        "plot.best.said",
        objective=info.objective,
        count=len(info.points),
        best=number_text(info.points[-1].best),
        trial=info.best or MISSING,
    )


def _plane(info: ContourInfo | ParetoInfo, texts: Catalogue) -> str:
    if info.x is None or info.y is None:
        return texts("plot.contour.few" if isinstance(info, ContourInfo) else "plot.pareto.few")
    if not info.points:
        return texts("plot.empty")
    shown = {"x": info.x.name, "y": info.y.name, "count": len(info.points)}
    if isinstance(info, ContourInfo):
        return texts("plot.contour.said", objective=info.objective.name, **shown)
    front = ", ".join(str(point.trial) for point in info.points if point.front)
    return texts("plot.pareto.said", trials=front, **shown)
