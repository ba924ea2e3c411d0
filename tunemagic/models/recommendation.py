"""The recommender: what a user will think of an item, from an embedding of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import DataError
from tunemagic.models.blocks import penalty, penalty_ranges, training_ranges
from tunemagic.models.head import Head, head_of
from tunemagic.models.inputs import number_array, refuse
from tunemagic.models.ranges import changed, choice, number
from tunemagic.models.template import Template

__all__ = ["recommender"]


def recommender(
    x: Any, y: Any, *, task: str | None = None, users: int | None = None, items: int | None = None, **ranges: Any
) -> Template:
    """Matrix factorisation: the product of a user's and an item's embedding, and a bias of each.

    Args:
        x: Whole numbers (row, 2): the user and the item, each numbered from 0.
        y: Ratings (row,), or 0 and 1.
        task: ``"binary"`` or ``"regression"``; default: what the target looks like.
        users: How many users there are; default: as many as ``x`` tells.
        items: How many items there are; default: as many as ``x`` tells.
        ranges: New ranges by name; ``print(models.recommender(x, y))`` lists them.

    Raises:
        DataError: Inputs or targets that don't fit.
        OptionError: An unknown option, or values that can't be searched.
    """
    import numpy as np

    pairs = number_array("recommender", x, "ids")
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu" or len(pairs) == 0:
        raise refuse("recommender", pairs, "ids")
    head = head_of(y, task or _task_of(y), rows=len(x))
    if head.units != 1:
        raise DataError(f"models.recommender: received a target of {head}; expected ratings, or 0 and 1.")
    lowest, highest = pairs.min(axis=0), pairs.max(axis=0)
    sizes = [int(high) + 1 if given is None else given for given, high in zip((users, items), highest, strict=True)]
    if lowest.min() < 0 or (highest >= sizes).any():
        raise DataError(
            f"models.recommender: received ids from {lowest.min()} to {highest.max()}; expected 0 to {sizes[0] - 1} "
            f"for users and 0 to {sizes[1] - 1} for items. Number them: np.unique(ids, return_inverse=True)[1]."
        )
    for name, ids, size, given in zip(("users", "items"), pairs.T, sizes, (users, items), strict=True):
        count = len(np.unique(ids))
        if given is None and size > 2 * count:
            raise DataError(
                f"models.recommender: received {count} {name} with ids up to {size - 1}; expected 0 to {count - 1}. "
                f"Number them: np.unique(ids, return_inverse=True)[1], or say how many there are: {name}={size}."
            )
    own = (
        choice("embedding", (2, 4, 8, 16, 32), 8),
        number("dropout", 0.0, 0.5, 0.0, step=0.1),
        *penalty_ranges(),
        *training_ranges(head, rate=3e-3),
    )
    return Template(
        name="recommender",
        shape=(2,),
        head=head,
        ranges=changed("recommender", own, ranges),
        network=_Product(*sizes),
        dtype="int32",
        scale=False,
    )


def _task_of(y: Any) -> str | None:
    """Ratings in whole numbers are numbers, unless they are 0 and 1."""
    import numpy as np

    return None if np.isin(np.asarray(y), (0, 1)).all() else "regression"


@dataclass(frozen=True, slots=True)
class _Product:
    """The network for so many users and items."""

    users: int
    items: int

    def __call__(self, inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
        """Pairs (row, 2) to the model's outputs."""
        import keras

        parts, biases = [], []
        for column, (name, count) in enumerate((("user", self.users), ("item", self.items))):
            ids = inputs[:, column]
            embedded = keras.layers.Embedding(
                count, values["embedding"], embeddings_regularizer=penalty(values), name=name
            )(ids)
            parts.append(keras.layers.Dropout(values["dropout"])(embedded) if values["dropout"] else embedded)
            biases.append(keras.layers.Embedding(count, 1, embeddings_initializer="zeros", name=f"{name}_bias")(ids))
        return head.answer(keras.layers.Add(name="score")([keras.layers.Dot(axes=1)(parts), *biases]))
