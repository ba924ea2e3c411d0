"""How much each hyperparameter matters."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

from tunemagic.analysis.pictures import ImportanceInfo
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import BLUE, drawable, drawable_texts, plain, prepare, say_empty

__all__ = ["draw_importance", "few_text", "how_text"]


def draw_importance(info: ImportanceInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """A bar for each hyperparameter, the longest on top, with its share in percent."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("plot.title.importance"), grid="x")
    if not info.bars:
        say_empty(axes, few_text(info, texts))
        return
    places = list(range(len(info.bars)))
    axes.barh(places, [bar.share for bar in info.bars], height=0.62, color=BLUE, edgecolor="none", zorder=2)
    for place, bar in zip(places, info.bars, strict=True):
        share = axes.text(bar.share + 0.01, place, f"{100 * bar.share:.0f} %", va="center", ha="left", fontsize=8.5)
        plain(share)
    axes.set_xlim(0, 1.12)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.yaxis.set_major_locator(FixedLocator(places))
    axes.yaxis.set_major_formatter(FixedFormatter([drawable(bar.name) for bar in info.bars]))
    plain(axes.set_xlabel(drawable(how_text(info, texts), 80), labelpad=4.0, fontsize=9))
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        plain(label)


def how_text(info: ImportanceInfo, texts: Catalogue) -> str:
    """What was done to the objective, and how many trials went in."""
    return texts(f"plot.importance.{info.transform}", objective=info.objective, count=info.trials)


def few_text(info: ImportanceInfo, texts: Catalogue) -> str:
    """Why there is no bar."""
    if info.trials >= info.needed:
        return texts("plot.importance.none")
    return texts("plot.importance.few", needed=info.needed, count=info.trials)
