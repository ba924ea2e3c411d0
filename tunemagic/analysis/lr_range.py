"""Which learning rate a range test suggests.

``valley`` is the one to take: the rate in the middle of the longest fall of the loss, where a fall is any
number of steps, not all in a row, of which each has a lower loss than the one before. This is what the
function ``valley`` of fastai's callback/schedule.py computes, which also leaves out the first tenth of the
planned steps and the last five. ``tenth`` is a tenth of the rate with the lowest loss, as a second mark.
The steepest place is never suggested: it often lies where training diverges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunemagic.i18n import ENGLISH, Catalogue

__all__ = ["RateInfo", "rate_info", "rate_sentences"]

_SETTLING = 10  # the first tenth of the planned steps tells little yet
_LAST = 5  # steps before the end, which diverge or not by chance
_FEWEST = 8  # values in which a fall can be seen
_LEAST_FALL = 0.02  # of the first loss
_AROUND = 10.0  # a range reaches this factor to both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInfo:
    """A curve of the smoothed loss over the rate, and what it suggests.

    ``valley`` and ``tenth`` are None where the loss does not fall. ``diverged_at`` is the rate from
    which on the loss is higher than it was before it fell, None if it stays lower. ``highest_rate`` is
    where the test would have ended.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    highest_rate: float
    valley: float | None = None
    tenth: float | None = None
    diverged_at: float | None = None

    @property
    def range(self) -> tuple[float, float] | None:
        """What is worth searching: a factor of ten to both sides, but not into divergence."""
        if self.valley is None:
            return None
        high = self.valley * _AROUND
        if self.diverged_at is not None:
            high = max(min(high, self.diverged_at), self.valley * 2)
        return rounded(self.valley / _AROUND), rounded(high)

    @property
    def limits(self) -> tuple[float, float]:
        """Between which losses the picture is drawn: an explosion would flatten all that matters."""
        low, before = min(self.losses), _before_lowest(self.losses)
        room = 0.1 * (max(before) - low) or 0.1 * abs(low) or 1.0
        return low - room, max(before) + 2 * room

    def loss_at(self, rate: float) -> float:
        """The smoothed loss at the step whose rate is nearest."""
        return min(zip(self.rates, self.losses, strict=True), key=lambda step: abs(math.log(step[0] / rate)))[1]


def rate_info(
    rates: Sequence[float], smoothed: Sequence[float], *, steps: int, diverged: bool, highest_rate: float
) -> RateInfo:
    """What a range test suggests.

    Args:
        rates: The rate of each step, growing.
        smoothed: The smoothed loss of each step; of a last one that was not a number there is none.
        steps: How many there would have been without divergence.
        diverged: Whether the loss was out of bounds at the last rate.
        highest_rate: The rate at which the test would have ended.
    """
    tried = tuple(rates[: len(smoothed)])
    suggested = _suggested(tried, tuple(smoothed), steps // _SETTLING)
    ended_at = rates[-1] if diverged and rates else None
    return RateInfo(
        rates=tried,
        losses=tuple(smoothed),
        highest_rate=highest_rate,
        valley=suggested and rounded(suggested[0]),
        tenth=suggested and rounded(suggested[1]),
        diverged_at=(suggested and _lost_again_at(tried, smoothed)) or ended_at,
    )


def rate_sentences(info: RateInfo, texts: Catalogue = ENGLISH) -> tuple[str, ...]:
    """What the test says, in a few sentences."""
    if info.valley is None or info.tenth is None:
        said = texts("lr.none")
    else:
        said = texts("lr.suggested", valley=f"{info.valley:g}", tenth=f"{info.tenth:g}")
    return (said,) if info.diverged_at is None else (said, texts("lr.diverged", rate=f"{rounded(info.diverged_at):g}"))


def rounded(rate: float) -> float:
    """Two digits: a range test tells no more."""
    return float(f"{rate:.2g}")


def _suggested(rates: Sequence[float], losses: Sequence[float], first: int) -> tuple[float, float] | None:
    """Valley and a tenth of the lowest point's rate; None where the loss does not fall."""
    last = max(0, len(losses) - _LAST)
    rates, losses = rates[first:last], losses[first:last]
    if len(losses) < _FEWEST or losses[0] - min(losses) < _LEAST_FALL * abs(losses[0]):
        return None
    begin, end = _longest_fall(losses)
    third = (end - begin) / 3
    place = begin + int(third) + int(third / 2)
    return rates[max(0, place)], rates[losses.index(min(losses))] / 10


def _before_lowest(losses: Sequence[float]) -> Sequence[float]:
    return losses[: losses.index(min(losses)) + 1]


def _lost_again_at(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The first rate beyond the lowest loss at which all that was learned is lost again."""
    before = _before_lowest(losses)
    later = zip(rates[len(before) :], losses[len(before) :], strict=True)
    return next((rate for rate, loss in later if loss > max(before)), None)


def _longest_fall(losses: Sequence[float]) -> tuple[int, int]:
    """Begin and end of the longest run of falling values, others between them left out."""
    lengths = [1] * len(losses)
    for later in range(1, len(losses)):
        lower = [lengths[earlier] + 1 for earlier in range(later) if losses[later] < losses[earlier]]
        lengths[later] = max([1, *lower])
    end = lengths.index(max(lengths))
    return end - lengths[end], end
