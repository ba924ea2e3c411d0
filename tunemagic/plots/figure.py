"""Whole figures: the two standard pictures of a record, and any one picture by its kind."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from tunemagic.analysis.answers import picture_info
from tunemagic.analysis.compare import CompareInfo
from tunemagic.analysis.curves import BestSoFarInfo, CurvesInfo
from tunemagic.analysis.explanation import (
    AttributionInfo,
    ColumnsInfo,
    ExplanationKind,
    Layout,
    attribution_text,
    columns_text,
)
from tunemagic.analysis.lr_range import RateInfo, rate_sentences
from tunemagic.analysis.pictures import ConfusionInfo, PictureKind, SliceInfo, SpreadInfo, TimelineInfo
from tunemagic.errors import OptionError, StorageError
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.plots.compare import draw_compare
from tunemagic.plots.contour import draw_contour
from tunemagic.plots.curves import draw_best_so_far, draw_curves
from tunemagic.plots.explanation import draw_attribution, draw_columns, panels_of
from tunemagic.plots.exports import draw_confusion, draw_exports
from tunemagic.plots.importance import draw_importance
from tunemagic.plots.lr_range import draw_lr_range
from tunemagic.plots.parallel import draw_parallel
from tunemagic.plots.pareto import draw_pareto
from tunemagic.plots.said import said
from tunemagic.plots.slices import draw_slice
from tunemagic.plots.spread import draw_spread
from tunemagic.plots.style import BLUE, GREY, INK, ORANGE, PALE, VERMILLION
from tunemagic.plots.timeline import draw_timeline
from tunemagic.text import one_line
from tunemagic.trial import StudyView

__all__ = [
    "SUFFIXES",
    "Picture",
    "compare_picture",
    "explanation_picture",
    "few_colours",
    "plot",
    "rate_picture",
    "study_picture",
]

SUFFIXES = (".png", ".svg", ".pdf")
_SLICES = 4  # beside each other
_DOTS_PER_INCH = 144
_COLOURS = 128
_DRAW: Mapping[PictureKind, Callable[..., None]] = {
    PictureKind.CURVES: draw_curves,
    PictureKind.BEST: draw_best_so_far,
    PictureKind.PARALLEL: draw_parallel,
    PictureKind.IMPORTANCE: draw_importance,
    PictureKind.CONTOUR: draw_contour,
    PictureKind.PARETO: draw_pareto,
    PictureKind.TIMELINE: draw_timeline,
    PictureKind.SPREAD: draw_spread,
    PictureKind.EXPORTS: draw_exports,
    PictureKind.CONFUSION: draw_confusion,
}
# What a user's style sheet could change; letters as shapes, since whoever opens it need not have the font.
_SAVING: dict[str, Any] = {"savefig.bbox": None, "svg.fonttype": "path", "svg.hashsalt": "tunemagic", "pdf.fonttype": 3}
# Font files and the text cache behind a canvas are not made for several threads at once.
_DRAWING = threading.Lock()


class HasView(Protocol):
    """A study."""

    @property
    def view(self) -> StudyView:
        """Its state now."""
        ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture, shown by a notebook; ``text`` says in words what is on it.

    ``figure`` is a matplotlib figure without pyplot, so it can be changed and is closed by itself.
    """

    kind: StrEnum
    figure: Figure
    text: str
    info: Any = field(repr=False)

    def __repr__(self) -> str:
        return self.text

    @property
    def png(self) -> bytes:
        """The picture as PNG, 144 dots per inch."""
        return self._bytes("png")

    def save(self, path: str | Path) -> Path:
        """Write it as PNG, SVG or PDF, by the ending of the name; gives the path back.

        Raises OptionError for another ending, StorageError when it can't be written.
        """
        target = Path(path).expanduser()
        if target.suffix.lower() not in SUFFIXES:
            raise OptionError(f"plot: {target.name!r}: expected a name that ends in {', '.join(SUFFIXES)}.")
        data = self._bytes(target.suffix.lower()[1:])
        try:
            target.write_bytes(data)
        except OSError as error:
            raise StorageError(f"{target} can't be written: {error.strerror or error}.") from error
        return target

    def _bytes(self, kind: str) -> bytes:
        buffer = io.BytesIO()
        # No date, so that equal pictures are equal files.
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
        with _DRAWING, rc_context(_SAVING):
            self.figure.savefig(
                buffer, format=kind, dpi=_DOTS_PER_INCH, facecolor="white", transparent=False, metadata=metadata
            )
        return buffer.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return self.png, {"alt": self.text}


def plot(source: HasView | StudyView, kind: str, *, texts: Catalogue = ENGLISH, **options: str) -> Picture:
    """A picture of a study or of its view.

    Args:
        source: The study, or its view.
        kind: ``curves``, ``best``, ``parallel``, ``importance``, ``slice``, ``contour``, ``pareto``,
            ``timeline``, ``spread``, ``exports`` or ``confusion``.
        texts: The language of titles and labels.
        options: ``x`` and ``y`` name what to show in ``contour`` and ``pareto``, ``metric`` in ``curves``;
            ``transform`` of ``importance`` is ``rank``, ``log`` or ``raw``; ``x`` of ``exports`` is ``size``,
            ``gzip`` or ``latency``; ``of`` names the file in ``confusion``.

    Raises:
        OptionError: The kind, an option or a name in it is unknown.
    """
    view = source if isinstance(source, StudyView) else source.view
    info = picture_info(view, kind, options)
    which = PictureKind(kind)
    with _DRAWING:
        figure = _figure(_inches(which, info))
        if isinstance(info, SliceInfo):
            rows, columns = _grid(info)
            panels = [axes for row in figure.subplots(rows, columns, squeeze=False) for axes in row]
            draw_slice(info, panels, texts)
        else:
            _DRAW[which](info, figure.subplots(), texts)
    return Picture(which, figure, said(info, texts), info)


