"""Two objectives against each other."""

from __future__ import annotations

from matplotlib.axes import Axes

from tunemagic.analysis.pictures import ParetoInfo
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import BLUE, DOT, GREY, LINE, along, drawable_texts, legend, plain, prepare, say_empty

__all__ = ["draw_pareto"]

_MAX_NUMBERS = 12  # labels beside dots; more would cover each other


def draw_pareto(info: ParetoInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """A dot for each trial; those that no other beats are blue, joined by steps, with their numbers."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.pareto"))
    if info.x is None or info.y is None:
        say_empty(axes, texts("plot.pareto.few"))
        return
    if not info.points:
        say_empty(axes, texts("plot.empty"))
        return
    others = [point for point in info.points if not point.front]
    front = sorted((point for point in info.points if point.front), key=lambda point: (point.x, -point.y))
    axes.plot(
        [point.x for point in others],
        [point.y for point in others],
        **{**DOT, "color": GREY, "markersize": 5, "alpha": 0.7, "label": texts("plot.pareto.others")},
    )
    axes.step(
        [point.x for point in front],
        [point.y for point in front],
        where="pre",
        **{**LINE, "color": BLUE, "linewidth": 1.2, "alpha": 0.6},
    )
    axes.plot(
        [point.x for point in front],
        [point.y for point in front],
        **{**DOT, "color": BLUE, "markersize": 7, "zorder": 3, "label": texts("plot.legend.front")},
    )
    for point in front[:_MAX_NUMBERS]:
        number = axes.annotate(
            str(point.trial), (point.x, point.y), xytext=(4, 4), textcoords="offset points", fontsize=8
        )
        plain(number)
    along(axes, "x", info.x)
    along(axes, "y", info.y)
    legend(axes)
