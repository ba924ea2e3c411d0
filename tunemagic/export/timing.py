"""How long one warm call takes."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["call_seconds"]

_WARM_UP = 20
_MOST_RUNS = 300
_MOST_SECONDS = 1.5


def call_seconds(call: Callable[[], object]) -> list[float]:
    """Seconds of single warm calls; fewer of them, at least 3, for a slow model."""
    begun = time.perf_counter()
    for _ in range(_WARM_UP):
        call()
        if time.perf_counter() - begun > _MOST_SECONDS:
            break
    times: list[float] = []
    while len(times) < _MOST_RUNS and (len(times) < 3 or sum(times) < _MOST_SECONDS):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return times
