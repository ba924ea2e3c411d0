"""The loss over the learning rate, as a range test found it."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

from tunemagic.analysis.lr_range import RateInfo
from tunemagic.analysis.wording import number_text
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import (
    BLUE,
    DOT,
    GREY,
    LINE,
    ORANGE,
    VERMILLION,
    drawable_texts,
    legend,
    plain,
    prepare,
    say_empty,
)

__all__ = ["draw_lr_range"]


def draw_lr_range(info: RateInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """The smoothed loss, a dot at each suggested rate, and the rates at which it diverges shaded."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.lr"), x_label=texts("plot.lr.rate"), y_label=texts("plot.lr.loss"))
    if not info.rates:
        say_empty(axes, texts("lr.none"))
        return
    first, last = math.log10(info.rates[0]), math.log10(max(info.highest_rate, info.rates[-1]))
    axes.set_ylim(*info.limits)
    axes.plot([math.log10(rate) for rate in info.rates], info.losses, **{**LINE, "color": GREY, "linewidth": 1.8})
    for rate, key, color in ((info.tenth, "plot.lr.tenth", ORANGE), (info.valley, "plot.lr.valley", BLUE)):
        if rate is not None:
            style = {**DOT, "color": color, "markersize": 8, "zorder": 4}
            axes.plot([math.log10(rate)], [info.loss_at(rate)], label=texts(key, rate=f"{rate:g}"), **style)
    if info.diverged_at is not None:
        begin = math.log10(info.diverged_at)
        axes.axvspan(begin, last, color=VERMILLION, alpha=0.15, linewidth=0, label=texts("plot.lr.diverges"))
    _decades(axes, first, last)
    legend(axes)


def _decades(axes: Axes, first: float, last: float) -> None:
    axes.set_xlim(first, max(last, first + 1e-9))
    decades = range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)
    axes.xaxis.set_major_locator(FixedLocator(list(decades)))
    axes.xaxis.set_major_formatter(FixedFormatter([f"{10.0**decade:g}" for decade in decades]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        plain(label)
