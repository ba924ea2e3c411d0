"""The best of several verified files within limits of size and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tunemagic.errors import ExportError
from tunemagic.export.result import ExportResult
from tunemagic.i18n import ENGLISH, Catalogue

__all__ = ["Choice", "Excess", "Limits", "choose"]

_BYTES_PER_KB = 1000
_MICROSECONDS_PER_MS = 1000
# Scores that a model has without a study; a study knows the direction of its own.
_KNOWN_DIRECTIONS = {"accuracy": True, "loss": False, "mean_squared_error": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file must keep to; None = anything.

    Attributes:
        max_kb: Size in kB (1000 bytes).
        max_ms: Least time of one sample in milliseconds.
        max_loss: By how much the score may be worse than the Keras model's.
    """

    max_kb: float | None = None
    max_ms: float | None = None
    max_loss: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_kb", "max_ms", "max_loss"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf") and not (name == "max_loss" and value == 0):
                raise ExportError(f"{name}: expected a positive number; received {value!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A limit that a file misses: ``name`` of the limit, the file's ``value``, the ``limit``, and their ``unit``."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def share(self) -> float:
        """By how much of the limit it is missed."""
        return (self.value - self.limit) / self.limit if self.limit else float("inf")

    def __str__(self) -> str:
        return f"{self.value:.3g} {self.unit} (limit {self.limit:.3g} {self.unit})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen.

    Attributes:
        result: The best file within the limits; None when no verified file keeps to them.
        fitting: How many verified files keep to the limits.
        verified: How many are verified.
        nearest: When none fits: the verified file that misses the limits by least, if there is one.
        misses: By what it misses them.
    """

    result: ExportResult | None
    fitting: int
    verified: int
    nearest: ExportResult | None = None
    misses: tuple[Excess, ...] = ()

    def sentence(self, texts: Catalogue = ENGLISH) -> str:
        """What was chosen and why, in one line."""
        if self.result is not None:
            return texts(
                "best.chosen",
                mode=self.result.mode,
                numbers=_numbers(self.result),
                fitting=self.fitting,
                verified=self.verified,
            )
        if self.nearest is None:
            return texts("best.none_verified")
        misses = ", ".join(map(str, self.misses))
        return texts("best.none_fits", verified=self.verified, mode=self.nearest.mode, misses=misses)


def choose(
    results: Sequence[ExportResult],
    *,
    max_kb: float | None = None,
    max_ms: float | None = None,
    max_loss: float | None = None,
    higher_is_better: bool | None = None,
) -> Choice:
    """The verified result within the limits that has the best score; of equal ones the smaller, then the faster.

    Without scores the one that stays closest to the Keras model.

    Args:
        results: what an export gave.
        max_kb: largest size in kB (1000 bytes).
        max_ms: limit of the least time of one sample in milliseconds.
        max_loss: by how much the score may be worse than the Keras model's.
        higher_is_better: the score's direction; None for accuracy, loss and mean_squared_error.

    Raises:
        ExportError: a limit is not positive, or the score's direction is not known.
    """
    limits = Limits(max_kb=max_kb, max_ms=max_ms, max_loss=max_loss)
    verified = [result for result in results if result.verified]
    worse = _worse(verified, higher_is_better)
    misses = {id(result): _misses(result, limits, worse(result)) for result in verified}
    fitting = [result for result in verified if not misses[id(result)]]
    if fitting:
        best = min(fitting, key=lambda result: (worse(result), result.bytes or 0, result.microseconds_least or 0.0))
        return Choice(result=best, fitting=len(fitting), verified=len(verified))
    nearest = min(verified, key=lambda result: max(miss.share for miss in misses[id(result)]), default=None)
    return Choice(
        result=None,
        fitting=0,
        verified=len(verified),
        nearest=nearest,
        misses=() if nearest is None else tuple(misses[id(nearest)]),
    )


def _worse(results: Sequence[ExportResult], higher_is_better: bool | None) -> Callable[[ExportResult], float]:
    """How much worse than the Keras model a result is; by the outputs where some has no score."""
    scored = all(result.score_after is not None and result.score_before is not None for result in results)
    if not scored:
        return lambda result: result.max_abs_diff or 0.0
    name = next((result.score_name for result in results), None) or ""
    higher = _KNOWN_DIRECTIONS.get(name) if higher_is_better is None else higher_is_better
    if higher is None and results:
        raise ExportError(f"choose: say whether a higher {name} is better: higher_is_better=True or False.")
    sign = -1.0 if higher else 1.0
    return lambda result: sign * ((result.score_after or 0.0) - (result.score_before or 0.0))


def _misses(result: ExportResult, limits: Limits, worse: float) -> list[Excess]:
    found = []
    kb = (result.bytes or 0) / _BYTES_PER_KB
    ms = (result.microseconds_least or 0.0) / _MICROSECONDS_PER_MS
    for name, value, limit, unit in (
        ("max_kb", kb, limits.max_kb, "kB"),
        ("max_ms", ms, limits.max_ms, "ms"),
        ("max_loss", worse, limits.max_loss, result.score_name or ""),
    ):
        if limit is not None and value > limit:
            found.append(Excess(name=name, value=value, limit=limit, unit=unit))
    return found


def _numbers(result: ExportResult) -> str:
    score = f"{result.score_name} {result.score_after:.4f}, " if result.score_after is not None else ""
    time = "" if result.microseconds_least is None else f", {result.microseconds_least / _MICROSECONDS_PER_MS:.3g} ms"
    return f"{score}{(result.bytes or 0) / _BYTES_PER_KB:.1f} kB{time}"
