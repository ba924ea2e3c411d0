"""How far the answers of an artefact may be from the Keras model's, and why so far."""

from __future__ import annotations

from dataclasses import dataclass

from tunemagic.errors import ExportError
from tunemagic.export.score import AnswerKind
from tunemagic.request import QuantMode, Target

__all__ = ["MOST_NOISE_OF_CLASSES", "Gate", "gate_of"]

# Classes may move far in single samples, but outputs that follow the model's at all leave less than this share of
# their variance unexplained: 0.02 was the most that 4-bit weights left in six models, constant answers leave 1.
MOST_NOISE_OF_CLASSES = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a file must keep to.

    ``difference``: largest absolute difference, as a share of the span of the Keras outputs.
    ``noise``: mean squared difference, as a share of the variance of the Keras outputs (regression; classes
    have one limit for all).
    ``flips``: share of answers that may change. ``loss``: accuracy that may be lost. ``proves``:
    whether outputs this close show by themselves that file and model are the same function, or only
    good answers do. ``reason`` says why these limits, without a semicolon, which joins facts (see i18n/facts.py).
    """

    difference: float
    noise: float
    flips: float
    loss: float
    proves: bool
    reason: str


_SAME_SUMS = Gate(
    difference=1e-4, noise=1e-8, flips=0.001, loss=0.0, proves=True, reason="the same float32 sums in another order"
)
_HALF_WEIGHTS = Gate(
    difference=0.02,
    noise=1e-4,
    flips=0.01,
    loss=0.005,
    proves=True,
    reason="weights keep 11 bits, a relative error of 0.0005 each",
)
_HALF_MODEL = Gate(
    difference=0.05,
    noise=1e-3,
    flips=0.02,
    loss=0.01,
    proves=True,
    reason="the Keras model computes in half precision, the file in float32",
)
_BYTE_WEIGHTS = Gate(
    difference=0.3,
    noise=0.01,
    flips=0.03,
    loss=0.01,
    proves=False,
    reason="weights keep 8 bits, and samples between two classes move most",
)
_BYTE_ALL = Gate(
    difference=0.5,
    noise=0.02,
    flips=0.05,
    loss=0.02,
    proves=False,
    reason="weights and activations keep 8 bits, and samples between two classes move most",
)


_HALF_BYTE_WEIGHTS = Gate(
    difference=0.7,
    noise=0.03,
    flips=0.08,
    loss=0.02,
    proves=False,
    reason="weights keep 4 bits, and samples between two classes move most",
)
_BYTE_WEIGHTS_NUMBERS = Gate(
    difference=0.15, noise=0.01, flips=0.0, loss=0.0, proves=False, reason="weights keep 8 bits"
)
_BYTE_ALL_NUMBERS = Gate(
    difference=0.25, noise=0.02, flips=0.0, loss=0.0, proves=False, reason="weights and activations keep 8 bits"
)
_HALF_BYTE_NUMBERS = Gate(difference=0.35, noise=0.03, flips=0.0, loss=0.0, proves=False, reason="weights keep 4 bits")


def gate_of(target: Target, mode: str, kind: AnswerKind, *, half: bool = False) -> Gate:
    """The limits for an artefact; ``half`` when the Keras model computes in half precision.

    Classes are judged by the answers, so single outputs may move far; numbers are the answers. What a
    quantised artefact of another target may do differently does not depend on its target.
    """
    numbers = kind is AnswerKind.NUMBERS
    match mode:
        case QuantMode.NONE:
            return _HALF_MODEL if half else _SAME_SUMS
        case QuantMode.FLOAT16:
            return _HALF_MODEL if half else _HALF_WEIGHTS
        case QuantMode.DYNAMIC | QuantMode.INT16X8:
            return _BYTE_WEIGHTS_NUMBERS if numbers else _BYTE_WEIGHTS
        case QuantMode.INT8 | QuantMode.MIXED:
            return _BYTE_ALL_NUMBERS if numbers else _BYTE_ALL
        case QuantMode.INT4:
            return _HALF_BYTE_NUMBERS if numbers else _HALF_BYTE_WEIGHTS
    raise ExportError(f"{target}: there is no mode {mode!r}; expected one of {', '.join(QuantMode)}.")
