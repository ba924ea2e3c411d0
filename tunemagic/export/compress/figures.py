"""How large a model's weights are, and what a compression made of them."""

from __future__ import annotations

import gzip
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunemagic.export.compress.kernels import kernels_of
from tunemagic.export.compress.said import Said
from tunemagic.i18n import ENGLISH, Catalogue
from tunemagic.text import aligned

__all__ = ["Compressed", "Figures", "figures_of"]

_HEADS = ("compress.weights", "compress.not_zero", "compress.bytes", "compress.gzip")
_LARGE_FALL = 0.05  # of an accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The size of a model's weights, and how good the model is.

    Attributes:
        params: How many weights there are.
        nonzero: The share of kernel weights that are not zero, from 0 to 1.
        bytes: Size of all weights as float32; a float32 file has about as many.
        gzip_bytes: The same after gzip -9, as a file is when it is sent compressed.
        score: The score on held-out data; None where it was not measured or is not finite.
    """

    params: int
    nonzero: float
    bytes: int
    gzip_bytes: int
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compressed:
    """A compressed copy of a model, and how it compares with the model it came from.

    Attributes:
        model: The new Keras model, compiled as the given one was.
        stages: What was done and the figures after it, in order; the first are those of the given model.
        score_name: The metric of all scores; None where nothing was measured.
        remarks: What the figures do not say.
    """

    model: Any
    stages: tuple[tuple[Said, Figures], ...]
    score_name: str | None = None
    remarks: tuple[Said, ...] = ()

    @property
    def before(self) -> Figures:
        """Figures of the given model."""
        return self.stages[0][1]

    @property
    def after(self) -> Figures:
        """Figures of the new model."""
        return self.stages[-1][1]

    @property
    def told(self) -> tuple[Said, ...]:
        """What is to be said below the figures: a large loss of accuracy first, then the remarks."""
        first, last = self.before.score, self.after.score
        if first is None or last is None or "acc" not in (self.score_name or "") or first - last <= _LARGE_FALL:
            return self.remarks
        values = {"name": self.score_name, "points": f"{100 * (first - last):.3g}"}
        return (Said("compress.fell", values), *self.remarks)

    @property
    def method(self) -> str:
        """What was done, in words: ``"pruned to 80% zeros in each layer, clustered to 16 values in each kernel"``."""
        return ", ".join(said.text() for said, _ in self.stages[1:])

    def rows(self, texts: Catalogue = ENGLISH) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """The comparison as a table: heads, and a row for each stage."""
        scored = () if self.score_name is None else (self.score_name,)
        rows = []
        for said, own in self.stages:
            sizes = (f"{own.params:,}", f"{own.nonzero:.1%}", f"{own.bytes:,}", f"{own.gzip_bytes:,}")
            score = "-" if own.score is None else f"{own.score:.4g}"
            rows.append((said.text(texts), *sizes, *((score,) if scored else ())))
        return ("", *map(texts, _HEADS), *scored), tuple(rows)

    def __repr__(self) -> str:
        heads, rows = self.rows()
        table = aligned([heads, *rows], right=range(1, len(heads)))
        return "\n".join([f"{self.model.name}: {self.method}", *table, *(said.text() for said in self.told)])

    def _repr_html_(self) -> str:
        heads, rows = self.rows()
        cells = [_row("th", heads), *(_row("td", row) for row in rows)]
        below = "".join(f"<p>{html.escape(said.text())}</p>" for said in self.told)
        caption = f"<caption>{html.escape(f'{self.model.name}: {self.method}')}</caption>"
        return f"<table>{caption}{''.join(cells)}</table>{below}"


def figures_of(model: Any, score: float | None = None) -> Figures:
    """Measure a model's weights. Raises ExportError when it has no kernels."""
    kernels = [kernel.values for kernel in kernels_of(model)]
    weights = [np.asarray(weight, np.float32) for weight in model.get_weights()]
    content = b"".join(weight.tobytes() for weight in weights)
    return Figures(
        params=int(sum(weight.size for weight in weights)),
        nonzero=float(sum(np.count_nonzero(values) for values in kernels) / sum(values.size for values in kernels)),
        bytes=len(content),
        gzip_bytes=len(gzip.compress(content, 9)),
        score=score,
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
