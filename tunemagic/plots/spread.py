"""How far the runs of a trial lie apart."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator

from tunemagic.analysis.pictures import SpreadInfo
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import (
    BLUE,
    DOT,
    GREY,
    LINE,
    along,
    drawable,
    drawable_texts,
    legend,
    plain,
    prepare,
    say_empty,
)

__all__ = ["draw_spread"]


def draw_spread(info: SpreadInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """A row for each trial, best on top: its runs, their mean and one standard deviation around it."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.spread"), grid="x")
    if info.objective is None or not info.rows:
        say_empty(axes, texts("plot.spread.few"))
        return
    places = list(range(len(info.rows)))
    for place, row in zip(places, info.rows, strict=True):
        first = place == 0
        axes.plot(
            [row.low, row.high],
            [place, place],
            label=texts("plot.spread.deviation") if first else None,
            **{**LINE, "color": BLUE, "linewidth": 5.0, "alpha": 0.3, "zorder": 1},
        )
        axes.plot(
            row.scores,
            [place] * len(row.scores),
            label=texts("plot.spread.runs") if first else None,
            **{**DOT, "color": GREY, "markersize": 5, "zorder": 2},
        )
        axes.plot(
            [row.mean],
            [place],
            label=texts("plot.spread.mean") if first else None,
            **{**DOT, "marker": "D", "color": BLUE, "markersize": 6, "zorder": 3},
        )
    along(axes, "x", info.objective)
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.yaxis.set_major_locator(FixedLocator(places))
    names = [drawable(texts("plot.trial_number", trial=row.trial)) for row in info.rows]
    axes.yaxis.set_major_formatter(FixedFormatter(names))
    for label in axes.get_yticklabels():
        plain(label)
    legend(axes)
