"""The artefacts of a study: size or time against score, and what the answers of one were."""

from __future__ import annotations

import matplotlib.patheffects as effects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from tunemagic.analysis.pictures import ConfusionInfo, ExportPoint, ExportsInfo
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import (
    BLUE,
    DOT,
    GREY,
    INK,
    LINE,
    ORANGE,
    VERMILLION,
    along,
    drawable,
    drawable_texts,
    legend,
    plain,
    prepare,
    say_empty,
)

__all__ = ["draw_confusion", "draw_exports"]

_PURPLE, _GREEN = "#A03070", "#00694C"
# As in the panel: each way to store numbers has its colour, others are grey. The name stands beside it.
_COLOURS = {"none": BLUE, "float16": _PURPLE, "dynamic": VERMILLION, "int8": _GREEN}
_RIGHT = LinearSegmentedColormap.from_list("tunemagic-right", ["#FFFFFF", BLUE])
_WRONG = LinearSegmentedColormap.from_list("tunemagic-wrong", ["#FFFFFF", ORANGE])
_MOST_NAMES = 20  # rows of a confusion matrix with a number in each cell


def draw_exports(info: ExportsInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """A mark for each artefact: round for TF Lite, square on its corner for others, hollow where not verified."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.exports"))
    if info.x is None or info.y is None or not info.points:
        say_empty(axes, texts("plot.exports.few"))
        return
    if info.before is not None:
        axes.axhline(info.before, **{**LINE, "color": GREY, "linestyle": "--", "linewidth": 1.0, "zorder": 1})
    seen: set[str] = set()
    for point in info.points:
        colour = _COLOURS.get(point.mode, GREY)
        kind = "hollow" if not point.verified else "circle" if point.target == "tflite" else "diamond"
        label = "_" if kind in seen else texts(f"plot.exports.{kind}")
        seen.add(kind)
        marker = {
            "marker": "o" if point.target == "tflite" else "D",
            "markersize": 7 if point.target == "tflite" else 6,
        }
        face = colour if point.verified else "white"
        axes.plot(
            [point.x],
            [point.y],
            **{**DOT, **marker, "color": colour, "markerfacecolor": face, "zorder": 3, "label": label},
        )
    _name(info.points, axes)
    along(axes, "x", info.x)
    along(axes, "y", info.y)
    axes.set_ylim(-0.08, 1.08)
    plain(axes.set_xlabel(drawable(texts(f"plot.exports.{info.across}")), labelpad=4.0, fontsize=9))
    legend(axes)


def _name(points: tuple[ExportPoint, ...], axes: Axes) -> None:
    """The names beside the marks, above and below in turn where marks lie close to each other."""
    close, last = 0, -1.0
    for point in sorted(points, key=lambda one: (round(one.y, 1), one.x)):
        close = close + 1 if 0 <= point.x - last < 0.12 else 0
        last = point.x
        below = close % 2 == 1 or point.y > 0.97
        offset = (0, -9 - 9 * (close // 2)) if below else (0, 8 + 9 * (close // 2))
        arrow = " ↓" if point.y <= 0 and not point.verified else ""
        text = axes.annotate(
            drawable(point.name) + arrow,
            (point.x, point.y),
            xytext=offset,
            textcoords="offset points",
            ha="center" if 0.06 < point.x < 0.94 else "left" if point.x <= 0.06 else "right",
            va="top" if below else "bottom",
            fontsize=8,
        )
        plain(text)
        text.set_path_effects([effects.withStroke(linewidth=2, foreground="white")])


def draw_confusion(info: ConfusionInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """Truth down, answers across; right ones blue, wrong ones orange, the deeper the more of their row."""
    texts = drawable_texts(texts)
    title = texts("plot.confusion.title", file=info.name) if info.counts else texts("plot.title.confusion")
    prepare(axes, title=title, grid="none")
    if not info.counts:
        say_empty(axes, texts("plot.confusion.few"))
        return
    size = len(info.counts)
    cells = [
        [_cell(count / max(1, sum(row)), truth == answer) for answer, count in enumerate(row)]
        for truth, row in enumerate(info.counts)
    ]
    axes.imshow(cells, aspect="auto", interpolation="nearest", extent=(0, size, size, 0), origin="upper", zorder=1)
    for truth, row in enumerate(info.counts) if size <= _MOST_NAMES else ():
        for answer, count in enumerate(row):
            if count:
                text = axes.text(answer + 0.5, truth + 0.5, str(count), ha="center", va="center", fontsize=8)
                plain(text, color=INK)
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    every = max(1, -(-size // _MOST_NAMES))
    places = list(range(0, size, every))
    axes.set_xticks([place + 0.5 for place in places], [str(place) for place in places])
    axes.set_yticks([place + 0.5 for place in places], [str(place) for place in places])
    axes.tick_params(length=0)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        plain(label)
    plain(axes.set_xlabel(drawable(texts("plot.confusion.answer")), labelpad=4.0, fontsize=9))
    plain(axes.set_ylabel(drawable(texts("plot.confusion.truth")), labelpad=4.0, fontsize=9))


def _cell(share: float, right: bool) -> tuple[float, float, float]:
    """The colour for a share of a row: half of the full one at most, so that numbers stay readable."""
    red, green, blue, _ = (_RIGHT if right else _WRONG)(0.08 + 0.47 * share if share else 0.0)
    return float(red), float(green), float(blue)
