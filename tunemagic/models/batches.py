"""How many samples a step sees: all, or a number that grows while training goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import DataError, OptionError
from tunemagic.numeric import is_whole

__all__ = ["BatchSchedule", "full_batch", "row_count"]


@dataclass(frozen=True, slots=True)
class BatchSchedule:
    """Batch sizes by epoch: ``BatchSchedule([(0, 32), (5, 128)])`` takes 128 from the sixth epoch on.

    In a ``%%tune`` cell: ``batch_size = models.BatchSchedule(...)``. Growing the batch is like lowering
    the rate, at fewer steps (Smith et al. 2018, arXiv 1711.00489). ``parts`` are pairs of an epoch,
    counted from 0, and a size. Raises OptionError unless they begin at 0 and grow in their epochs.
    """

    parts: tuple[tuple[int, int], ...]

    def __init__(self, parts: Iterable[tuple[int, int]]) -> None:
        given = list(parts) if isinstance(parts, Iterable) and not isinstance(parts, (str, Mapping)) else parts
        pairs = _whole_pairs(given) if isinstance(given, list) else ()
        begins = [begin for begin, _ in pairs]
        if begins[:1] != [0] or begins != sorted(set(begins)) or min(size for _, size in pairs) < 1:
            raise OptionError(
                f"BatchSchedule: received {given!r}; expected pairs (epoch, batch size) from epoch 0 on, such as "
                "[(0, 32), (5, 128)]."
            )
        object.__setattr__(self, "parts", pairs)

    def at(self, epoch: int) -> int:
        """The batch size of an epoch, counted from 0."""
        return next(size for begin, size in reversed(self.parts) if begin <= epoch)

    def spans(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """The epochs from ``first`` to before ``last`` as spans of one batch size: ``(begin, end, size)``."""
        ends = [begin for begin, _ in self.parts[1:]] + [last]
        whole = [(max(begin, first), min(end, last), size) for (begin, size), end in zip(self.parts, ends, strict=True)]
        return [span for span in whole if span[0] < span[1]]


def _whole_pairs(given: list[Any]) -> tuple[tuple[int, int], ...]:
    """The pairs with Python's own numbers; empty where one is no pair of whole numbers."""
    for pair in given:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(is_whole, pair)):
            return ()
    return tuple((int(begin), int(size)) for begin, size in given)


def full_batch(x: Any) -> int:
    """The batch size with which each step sees all of ``x``: plain gradient descent.

    In a ``%%tune`` cell: ``batch_size = models.full_batch(x_train)``; what is held out of ``x_train``
    for validation is not trained on all the same. Raises DataError for data without a number of rows.
    """
    return row_count(x)


def row_count(x: Any) -> int:
    """Number of samples along the first axis, also of a dict, list or tuple of arrays."""
    first = x
    while isinstance(first, (Mapping, list, tuple)) and first:
        first = next(iter(first.values() if isinstance(first, Mapping) else first))
    shape = getattr(first, "shape", None)
    if not shape:
        raise DataError(f"received a {type(x).__name__}; expected an array, whose rows can be counted.")
    return int(shape[0])
