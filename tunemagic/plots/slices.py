"""Scores over each hyperparameter by itself."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from tunemagic.analysis.pictures import Axis, SliceInfo, SlicePoint
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import BLUE, DOT, along, drawable_texts, prepare, say_empty, shade

__all__ = ["draw_slice"]


def draw_slice(info: SliceInfo, panels: Sequence[Axes], texts: Catalogue = ENGLISH) -> None:
    """A panel for each hyperparameter, at least one; later trials are lighter, the best one is large and blue."""
    texts = drawable_texts(texts)
    drawn = list(zip(info.axes, info.points, strict=True)) if any(info.points) else []
    for index, axes in enumerate(panels):
        if index < len(drawn):
            _draw_panel(info, axes, *drawn[index])
        elif index == 0:
            prepare(axes, title="", grid="none")
            say_empty(axes, texts("plot.empty") if info.axes else texts("plot.importance.none"))
        else:
            axes.set_visible(False)


def _draw_panel(info: SliceInfo, axes: Axes, axis: Axis, points: Sequence[SlicePoint]) -> None:
    prepare(axes, title="")
    axes.scatter(
        [point.x for point in points],
        [point.y for point in points],
        c=[shade(0.9 * point.order) for point in points],
        s=22,
        marker="o",
        edgecolors="white",
        linewidths=0.4,
        zorder=2,
    )
    best = [point for point in points if point.trial == info.best]
    axes.plot(
        [point.x for point in best],
        [point.y for point in best],
        **{**DOT, "color": BLUE, "markersize": 9, "markeredgecolor": "white", "zorder": 4},
    )
    along(axes, "x", axis, letters=26)
    along(axes, "y", info.objective)
