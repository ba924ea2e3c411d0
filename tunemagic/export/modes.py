"""What the ways to store numbers in a TF Lite file ask for."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterable

from tunemagic.errors import ExportError
from tunemagic.request import QuantMode

__all__ = [
    "CALIBRATED",
    "FLOAT_FRONT",
    "MILDEST_FIRST",
    "WITH_FLEX",
    "check_quantizer",
    "every_mode",
    "left_out",
    "milder",
]

# By how far the answers move; int16x8 is the finest of the integer modes, and slow.
MILDEST_FIRST = (
    QuantMode.NONE,
    QuantMode.FLOAT16,
    QuantMode.DYNAMIC,
    QuantMode.INT16X8,
    QuantMode.INT8,
    QuantMode.MIXED,
    QuantMode.INT4,
)
# Modes that look at representative inputs: for the ranges inside the model, or for what 4 bits do to each weight.
CALIBRATED = frozenset({QuantMode.INT8, QuantMode.INT16X8, QuantMode.MIXED})
# Modes whose file is made without running the model, so that it may hold what no runtime here can run.
WITH_FLEX = frozenset({QuantMode.NONE, QuantMode.FLOAT16, QuantMode.DYNAMIC})
# Modes that leave a preparation in front in float.
FLOAT_FRONT = frozenset(QuantMode) - {QuantMode.NONE, QuantMode.INT16X8}

_QUANTIZED_APART = frozenset({QuantMode.MIXED, QuantMode.INT4})
_INSTALL = '%pip install "tunemagic[quant]"'
_MILDER = {
    QuantMode.FLOAT16: QuantMode.NONE,
    QuantMode.DYNAMIC: QuantMode.FLOAT16,
    QuantMode.INT16X8: QuantMode.DYNAMIC,
    QuantMode.INT8: QuantMode.DYNAMIC,
    QuantMode.MIXED: QuantMode.DYNAMIC,
    QuantMode.INT4: QuantMode.MIXED,
}


def milder(mode: QuantMode, possible: Collection[str] = tuple(QuantMode)) -> QuantMode:
    """What to try of the ``possible`` modes when ``mode`` changes the answers too much; ``none`` for itself."""
    found = _MILDER.get(mode, QuantMode.NONE)
    return found if found in possible or found is QuantMode.NONE else milder(found, possible)


def every_mode() -> tuple[QuantMode, ...]:
    """All modes that can be made here, in the order of QuantMode."""
    return tuple(mode for mode in QuantMode if mode not in _QUANTIZED_APART or _has_quantizer())


def left_out() -> str:
    """One sentence about the modes that ``every_mode`` leaves out; empty when there are none."""
    if _has_quantizer():
        return ""
    return f"int4 and mixed are left out: the package ai_edge_quantizer is not installed. Run: {_INSTALL}"


def check_quantizer(modes: Iterable[QuantMode]) -> None:
    """Raises ExportError with the line to install when one of ``modes`` needs a package that is missing."""
    apart = [mode for mode in modes if mode in _QUANTIZED_APART]
    if apart and not _has_quantizer():
        raise ExportError(f"{apart[0]}: the package ai_edge_quantizer is not installed. Run: {_INSTALL}")


def _has_quantizer() -> bool:
    return importlib.util.find_spec("ai_edge_quantizer") is not None
