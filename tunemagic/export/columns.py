"""Each output of several by itself: one that is lost must not hide behind larger ones or behind many that are fine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.export.gates import MOST_NOISE_OF_CLASSES, Gate
from tunemagic.export.score import AnswerKind, Answers

__all__ = ["column_problem"]

# So many numbers may each be a quantity of its own; more are a picture, a series or a code, in one unit.
_MOST_QUANTITIES = 20
# Outputs in one unit: less than this share of the mean variance is too little to be followed in few bits.
_LEAST_VARIANCE = 0.01
_ROUNDING = 1e-6  # of the largest number: what float32 can't tell apart
_SPREAD = 1e-3  # of an output's largest number: the least spread that a float file is held against
_LEAST_YES = 5  # fewer yeses may all be ties


def column_problem(keras: NDArray[Any], lite: NDArray[Any], answers: Answers, gate: Gate) -> str:
    """What is wrong with the worst output, counted from 1 along the last axis; empty when each keeps to its limits.

    Up to 20 numbers are each held to the limits of ``gate`` by their own spread. Outputs in one unit (yes or no,
    more numbers) each have to follow the model's; those that hardly move count with a tenth of the usual spread.
    Classes have no outputs of their own. Both arrays are finite and of one shape (sample, ...).
    """
    if answers.kind is AnswerKind.CLASSES or keras.ndim < 2 or keras.shape[-1] < 2:
        return ""
    before, after = (part.reshape(len(part), -1, part.shape[-1]) for part in (keras, lite))
    if answers.kind is AnswerKind.NUMBERS and keras.shape[-1] <= _MOST_QUANTITIES:
        return _quantities(before, after, gate)
    problem = _one_unit(before, after)
    return problem or (_labels(before, after, answers, gate) if answers.kind is AnswerKind.YES_NO else "")


def _quantities(before: NDArray[Any], after: NDArray[Any], gate: Gate) -> str:
    """The worst of outputs (sample, place, output) that each have a unit of their own."""
    size = np.abs(before).max(axis=(0, 1))
    span = np.ptp(before, axis=(0, 1))
    rounding = _ROUNDING * float(size.max())
    moving = np.ptp(before, axis=0).max(axis=0) > rounding
    dead = moving & (np.ptp(after, axis=0).max(axis=0) == 0)
    if dead.any():
        return f"{_name(before, dead)} is the same number for every sample, the Keras model's is not"
    difference = np.abs(before - after).max(axis=(0, 1))
    unit = np.maximum(rounding, np.maximum(span, size) if gate.proves else span)
    limit = gate.difference * np.where(moving | gate.proves, unit, float(np.ptp(before)))
    far = difference > limit
    if far.any():
        at = int(np.argmax(np.where(far, difference / np.maximum(limit, np.finfo(float).tiny), 0)))
        return (
            f"{_name(before, at)} differs by up to {difference[at]:.2g} "
            f"(limit {limit[at]:.2g} by its own span: {gate.reason})"
        )
    least = np.maximum(rounding, _SPREAD * size if gate.proves else 0.0) ** 2
    return _noisy(before, after, np.where(moving, np.maximum(_variance(before), least), np.inf), gate.noise)


def _one_unit(before: NDArray[Any], after: NDArray[Any]) -> str:
    variance = _variance(before)
    return _noisy(before, after, np.maximum(variance, _LEAST_VARIANCE * variance.mean()), MOST_NOISE_OF_CLASSES)


def _noisy(before: NDArray[Any], after: NDArray[Any], variance: NDArray[Any], most: float) -> str:
    error = np.mean((before - after) ** 2, axis=(0, 1))
    noise = np.divide(error, variance, out=np.zeros_like(error), where=variance > 0)
    at = int(np.argmax(noise))
    if noise[at] <= most:
        return ""
    return f"the error of {_name(before, at)} is {noise[at]:.2g} of its variance (limit {most:g})"


def _labels(before: NDArray[Any], after: NDArray[Any], answers: Answers, gate: Gate) -> str:
    """The worst of yes-or-no answers by what they say."""
    asked, told = before > answers.cut, after > answers.cut
    lost = (asked.sum(axis=(0, 1)) >= _LEAST_YES) & ~told.any(axis=(0, 1))
    if lost.any():
        at = int(np.argmax(lost))
        return f"{_name(before, at)} never says yes, the Keras model does on {int(asked[..., at].sum())} samples"
    flips = np.mean(asked != told, axis=(0, 1))
    at, most = int(np.argmax(flips)), max(gate.flips, 2 / len(before))
    if flips[at] <= most + 1e-9:
        return ""
    return f"{_name(before, at)} gives the same answer on only {1 - flips[at]:.2%} (at least {1 - most:.1%} expected)"


def _variance(outputs: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.mean((outputs - outputs.mean(axis=0)) ** 2, axis=(0, 1)))


def _name(outputs: NDArray[Any], at: int | NDArray[Any]) -> str:
    first = at if isinstance(at, int) else int(np.argmax(at))
    return f"output {first + 1} of {outputs.shape[-1]}"
