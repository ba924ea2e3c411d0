"""Pictures of a study: info values in, paint out. Nothing is decided or computed here.

Only matplotlib's object interface is used: pyplot keeps global state that belongs to the user's
own figures, and is not safe outside the main thread. What the user's ``rcParams`` would change
(colours, fonts, TeX) is set explicitly, so that a record looks the same in every notebook.
"""

from __future__ import annotations

import functools
import io
import math
import threading
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from PIL import Image

from tunemagic.analysis.curves import BestSoFarInfo, Curve, CurveRole, CurvesInfo, Limits
from tunemagic.analysis.wording import number_text
from tunemagic.text import one_line

__all__ = ["draw_best_so_far", "draw_curves", "study_picture"]

# Okabe and Ito's palette: told apart with all common kinds of colour blindness.
_BLUE, _ORANGE, _VERMILLION = "#0072B2", "#E69F00", "#D55E00"
_INK, _GREY, _PALE = "#222222", "#8A8F98", "#E3E5E8"
_FONT = "DejaVu Sans"  # comes with matplotlib, so it is always there
_MAX_LABEL = 32
_STYLES: dict[CurveRole, dict[str, Any]] = {
    CurveRole.BEST: {"color": _BLUE, "linewidth": 2.4, "zorder": 4, "label": "best"},
    CurveRole.RUNNING: {"color": _ORANGE, "linewidth": 2.0, "zorder": 3, "label": "running"},
    CurveRole.ENDED: {"color": _GREY, "linewidth": 1.0, "alpha": 0.65, "zorder": 2, "label": "others"},
    CurveRole.PRUNED: {"color": _GREY, "linewidth": 1.0, "alpha": 0.45, "zorder": 1.9, "label": "pruned"},
    CurveRole.CUT: {"color": _GREY, "linewidth": 1.0, "alpha": 0.65, "zorder": 2, "linestyle": (0, (3, 2))},
}
_CUT_LABEL = "cut short"
# What a user's style sheet could change about lines and dots.
_LINE: dict[str, Any] = {
    "linestyle": "-",
    "marker": "",
    "markeredgewidth": 1.0,
    "antialiased": True,
    "solid_capstyle": "projecting",
    "solid_joinstyle": "round",
}
_DOT: dict[str, Any] = {**_LINE, "linestyle": "", "marker": "o"}
_TICKS: dict[str, Any] = {"size": 3.5, "width": 0.8, "pad": 3.5, "direction": "out", "top": False, "bottom": True}
# Font files and the text cache behind a canvas are not made for several threads at once.
_DRAWING = threading.Lock()


def study_picture(curves: CurvesInfo, best: BestSoFarInfo, *, dots_per_inch: int = 144) -> bytes:
    """Both pictures side by side as a PNG on a white ground, 9.2 by 3.2 inches."""
    with _DRAWING:
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
        figure = Figure(figsize=(9.2, 3.2), dpi=dots_per_inch, facecolor="white", layout=layout)
        canvas = FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        draw_curves(curves, left)
        draw_best_so_far(best, right)
        canvas.draw()
        picture = Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()))
    # It is saved in every notebook, and few colours are in it: a palette makes it a quarter of the size.
    buffer = io.BytesIO()
    picture.convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE).save(
        buffer, format="png", optimize=True
    )
    return buffer.getvalue()


@functools.cache
def _palette() -> Image.Image:
    """Our colours, each in 8 steps up to white, which smooth edges need."""
    ramps = [round(255 * level) for level in to_rgb(_PALE)]
    for color in (_INK, _GREY, _BLUE, _ORANGE, _VERMILLION):
        levels = [round(255 * level) for level in to_rgb(color)]
        ramps += [255 + (level - 255) * step // 8 for step in range(9) for level in levels]
    palette = Image.new("P", (1, 1))
    palette.putpalette(ramps)
    return palette


def draw_curves(info: CurvesInfo, axes: Axes) -> None:
    """One line per trial over the epochs; the best one and the running one stand out."""
    drawn = info.trials
    x_label = f"epoch ({drawn} of {drawn + info.hidden} trials)" if info.hidden else "epoch"
    _prepare(axes, title="Learning curves", x_label=x_label, y_label=info.metric)
    if not info.curves:
        _say_empty(axes, "no epoch has ended yet")
        return
    _scale(axes, (1, max(2, info.epochs)), info.limits)
    seen: set[str] = set()
    for curve in info.curves:
        _draw_curve(curve, axes, seen)
        if curve.role is CurveRole.BEST and curve.run == info.best_run and info.best_epoch is not None:
            value = curve.values[info.best_epoch - 1] if info.best_epoch <= len(curve.values) else None
            if value is not None:
                axes.plot([info.best_epoch], [value], **{**_DOT, "color": _BLUE, "markersize": 7, "zorder": 5})
    _legend(axes)


def _draw_curve(curve: Curve, axes: Axes, seen: set[str]) -> None:
    style = {"label": _CUT_LABEL, **_STYLES[curve.role]}
    label = style.pop("label")
    if label in seen:
        label = None
    else:
        seen.add(label)
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
        label=label,
        **{**_LINE, **style, **({"marker": ".", "markersize": 7, "markevery": dots} if dots else {})},
    )


