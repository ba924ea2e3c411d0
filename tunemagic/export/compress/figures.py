"""How large a model's weights are, and what a compression made of them."""

from __future__ import annotations

import gzip
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunemagic.export.compress.kernels import kernels_of
from tunemagic.text import aligned

__all__ = ["Compressed", "Figures", "figures_of"]

_HEADS = ("", "weights", "not zero", "float32 bytes", "gzip bytes")


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
        method: What was done, in words: ``"pruned to 0.8"``.
        before: Figures of the given model.
        after: Figures of the new one.
        score_name: The metric of both scores; None where nothing was measured.
        remarks: What the figures do not say, one sentence each.
    """

    model: Any
    method: str
    before: Figures
    after: Figures
    score_name: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def smaller(self) -> float:
        """How many times fewer weights the new model has."""
        return self.before.params / self.after.params

    def rows(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """The comparison as a table: heads, and one row each for before and after."""
        scored = () if self.score_name is None else (self.score_name,)
        rows = []
        for name, own in (("before", self.before), ("after", self.after)):
            sizes = (f"{own.params:,}", f"{own.nonzero:.1%}", f"{own.bytes:,}", f"{own.gzip_bytes:,}")
            score = "-" if own.score is None else f"{own.score:.4g}"
            rows.append((name, *sizes, *((score,) if scored else ())))
        return (*_HEADS, *scored), tuple(rows)

    def __repr__(self) -> str:
        heads, rows = self.rows()
        table = aligned([heads, *rows], right=range(1, len(heads)))
        return "\n".join([f"{self.model.name}: {self.method}", *table, *self.remarks])

    def _repr_html_(self) -> str:
        heads, rows = self.rows()
        cells = [_row("th", heads), *(_row("td", row) for row in rows)]
        said = "".join(f"<li>{html.escape(remark)}</li>" for remark in self.remarks)
        title = html.escape(f"{self.model.name}: {self.method}")
        table = f'<table><caption style="text-align:left">{title}</caption>{"".join(cells)}</table>'
        return f"{table}<ul>{said}</ul>" if said else table


def figures_of(model: Any, score: float | None = None) -> Figures:
    """Measure a model's weights. Raises ExportError when it has no kernels."""
    kernels = [kernel.values for kernel in kernels_of(model)]
    weights = [np.asarray(weight, np.float32) for weight in model.get_weights()]
    content = b"".join(weight.tobytes() for weight in weights)
    return Figures(
        params=int(sum(weight.size for weight in weights)),
        nonzero=sum(np.count_nonzero(values) for values in kernels) / sum(values.size for values in kernels),
        bytes=len(content),
        gzip_bytes=len(gzip.compress(content, 9)),
        score=score,
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"
