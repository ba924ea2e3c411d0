"""The pictures of a report: those that have something to show, as images inside the page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from PIL import Image

from tunemagic.analysis.answers import picture_info
from tunemagic.analysis.curves import best_so_far_info, curves_info
from tunemagic.analysis.pictures import PictureKind
from tunemagic.analysis.wording import count_text
from tunemagic.i18n import Catalogue
from tunemagic.plots import few_colours, plot, study_picture
from tunemagic.trial import StudyView

__all__ = ["figures"]

# Whether there is something to see, by kind, in the order of the report.
_WORTH: Mapping[PictureKind, Callable[[StudyView, Any], bool]] = {
    PictureKind.IMPORTANCE: lambda view, info: bool(info.bars),
    PictureKind.PARALLEL: lambda view, info: len(info.lines) > 1 and len(info.axes) > 1,
    PictureKind.SLICE: lambda view, info: any(len(points) > 1 for points in info.points),
    PictureKind.CONTOUR: lambda view, info: info.x is not None and info.y is not None and len(info.points) > 2,
    PictureKind.PARETO: lambda view, info: bool(view.objectives) and info.x is not None and len(info.points) > 1,
    PictureKind.SPREAD: lambda view, info: info.objective is not None and bool(info.rows),
    PictureKind.TIMELINE: lambda view, info: len(info.bars) > 1,
    PictureKind.EXPORTS: lambda view, info: len(info.points) > 1,
    PictureKind.CONFUSION: lambda view, info: bool(info.counts),
}


def figures(view: StudyView, headline: str, texts: Catalogue) -> Iterator[str]:
    """Each picture as a ``<figure>`` with a caption and a text for whoever can't see it."""
    curves, best = curves_info(view), best_so_far_info(view)
    if curves.curves or best.points:
        trials = count_text("trials", curves.trials, texts)
        said = texts("record.picture", trials=trials, study=view.study, headline=headline)
        yield _figure(study_picture(curves, best, texts=texts), said, texts("report.curves"))
    for kind, worth in _WORTH.items():
        if worth(view, picture_info(view, kind, {})):
            picture = plot(view, kind, texts=texts)
            yield _figure(few_colours(picture.png), picture.text, texts(f"report.{kind}"))


def _figure(png: bytes, said: str, caption: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    size = Image.open(io.BytesIO(png)).size
    # Drawn at 144 dots per inch: two dots for each pixel of a page.
    width, height = (round(dots * 2 / 3) for dots in size)
    return (
        f'<figure><img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
        f'alt="{html.escape(said)}"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )
