"""Which rows of the notebook's data a running trial may learn from.

A ``%%tune`` cell sees whole arrays, the rows that validate included. Whoever learns something from
data inside the cell (a mean, a table of categories) has to leave those rows out. The search says
which they are, and ``Recipe.fit`` and ``Preparation.rows`` ask here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["TrainingPart", "current_part", "learning_from"]


class TrainingPart:
    """The training rows of a trial: ``train_rows`` are row numbers among ``total`` rows.

    ``kept`` is set when the cell drops training rows: the row numbers that are left, in order, those
    of the validation part among them.
    """

    def __init__(self, total: int, train_rows: Any) -> None:
        self.total = total
        self.train_rows = train_rows
        self.kept: Any = None


_current: ContextVar[TrainingPart | None] = ContextVar("training_part", default=None)


def current_part(length: int) -> TrainingPart | None:
    """The part of the running trial when data of this length is the study's whole data, else None."""
    part = _current.get()
    return part if part is not None and part.total == length else None


@contextlib.contextmanager
def learning_from(part: TrainingPart | None) -> Iterator[None]:
    """While this lasts, what is learned from whole arrays is learned from this part; None: from all rows."""
    token = _current.set(part)
    try:
        yield
    finally:
        _current.reset(token)
