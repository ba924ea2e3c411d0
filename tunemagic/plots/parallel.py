"""All trials across all hyperparameters."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter

from tunemagic.analysis.pictures import Axis, ParallelInfo, ParallelLine
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    drawable,
    drawable_texts,
    legend,
    plain,
    prepare,
    say_empty,
    shade,
)
from tunemagic.trial import TrialState

__all__ = ["draw_parallel"]


def draw_parallel(info: ParallelInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """One line for each trial, the darker the better; the best one thick and blue."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.parallel"), grid="none")
    if not any(line.rank is not None for line in info.lines):
        say_empty(axes, texts("plot.empty"))
        return
    if info.hidden:
        drawn = len(info.lines)
        label = texts("plot.parallel.drawn", drawn=drawn, all=drawn + info.hidden)
        plain(axes.set_xlabel(drawable(label), labelpad=4.0, fontsize=9))
    seen: set[str] = set()
    for line in info.lines:
        _draw_line(line, axes, texts, seen, best=line.trial == info.best)
    for index, axis in enumerate(info.axes):
        _draw_axis(axis, index, axes)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlim(-0.25, len(info.axes) - 1 + 0.5)
    axes.set_ylim(-0.04, 1.12)
    axes.xaxis.set_major_locator(FixedLocator([]))
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.yaxis.set_major_formatter(NullFormatter())
    legend(axes)


def _draw_line(line: ParallelLine, axes: Axes, texts: Catalogue, seen: set[str], *, best: bool) -> None:
    if best:
        style, label = {"color": BLUE, "linewidth": 2.6, "zorder": 4}, texts("plot.legend.best")
    elif line.state is TrialState.RUNNING:
        style, label = {"color": ORANGE, "linewidth": 1.8, "zorder": 3}, texts("state.running")
    elif line.rank is None:
        style = {"color": GREY, "linewidth": 0.8, "alpha": 0.6, "zorder": 1, "linestyle": (0, (2, 2))}
        label = texts("plot.legend.no_score")
    else:
        style = {"color": shade(line.rank), "linewidth": 1.0, "alpha": 0.7, "zorder": 2}
        label = texts("plot.parallel.rank")
    values = [math.nan if at is None else at for at in line.at]
    # A lone value between two gaps makes no line.
    gaps = [True, *(at is None for at in line.at), True]
    dots = [index for index in range(len(values)) if gaps[index : index + 3] == [True, False, True]]
    marks = {"marker": ".", "markersize": 5, "markevery": dots} if dots else {}
    axes.plot(range(len(values)), values, label=None if label in seen else label, **{**LINE, **style, **marks})
    seen.add(label)


def _draw_axis(axis: Axis, index: int, axes: Axes) -> None:
    axes.plot([index, index], [0, 1], **{**LINE, "color": GREY, "linewidth": 1.0, "zorder": 5})
    name = axes.text(index, 1.06, drawable(axis.name, 18), ha="center", va="bottom", fontsize=9)
    plain(name, weight="bold")
    for tick in axis.ticks:
        axes.plot([index, index + 0.03], [tick.at] * 2, **{**LINE, "color": GREY, "linewidth": 1.0, "zorder": 5})
        text = axes.text(index + 0.05, tick.at, drawable(tick.text, 16), ha="left", va="center", fontsize=7.5, zorder=6)
        plain(text, color=INK)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6})
