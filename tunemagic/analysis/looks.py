"""The signs by which each verdict on a model is known, in the order of ``analysis.diagnosis``.

Thresholds are in levels (see ``analysis.signs``): 0 is a guess, 1 is perfect. Where no source gives
a number they are judgements, set so that the models of ``benchmarks/diagnosis.py`` are told apart.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from tunemagic.analysis.finding import Diagnosis, Evidence, Found
from tunemagic.analysis.signs import Case, Curve, Signs, running_median, signs_of, three_digits, typical_jump
from tunemagic.analysis.slowness import too_slow

__all__ = ["FEW_EPOCHS", "divergence", "missing_values", "verdict"]

FEW_EPOCHS = 4  # epochs; with fewer, nothing is said of trends
_WORSE_THAN_GUESS = 2.0  # a loss this many times that of a guess, and not falling, is no slow start any more
_BLOWN_UP = 3.0  # a loss this many times that of the first epoch
_DUPLICATES = 0.05  # of validation samples; small sets of rounded numbers hold a few by chance (iris: 0.01)
_PERFECT = 0.99  # level of the validation part in each of the first two epochs
_BETTER = 0.15  # levels by which validation may beat training; dropout and averages over an epoch stay below
_DEAD = 0.4  # share of units; healthy networks of this size have 0 to 0.2 (measured on digits and MNIST-1D)
_HARDLY_LEARNED = 0.5  # level below which training has not got anywhere
_STEADY = 0.8  # share of epochs in which a loss falls that is simply on its way
_GAP = 0.15  # levels between training and validation
_RISE = 0.1  # by how much validation loss has risen again, in losses of a guess
_POOR_ACCURACY = 0.6  # levels in training
_POOR_LOSS = 0.3  # explained share; real measurements seldom allow much more, so less is asked than of classes
_FLAT = 0.01  # levels: what many epochs may still gain and be called flat
_NOISE = 0.04  # levels, to and fro in each epoch; 0.00 to 0.01 at good rates, 0.02 at rates ten times too high
_GAIN = 0.02  # levels gained in the last quarter of the epochs
_GOOD = 0.95  # level from which on flat curves are no fault
_MANY = 8  # epochs before curves may be called flat


def verdict(curves: Mapping[str, Curve], evidence: Evidence) -> Found | None:
    """The first sign that is there."""
    signs = signs_of(curves, evidence)
    if signs is None:
        return None
    case = Case(signs, evidence)
    for look in _LOOKS:
        found = look(case)
        if found is not None:
            return found
    return None


# -- what spoils all other readings --------------------------------------------------------------


def _not_finite(case: Case) -> Found | None:
    weights = case.number("spoilt_weights") or 0
    # What is missing in the samples is in the loss from the first epoch on.
    found = missing_values(case.evidence) if weights or case.signs.spoilt == 1 else None
    if found is None and weights:
        return Diagnosis.SPOILT_WEIGHTS, {"weights": weights}
    return found


def missing_values(evidence: Evidence) -> Found | None:
    """The verdict on samples with values that are not finite; None without such values."""
    if "gaps" not in evidence:
        return None
    return Diagnosis.MISSING_VALUES, {name: evidence[name] for name in ("gaps", "gap_rows", "rows")}


def _diverged(case: Case) -> Found | None:
    signs = case.signs
    if signs.spoilt is not None:
        return Diagnosis.DIVERGED, divergence(_raw(signs), signs.spoilt)
    if len(signs.loss) < 2:
        return None
    least, last = min(signs.loss), signs.loss[-1]
    stuck_high = last > _WORSE_THAN_GUESS and last > 1.25 * least
    if stuck_high or last > _BLOWN_UP * max(signs.loss[0], 0.1):
        return Diagnosis.DIVERGED, divergence(_raw(signs), signs.loss.index(max(signs.loss)) + 1)
    return None


def divergence(losses: Sequence[float], epoch: int) -> dict[str, float | str]:
    """The epoch, the best loss before and the worst."""
    known = [value for value in losses if not math.isnan(value)]
    infinite = len(known) < len(losses) or not known
    return {
        "epoch": epoch,
        "least": min(known) if known else "–",
        "worst": "NaN" if infinite else max(known),
    }


def _raw(signs: Signs) -> list[float]:
    return [value * signs.guess_loss for value in signs.loss]


def _leak(case: Case) -> Found | None:
    column = case.evidence.get("target_column")
    if column is not None:
        return Diagnosis.LEAK_FEATURE, {"column": column}
    duplicates, held_out = case.number("duplicates"), case.number("held_out")
    if duplicates is not None and held_out and duplicates >= 2 and duplicates / held_out >= _DUPLICATES:
        return Diagnosis.LEAK_DUPLICATES, {
            "duplicates": duplicates,
            "of": held_out,
            "percent": round(100 * duplicates / held_out, 1),
        }
    signs = case.signs
    if len(signs.val) >= 2 and signs.by_accuracy and min(signs.val[:2]) >= _PERFECT:
        return Diagnosis.LEAK_AT_ONCE, {"metric": f"val_{signs.metric}", "score": signs.val_raw[0]}
    if len(signs.val) < FEW_EPOCHS or len(signs.train) != len(signs.val) or case.evidence.get("dropout"):
        return None  # dropout and noise layers make training look worse than it is
    later = list(zip(signs.train, signs.val, strict=True))[len(signs.val) // 2 :]
    if statistics.median(val - train for train, val in later) > _BETTER and all(val > train for train, val in later):
        return Diagnosis.LEAK_BETTER, {
            "metric": signs.metric,
            "train": signs.train_raw[-1],
            "val": signs.val_raw[-1],
        }
    return None


# -- what keeps a model from learning ------------------------------------------------------------


def _dead_units(case: Case) -> Found | None:
    share, units = case.number("dead_share"), case.number("relu_units")
    if share is None or units is None or not share >= _DEAD:
        return None
    return Diagnosis.DEAD_UNITS, {
        "percent": round(100 * share),
        "units": units,
        "layer": str(case.evidence.get("dead_layer", "")),
    }


def _rate_too_low(case: Case) -> Found | None:
    """The loss falls, but so slowly and evenly that training has hardly begun."""
    signs = case.signs
    loss = signs.loss
    if len(loss) < FEW_EPOCHS or _end(signs.train or [1 - value for value in loss]) >= _HARDLY_LEARNED:
        return None
    falls = [earlier - later for earlier, later in itertools.pairwise(loss)]
    third = max(1, len(falls) // 3)
    first, last = sum(falls[:third]), sum(falls[-third:])
    steady = sum(fall > 0 for fall in falls) >= _STEADY * len(falls) and last >= 0.4 * first > 0
    unmoved = sum(map(abs, falls)) < 0.02 * loss[0] and sum(falls) > 0
    if not (steady or unmoved):
        return None
    return Diagnosis.RATE_TOO_LOW, {"first": _raw(signs)[0], "last": _raw(signs)[-1], "epochs": signs.epochs}


# -- how well it learns --------------------------------------------------------------------------


def _overfit(case: Case) -> Found | None:
    signs = case.signs
    if len(signs.train) < 2 or len(signs.val) != len(signs.train):
        return None
    val_loss = running_median(signs.val_loss)
    best = min(range(len(val_loss)), key=val_loss.__getitem__) + 1 if val_loss else len(signs.val)
    rise = val_loss[-1] - val_loss[best - 1] if val_loss else 0.0
    paired = len(signs.loss) == len(val_loss) > 0
    still_falling = paired and signs.loss[-1] < signs.loss[best - 1] - _FLAT
    gap = _end(signs.train) - _end(signs.val)
    if not (gap >= _GAP or (rise >= _RISE and still_falling)):  # so that NaN says nothing
        return None
    return Diagnosis.OVERFIT, {
        "metric": signs.metric,
        "train": signs.train_raw[-1],
        "val": signs.val_raw[-1],
        "best_epoch": _epoch(signs, best),
        "epochs": signs.epochs,
    }


def _underfit(case: Case) -> Found | None:
    """Not even the training samples are learned, and more epochs don't change that."""
    signs = case.signs
    poor = _POOR_ACCURACY if signs.by_accuracy else _POOR_LOSS
    if len(signs.train) < FEW_EPOCHS or _end(signs.train) >= poor or _late_gain(signs.train) > 2 * _GAIN:
        return None
    said: dict[str, float | str] = {"metric": signs.metric, "train": signs.train_raw[-1], "chance": signs.chance}
    return Diagnosis.UNDERFIT, said


