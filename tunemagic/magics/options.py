"""How options are parsed: IPython's magic parser made strict, and the types of option values."""

from __future__ import annotations

import argparse
import keyword
import math
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from IPython.core.magic_arguments import MagicArgumentParser

from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.magics.tokens import did_you_mean, plain, quoted
from tunemagic.request import Objective, ValKind, ValSplit, check_study_name

__all__ = [
    "AUTO",
    "HelpRequested",
    "LineParser",
    "choice",
    "data_names",
    "number",
    "objective",
    "study_name",
    "text",
    "trial_number",
    "trial_or_study",
    "val_split",
    "variable",
    "whole_number",
    "words",
    "workers",
]

AUTO = "auto"  # for --workers: in an isolated worker when the cell can be sent to one

Word = TypeVar("Word", bound=StrEnum)


class HelpRequested(Exception):
    """``-h`` or ``--help`` stands in the line. The exception's text is the help."""


class LineParser(MagicArgumentParser):  # type: ignore[misc]  # mypy doesn't follow IPython
    """A magic's parser: ``-h`` works, nothing is abbreviated, nothing is given twice.

    Every fault is an OptionError. Values that were not given are None (flags: False).
    """

    def __init__(self, prog: str, *, description: str, epilog: str = "") -> None:
        super().__init__(prog, description=description, epilog=epilog)
        self.allow_abbrev = False
        # What the user types, for messages; the formatter adds one percent sign to ``prog``.
        self.typed = f"%{prog}"
        self.repeatable: set[str] = set()
        self.add_argument("-h", "--help", action=_Help, nargs=0, help="show this help and do nothing else")

    def option(self, *names: str, type: Callable[[str], Any], **more: Any) -> None:
        """Add an argument with a value that may be given once."""
        self.add_argument(*names, type=type, action=_Once, **more)

    def options(self, *names: str, type: Callable[[str], Any], **more: Any) -> None:
        """Add an option that may be given several times; its value is a list."""
        self.repeatable.add(self.add_argument(*names, type=type, action="append", **more).dest)

    def flag(self, *names: str, help: str) -> None:
        """Add an option without a value."""
        self.add_argument(*names, action="store_true", help=help)

    def actions(self) -> list[argparse.Action]:
        """All arguments, in the order of the help."""
        return list(self._actions)

    def option_strings(self) -> list[str]:
        """Every way to write an option, in the order of the help."""
        return [string for action in self._actions for string in action.option_strings]

    def read(self, tokens: Sequence[str]) -> argparse.Namespace:
        """Parse split_line's tokens. Raises OptionError, or HelpRequested for ``-h``."""
        for token in tokens:
            if token in ("-h", "--help"):
                break
            # argparse would read -out as -o with the value "ut", and the value of --unknown as the study's name.
            if re.match(r"-[A-Za-z][A-Za-z-]+", token) or self._is_unknown_option(token):
                self._unknown(token)
        values: argparse.Namespace
        values, rest = self.parse_known_args(list(tokens))
        if rest:
            self._unknown(rest[0])
        return values

    def _is_unknown_option(self, token: str) -> bool:
        """Whether the token is an option of a name that there is not: ``--tset``, ``--tset=x``, ``-q``, not ``-n5``."""
        name = token.partition("=")[0] if token.startswith("--") else token[:2]
        return bool(re.match("--?[A-Za-z]", token)) and name not in self.option_strings()

    def _unknown(self, token: str) -> NoReturn:
        if not token.startswith("-"):
            raise OptionError(f"{self.typed}: did not expect {quoted(plain(token))} here. {self._more()}")
        name = token.partition("=")[0]
        hint = did_you_mean("--" + name.lstrip("-"), self.option_strings())
        raise OptionError(f"{self.typed}: received {quoted(name)}, an unknown option.{hint} {self._more()}")

    def _more(self) -> str:
        return f"{self.typed} -h lists all options."

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaints into ours."""
        words = message.replace("\0", "").removeprefix("argument ")
        words = words.replace("expected one argument", "expected a value after it.")
        words = words.replace("ignored explicit argument", "expected no value; received")
        missing = words.partition("the following arguments are required: ")[2]
        if missing:
            words = f"{self.typed}: expected {missing} after it. {self._more()}"
        raise OptionError(words)


class _Help(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        raise HelpRequested(parser.format_help())


class _Once(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "was given twice; expected it once.")
        setattr(namespace, self.dest, values)


def _fault(text: str, expected: str, hint: str = "") -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"received {quoted(text)}; expected {expected}.{hint}")


def text(token: str) -> str:
    """Any text that is not empty."""
    value = plain(token)
    if not value.strip():
        raise _fault(value, "some text")
    return value


def words(token: str) -> tuple[str, ...]:
    """Words with commas between them: ``onnx,tflite``."""
    found = tuple(part.strip() for part in plain(token).split(","))
    if not all(found):
        raise _fault(plain(token), "words with commas between them, as in onnx,tflite")
    return found


def study_name(token: str) -> str:
    """A study's name in NFC. Raises OptionError when it is unfit to be a folder's name."""
    return check_study_name(plain(token))


def variable(token: str) -> str:
    """A Python variable's name."""
    value = plain(token).strip()
    if not value.isidentifier() or keyword.iskeyword(value):
        raise _fault(value, "a Python variable name")
    return value