def draw_best_so_far(info: BestSoFarInfo, axes: Axes) -> None:
    """Each trial's score as a dot, and the best so far as a staircase."""
    _prepare(axes, title="Best so far", x_label="trial", y_label=info.objective)
    if not info.points and not info.without_score and not info.skipped:
        _say_empty(axes, "no trial has ended yet")
        return
    numbers = [point.trial for point in info.points]
    last = max([*numbers, *info.without_score, *info.skipped])
    _scale(axes, (1, max(2, last)), info.limits)
    scores = [point.score for point in info.points]
    axes.plot(numbers, scores, **{**_DOT, "color": _GREY, "markersize": 5, "zorder": 2, "label": "score"})
    if info.points:
        steps = [point.best for point in info.points]
        axes.step(
            [*numbers, last],
            [*steps, steps[-1]],
            where="post",
            **{**_LINE, "color": _BLUE, "linewidth": 2.0, "zorder": 3, "label": "best"},
        )
    leaders = [point for point in info.points if point.trial == info.best]
    axes.plot(
        [point.trial for point in leaders],
        [point.score for point in leaders],
        **{**_DOT, "color": _BLUE, "markersize": 8, "zorder": 4},
    )
    _mark_at_foot(axes, info.without_score, _VERMILLION, "no score")
    _mark_at_foot(axes, info.skipped, _GREY, "skipped")
    _legend(axes)


def _mark_at_foot(axes: Axes, trials: Sequence[int], color: str, label: str) -> None:
    """A cross for each trial that has no place in the picture."""
    if not trials:
        return
    cross = {**_DOT, "marker": "x", "markersize": 6, "markeredgewidth": 1.6, "color": color, "zorder": 4}
    foot = [0.03] * len(trials)
    axes.plot(trials, foot, transform=axes.get_xaxis_transform(), clip_on=False, label=label, **cross)


def _prepare(axes: Axes, *, title: str, x_label: str, y_label: str) -> None:
    axes.set_facecolor("white")
    axes.grid(visible=True, axis="both", color=_PALE, linewidth=0.8, linestyle="-", alpha=1.0)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_edgecolor(_GREY)
        spine.set_linewidth(0.8)
    axes.minorticks_off()
    axes.tick_params(
        axis="both", which="both", color=_GREY, labelcolor=_INK, labelsize=8.5, labelfontfamily=_FONT, **_TICKS
    )
    _plain(axes.set_title(_drawable(title), loc="left", y=1.0, pad=6.0, fontsize=10), weight="bold")
    _plain(axes.set_xlabel(x_label, labelpad=4.0, fontsize=9))
    _plain(axes.set_ylabel(_drawable(y_label), labelpad=4.0, fontsize=9))


def _scale(axes: Axes, numbers: tuple[int, int], limits: Limits | None) -> None:
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
        _plain(label)


def _legend(axes: Axes) -> None:
    # Above the picture, beside the title: inside it would cover something.
    legend = axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.99),
        ncols=4,
        fontsize=8,
        frameon=False,
        borderpad=0.2,
        borderaxespad=0.2,
        columnspacing=0.9,
        handlelength=1.3,
        handletextpad=0.4,
        numpoints=1,
        shadow=False,
    )
    for text in legend.get_texts():
        _plain(text)


def _say_empty(axes: Axes, text: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    said = axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=10)
    _plain(said, color=_GREY)


def _plain(text: Text, *, color: str = _INK, weight: str = "normal") -> None:
    """Take the text letter by letter: no ``$`` mathematics, no TeX, our font and colour."""
    text.set_parse_math(False)
    text.set_usetex(False)
    text.set_fontfamily(_FONT)
    text.set_fontweight(weight)
    text.set_fontstyle("normal")
    text.set_color(color)


def _drawable(text: str) -> str:
    """One short line of characters that the font has; ``?`` stands for others."""
    return "".join(char if _font_has(char) else "?" for char in one_line(text, _MAX_LABEL))


@functools.cache
def _font_has(char: str) -> bool:
    return bool(get_font(findfont(_FONT)).get_char_index(ord(char)))
