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
    "said_as",
]

_NAMED = 3  # columns in a sentence
_MOST_UNREACHED = 8


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
    ``held_rows`` and ``asked_repeats`` are how many rows there are, and how many shuffles were asked for.
    """

    model: str
    score: str
    value: float
    rows: int
    repeats: int
    bars: tuple[ColumnBar, ...]
    held_rows: int
    asked_repeats: int
    hidden: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributedSample:
    """One sample and what each of its numbers adds to the model's answer.

    ``values`` and ``parts`` are flat, row by row of ``shape``: (columns,), (steps, channels) or
    (height, width, channels); the parts of an image are one for each pixel. ``answer`` is the
    explained output in words, ``change`` how far it lies above that of the baseline, ``error``
    how far the parts' sum lies from that (both None for a saliency map, whose parts are not shares). In a
    saliency map the parts of columns are those of a change by the column's standard deviation.
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
    """Samples whose answers are explained. ``names`` are those of a table's columns, empty otherwise.

    ``unreached`` names a table's columns that no gradient reaches, so that their parts are 0 whatever they matter.
    """

    model: str
    kind: ExplanationKind
    layout: Layout
    samples: tuple[AttributedSample, ...]
    names: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()


def columns_text(info: ColumnsInfo, texts: Catalogue = ENGLISH) -> str:
    """The most needed columns in a sentence."""
    needed = [bar for bar in info.bars if bar.mean > bar.spread][:_NAMED]
    shared = {"score": info.score, "value": number_text(info.value), "rows": info.rows}
    bars = ", ".join(f"{bar.name} {number_text(float(f'{bar.mean:.3g}'))}" for bar in needed)
    said = texts("explain.columns.said", bars=bars, **shared) if needed else texts("explain.columns.none", **shared)
    if (info.rows, info.repeats) == (info.held_rows, info.asked_repeats):
        return said
    done = {"rows": info.rows, "held": info.held_rows, "repeats": info.repeats, "asked": info.asked_repeats}
    return texts("explain.columns.bounded", said=said, **done)


def attribution_text(info: AttributionInfo, texts: Catalogue = ENGLISH) -> str:
    """Whose answers are explained, in a sentence."""
    rows = ", ".join(str(sample.row) for sample in info.samples)
    said = texts(f"explain.{said_as(info)}.said", model=info.model, rows=rows, count=len(info.samples))
    if not info.unreached:
        return said
    hidden = len(info.unreached) - _MOST_UNREACHED
    names = ", ".join(info.unreached[:_MOST_UNREACHED]) + (f" (+{hidden})" if hidden > 0 else "")
    return texts("explain.unreached", said=said, names=names)


def said_as(info: AttributionInfo) -> str:
    """What the texts about its parts are called: those of columns in a saliency map are of a deviation each."""
    deviations = info.kind is ExplanationKind.SALIENCY and info.layout is Layout.COLUMNS
    return "deviations" if deviations else str(info.kind)
