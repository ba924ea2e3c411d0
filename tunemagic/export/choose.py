"""Which artefacts are made when targets and modes are asked for, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tunemagic.errors import ExportError
from tunemagic.export.modes import check_quantizer, every_mode, left_out
from tunemagic.export.targets.kinds import KINDS
from tunemagic.request import QuantMode, Target
from tunemagic.text import did_you_mean, one_line

__all__ = ["ALL", "Choice", "choose"]

ALL = "all"
# TF Lite files are judged as soon as they are made, all others after the last of them.
_ORDER = sorted(Target, key=lambda target: target is not Target.TFLITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The artefacts to be made, in order, and in one line what of ``all`` is left out and why."""

    jobs: tuple[tuple[Target, QuantMode], ...]
    left_out: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What each artefact is called: ``onnx``, ``tflite int8``."""
        return tuple(str(target) if mode is QuantMode.NONE else f"{target} {mode}" for target, mode in self.jobs)


def choose(to: str | Iterable[str], modes: str | Iterable[str] = QuantMode.NONE, *, from_study: bool = True) -> Choice:
    """The artefacts of these targets and modes, in the order in which they are made.

    ``all`` targets are those whose packages are installed. Only TF Lite files and what is made of
    them have modes; everything else stores numbers as the model does. ``from_study`` says that
    there is a study, which a ``card`` tells about.

    Raises:
        ExportError: An unknown target or mode, a target whose package is missing, or modes that none of them has.
    """
    words, asked = _words("target", to, Target), _words("mode", modes, QuantMode)
    missing = [target for target in KINDS if not _installed(target)]
    if ALL in words:
        others = [*missing, *([] if from_study else [Target.CARD])]
        targets = [target for target in _ORDER if target not in others]
    else:
        targets = [target for target in _ORDER if target in words]
        for target in targets:
            _check_possible(target, from_study=from_study)
    quantised = every_mode() if ALL in asked else tuple(mode for mode in QuantMode if mode in asked)
    if ALL not in asked:
        _check_modes(targets, quantised)
    jobs = [(target, mode) for target in targets for mode in _modes_of(target, quantised)]
    remarks = [_left_out(missing) if ALL in words else "", left_out() if ALL in asked else ""]
    return Choice(jobs=tuple(jobs), left_out="; ".join(filter(None, remarks)))


def _words(what: str, given: str | Iterable[str], known: type[StrEnum]) -> list[str]:
    """The words as a list. Raises ExportError for one that is not known, or without any."""
    words = [given] if isinstance(given, str) else list(given)
    names = [*map(str, known), ALL]
    for word in words:
        if word not in names:
            raise ExportError(
                f"{what} {one_line(repr(word), 60)}: expected one of {', '.join(names)}."
                f"{did_you_mean(str(word), names)}"
            )
    if not words:
        raise ExportError(f"expected at least one {what} of {', '.join(names)}; received none.")
    return words


def _check_possible(target: Target, *, from_study: bool) -> None:
    if target in KINDS:
        KINDS[target].check_packages(target)
    if target is Target.CARD and not from_study:
        raise ExportError("card: tells about a study; expected a study in place of a model.")


def _installed(target: Target) -> bool:
    try:
        KINDS[target].check_packages(target)
    except ExportError:
        return False
    return True


def _left_out(missing: Sequence[Target]) -> str:
    if not missing:
        return ""
    extras = ",".join(dict.fromkeys(str(KINDS[target].extra) for target in missing))
    return f'left out, since not installed: {", ".join(missing)}. Run: %pip install "tunemagic[{extras}]"'


def _modes_of(target: Target, modes: Sequence[QuantMode]) -> Sequence[QuantMode]:
    if target not in KINDS or not KINDS[target].quantized:
        return [QuantMode.NONE]
    return [mode for mode in modes if mode in KINDS[target].modes]


def _check_modes(targets: Sequence[Target], modes: Sequence[QuantMode]) -> None:
    """Raises ExportError when a mode that was asked for would not be used at all."""
    if modes == (QuantMode.NONE,):
        return
    check_quantizer(modes)
    if not {Target.TFLITE, Target.C} & set(targets):
        raise ExportError(
            f"mode {', '.join(modes)}: {', '.join(targets)} stores numbers as the model does; "
            "modes are for tflite and c. Leave the mode out, or add one of these targets."
        )
    possible = KINDS[Target.C].modes
    if Target.TFLITE not in targets and not set(modes) <= set(possible):
        unfit = ", ".join(mode for mode in modes if mode not in possible)
        raise ExportError(
            f"c: the interpreter for microcontrollers can't run mode {unfit}; expected {' or '.join(possible)}."
        )
