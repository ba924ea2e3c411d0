"""Layers and models that a cell uses from the notebook: every trial finds them as the cell found them.

Training changes their weights, in place and for everybody; without this a trial would begin where
the one before it ended, and a search would leave the notebook's own model spoilt.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

__all__ = ["Borrowed", "borrowed_by"]

_NUMBERED = re.compile(r"(.+?)(?:_(\d+))?")


class Borrowed:
    """The Keras layers among these objects, with the weights that they have now.

    A layer without weights yet gets some in the first trial; those are not taken back.
    """

    def __init__(self, objects: Iterable[Any]) -> None:
        keras = sys.modules.get("keras")
        self.layers = [] if keras is None else [each for each in objects if isinstance(each, keras.layers.Layer)]
        self._weights = [(layer, layer.get_weights()) for layer in self.layers if layer.built]

    def restore(self) -> None:
        """Give the layers their weights back."""
        for layer, weights in self._weights:
            layer.set_weights(weights)

    def names(self) -> dict[str, int]:
        """How many automatic names of each kind are taken: a layer ``dense_3`` takes four of ``dense``."""
        taken: dict[str, int] = {}
        for layer in self.layers:
            for part in layer._flatten_layers():
                found = _NUMBERED.fullmatch(part.name)
                if found is not None:
                    taken[found[1]] = max(taken.get(found[1], 0), int(found[2] or 0) + 1)
        return taken


def borrowed_by(program: Any) -> Borrowed:
    """What the program uses of the notebook's layers; nothing for programs that are no cell."""
    found = getattr(program, "borrowed", None)
    return found if isinstance(found, Borrowed) else Borrowed(())
