"""How far a random generator has come, as one number.

The state of NumPy's Mersenne Twister is 2.5 kB, too much to write down for every trial. The count
of 32-bit words that it gave says the same, since skipping words is fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["CountedRandom"]

_BLOCK = 624  # words after which the Twister makes its next block


class CountedRandom:
    """Counts the words that a freshly seeded ``RandomState`` gives; one that draws no normal numbers."""

    def __init__(self, random: np.random.RandomState) -> None:
        self._random = random
        self._shadow = _twister(random)
        self._words = 0

    def count(self) -> int:
        """Words drawn since the seeding."""
        now: Any = self._random.get_state(legacy=False)
        while True:
            here: Any = self._shadow.state["state"]
            if np.array_equal(here["key"], now["state"]["key"]):
                return self._advance(int(now["state"]["pos"]) - int(here["pos"]))
            self._advance(_BLOCK - int(here["pos"]) + 1)  # the first word of the next block

    def skip_to(self, words: int) -> None:
        """Go on as after this many words."""
        self._advance(words - self._words)
        state: Any = {**self._shadow.state, "has_gauss": 0, "gauss": 0.0}
        self._random.set_state(state)

    def _advance(self, words: int) -> int:
        """Move the shadow by this many words, at most one back; returns where it is then."""
        if words < 0:  # it looked one word ahead to see the next block
            state: Any = self._shadow.state
            state["state"]["pos"] += words
            self._shadow.state = state
        elif words:
            self._shadow.random_raw(words, output=False)
        self._words += words
        return self._words


def _twister(random: np.random.RandomState) -> np.random.MT19937:
    state: Any = random.get_state(legacy=False)
    twister = np.random.MT19937()
    twister.state = state
    return twister
