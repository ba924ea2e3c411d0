"""How good the best model is on data that the search has never seen, beside its validation score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.wording import MISSING, number_text
from tunemagic.events import Direction
from tunemagic.i18n import ENGLISH, Catalogue

__all__ = ["HeldOutInfo", "bootstrap_interval", "held_out_rows", "held_out_verdict"]

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HeldOutInfo:
    """The best model's score on a test part, with its 95 % interval, and what tells how far to trust it.

    ``low`` and ``high`` are None for a single row, which has no interval.
    ``validation`` is its score on the ``validation_rows`` that chose it, None where there is no
    comparable one. ``doubles`` counts test rows that also stand among those that were trained or
    chosen on. ``looks`` are the models that were scored on a test part so far, this one included.
    ``prepared`` names the data that the study's cell makes anew, as it must be made for the test part.
    """

    study: str
    trial: int
    metric: str
    direction: Direction
    test: float
    low: float | None
    high: float | None
    rows: int
    validation: float | None = None
    validation_rows: int = 0
    doubles: int = 0
    looks: int = 1
    prepared: tuple[str, ...] = ()

    @property
    def optimism(self) -> float | None:
        """By how much the validation score is better than the test score; negative when it is worse."""
        if self.validation is None:
            return None
        return self.validation - self.test if self.direction is Direction.MAX else self.test - self.validation

    def __repr__(self) -> str:
        rows = [f"{part}: {score} {interval}".rstrip() for part, _, score, interval in held_out_rows(self)]
        return "\n".join([f"{self.study}, trial {self.trial}, {self.metric}", *rows, *held_out_verdict(self)])


def bootstrap_interval(score: Callable[[Any], float], rows: int, *, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of a score over 1,000 samples drawn again, by ``scipy.stats.bootstrap``.

    Args:
        score: The score of these rows (int64 row numbers, with repetitions).
        rows: How many there are.
        seed: Seed of the draws.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    import numpy as np
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.arange(rows),),
        score,
        n_resamples=_RESAMPLES,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def held_out_rows(info: HeldOutInfo, texts: Catalogue = ENGLISH) -> tuple[tuple[str, str, str, str], ...]:
    """The validation part and the test part: name, number of rows, score and interval."""
    interval = ""
    if info.low is not None and info.high is not None:
        interval = texts("held_out.interval", low=number_text(info.low), high=number_text(info.high))
    test = (texts("held_out.test"), str(info.rows), number_text(info.test), interval)
    if info.validation is None:
        return (test,)
    rows = str(info.validation_rows) if info.validation_rows else MISSING
    return ((texts("held_out.validation"), rows, number_text(info.validation), ""), test)


def held_out_verdict(info: HeldOutInfo, texts: Catalogue = ENGLISH) -> tuple[str, ...]:
    """What follows from the scores: first that the test is none where its rows are known, then how far it flatters."""
    said = []
    if info.doubles:
        said.append(texts("held_out.doubles", count=info.doubles, rows=info.rows))
    if info.validation is not None and info.optimism is not None and info.low is not None and info.high is not None:
        inside = info.low <= info.validation <= info.high
        how = "inside" if inside else "optimistic" if info.optimism > 0 else "easier"
        said.append(texts(f"held_out.{how}", difference=number_text(float(f"{abs(info.optimism):.3g}"))))
    if info.prepared:
        said.append(texts("held_out.prepared", names=", ".join(info.prepared)))
    if info.looks > 1:
        said.append(texts("held_out.looks", count=info.looks))
    return tuple(said)
