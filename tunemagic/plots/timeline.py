"""Which worker ran what when."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator

from tunemagic.analysis.pictures import TimelineInfo
from tunemagic.analysis.wording import number_text
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    VERMILLION,
    drawable,
    drawable_texts,
    legend,
    plain,
    prepare,
    say_empty,
)
from tunemagic.trial import TrialState

__all__ = ["draw_timeline"]

# Hatches tell them apart without colours.
_STYLES: dict[TrialState, dict[str, Any]] = {
    TrialState.RUNNING: {"facecolor": ORANGE},
    TrialState.COMPLETED: {"facecolor": BLUE},
    TrialState.PRUNED: {"facecolor": SKY, "hatch": "//"},
    TrialState.STOPPED: {"facecolor": GREY},
    TrialState.FAILED: {"facecolor": VERMILLION, "hatch": "xx"},
    TrialState.INTERRUPTED: {"facecolor": "white", "hatch": ".."},
}
_WIDE = 0.02  # of the whole time: a bar with room for its number
_MAX_NUMBERS = 200


def draw_timeline(info: TimelineInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """A row for each worker with a bar for each trial."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.timeline"), x_label=texts("plot.seconds"), grid="x")
    if not info.bars:
        say_empty(axes, texts("plot.timeline.few"))
        return
    row = {lane: place for place, lane in enumerate(info.lanes)}
    end = info.seconds or 1.0
    for state in dict.fromkeys(bar.state for bar in info.bars):
        bars = [bar for bar in info.bars if bar.state is state]
        axes.barh(
            [row[bar.lane] for bar in bars],
            [max(bar.end - bar.start, 0.002 * end) for bar in bars],
            left=[bar.start for bar in bars],
            height=0.7,
            edgecolor="white",
            linewidth=0.6,
            zorder=2,
            label=texts(f"state.{state}"),
            **_STYLES[state],
        )
    for bar in info.bars[:_MAX_NUMBERS]:
        if bar.end - bar.start >= _WIDE * end:
            middle = (bar.start + bar.end) / 2
            number = axes.text(middle, row[bar.lane], str(bar.trial), ha="center", va="center", fontsize=7.5, zorder=3)
            plain(number)
            number.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8})
    axes.set_xlim(-0.01 * end, 1.01 * end)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    axes.set_ylim(len(row) - 0.4, -0.6)
    axes.yaxis.set_major_locator(FixedLocator(list(row.values())))
    axes.yaxis.set_major_formatter(FixedFormatter([drawable(_lane(lane, texts)) for lane in row]))
    for label in axes.get_yticklabels():
        plain(label)
    legend(axes, columns=6)


def _lane(lane: int, texts: Catalogue) -> str:
    return texts("plot.timeline.worker", worker=lane) if lane else texts("plot.timeline.kernel")
