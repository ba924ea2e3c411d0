"""Where the boxes of a graph stand: in ranks from top to bottom, lines that skip ranks in lanes of their own.

The steps are those of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures" (1981): ranks, lanes, order within a rank, places.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Layout", "Place", "laid_out"]

_LANE = 10.0  # pixels; the width of a line that passes by
_GAP_X, _GAP_Y = 18.0, 18.0
_SWEEPS = 8
_BOX_WEIGHT, _LANE_WEIGHT = 50.0, 1.0  # boxes stay below each other, lanes give way


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle by its centre, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of the boxes in their order; lines as places that they pass, from box to box; size of the whole."""

    boxes: tuple[Place, ...]
    lines: tuple[tuple[Place, ...], ...]
    width: float
    height: float


def laid_out(sizes: Sequence[tuple[float, float]], inputs: Sequence[Sequence[int]]) -> Layout:
    """Lay out boxes of these sizes (width, height); ``inputs`` are the numbers of earlier boxes joined to each."""
    ranks = _ranks(inputs)
    widths, chains = [width for width, _ in sizes], []
    for box, parents in enumerate(inputs):
        for parent in parents:
            lanes = range(len(ranks), len(ranks) + ranks[box] - ranks[parent] - 1)
            ranks += [ranks[parent] + 1 + step for step in range(len(lanes))]
            widths += [_LANE] * len(lanes)
            chains.append([parent, *lanes, box])
    rows = _ordered(ranks, chains)
    x = _columns(rows, widths, chains, boxes=len(sizes))
    left = min((x[item] - widths[item] / 2 for item in range(len(x))), default=0.0)
    heights = [max(sizes[item][1] if item < len(sizes) else 0.0 for item in row) for row in rows]
    tops = [sum(heights[:rank]) + _GAP_Y * rank for rank in range(len(rows))]
    places = [
        Place(
            x[item] - left,
            tops[ranks[item]] + heights[ranks[item]] / 2,
            widths[item],
            sizes[item][1] if item < len(sizes) else heights[ranks[item]],
        )
        for item in range(len(x))
    ]
    return Layout(
        boxes=tuple(places[: len(sizes)]),
        lines=tuple(tuple(places[item] for item in chain) for chain in chains),
        width=max((place.x + place.width / 2 for place in places), default=0.0),
        height=sum(heights) + _GAP_Y * max(len(rows) - 1, 0),
    )


def _ranks(inputs: Sequence[Sequence[int]]) -> list[int]:
    """One rank below the lowest input; a box without inputs right above the first that it is an input of."""
    ranks: list[int] = []
    for parents in inputs:
        ranks.append(1 + max((ranks[parent] for parent in parents), default=-1))
    children: dict[int, list[int]] = {}
    for box, parents in enumerate(inputs):
        for parent in parents:
            children.setdefault(parent, []).append(ranks[box])
    return [
        min(children[box]) - 1 if not parents and box in children else rank
        for box, (rank, parents) in enumerate(zip(ranks, inputs, strict=True))
    ]


def _neighbours(chains: Sequence[Sequence[int]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """What is joined to each item one rank above, and one rank below."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _ordered(ranks: Sequence[int], chains: Sequence[Sequence[int]]) -> list[list[int]]:
    """The items of each rank from left to right, each near the mean of what it is joined to."""
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for item, rank in enumerate(ranks):
        rows[rank].append(item)
    above, below = _neighbours(chains)
    for sweep in range(_SWEEPS):
        joined, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        at = {item: float(index) for row in rows for index, item in enumerate(row)}
        for row in order:
            row.sort(key=lambda item: _mean([at[each] for each in joined.get(item, [])], at[item]))
            at |= {item: float(index) for index, item in enumerate(row)}
    return rows


def _columns(
    rows: Sequence[Sequence[int]], widths: Sequence[float], chains: Sequence[Sequence[int]], boxes: int
) -> list[float]:
    """The centres: as near as can be to what each item is joined to, without overlaps."""
    from sklearn.isotonic import isotonic_regression

    above, below = _neighbours(chains)
    x = [0.0] * len(widths)

    def wanted(item: int, others: Sequence[int]) -> float:
        pulls = [_BOX_WEIGHT if (item < boxes) == (other < boxes) else _LANE_WEIGHT for other in others]
        return _mean([x[other] for other in others], x[item], pulls)

    for sweep in range(_SWEEPS):
        joined = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            gaps = [(widths[left] + widths[right]) / 2 + _GAP_X for left, right in itertools.pairwise(row)]
            offsets = [0.0, *itertools.accumulate(gaps)]
            free = [wanted(item, joined.get(item, [])) - offset for item, offset in zip(row, offsets, strict=True)]
            weights = [_BOX_WEIGHT if item < boxes else _LANE_WEIGHT for item in row]
            # The least moves, by their squares, that keep every gap.
            moved = isotonic_regression(free, sample_weight=weights)
            for item, place, offset in zip(row, moved, offsets, strict=True):
                x[item] = float(place) + offset
    return x


def _mean(values: Sequence[float], default: float, weights: Sequence[float] = ()) -> float:
    if not values:
        return default
    shares = weights or [1.0] * len(values)
    return sum(value * share for value, share in zip(values, shares, strict=True)) / sum(shares)
