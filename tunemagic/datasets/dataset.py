"""A data set in memory, and how it is split into a training and a test part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.datasets.card import Card, Task
from tunemagic.errors import DataError, OptionError
from tunemagic.numeric import is_finite_number, is_whole

__all__ = ["Dataset", "class_names", "with_card"]

_DEFAULT_TEST = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """Rows ``x``, their targets ``y``, and the card.

    ``x`` is float32 (row, column), (row, step) or (row, height, width, 1); a DataFrame for mixed columns
    and for series with times; an array of str for texts. ``y`` holds class indices (int64) or numbers
    (float32). Values are raw: missing ones are NaN, pixels keep their range. ``x_test`` and ``y_test``
    are the set's own test part, None where it has none. Every ``load`` makes new ones, so changing
    them changes nothing else.
    """

    x: Any
    y: Any
    card: Card
    x_test: Any = None
    y_test: Any = None

    @property
    def name(self) -> str:
        """The name that ``load`` was given."""
        return self.card.name

    def split(self, test: float | None = None, seed: int = 0) -> tuple[Any, Any, Any, Any]:
        """``x_train, x_test, y_train, y_test``, in the order of scikit-learn's ``train_test_split``.

        Without ``test`` the set's own test part is taken, or a fifth of the rows where it has none. With
        ``test`` this share (between 0 and 1) of ``x`` is split off, and the own test part stays out of it.
        Rows are drawn with ``seed``, the share of each class kept; of a series the last rows are taken,
        since a model is asked about the future. Raises OptionError for an impossible share or seed,
        DataError where a part would miss a class.
        """
        _check(test, seed)
        if test is None and self.x_test is not None:
            return self.x, self.x_test, self.y, self.y_test
        share = _DEFAULT_TEST if test is None else test
        held_out = math.ceil(share * len(self.y))
        if self.card.task is Task.SERIES:
            self._check_sizes(held_out, least=1)
            return self.x[:-held_out], self.x[-held_out:], self.y[:-held_out], self.y[-held_out:]
        return self._drawn(held_out, seed)

    def _drawn(self, held_out: int, seed: int) -> tuple[Any, Any, Any, Any]:
        import numpy as np
        from sklearn.model_selection import train_test_split

        self._check_sizes(held_out, least=max(len(self.card.classes), 1))
        if self.card.classes:
            present, counts = np.unique(self.y, return_counts=True)
            if counts.min() < 2:
                alone = self.card.classes[int(present[counts.argmin()])]
                raise DataError(
                    f"{self.name}: class {alone!r} has a single row; expected 2 or more, one for each part."
                    " Add rows, or leave the class out."
                )
        parts = train_test_split(
            self.x, self.y, test_size=held_out, random_state=seed, stratify=self.y if self.card.classes else None
        )
        return parts[0], parts[1], parts[2], parts[3]

    def _check_sizes(self, held_out: int, *, least: int) -> None:
        kept = len(self.y) - held_out
        if min(kept, held_out) < least:
            raise DataError(
                f"{self.name}: {kept} rows to train on and {held_out} to test on; expected {least} or more in each"
                " part, one for each class. Choose another `test`."
            )

    def __repr__(self) -> str:
        return repr(self.card)

    def _repr_html_(self) -> str:
        return self.card._repr_html_()


def _check(test: object, seed: object) -> None:
    if test is not None and not (is_finite_number(test) and 0 < test < 1):
        raise OptionError(f"test={test!r}: expected a share between 0 and 1, as in test=0.2.")
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise OptionError(f"seed={seed!r}: expected a whole number from 0 to 4294967295, as in seed=0.")


def with_card(
    name: str,
    x: Any,
    y: Any,
    *,
    task: Task,
    licence: str,
    source: str,
    note: str,
    classes: Sequence[str] = (),
    features: Sequence[str] = (),
    test: tuple[Any, Any] | None = None,
) -> Dataset:
    """The data set with the card that says so; rows, columns and missing values are counted here."""
    x_test, y_test = (None, None) if test is None else test
    card = Card(
        name=name,
        task=task,
        rows=len(x),
        test_rows=0 if y_test is None else len(y_test),
        columns=math.prod(x.shape[1:]),
        features=tuple(features),
        missing=sum(_missing(part) for part in (x, y, x_test, y_test) if part is not None),
        classes=tuple(classes),
        licence=licence,
        source=source,
        note=note,
    )
    return Dataset(x=x, y=y, card=card, x_test=x_test, y_test=y_test)


def _missing(values: Any) -> int:
    import pandas as pd

    return int(pd.isna(values).sum().sum() if isinstance(values, pd.DataFrame) else pd.isna(values).sum())


def class_names(count: int) -> tuple[str, ...]:
    """Names of classes that are numbers from 0 on."""
    return tuple(map(str, range(count)))
