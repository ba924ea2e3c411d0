"""What all pictures share: colours, letters, axes, legends, the sentence in place of an empty picture."""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeAlias

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FixedLocator

from tunemagic.analysis.pictures import Axis
from tunemagic.i18n import ENGLISH, Catalogue, Language
from tunemagic.text import one_line

__all__ = [
    "BLUE",
    "DOT",
    "GREY",
    "INK",
    "LINE",
    "ORANGE",
    "PALE",
    "SKY",
    "VERMILLION",
    "along",
    "drawable",
    "drawable_texts",
    "legend",
    "plain",
    "prepare",
    "say_empty",
    "shade",
]

# Okabe and Ito's palette: told apart with all common kinds of colour blindness.
BLUE, ORANGE, VERMILLION, SKY = "#0072B2", "#E69F00", "#D55E00", "#56B4E9"
INK, GREY, PALE = "#222222", "#8A8F98", "#E3E5E8"
_FONT = "DejaVu Sans"  # comes with matplotlib, so it is always there
# Fonts with Chinese letters, as Linux, macOS and Windows have them.
_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "STHeiti",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "SimHei",
    "SimSun",
    "DengXian",
    "Droid Sans Fallback",
    "AR PL UMing CN",
)
_CHINESE_LETTER = "学"
_MAX_LABEL = 32
Grid: TypeAlias = Literal["both", "x", "y", "none"]
# What a user's style sheet could change about lines and dots.
LINE: dict[str, Any] = {
    "linestyle": "-",
    "marker": "",
    "markeredgewidth": 1.0,
    "antialiased": True,
    "solid_capstyle": "projecting",
    "solid_joinstyle": "round",
}
DOT: dict[str, Any] = {**LINE, "linestyle": "", "marker": "o"}
_TICKS: dict[str, Any] = {"size": 3.5, "width": 0.8, "pad": 3.5, "direction": "out", "top": False, "bottom": True}


def shade(share: float) -> tuple[float, float, float, float]:
    """A colour from dark blue (0) over grey to yellow (1): its lightness grows evenly, in print too."""
    red, green, blue, alpha = colormaps["cividis"](float(share))
    return float(red), float(green), float(blue), float(alpha)


def prepare(axes: Axes, *, title: str, x_label: str = "", y_label: str = "", grid: Grid = "both") -> None:
    """Set all that a style sheet could change; ``grid`` says across which axes lines run."""
    axes.set_facecolor("white")
    axes.grid(visible=False)
    if grid != "none":
        axes.grid(visible=True, axis=grid, color=PALE, linewidth=0.8, linestyle="-", alpha=1.0)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_edgecolor(GREY)
        spine.set_linewidth(0.8)
    axes.minorticks_off()
    axes.tick_params(
        axis="both", which="both", color=GREY, labelcolor=INK, labelsize=8.5, labelfontfamily=_families(), **_TICKS
    )
    plain(axes.set_title(drawable(title), loc="left", y=1.0, pad=6.0, fontsize=10), weight="bold")
    plain(axes.set_xlabel(drawable(x_label), labelpad=4.0, fontsize=9))
    plain(axes.set_ylabel(drawable(y_label), labelpad=4.0, fontsize=9))


def along(axes: Axes, which: str, axis: Axis, *, letters: int = 60) -> None:
    """Let positions from 0 to 1 run along x or y, with this axis' ticks and its name as label.

    Of ticks with more ``letters`` in all than fit beside each other every second (third ...) is left.
    """
    line = axes.xaxis if which == "x" else axes.yaxis
    written = sum(len(tick.text) + 2 for tick in axis.ticks) if which == "x" else 0
    ticks = axis.ticks[:: max(1, -(-written // letters))]
    line.set_major_locator(FixedLocator([tick.at for tick in ticks]))
    line.set_major_formatter(FixedFormatter([drawable(tick.text, 16) for tick in ticks]))
    (axes.set_xlim if which == "x" else axes.set_ylim)(-0.03, 1.03)
    plain((axes.set_xlabel if which == "x" else axes.set_ylabel)(drawable(axis.name), labelpad=4.0, fontsize=9))
    for label in axes.get_xticklabels() if which == "x" else axes.get_yticklabels():
        plain(label)


def legend(axes: Axes, columns: int = 4) -> None:
    """One row above the picture, beside the title: inside it would cover something."""
    if not axes.get_legend_handles_labels()[1]:
        return
    shown = axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.99),
        ncols=columns,
        fontsize=8,
        frameon=False,
        borderpad=0.2,
        borderaxespad=0.2,
        columnspacing=0.9,
        handlelength=1.3,
        handletextpad=0.4,
        numpoints=1,
        scatterpoints=1,
        shadow=False,
    )
    for text in shown.get_texts():
        plain(text)


def say_empty(axes: Axes, text: str) -> None:
    """One sentence in place of a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    said = axes.text(
        0.5, 0.5, drawable(text, 120), transform=axes.transAxes, ha="center", va="center", fontsize=10, wrap=True
    )
    plain(said, color=GREY)


def plain(text: Text, *, color: str = INK, weight: str = "normal") -> None:
    """Take the text letter by letter: no ``$`` mathematics, no TeX, our font and colour."""
    text.set_parse_math(False)
    text.set_usetex(False)
    text.set_fontfamily(_families())
    text.set_fontweight(weight)
    text.set_fontstyle("normal")
    text.set_color(color)


# -- letters -------------------------------------------------------------------------------------


def drawable(text: str, limit: int = _MAX_LABEL) -> str:
    """One short line of characters that a font has; ``?`` stands for others."""
    return "".join(char if _has(char) else "?" for char in one_line(text, limit))


def drawable_texts(texts: Catalogue) -> Catalogue:
    """The texts, or the English ones where these are Chinese and no font has Chinese letters."""
    if texts.language is Language.CHINESE and chinese_font() is None:
        return ENGLISH
    return texts


@functools.cache
def chinese_font() -> str | None:
    """The name of a font with Chinese letters, if matplotlib knows one. Looked for once."""
    known = {entry.name: entry.fname for entry in fontManager.ttflist}
    for name in _CHINESE_FONTS:
        if name in known and get_font(known[name]).get_char_index(ord(_CHINESE_LETTER)):
            return name
    return None


def _families() -> list[str]:
    """The fonts in the order in which a letter is looked for."""
    chinese = chinese_font()
    return [_FONT] if chinese is None else [_FONT, chinese]


@functools.cache
def _has(char: str) -> bool:
    return any(get_font(findfont(name)).get_char_index(ord(char)) for name in _families())
