"""The two standard pictures: learning curves, and the best score so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from tunemagic.analysis.curves import BestSoFarInfo, Curve, CurveRole, CurvesInfo, Limits
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

__all__ = ["draw_best_so_far", "draw_curves", "scale"]

# The label is a text's id.
_STYLES: dict[CurveRole, dict[str, Any]] = {
    CurveRole.BEST: {"color": BLUE, "linewidth": 2.4, "zorder": 4, "label": "plot.legend.best"},
    CurveRole.RUNNING: {"color": ORANGE, "linewidth": 2.0, "zorder": 3, "label": "state.running"},
    CurveRole.ENDED: {"color": GREY, "linewidth": 1.0, "alpha": 0.65, "zorder": 2, "label": "plot.legend.others"},
    CurveRole.PRUNED: {"color": GREY, "linewidth": 1.0, "alpha": 0.45, "zorder": 1.9, "label": "state.pruned"},
    CurveRole.CUT: {
        "color": GREY,
        "linewidth": 1.0,
        "alpha": 0.65,
        "zorder": 2,
        "linestyle": (0, (3, 2)),
        "label": "plot.legend.cut",
    },
}


def draw_curves(info: CurvesInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """One line per trial over the epochs; the best one and the running one stand out."""
    texts, drawn = drawable_texts(texts), info.trials
    x_label = texts("plot.epoch_of", drawn=drawn, all=drawn + info.hidden) if info.hidden else texts("plot.epoch")
    prepare(axes, title=texts("plot.title.curves"), x_label=x_label, y_label=info.metric)
    if not info.curves:
        say_empty(axes, texts("plot.no_epoch"))
        return
    scale(axes, (1, max(2, info.epochs)), info.limits)
    seen: set[str] = set()
    for curve in info.curves:
        _draw_curve(curve, axes, seen, texts)
        if curve.role is CurveRole.BEST and curve.run == info.best_run and info.best_epoch is not None:
            value = curve.values[info.best_epoch - 1] if info.best_epoch <= len(curve.values) else None
            if value is not None:
                axes.plot([info.best_epoch], [value], **{**DOT, "color": BLUE, "markersize": 7, "zorder": 5})
    legend(axes)


def _draw_curve(curve: Curve, axes: Axes, seen: set[str], texts: Catalogue) -> None:
    style = dict(_STYLES[curve.role])
    label = texts(style.pop("label"))
    values = [math.nan if value is None else value for value in curve.values]
    # A lone value between gaps makes no line, so it gets a dot.
    gaps = [True, *(value is None for value in curve.values), True]
    dots = [index for index in range(len(values)) if gaps[index : index + 3] == [True, False, True]]
    if curve.role is CurveRole.PRUNED:
        # A dot where it was cut off tells it from other grey curves.
        last = max((index for index, value in enumerate(curve.values) if value is not None), default=0)
        dots = sorted({*dots, last})
    if curve.run > 1:
        style = {**style, "linewidth": min(1.2, style["linewidth"])}
    axes.plot(
        range(1, len(values) + 1),
        values,
        label=None if label in seen else label,
        **{**LINE, **style, **({"marker": ".", "markersize": 7, "markevery": dots} if dots else {})},
    )
    seen.add(label)


def draw_best_so_far(info: BestSoFarInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """Each trial's score as a dot, the best so far as a staircase, and where it could have been as a band."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.best"), x_label=texts("plot.trial"), y_label=info.objective)
    if not info.points and not info.without_score and not info.skipped:
        say_empty(axes, texts("plot.no_trial"))
        return
    numbers = [point.trial for point in info.points]
    last = max([*numbers, *info.without_score, *info.skipped])
    scale(axes, (1, max(2, last)), info.limits)
    scores = [point.score for point in info.points]
    axes.plot(
        numbers, scores, **{**DOT, "color": GREY, "markersize": 5, "zorder": 2, "label": texts("plot.legend.score")}
    )
    if info.points:
        steps = [point.best for point in info.points]
        axes.step(
            [*numbers, last],
            [*steps, steps[-1]],
            where="post",
            **{**LINE, "color": BLUE, "linewidth": 2.0, "zorder": 3, "label": texts("plot.legend.best")},
        )
    leaders = [point for point in info.points if point.trial == info.best]
    axes.plot(
        [point.trial for point in leaders],
        [point.score for point in leaders],
        **{**DOT, "color": BLUE, "markersize": 8, "zorder": 4},
    )
    if info.band:
        _draw_band(info, axes, texts)
    _mark_at_foot(axes, info.without_score, VERMILLION, texts("plot.legend.no_score"))
    _mark_at_foot(axes, info.skipped, GREY, texts("state.skipped"))
    legend(axes)


def _draw_band(info: BestSoFarInfo, axes: Axes, texts: Catalogue) -> None:
    """Steps like the staircase's, pale behind it."""
    last = info.band[-1].trial
    axes.fill_between(
        [*(end.trial for end in info.band), last],
        [*(end.low for end in info.band), info.band[-1].low],
        [*(end.high for end in info.band), info.band[-1].high],
        step="post",
        color=BLUE,
        alpha=0.125,
        linewidth=0,
        zorder=1,
        label=texts("plot.legend.orders"),
    )


def _mark_at_foot(axes: Axes, trials: Sequence[int], color: str, label: str) -> None:
    """A cross for each trial that has no place in the picture."""
    if not trials:
        return
    cross = {**DOT, "marker": "x", "markersize": 6, "markeredgewidth": 1.6, "color": color, "zorder": 4}
    foot = [0.03] * len(trials)
    axes.plot(trials, foot, transform=axes.get_xaxis_transform(), clip_on=False, label=label, **cross)


def scale(axes: Axes, numbers: tuple[int, int], limits: Limits | None) -> None:
    """Fix both ranges and their ticks: whole numbers below, short ones at the side."""
    first, last = numbers
    margin = max(0.15, 0.02 * (last - first))
    axes.set_xlim(first - margin, last + margin)
    ticks = MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]).tick_values(first, last)
    # Epochs and trials count from 1, so there is nothing at 0.
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if first <= tick <= last]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    if limits is not None:
        axes.set_ylim(limits.low, limits.high)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    else:
        axes.yaxis.set_major_locator(FixedLocator([]))
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        plain(label)
