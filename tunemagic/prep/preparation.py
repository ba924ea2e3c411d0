"""What a recipe learned from the training part, and what it does with rows and models."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.prep.part import current_part, training_rows
from tunemagic.prep.recipe import Recipe
from tunemagic.prep.report import Report
from tunemagic.prep.table import Source, take_rows, to_matrix

__all__ = ["Column", "Preparation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What was learned of a column of numbers; codes of categories count as numbers.

    ``low`` and ``high`` are where outliers begin, None when nothing is one. A prepared number is
    (number - ``shift``) / ``scale``. ``dropped`` says why the column is left out, or nothing.
    """

    dropped: str = ""
    fill: float | None = None
    low: float | None = None
    high: float | None = None
    shift: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Raw rows made fit for a model, by what ``Recipe.fit`` learned from the training part only.

    ``rows`` and ``encode`` give raw matrices, ``wrap`` a model that takes them. ``report`` says what
    was found and done. ``columns`` are those of the raw rows, as in ``source``.
    """

    recipe: Recipe
    source: Source
    columns: tuple[Column, ...]
    report: Report = field(compare=False)

    def __repr__(self) -> str:
        return f"<Preparation of rows {self.source.shape} to {self.shape} by {self.recipe!r}>"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the prepared columns: numbers first, then ``column=category``."""
        one_hot = [
            f"{self.source.columns[index].name}={value}"
            for index in self.one_hot
            for value in self.source.columns[index].categories or ()
        ]
        return (*(self.source.columns[index].name for index in self.numbers), *one_hot)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Positions of the raw columns that go to the model as one number each."""
        hot = set(self.one_hot)
        return tuple(i for i, column in enumerate(self.columns) if not column.dropped and i not in hot)

    @property
    def one_hot(self) -> tuple[int, ...]:
        """Positions of the raw columns that become one column for each of their categories."""
        if self.recipe.encoding != "onehot":
            return ()
        pairs = enumerate(zip(self.columns, self.source.columns, strict=True))
        return tuple(i for i, (learned, raw) in pairs if not learned.dropped and raw.categories is not None)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one prepared row, for ``keras.Input``."""
        return (*self.source.shape[:-1], len(self.names))

    def encode(self, x: Any) -> NDArray[np.float32]:
        """Rows as the wrapped model takes them: float32, NaN kept, categories as their codes, unknown ones -1.

        Row and column stay where they are; a table's further columns are left out. With
        ``missing="interpolate"`` gaps are filled in time. Raises DataError when the rows
        don't have the columns of the training part.
        """
        from tunemagic.prep.clean import interpolated

        matrix = to_matrix(self.source, x, self.recipe)
        return interpolated(matrix, self.source) if self.recipe.missing == "interpolate" else matrix

    def rows(self, x_train: Any, y_train: Any = None) -> Any:
        """The training rows that stay, encoded; with their targets as a pair when there are any.

        Rows are dropped as the recipe says: with missing values, repeated, with outliers. In a
        ``%%tune`` cell only rows that the trial trains on are dropped, never those that validate.

        Raises:
            DataError: no row is left, or the numbers of rows and targets differ; in a cell: these are
                not all rows, or a call before has dropped others of them.
        """
        from tunemagic.prep.clean import check_left, check_targets, row_faults

        matrix = self.encode(x_train)
        check_targets(len(matrix), y_train)
        trained_on = training_rows(len(matrix))
        learned = np.arange(len(matrix)) if trained_on is None else trained_on
        y = None if y_train is None else take_rows(y_train, learned)
        faults = row_faults(self, matrix[learned], take_rows(x_train, learned), y)
        check_left(faults)
        stays = np.ones(len(matrix), bool)
        stays[learned] = ~faults.any
        kept = np.flatnonzero(stays)
        part = current_part()
        if part is not None:
            part.keep(len(matrix), kept)
        matrix = matrix[kept]
        return matrix if y_train is None else (matrix, take_rows(y_train, kept))

    def wrap(self, model: Any) -> Any:
        """A Keras model that takes raw rows: filling, filtering, clipping, scaling and encoding in front of ``model``.

        It is made of Keras' own operations only, so that it is saved, loaded and exported without
        tunemagic. A compiled model stays compiled; weights are shared with ``model``.

        Raises:
            DataError: this is no Keras model, it takes rows of another shape than ``shape``, or it has a
                training of its own, such as ``models.compile`` gives it for second-order methods.
        """
        from tunemagic.prep.graph import wrapped

        return wrapped(self, model)

    def transform(self, x: Any) -> NDArray[np.float32]:
        """Rows as the model inside a wrapped one sees them, each of shape ``shape``; no row is dropped."""
        from tunemagic.prep.graph import prepared_rows

        return prepared_rows(self, self.encode(x))

    def to_json(self) -> str:
        """What was learned, as JSON text: recipe, shapes, and for each raw column name, categories and numbers."""
        columns = [
            {
                "name": raw.name,
                "categories": None if raw.categories is None else list(raw.categories),
                **asdict(learned),
            }
            for raw, learned in zip(self.source.columns, self.columns, strict=True)
        ]
        told = {
            "recipe": asdict(self.recipe),
            "raw_shape": list(self.source.shape),
            "shape": list(self.shape),
            "names": list(self.names),
            "columns": columns,
        }
        return json.dumps(told, allow_nan=False)
