"""What a model's answers rest on: bars for columns, coloured lines for series, maps for images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.ticker import FixedFormatter, FixedLocator
from numpy.typing import NDArray

from tunemagic.analysis.explanation import (
    AttributedSample,
    AttributionInfo,
    ColumnsInfo,
    ExplanationKind,
    Layout,
    said_as,
)
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.style import BLUE, GREY, INK, LINE, VERMILLION, drawable, drawable_texts, plain, prepare

__all__ = ["draw_attribution", "draw_columns", "panels_of"]

_MIDDLE = "#D9D9D9"
# Against the answer, of no matter, for it: told apart with all common kinds of colour blindness.
_SIGNED = LinearSegmentedColormap.from_list("tunemagic-signed", [BLUE, _MIDDLE, VERMILLION])
_STRENGTH = LinearSegmentedColormap.from_list("tunemagic-strength", ["#FFFFFF", VERMILLION])
_MAX_BARS = 20
_LETTERS = 34  # of a panel's title


def draw_columns(info: ColumnsInfo, axes: Axes, texts: Catalogue = ENGLISH) -> None:
    """A bar for each column, the most needed on top, with one standard deviation over the repeats."""
    texts = drawable_texts(texts)
    prepare(axes, title=texts("explain.title.columns"), grid="x")
    places = list(range(len(info.bars)))
    axes.barh(places, [bar.mean for bar in info.bars], height=0.62, color=BLUE, edgecolor="none", zorder=2)
    for place, bar in zip(places, info.bars, strict=True):
        ends = [bar.mean - bar.spread, bar.mean + bar.spread]
        axes.plot(ends, [place, place], **{**LINE, "color": INK, "linewidth": 1.4, "zorder": 3})
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    _name_rows(axes, [bar.name for bar in info.bars])
    how = texts("explain.columns.axis", score=info.score, repeats=info.repeats)
    plain(axes.set_xlabel(drawable(how, 90), labelpad=4.0, fontsize=9))
    for label in axes.get_xticklabels():
        plain(label)


def panels_of(info: AttributionInfo) -> tuple[int, int]:
    """Rows and columns of panels that ``draw_attribution`` needs: an image has its map below."""
    if info.layout is Layout.IMAGE:
        return 2, len(info.samples)
    return len(info.samples), 1


def draw_attribution(info: AttributionInfo, panels: Sequence[Axes], texts: Catalogue = ENGLISH) -> None:
    """Each sample with what its numbers add to the answer: vermillion speaks for it, blue against it."""
    texts = drawable_texts(texts)
    for number, sample in enumerate(info.samples):
        title = texts("explain.sample", row=sample.row, answer=sample.answer)
        if sample.truth:
            title = texts("explain.sample_true", sample=title, truth=sample.truth)
        match info.layout:
            case Layout.IMAGE:
                _draw_image(sample, panels[number], panels[number + len(info.samples)], title, info.kind)
            case Layout.SERIES:
                _draw_series(sample, panels[number], title, info.kind)
                if sample is info.samples[-1]:
                    axis = texts("explain.series.axis", colour=texts(f"explain.{info.kind}.axis"))
                    plain(panels[number].set_xlabel(drawable(axis, 90), labelpad=4.0, fontsize=9))
            case Layout.COLUMNS:
                axis = texts(f"explain.{said_as(info)}.axis")
                _draw_parts(sample, info.names, panels[number], title, axis)


def _colours(kind: ExplanationKind, parts: NDArray[np.float64]) -> tuple[Colormap, Normalize]:
    """One scale for each sample: its largest part has the full colour."""
    most = float(np.max(np.abs(parts), initial=0.0)) or 1.0
    if kind is ExplanationKind.SALIENCY:
        return _STRENGTH, Normalize(0, most)
    return _SIGNED, Normalize(-most, most)


def _draw_image(sample: AttributedSample, above: Axes, below: Axes, title: str, kind: ExplanationKind) -> None:
    height, width, *channels = sample.shape
    values, parts = np.array(sample.values).reshape(sample.shape), np.array(sample.parts).reshape(height, width)
    low, high = float(values.min()), float(values.max())
    if channels and channels[0] == 3:
        shown = (values - low) / ((high - low) or 1.0)
    else:
        shown = values.reshape(height, width, -1).mean(axis=-1)
    colours, scale = _colours(kind, parts)
    for axes in (above, below):
        prepare(axes, title="", grid="none")
        axes.set_xticks([])
        axes.set_yticks([])
    above.imshow(shown, cmap="gray", interpolation="nearest", aspect="equal")
    below.imshow(parts, cmap=colours, norm=scale, interpolation="nearest", aspect="equal")
    plain(above.set_title(drawable(title, _LETTERS), loc="left", y=1.0, pad=4.0, fontsize=8.5))


def _draw_series(sample: AttributedSample, axes: Axes, title: str, kind: ExplanationKind) -> None:
    """The values over the steps; each stretch has the colour of the step in its middle."""
    steps, *channels = sample.shape
    values, parts = (np.array(each).reshape(steps, -1) for each in (sample.values, sample.parts))
    prepare(axes, title="", grid="x")
    if channels and channels[0] > 1:
        colours, scale = _colours(kind, parts)
        axes.imshow(parts.T, cmap=colours, norm=scale, aspect="auto", interpolation="nearest")
        axes.yaxis.set_major_locator(FixedLocator(list(range(channels[0]))))
    else:
        colours, scale = _colours(kind, parts)
        edges = np.concatenate([[0.0], np.arange(steps - 1) + 0.5, [steps - 1.0]])
        line = np.interp(edges, np.arange(steps), values[:, 0])
        ways = [
            [(edges[step], line[step]), (step, values[step, 0]), (edges[step + 1], line[step + 1])]
            for step in range(steps)
        ]
        drawn = LineCollection(ways, cmap=colours, norm=scale, linewidths=2.6, capstyle="round", zorder=2)
        drawn.set_array(parts[:, 0])
        axes.add_collection(drawn)
        axes.autoscale_view()
    plain(axes.set_title(drawable(title, 2 * _LETTERS), loc="left", y=1.0, pad=4.0, fontsize=8.5))
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        plain(label)


def _draw_parts(sample: AttributedSample, names: Sequence[str], axes: Axes, title: str, axis: str) -> None:
    """A bar for each column of one row, the largest on top."""
    prepare(axes, title="", grid="x")
    order = sorted(range(len(sample.parts)), key=lambda column: -abs(sample.parts[column]))[:_MAX_BARS]
    parts = [sample.parts[column] for column in order]
    colours = [VERMILLION if part > 0 else BLUE for part in parts]
    axes.barh(list(range(len(order))), parts, height=0.62, color=colours, edgecolor="none", zorder=2)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
    _name_rows(axes, [names[column] if names else str(column) for column in order])
    plain(axes.set_title(drawable(title, 2 * _LETTERS), loc="left", y=1.0, pad=4.0, fontsize=8.5))
    plain(axes.set_xlabel(drawable(axis, 80), labelpad=4.0, fontsize=9))
    for label in axes.get_xticklabels():
        plain(label)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows of a bar picture, the first on top."""
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.yaxis.set_major_locator(FixedLocator(list(range(len(names)))))
    axes.yaxis.set_major_formatter(FixedFormatter([drawable(name) for name in names]))
    for label in axes.get_yticklabels():
        plain(label)
