"""Two trials' learning curves, each with a dot at its best epoch."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes

from tunemagic.analysis.compare import CompareInfo
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.curves import scale
from tunemagic.plots.style import BLUE, DOT, LINE, VERMILLION, drawable_texts, legend, prepare, say_empty

__all__ = ["draw_compare"]

_STYLES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-"},
    {"color": VERMILLION, "linestyle": (0, (4, 1.5))},
)


def draw_compare(info: CompareInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """Both curves; the second one is dashed, so that they differ without colours too."""
    texts, sides = drawable_texts(texts), (info.first, info.second)
    prepare(axes, title=texts("compare.curves"), x_label=texts("plot.epoch"), y_label=info.objective)
    if not any(side.curve for side in sides):
        say_empty(axes, texts("plot.no_epoch"))
        return
    scale(axes, (1, max(2, *(len(side.curve) for side in sides))), info.limits)
    for side, style in zip(sides, _STYLES, strict=True):
        values = [math.nan if value is None else value for value in side.curve]
        label = texts("compare.column.trial", trial=side.trial)
        axes.plot(range(1, len(values) + 1), values, label=label, **{**LINE, "linewidth": 2.0, **style})
        if side.best_epoch is not None and side.best_epoch <= len(values):
            best = values[side.best_epoch - 1]
            axes.plot([side.best_epoch], [best], **{**DOT, "color": style["color"], "markersize": 7})
    legend(axes)
