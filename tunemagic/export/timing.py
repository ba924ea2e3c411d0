"""How long one warm call takes."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["call_seconds"]

_WARM_UP = 20
_RUNS = 300
_MOST_SECONDS = 1.5
_LEAST_SECONDS = 0.05  # a busy machine takes a core away for milliseconds: quick calls are repeated over more of them


def call_seconds(call: Callable[[], object]) -> list[float]:
    """Seconds of single warm calls: 300 of them, more for a quick model and fewer, at least 3, for a slow one."""
    begun = time.perf_counter()
    for _ in range(_WARM_UP):
        call()
        if time.perf_counter() - begun > _MOST_SECONDS:
            break
    times: list[float] = []
    total = 0.0
    while len(times) < 3 or total < (_LEAST_SECONDS if len(times) >= _RUNS else _MOST_SECONDS):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
        total += times[-1]
    return times
