"""Draw a model's layers and how they are joined, inline and without graphviz."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from html import escape
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.i18n import ENGLISH, Catalogue, catalogue, language_of
from tunemagic.models.graph import Box, ModelGraph, graph_of
from tunemagic.models.layout import Place, laid_out
from tunemagic.text import aligned, one_line

__all__ = ["Drawing", "show"]

_FONT = 12.0  # pixels
_LETTER = 0.56  # of the font's size, on average; bold ones are wider
_BOLD = 0.64
_PADDING = 12.0
_LINE = 17.0
_EDGE = 8.0
_WIDEST = 44  # characters in a line of a box
_SHORTEST = 12  # of a name that is cut
# JupyterLab's colours, and where there are none those of the text around.
_INK = "var(--jp-ui-font-color1, currentColor)"
_PALE = "var(--jp-ui-font-color2, currentColor)"
_MARK = "var(--jp-brand-color1, currentColor)"


def show(model: Any, *, lang: str = "en") -> Drawing:
    """The architecture of a Keras model as a drawing: layers, output shapes, numbers of weights, branches.

    Args:
        model: Sequential, functional or of a class of its own; of the last only the layers are known.
        lang: ``en`` or ``zh``.

    Returns:
        A drawing that a notebook shows, as text elsewhere; ``.svg`` is the picture to write into a file.

    Raises:
        ModelError: Something else than a Keras model.
        OptionError: A language that there are no texts in.
    """
    language = language_of(lang)
    if language is None:
        raise OptionError(f"lang: received {lang!r}; expected 'en' or 'zh'.")
    return Drawing(graph_of(model), ENGLISH if lang == "en" else catalogue(language))


@dataclass(frozen=True, slots=True, repr=False)
class Drawing:
    """A model's graph, shown as SVG in a notebook and as a table elsewhere."""

    graph: ModelGraph
    texts: Catalogue

    @property
    def svg(self) -> str:
        """The picture as an SVG document. It takes the colours of the text around it."""
        return _svg(self.graph, self.texts)

    def _repr_html_(self) -> str:
        # Inline, since a front end shows a picture of type SVG apart from the page and its colours.
        return f'<div style="overflow-x: auto">{self.svg}</div>'

    def __repr__(self) -> str:
        said = self.texts
        columns = ("layer", "settings", "shape", "weights", "inputs")
        rows = [["", *(said(f"drawing.column.{column}") for column in columns)]]
        for number, box in enumerate(self.graph.boxes, 1):
            usual = box.inputs in ((), (number - 2,))
            origin = "" if usual else ", ".join(str(each + 1) for each in box.inputs)
            kind = one_line(f"{box.kind} {box.name}".strip(), _WIDEST)
            rows.append([str(number), kind, box.settings, box.shape, f"{box.weights:,}" if box.weights else "", origin])
        return "\n".join([_heading(self.graph, said), *aligned(rows, right=(0, 4)), *_notes(self.graph, said)])


def _heading(graph: ModelGraph, texts: Catalogue) -> str:
    weights = texts("drawing.weights", count=graph.weights, number=f"{graph.weights:,}")
    fixed = "" if not graph.fixed else f" · {texts('drawing.untrained', number=f'{graph.fixed:,}')}"
    return f"{graph.name} · {weights}{fixed}"


def _notes(graph: ModelGraph, texts: Catalogue) -> list[str]:
    notes = [] if graph.built else [texts("drawing.unbuilt")]
    return notes if graph.ordered else [*notes, texts("drawing.unordered")]


# -- what a box says ---------------------------------------------------------------------------------


