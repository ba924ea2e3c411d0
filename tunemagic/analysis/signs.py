"""What learning curves show, measured so that few epochs and noise mislead as little as possible.

Everything is put on one scale: a *level* is 1 for a perfect model and 0 for one that only guesses
(the largest class, or the mean), whatever the metric. Without a known chance level it is taken from
the first epoch.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tunemagic.analysis.finding import Evidence

__all__ = ["Case", "Signs", "running_median", "signs_of", "three_digits", "typical_jump"]

Curve = Sequence[float | None]
_PLAIN = ("accuracy", "acc")
_RANKING = "auc"  # area under the ROC curve: a guess has one half, however many samples the largest class has
_RANKING_GUESS = 0.5
_GUESS = 0.5  # no metric's chance level is taken to be above this from its first epoch alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """A model's curves on the scale of levels; curves of the same length are of the same epochs.

    Epochs in which one of them has no value are left out, as where validation comes every second
    epoch; only a loss that was spoilt keeps its NaN. ``at`` are the epochs, from 1, of the longest
    curves' values.

    ``metric`` is what levels are made from: an accuracy where there is one, else the loss. ``train``
    and ``val`` are its levels, ``train_raw`` and ``val_raw`` its values; ``loss`` and ``val_loss`` are
    losses in units of ``guess_loss``, that of a model that only guesses. A curve that is not there is
    empty. ``by_accuracy`` says that the metric is an accuracy; ``chance`` is its chance level.
    """

    epochs: int
    at: tuple[int, ...]
    metric: str
    by_accuracy: bool
    chance: float
    train: tuple[float, ...]
    val: tuple[float, ...]
    train_raw: tuple[float, ...]
    val_raw: tuple[float, ...]
    loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    guess_loss: float
    spoilt: int | None  # the first epoch, from 1, whose loss was not finite


@dataclass(frozen=True, slots=True)
class Case:
    """What one verdict is made from."""

    signs: Signs
    evidence: Evidence

    def number(self, name: str) -> float | None:
        """A number of the evidence, None when it was not measured."""
        value = self.evidence.get(name)
        return float(value) if isinstance(value, (int, float)) else None


def signs_of(history: Mapping[str, Curve], evidence: Evidence) -> Signs | None:
    """The signs in these curves, or None when there is neither a loss nor an accuracy.

    ``evidence`` may hold ``classes``, ``guess_accuracy`` (share of the largest class) and
    ``guess_loss`` (loss of the best constant answer).
    """
    curves: Mapping[str, Sequence[float]] = {name: _floats(curve) for name, curve in history.items()}
    epochs = max(map(len, curves.values()), default=0)
    spoilt, metric = _spoilt(curves.get("loss", ())), _accuracy_in(curves)
    at = tuple(range(1, epochs + 1))
    if spoilt is None:
        read = ("loss", "val_loss", *(() if metric is None else (metric, f"val_{metric}")))
        curves, at = _complete({name: curves[name] for name in read if name in curves}, epochs)
    loss, val_loss = curves.get("loss", ()), curves.get("val_loss", ())
    if not epochs or (metric is None and not (loss or val_loss)):
        return None
    guess = _guess_loss(loss, val_loss, evidence)
    name = metric or "loss"
    train_raw, val_raw = curves.get(name, ()), curves.get(f"val_{name}", ())
    chance = guess if metric is None else _chance(metric, train_raw or val_raw, evidence)
    perfect = 0.0 if metric is None else 1.0

    def levels(curve: Sequence[float]) -> tuple[float, ...]:
        return tuple((value - chance) / (perfect - chance) for value in curve)

    return Signs(
        epochs=epochs,
        at=at,
        metric=name,
        by_accuracy=metric is not None,
        chance=chance,
        train=levels(train_raw),
        val=levels(val_raw),
        train_raw=tuple(train_raw),
        val_raw=tuple(val_raw),
        loss=tuple(value / guess for value in loss),
        val_loss=tuple(value / guess for value in val_loss),
        guess_loss=guess,
        spoilt=spoilt,
    )


def running_median(curve: Sequence[float]) -> list[float]:
    """The median of each value and its neighbours; both ends as they are. One outlier leaves no trace."""
    inner = [statistics.median(curve[index - 1 : index + 2]) for index in range(1, len(curve) - 1)]
    return [*curve[:1], *inner, *curve[-1:]] if len(curve) > 1 else list(curve)


def typical_jump(curve: Sequence[float]) -> float:
    """How far a value moves to and fro in an epoch, on average: 0 for a curve that only rises or only falls.

    Taken over the last two thirds, since the first epochs are steep, and without the one epoch that
    sticks out most, which is an accident and no noise.
    """
    last = list(curve[len(curve) // 3 :])
    if len(last) < 3:
        return 0.0
    without = (last[:index] + last[index + 1 :] for index in range(1, len(last) - 1))
    return min(map(_to_and_fro, without)) / (len(last) - 2)


def _to_and_fro(curve: Sequence[float]) -> float:
    moved = sum(abs(after - before) for before, after in itertools.pairwise(curve))
    return moved - abs(curve[-1] - curve[0])


def _floats(curve: Curve) -> tuple[float, ...]:
    return tuple(math.nan if value is None or not math.isfinite(value) else float(value) for value in curve)


def _complete(
    curves: Mapping[str, Sequence[float]], epochs: int
) -> tuple[Mapping[str, Sequence[float]], tuple[int, ...]]:
    """The curves in those epochs, from 1, in which none of the longest lacks a value; shorter ones without their NaN.

    Curves of the validation part are left out when they leave fewer than two epochs to compare.
    """
    known = {name: curve for name, curve in curves.items() if not all(map(math.isnan, curve))}
    longest = [curve for curve in known.values() if len(curve) == epochs]
    at = [epoch for epoch in range(epochs) if not any(math.isnan(curve[epoch]) for curve in longest)]
    if len(at) < min(2, epochs) and any(name.startswith("val_") for name in known):
        return _complete({name: curve for name, curve in known.items() if not name.startswith("val_")}, epochs)
    return {
        name: tuple(curve[epoch] for epoch in at)
        if len(curve) == epochs
        else tuple(value for value in curve if not math.isnan(value))
        for name, curve in known.items()
    }, tuple(epoch + 1 for epoch in at)


def _spoilt(loss: Sequence[float]) -> int | None:
    """The first epoch, from 1, whose loss is missing after one that had a loss; 1 when none had one."""
    begun = next((at for at, value in enumerate(loss) if not math.isnan(value)), 0)
    return next((at + 1 for at, value in enumerate(loss) if at >= begun and math.isnan(value)), None)


def _accuracy_in(curves: Mapping[str, Sequence[float]]) -> str | None:
    """The metric that is an accuracy by its name and by its values, from 0 to 1; the plainest of several.

    Top-k accuracies have another chance level, and so has an area under a curve of precision.
    """
    names = dict.fromkeys(each.removeprefix("val_") for each in curves)
    ranked = sorted((rank, place, name) for place, name in enumerate(names) if (rank := _rank(name)) is not None)
    for _, _, name in ranked:
        values = [*curves.get(name, ()), *curves.get(f"val_{name}", ())]
        if all(0 <= value <= 1 for value in values if not math.isnan(value)):
            return name
    return None


def _rank(name: str) -> int | None:
    """0 for ``accuracy``, 1 for other accuracies, 2 for an area under the ROC curve, None for anything else."""
    words = name.lower().split("_")
    if any(word.rstrip("0123456789") == "top" for word in words):
        return None
    if len(words) == 1 and words[0] in _PLAIN:
        return 0
    if "accuracy" in name.lower() or words[-1].rstrip("0123456789") in _PLAIN:
        return 1
    return 2 if _is_ranking(name) and not {"pr", "prc"} & set(words) else None


def _is_ranking(name: str) -> bool:
    return any(word.rstrip("0123456789") == _RANKING for word in name.lower().split("_"))


def _chance(metric: str, curve: Sequence[float], evidence: Evidence) -> float:
    if _rank(metric) == 2:
        return _RANKING_GUESS
    known = evidence.get("guess_accuracy")
    if isinstance(known, (int, float)) and 0 <= known < 1:
        return float(known)
    classes = evidence.get("classes")
    if isinstance(classes, (int, float)) and classes >= 2:
        return 1 / classes
    first = next((value for value in curve if not math.isnan(value)), 0.0)
    return min(first, _GUESS)


def _guess_loss(loss: Sequence[float], val_loss: Sequence[float], evidence: Evidence) -> float:
    known = evidence.get("guess_loss")
    if isinstance(known, (int, float)) and known > 0:
        return float(known)
    classes = evidence.get("classes")
    if isinstance(classes, (int, float)) and classes >= 2:
        return math.log(classes)  # cross entropy of an even guess
    firsts = [value for value in (*loss[:1], *val_loss[:1]) if not math.isnan(value)]
    return max([*map(abs, firsts), 1e-12])


def three_digits(value: float) -> float:
    """The value with three significant digits."""
    return float(f"{value:.3g}")