def compare_picture(info: CompareInfo, texts: Catalogue = ENGLISH) -> Picture:
    """The learning curves of two trials, 6.4 by 3.6 inches."""
    with _DRAWING:
        figure = _figure((6.4, 3.6))
        draw_compare(info, figure.subplots(), texts)
    words = texts("compare.said", first=info.first.trial, second=info.second.trial, objective=info.objective)
    return Picture(PictureKind.CURVES, figure, one_line(words), info)


def explanation_picture(info: ColumnsInfo | AttributionInfo, texts: Catalogue = ENGLISH) -> Picture:
    """Bars for the columns of a table, or a panel for each explained sample."""
    if isinstance(info, ColumnsInfo):
        with _DRAWING:
            figure = _figure((6.4, 1.2 + 0.3 * max(4, len(info.bars))))
            draw_columns(info, figure.subplots(), texts)
        return Picture(ExplanationKind.PERMUTATION, figure, columns_text(info, texts), info)
    rows, columns = panels_of(info)
    with _DRAWING:
        figure = _figure(_explained_inches(info))
        panels = [axes for row in figure.subplots(rows, columns, squeeze=False) for axes in row]
        draw_attribution(info, panels, texts)
    return Picture(info.kind, figure, attribution_text(info, texts), info)


def _figure(inches: tuple[float, float]) -> Figure:
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
    return Figure(figsize=inches, dpi=_DOTS_PER_INCH, facecolor="white", layout=layout)


def _explained_inches(info: AttributionInfo) -> tuple[float, float]:
    count = len(info.samples)
    match info.layout:
        case Layout.IMAGE:
            return 0.4 + 2.0 * max(2, count), 4.2
        case Layout.SERIES:
            return 6.4, 0.7 + 1.5 * count
        case Layout.COLUMNS:
            bars = min(20, len(info.samples[0].parts))
            return 6.4, 0.4 + (1.0 + 0.25 * bars) * count


def rate_picture(info: RateInfo, texts: Catalogue = ENGLISH) -> Picture:
    """What a learning rate range test found, 6.4 by 3.6 inches."""
    with _DRAWING:
        figure = _figure((6.4, 3.6))
        draw_lr_range(info, figure.subplots(), texts)
    return Picture(PictureKind.CURVES, figure, one_line(" ".join(rate_sentences(info, texts))), info)


def _inches(kind: PictureKind, info: Any) -> tuple[float, float]:
    match info:
        case SliceInfo():
            rows, columns = _grid(info)
            return max(4.6, 2.3 * columns), 0.4 + 2.3 * rows
        case TimelineInfo():
            return 9.2, 1.4 + 0.3 * max(3, len(info.lanes))
        case ConfusionInfo():
            return 2.2 + 0.36 * max(6, len(info.counts)), 1.6 + 0.3 * max(6, len(info.counts))
        case SpreadInfo():
            return 6.4, 1.4 + 0.28 * max(4, len(info.rows))
    if kind is PictureKind.IMPORTANCE:
        return 6.4, 1.2 + 0.3 * max(4, len(info.bars))
    if kind is PictureKind.PARALLEL:
        return max(6.4, min(16.0, 1.3 * len(info.axes))), 4.0
    return 6.4, 4.2


def _grid(info: SliceInfo) -> tuple[int, int]:
    """Rows and columns for one panel each hyperparameter, at least one."""
    count = max(1, len(info.axes))
    columns = min(_SLICES, count)
    return -(-count // columns), columns


def study_picture(
    curves: CurvesInfo, best: BestSoFarInfo, *, dots_per_inch: int = _DOTS_PER_INCH, texts: Catalogue = ENGLISH
) -> bytes:
    """Both standard pictures side by side as a PNG on a white ground, 9.2 by 3.2 inches."""
    with _DRAWING:
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
        figure = Figure(figsize=(9.2, 3.2), dpi=dots_per_inch, facecolor="white", layout=layout)
        canvas = FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        draw_curves(curves, left, texts)
        draw_best_so_far(best, right, texts)
        canvas.draw()
        picture = Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()))
    # It is saved in every notebook, and few colours are in it: a palette makes it a quarter of the size.
    buffer = io.BytesIO()
    picture.convert("RGB").quantize(palette=_palette(), dither=Image.Dither.NONE).save(
        buffer, format="png", optimize=True
    )
    return buffer.getvalue()


def few_colours(png: bytes) -> bytes:
    """The picture with as many colours as tell all lines and shades apart: a third of its size."""
    buffer = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


@functools.cache
def _palette() -> Image.Image:
    """Our colours, each in 8 steps up to white, which smooth edges need."""
    ramps = [round(255 * level) for level in to_rgb(PALE)]
    for color in (INK, GREY, BLUE, ORANGE, VERMILLION):
        levels = [round(255 * level) for level in to_rgb(color)]
        ramps += [255 + (level - 255) * step // 8 for step in range(9) for level in levels]
    palette = Image.new("P", (1, 1))
    palette.putpalette(ramps)
    return palette