def _second_line(graph: ModelGraph, box: Box, texts: Catalogue) -> str:
    """Shape and weights where they tell something new."""
    known = len(box.inputs) == 1 and graph.boxes[box.inputs[0]].shape == box.shape
    parts = ["" if known and not box.weights else one_line(box.shape, _WIDEST // 2)]
    if box.weights:
        parts.append(texts("drawing.weights", count=box.weights, number=f"{box.weights:,}"))
    if box.inside:
        parts.append(texts("drawing.inside", count=box.inside, number=box.inside))
    numbers = " · ".join(part for part in parts if part)
    room = max(_WIDEST - len(numbers) - 3, _SHORTEST)  # numbers are never cut
    return " · ".join(part for part in (one_line(box.name, min(room, _WIDEST // 2)), numbers) if part)


def _first_line(box: Box) -> tuple[str, str]:
    """The layer's kind, and its settings."""
    kind = one_line(box.kind, _WIDEST)
    return kind, one_line(box.settings, max(_WIDEST - len(kind), 2))


def _size(first: tuple[str, str], second: str) -> tuple[float, float]:
    upper = _width(first[0], _BOLD) + (_width(f"  {first[1]}", _LETTER) if first[1] else 0)
    width = max(upper, _width(second, _LETTER))
    return width + 2 * _PADDING, _LINE * (2 if second else 1) + 8


def _width(text: str, letter: float) -> float:
    return sum(_FONT * (letter if ord(char) < 0x2E80 else 1.0) for char in text)


# -- paint -------------------------------------------------------------------------------------------


def _svg(graph: ModelGraph, texts: Catalogue) -> str:
    lines = [(_first_line(box), _second_line(graph, box, texts)) for box in graph.boxes]
    layout = laid_out([_size(*each) for each in lines], [box.inputs for box in graph.boxes])
    heading = [one_line(_heading(graph, texts), 2 * _WIDEST), *_notes(graph, texts)]
    top = _LINE * len(heading) + _EDGE
    width = max(layout.width, *(_width(text, _BOLD) for text in heading)) + 2 * _EDGE
    height = layout.height + top + 2 * _EDGE
    parts = [_text(_EDGE, _LINE * (at + 1), text, bold=at == 0) for at, text in enumerate(heading)]
    shift = (width - layout.width) / 2
    parts.append(f'<g transform="translate({shift:.1f} {top + _EDGE:.1f})">')
    parts += [_line(line) for line in layout.lines]
    parts += [_box(box, place, *each) for box, place, each in zip(graph.boxes, layout.boxes, lines, strict=True)]
    parts.append("</g>")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(heading[0])}" '
        f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.1f} {height:.1f}" '
        f'font-family="var(--jp-ui-font-family, sans-serif)" font-size="{_FONT:g}">{"".join(parts)}</svg>'
    )


def _box(box: Box, place: Place, first: tuple[str, str], second: str) -> str:
    """Layers with weights have a bar on their left, dashed when these are fixed."""
    left, top = place.x - place.width / 2, place.y - place.height / 2
    kind, settings = first
    parts = [
        f"<title>{escape(_hint(box))}</title>",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{place.width:.1f}" height="{place.height:.1f}" rx="4" '
        f'fill="{_INK}" fill-opacity="{0.07 if box.weights else 0.02}" stroke="{_INK}" stroke-opacity="0.45"/>',
    ]
    if box.weights:
        dashes = "" if box.trainable else ' stroke-dasharray="3 3"'
        parts.append(
            f'<path d="M{left + 2:.1f} {top + 3:.1f}V{top + place.height - 3:.1f}" stroke="{_MARK}" '
            f'stroke-width="4"{dashes}/>'
        )
    behind = f'<tspan font-weight="normal" dx="6">{escape(settings)}</tspan>' if settings else ""
    parts.append(
        f'<text x="{left + _PADDING:.1f}" y="{top + _LINE:.1f}" fill="{_INK}" font-weight="bold">'
        f"{escape(kind)}{behind}</text>"
    )
    if second:
        parts.append(
            f'<text x="{left + _PADDING:.1f}" y="{top + 2 * _LINE:.1f}" fill="{_PALE}">{escape(second)}</text>'
        )
    return f"<g>{''.join(parts)}</g>"


def _hint(box: Box) -> str:
    """All of the box, also what was too long for it."""
    return one_line(" · ".join(filter(None, (box.kind, box.name, box.settings, box.shape))), 300)


def _line(places: tuple[Place, ...]) -> str:
    """A line from the lower edge of the first place to the upper edge of the last, with a head."""
    path = f"M{places[0].x:.1f} {places[0].y + places[0].height / 2:.1f}"
    for upper, lower in itertools.pairwise(places):
        start, end = upper.y + upper.height / 2, lower.y - lower.height / 2
        middle = (start + end) / 2
        path += (
            f"L{upper.x:.1f} {start:.1f}C{upper.x:.1f} {middle:.1f} {lower.x:.1f} {middle:.1f} {lower.x:.1f} {end:.1f}"
        )
    x, y = places[-1].x, places[-1].y - places[-1].height / 2
    head = f"M{x - 3.5:.1f} {y - 6:.1f}L{x:.1f} {y:.1f}L{x + 3.5:.1f} {y - 6:.1f}"
    return f'<path d="{path}{head}" fill="none" stroke="{_INK}" stroke-opacity="0.6" stroke-width="1.2"/>'


def _text(x: float, y: float, text: str, *, bold: bool) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{_INK}"{weight}>{escape(text)}</text>'
