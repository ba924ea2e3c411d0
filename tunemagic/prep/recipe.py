"""A recipe: how raw rows become what a model is trained on, as a value. It has seen no data yet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import wraps
from numbers import Integral
from typing import TYPE_CHECKING, Any

from tunemagic.errors import OptionError
from tunemagic.numeric import is_finite_number, is_whole
from tunemagic.text import did_you_mean

if TYPE_CHECKING:
    from tunemagic.prep.preparation import Preparation

__all__ = ["CHOICES", "Recipe", "recipe"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "scaler": ("none", "minmax", "zscore", "mean", "robust"),
    "missing": ("none", "drop_rows", "drop_columns", "mean", "median", "mode", "constant", "interpolate"),
    "outliers": ("none", "clip_iqr", "clip_zscore", "drop_iqr", "drop_zscore", "median_filter"),
    "duplicates": ("keep", "drop"),
    "constant": ("drop", "keep"),
    "mixed": ("error", "numbers", "text"),
    "encoding": ("onehot", "ordinal"),
    "per": ("feature", "all"),
}
_LIMITS = {"iqr": 1.5, "zscore": 3.0}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recipe:
    """Say how raw rows are to be prepared. Every argument is a plain value, so ``hp.Choice`` can choose it.

    What is done to a row (filling, clipping, filtering, scaling, encoding) becomes a part of the
    model; what drops rows is done by ``Preparation.rows``, in training only.

    Args:
        scaler: ``none``; ``minmax`` to 0..1; ``zscore`` to mean 0 and deviation 1; ``mean``
            normalisation, (x - mean) / (max - min); ``robust``, (x - median) / interquartile range (the
            range where that is 0).
        missing: what becomes of NaN: the column's ``mean``, ``median``, ``mode`` or the ``constant``
            in ``fill``; ``drop_rows`` or ``drop_columns``; ``interpolate`` in time: in a table (row,
            column), whose rows follow each other in time, the last value before, since a later row may
            validate; in series (row, step, channel) on a line between neighbouring steps; ``none`` when
            there must be none. Missing categories get the commonest one, with ``constant`` none. Where a
            row can't be dropped or interpolated, in a deployed model, the training part's mean is filled in.
        fill: the number for ``missing="constant"``; it is clipped like any other.
        outliers: ``clip_iqr`` and ``clip_zscore`` bring them to the limit, ``drop_iqr`` and
            ``drop_zscore`` drop their rows in training; ``median_filter`` takes the median of three
            neighbouring steps of signals (row, step, channel).
        limit: interquartile ranges beyond the quartiles (default 1.5), or standard deviations from
            the mean (default 3), beyond which a value is an outlier.
        duplicates: whether rows that repeat an earlier one, target included, stay in the training.
        constant: whether columns of a table with one value are kept; they can't be scaled.
        mixed: what becomes of columns that hold numbers and texts: an ``error``, ``numbers`` (texts
            become missing) or ``text`` (numbers become categories).
        encoding: categories as ``onehot`` columns or as ``ordinal`` numbers in sorted order. A category
            that the training part does not have is all zeros, or -1.
        categories: columns of numbers, by name or position, that are categories too.
        per: statistics for each ``feature`` (column; the last axis) or over ``all`` values, as of images.

    Raises:
        OptionError: an argument is none of these.
    """

    scaler: str = "zscore"
    missing: str = "mean"
    fill: float = 0.0
    outliers: str = "none"
    limit: float | None = None
    duplicates: str = "keep"
    constant: str = "drop"
    mixed: str = "error"
    encoding: str = "onehot"
    categories: Sequence[str | int] = ()
    per: str = "feature"

    def __post_init__(self) -> None:
        object.__setattr__(self, "categories", _column_names(self.categories))
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                hint = did_you_mean(value, known) if isinstance(value, str) else ""
                raise OptionError(f"{name}: expected one of {', '.join(known)}; received {value!r}.{hint}")
        for name in ("fill", "limit"):
            value = getattr(self, name)
            if value is None and name == "limit":
                continue
            if not is_finite_number(value):
                raise OptionError(f"{name}: expected a finite number; received {value!r}.")
            if type(value).__module__ != "builtins":  # NumPy's own numbers can't be written as JSON
                object.__setattr__(self, name, float(value))
        if self.limit is not None and self.limit <= 0:
            raise OptionError(f"limit: expected a number above 0; received {self.limit!r}.")

    def __repr__(self) -> str:
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        default = {field.name: field.default for field in fields(self)}
        shown = [f"{name}={value!r}" for name, value in said.items() if name == "scaler" or value != default[name]]
        return f"prep.recipe({', '.join(shown)})"

    def to_json(self) -> str:
        """The recipe as JSON text, for ``from_json``."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Recipe:
        """The recipe that ``to_json`` wrote. Raises OptionError for anything else."""
        try:
            values = json.loads(text)
        except (TypeError, ValueError) as error:
            raise OptionError(f"expected the JSON text of a recipe; received {str(text)[:60]!r}.") from error
        if not isinstance(values, dict) or not set(values) <= {field.name for field in fields(Recipe)}:
            raise OptionError(f"expected the JSON text of a recipe; received {str(text)[:60]!r}.")
        return Recipe(**values)

    def factor_of(self, rule: str) -> float:
        """How many interquartile ranges (``iqr``) or standard deviations (``zscore``) away outliers begin."""
        return self.limit if self.limit is not None else _LIMITS[rule]

    def fit(self, x_train: Any, y_train: Any = None, *, like: Preparation | None = None) -> Preparation:
        """Learn from the training part what the recipe needs to know.

        In a ``%%tune`` cell whose study splits off the validation part (``--val 0.2``, ``--folds``),
        whole arrays are given but only the rows that the trial trains on are learned from.

        Args:
            x_train: a table, or an array of numbers (row, column), (row, step, channel), ...
            y_train: targets, one for each row; used to tell duplicates apart.
            like: what was learned from the table before; names and categories of the columns when
                ``x_train`` is a matrix that ``like.rows`` or ``like.encode`` gave. The categories are
                those of all rows that ``like`` was fitted on.

        Raises:
            DataError: the data can't be prepared this way; the text says how it could.
        """
        from tunemagic.prep.learn import learn

        return learn(self, x_train, y_train, None if like is None else like.source)


@wraps(Recipe, assigned=("__doc__",), updated=())
def recipe(*positional: Any, **options: Any) -> Recipe:  # noqa: D103 - its docstring is that of Recipe
    known = [field.name for field in fields(Recipe)]
    if positional:
        raise OptionError(f"recipe: expected arguments by name, as in scaler='minmax'; received {positional[0]!r}.")
    for name in options:
        if name not in known:
            raise OptionError(f"recipe: there is no argument {name!r}.{did_you_mean(name, known)}")
    return Recipe(**options)


def _column_names(given: Any) -> tuple[str | int, ...]:
    """Names and numbers of columns as Python's own values. Raises OptionError for anything else."""
    several = [given] if isinstance(given, (str, Integral)) else given
    try:
        names = list(several)
    except TypeError:
        names = [None]
    if not all(isinstance(name, str) or is_whole(name) for name in names):
        raise OptionError(f"categories: expected names or numbers of columns; received {given!r}.")
    return tuple(str(name) if isinstance(name, str) else int(name) for name in names)
