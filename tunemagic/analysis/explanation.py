"""What a model's answers rest on, as values: which columns it needs, and what in a sample speaks for its answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tunemagic.analysis.wording import number_text
from tunemagic.i18n import ENGLISH, Catalogue

__all__ = [
    "AttributedSample",
    "AttributionInfo",
    "ColumnBar",
    "ColumnsInfo",
    "ExplanationKind",
    "Layout",
    "attribution_text",
    "columns_text",
]

_NAMED = 3  # columns in a sentence


class ExplanationKind(StrEnum):
    """How a model is explained."""

    PERMUTATION = "permutation"
    GRADIENTS = "gradients"
    SALIENCY = "saliency"


class Layout(StrEnum):
    """How the numbers of a sample lie to each other."""

    COLUMNS = "columns"
    SERIES = "series"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBar:
    """How much worse the score gets when this column is shuffled: mean and standard deviation over the repeats."""

    name: str
    mean: float
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsInfo:
    """How much a model needs each column, the most needed first.

    ``value`` is the score on the ``rows`` as they are; ``hidden`` counts less needed columns that were left out.
    """

    model: str
    score: str
    value: float
    rows: int
    repeats: int
    bars: tuple[ColumnBar, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributedSample:
    """One sample and what each of its numbers adds to the model's answer.

    ``values`` and ``parts`` are flat, row by row of ``shape``: (columns,), (steps, channels) or
    (height, width, channels); the parts of an image are one for each pixel. ``answer`` is the
    explained output in words, ``change`` how far it lies above that of the baseline, ``error``
    how far the parts' sum lies from that (both None for a saliency map, whose parts are not shares).
    """

    row: int
    answer: str
    truth: str
    shape: tuple[int, ...]
    values: tuple[float, ...]
    parts: tuple[float, ...]
    change: float | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionInfo:
    """Samples whose answers are explained. ``names`` are those of a table's columns, empty otherwise."""

    model: str
    kind: ExplanationKind
    layout: Layout
    samples: tuple[AttributedSample, ...]
    names: tuple[str, ...] = ()


def columns_text(info: ColumnsInfo, texts: Catalogue = ENGLISH) -> str:
    """The most needed columns in a sentence."""
    needed = [bar for bar in info.bars if bar.mean > bar.spread][:_NAMED]
    shared = {"score": info.score, "value": number_text(info.value), "rows": info.rows}
    if not needed:
        return texts("explain.columns.none", **shared)
    bars = ", ".join(f"{bar.name} {number_text(float(f'{bar.mean:.3g}'))}" for bar in needed)
    return texts("explain.columns.said", bars=bars, **shared)


def attribution_text(info: AttributionInfo, texts: Catalogue = ENGLISH) -> str:
    """Whose answers are explained, in a sentence."""
    rows = ", ".join(str(sample.row) for sample in info.samples)
    return texts(f"explain.{info.kind}.said", model=info.model, rows=rows, count=len(info.samples))
