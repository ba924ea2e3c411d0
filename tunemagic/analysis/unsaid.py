"""Why a training that no verdict was found on can't be called healthy: what there was to look at."""

from __future__ import annotations

from collections.abc import Mapping

from tunemagic.analysis.finding import Diagnosis, Finding
from tunemagic.analysis.looks import FEW_EPOCHS
from tunemagic.analysis.signs import Curve, signs_of

__all__ = ["unsaid"]


def unsaid(curves: Mapping[str, Curve], trial: int | None = None) -> Finding | None:
    """What is missing in these curves for a verdict; None when one could have been made.

    Curves without an epoch are missing altogether: they give None as well.
    """
    epochs = max(map(len, curves.values()), default=0)
    if not epochs:
        return None
    signs = signs_of(curves, {})
    if signs is None:
        return Finding(verdict=Diagnosis.NO_LOSS, evidence={}, remedies=(), trial=trial)
    if signs.epochs < FEW_EPOCHS:
        evidence = {"count": signs.epochs, "needed": FEW_EPOCHS}
        return Finding(verdict=Diagnosis.TOO_EARLY, evidence=evidence, remedies=(), trial=trial)
    if not (signs.val or signs.val_loss):
        return Finding(verdict=Diagnosis.NO_VALIDATION, evidence={}, remedies=(), trial=trial)
    return None
