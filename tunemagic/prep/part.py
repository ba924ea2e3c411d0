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

from tunemagic.errors import DataError
from tunemagic.text import counted

__all__ = ["TrainingPart", "counted_anew", "current_part", "learning_from", "training_rows"]


class TrainingPart:
    """The training rows of a trial: ``train_rows`` are row numbers among ``total`` rows; None: all of them.

    ``kept`` is set when the cell drops training rows: the row numbers that are left, in order, those
    of the validation part among them.
    """

    def __init__(self, total: int, train_rows: Any) -> None:
        self.total = total
        self.train_rows = train_rows
        self.kept: Any = None

    def rows_of(self, length: int) -> Any:
        """The rows that are trained on, in order, of data of this length; None: all of them.

        Raises DataError when it can't be told which of the rows validate.
        """
        import numpy as np

        if self.train_rows is None:
            return None
        rows = np.sort(self.train_rows)
        if length == self.total:
            return rows
        if self.kept is not None and length == len(self.kept):
            return counted_anew(rows, self.kept)
        left = "" if self.kept is None else f", or the {len(self.kept)} that prepared.rows left"
        raise DataError(
            f"received {length} rows in a trial; expected all {self.total}{left}, to leave out those that validate. "
            "Give whole arrays, or learn before the cell."
        )

    def keep(self, length: int, rows: Any) -> None:
        """Note that only these rows stay, of data of this length.

        Raises DataError when others were to stay of the same data before.
        """
        import numpy as np

        if self.kept is not None and length == len(self.kept):
            rows = self.kept[rows]
        elif self.kept is not None and self.train_rows is not None and not np.array_equal(rows, self.kept):
            raise DataError(
                f"rows: {counted(length - len(rows), 'row')} of the whole data would be dropped, others than before; "
                "expected one set of rows in a trial. Drop further rows from what the first call gave."
            )
        elif self.kept is not None or length != self.total or len(rows) == length:
            return
        self.kept = rows


_current: ContextVar[TrainingPart | None] = ContextVar("training_part", default=None)


def current_part() -> TrainingPart | None:
    """The part of the running trial; None outside of one."""
    return _current.get()


def training_rows(length: int) -> Any:
    """Rows of data of this length that the running trial trains on; None where all of them may be learned from.

    Raises DataError when it can't be told which of the rows validate.
    """
    part = current_part()
    return None if part is None else part.rows_of(length)


def counted_anew(rows: Any, kept: Any) -> Any:
    """Where these rows are among the ones that were kept (row numbers in order); the others are left out."""
    import numpy as np

    return np.searchsorted(kept, rows[np.isin(rows, kept)])


@contextlib.contextmanager
def learning_from(part: TrainingPart | None) -> Iterator[None]:
    """While this lasts, what is learned from whole arrays is learned from this part; None: from all rows."""
    token = _current.set(part)
    try:
        yield
    finally:
        _current.reset(token)
