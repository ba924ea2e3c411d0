"""Pictures of a study: info values in, paint out. Nothing is decided or computed here.

Only matplotlib's object interface is used: pyplot keeps global state that belongs to the user's
own figures, and is not safe outside the main thread. What the user's ``rcParams`` would change
(colours, fonts, TeX) is set explicitly, so that a record looks the same in every notebook.
"""

from __future__ import annotations

from tunemagic.plots.compare import draw_compare
from tunemagic.plots.contour import draw_contour
from tunemagic.plots.curves import draw_best_so_far, draw_curves
from tunemagic.plots.explanation import draw_attribution, draw_columns
from tunemagic.plots.exports import draw_confusion, draw_exports
from tunemagic.plots.figure import (
    Picture,
    compare_picture,
    explanation_picture,
    few_colours,
    plot,
    rate_picture,
    study_picture,
)
from tunemagic.plots.importance import draw_importance
from tunemagic.plots.lr_range import draw_lr_range
from tunemagic.plots.parallel import draw_parallel
from tunemagic.plots.pareto import draw_pareto
from tunemagic.plots.slices import draw_slice
from tunemagic.plots.spread import draw_spread
from tunemagic.plots.timeline import draw_timeline

__all__ = [
    "Picture",
    "compare_picture",
    "draw_attribution",
    "draw_best_so_far",
    "draw_columns",
    "draw_compare",
    "draw_confusion",
    "draw_contour",
    "draw_curves",
    "draw_exports",
    "draw_importance",
    "draw_lr_range",
    "draw_parallel",
    "draw_pareto",
    "draw_slice",
    "draw_spread",
    "draw_timeline",
    "explanation_picture",
    "few_colours",
    "plot",
    "rate_picture",
    "study_picture",
]
