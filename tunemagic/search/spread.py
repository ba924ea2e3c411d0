"""Points that fill a search space evenly: a scrambled Sobol sequence over its coordinates."""

from __future__ import annotations

import math

from tunemagic.search.coordinates import Axis, Coordinate, Position, coordinates_of, point_from
from tunemagic.search.points import Point
from tunemagic.space import SearchSpace

__all__ = ["spread_point"]


def spread_point(space: SearchSpace, seed: int, index: int) -> Point | None:
    """The point at this index, from 0 on, of the sequence that belongs to the seed.

    None for a space of a single point. Source: Sobol 1967; Owen's scrambling as in scipy.stats.qmc.
    """
    from scipy.stats import qmc

    coordinates = coordinates_of(space)
    if not coordinates:
        return None
    sequence = qmc.Sobol(len(coordinates), scramble=True, seed=seed)
    if index:
        sequence.fast_forward(index)  # scipy refuses 0
    shares = sequence.random(1)[0]
    positions = {each.label: _position(each, float(share)) for each, share in zip(coordinates, shares, strict=True)}
    return point_from(space, coordinates, positions)


def _position(coordinate: Coordinate, share: float) -> Position:
    """The position that so large a share, from 0 to below 1, of the axis lies below."""
    if coordinate.axis is Axis.CHOICE:
        return coordinate.choices[int(share * len(coordinate.choices))]
    low, high = coordinate.low, coordinate.high
    if coordinate.axis is Axis.REAL:
        return low * (high / low) ** share if coordinate.log else low + share * (high - low)
    if not coordinate.log:
        return int(low) + int(share * (high - low + 1))
    # Every whole number has the part of the axis that is nearest to it.
    begin, end = math.log(low - 0.5), math.log(high + 0.5)
    return round(min(max(math.exp(begin + share * (end - begin)), low), high))
