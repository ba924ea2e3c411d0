"""The objective over two hyperparameters."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator

from tunemagic.analysis.pictures import Axis, ContourInfo
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import DOT, VERMILLION, along, drawable, drawable_texts, plain, prepare, say_empty

__all__ = ["draw_contour"]


def draw_contour(info: ContourInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """The estimated score as colour, trials as dots, the best one in red. White: no trial is near."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.contour"), grid="none")
    if info.x is None or info.y is None:
        say_empty(axes, texts("plot.contour.few"))
        return
    if not info.points:
        say_empty(axes, texts("plot.empty"))
        return
    if info.grid:
        _draw_levels(info, axes)
    axes.plot(
        [point.x for point in info.points],
        [point.y for point in info.points],
        **{**DOT, "color": "white", "markeredgecolor": "#222222", "markeredgewidth": 0.8, "markersize": 4.5},
    )
    best = [point for point in info.points if point.trial == info.best]
    axes.plot(
        [point.x for point in best],
        [point.y for point in best],
        **{**DOT, "color": VERMILLION, "markeredgecolor": "white", "markersize": 10, "zorder": 4},
    )
    along(axes, "x", info.x)
    along(axes, "y", info.y)
    for axis, limit in ((info.x, axes.set_xlim), (info.y, axes.set_ylim)):
        room = 0.02 if axis.low is not None else 0.5 / (len(axis.ticks) - 1)
        limit(-room, 1 + room)


def _draw_levels(info: ContourInfo, axes: Axes) -> None:
    levels = [[math.nan if level is None else level for level in row] for row in info.grid]
    across, up = _edges(len(levels[0])), _edges(len(levels))
    mesh = axes.pcolormesh(across, up, levels, cmap="cividis", vmin=0.0, vmax=1.0, shading="flat", zorder=0)
    mesh.set_rasterized(True)
    bar = axes.figure.colorbar(mesh, ax=axes, fraction=0.06, pad=0.02)
    _mark(bar, info.objective)


def _edges(count: int) -> list[float]:
    """The borders between cells whose centres lie evenly from 0 to 1."""
    step = 1 / (count - 1)
    return [step * (index - 0.5) for index in range(count + 1)]


def _mark(bar: object, objective: Axis) -> None:
    from matplotlib.colorbar import Colorbar

    if not isinstance(bar, Colorbar):
        return
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(FixedLocator([tick.at for tick in objective.ticks]))
    bar.ax.yaxis.set_major_formatter(FixedFormatter([drawable(tick.text) for tick in objective.ticks]))
    bar.ax.tick_params(labelsize=8.5, labelcolor="#222222", color="#8A8F98", size=3.5, width=0.8)
    plain(bar.ax.set_ylabel(drawable(objective.name), fontsize=9))
    for label in bar.ax.get_yticklabels():
        plain(label)