def _noisy(case: Case) -> Found | None:
    signs = case.signs
    curve = signs.val or signs.val_loss
    if len(curve) < _MANY - 2:
        return None
    jump = typical_jump(curve)
    if not jump >= _NOISE:
        return None
    raw = signs.val_raw or [value * signs.guess_loss for value in signs.val_loss]
    late = raw[len(raw) // 3 :]
    return Diagnosis.NOISY, {
        "metric": f"val_{signs.metric}",
        "jump": three_digits(typical_jump(raw)),
        "low": min(late),
        "high": max(late),
    }


def _still_improving(case: Case) -> Found | None:
    signs = case.signs
    curve, raw = (signs.val, signs.val_raw) if signs.val else (signs.train, signs.train_raw)
    if len(curve) < FEW_EPOCHS:
        return None
    gain = _late_gain(curve)
    if not gain >= max(_GAIN, 2 * typical_jump(curve)) or max(curve[-2:]) < max(curve):
        return None
    losses = signs.val_loss if signs.val else signs.loss
    # One sample more or less makes a step of an accuracy where there are few to validate on, none of a loss.
    if losses and not _late_gain([-value for value in losses]) >= _GAIN:
        return None
    quarter = max(1, len(raw) // 4)
    name = f"val_{signs.metric}" if signs.val else signs.metric
    return Diagnosis.STILL_IMPROVING, {
        "metric": name,
        "before": raw[-1 - quarter],
        "last": raw[-1],
        "epochs": signs.epochs,
        "late": _epoch(signs, len(raw)) - _epoch(signs, len(raw) - quarter),
    }


def _plateaued(case: Case) -> Found | None:
    signs = case.signs
    if len(signs.train) < _MANY or len(signs.val) != len(signs.train):
        return None
    half = len(signs.train) // 2
    if max(_end(signs.train), _end(signs.val)) >= _GOOD:
        return None
    if any(_gain_since(curve, half) > _FLAT for curve in (signs.train, signs.val)):
        return None
    train = running_median(signs.train)
    since = next(epoch for epoch, value in enumerate(train, start=1) if value >= max(train) - _FLAT)
    return Diagnosis.PLATEAUED, {
        "metric": signs.metric,
        "epoch": _epoch(signs, since),
        "epochs": signs.epochs,
        "train": signs.train_raw[-1],
        "val": signs.val_raw[-1],
    }


_LOOKS: tuple[Callable[[Case], Found | None], ...] = (
    _not_finite,
    _diverged,
    _leak,
    _dead_units,
    _rate_too_low,
    _overfit,
    _noisy,
    _underfit,
    too_slow,
    _still_improving,
    _plateaued,
)


def _epoch(signs: Signs, place: int) -> int:
    """The epoch, from 1, of the value at this place, from 1; of curves that are shorter than others the place."""
    return signs.at[place - 1] if len(signs.train) == len(signs.at) else place


def _end(curve: Sequence[float]) -> float:
    """Where a curve ends: the median of its last three values."""
    return statistics.median(curve[-3:])


def _late_gain(curve: Sequence[float]) -> float:
    """By how much the last quarter's best exceeds the best before."""
    quarter = max(1, len(curve) // 4)
    smooth = running_median(curve)
    return max(smooth[-quarter:]) - max(smooth[:-quarter])


def _gain_since(curve: Sequence[float], start: int) -> float:
    smooth = running_median(curve)
    return max(smooth[start:]) - max(smooth[:start])