def choice(words: type[Word], extra: Sequence[str] = ()) -> Callable[[str], Word | str]:
    """A word of an enum (returned as its member), or one of ``extra`` (returned as text)."""

    def convert(token: str) -> Word | str:
        value = plain(token)
        if value in extra:
            return value
        try:
            return words(value)
        except ValueError:
            known = [*map(str, words), *extra]
            listed = f"{', '.join(known[:-1])} or {known[-1]}"
            raise _fault(value, listed, did_you_mean(value, known)) from None

    return convert


def whole_number(token: str) -> int:
    """A whole number. Ranges are the request's business."""
    value = plain(token)
    try:
        return int(value)
    except ValueError:
        raise _fault(value, "a whole number") from None


def workers(token: str) -> int | str:
    """``auto``, ``0`` for the kernel itself, or how many workers."""
    value = plain(token)
    try:
        return AUTO if value == AUTO else int(value)
    except ValueError:
        expected = "auto, 0 (in the kernel) or a number of workers"
        raise _fault(value, expected, did_you_mean(value, [AUTO])) from None


def trial_number(token: str) -> int:
    """A trial's number, from 1 on."""
    value = plain(token)
    try:
        trial = int(value)
    except ValueError:
        trial = 0
    if trial < 1:
        raise _fault(value, "the number of a trial, as in 3")
    return trial


def trial_or_study(token: str) -> int | str:
    """A trial's number, or a study's name where the number is left out."""
    value = plain(token)
    return trial_number(token) if value.isdecimal() else study_name(token)


def number(token: str) -> float:
    """A finite number."""
    value = plain(token)
    try:
        result = float(value)
    except ValueError:
        raise _fault(value, "a number") from None
    if not math.isfinite(result):
        raise _fault(value, "a finite number")
    return result


def objective(token: str) -> Objective:
    """``NAME`` or ``NAME:min`` or ``NAME:max``."""
    value = plain(token)
    name, colon, direction = value.rpartition(":") if ":" in value else (value, "", "")
    name = name.strip()
    if not name or not name.isprintable():
        raise _fault(value, "a metric's name, as in val_accuracy or my_metric:max")
    if not colon:
        return Objective(name=name)
    if direction not in tuple(Direction):
        raise _fault(value, "min or max after the colon", did_you_mean(direction, list(Direction)))
    return Objective(name=name, direction=Direction(direction))


def data_names(token: str) -> tuple[str, ...]:
    """``x,y`` or ``dataset``: one or two names of variables."""
    value = plain(token)
    names = tuple(part.strip() for part in value.split(","))
    if len(names) > 2 or not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        raise _fault(value, "one or two names of variables, as in x_train,y_train")
    return names


def val_split(token: str) -> ValSplit:
    """``0.2``, ``last:0.2``, ``x_val,y_val`` or ``dataset``. Raises OptionError out of range."""
    value = plain(token)
    kind, _, share = value.partition(":") if value.startswith("last:") else ("", "", value)
    try:
        fraction = float(share)
    except ValueError:
        if kind:
            raise _fault(value, "a fraction after last:, as in last:0.2") from None
    else:
        return ValSplit(kind=ValKind.LAST if kind else ValKind.FRACTION, fraction=fraction)
    try:
        return ValSplit(kind=ValKind.NAMES, names=data_names(value))
    except argparse.ArgumentTypeError:
        raise _fault(value, "0.2, last:0.2, or names of variables as in x_val,y_val") from None
