"""The lines that steer a search: ``try``, ``space`` and ``budget``, and how they are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from tunemagic.errors import OptionError
from tunemagic.magics.lines import add_language
from tunemagic.magics.options import LineParser, number, study_name, whole_number
from tunemagic.magics.tokens import plain, quoted
from tunemagic.pairs import read_choices, read_literal, read_pair, read_range

__all__ = ["add_budget", "add_space", "add_try", "with_pairs"]

T = TypeVar("T")
_WHICH = "study; default: the latest one that runs, else the latest one"


def add_try(parser: LineParser) -> None:
    """Values by name, and perhaps a study among them."""
    parser.add_argument(
        "pairs",
        nargs="+",
        type=_pair_or_study,
        metavar="NAME=VALUE",
        help="values to try next, as in units=128; what is left out has its default. A word without = is the study",
    )


def add_space(parser: LineParser) -> None:
    """Ranges, values and choices by name."""
    _add_running_study(parser)
    parser.options("--range", type=_named(read_range), metavar="NAME=LOW:HIGH", help="search between these numbers")
    parser.options("--fix", type=_named(read_literal), metavar="NAME=VALUE", help="search this value only")
    parser.options("--choices", type=_named(read_choices), metavar="NAME=A,B", help="search these of the choices only")
    parser.flag("--reset", help="back to the ranges of the cell")
    add_language(parser)


def add_budget(parser: LineParser) -> None:
    """Limits and workers."""
    _add_running_study(parser)
    parser.option("-n", "--max-trials", type=whole_number, metavar="N", help="end after this many trials in all")
    parser.option("--minutes", type=number, metavar="M", help="end after this time in all; pauses do not count")
    parser.option("-w", "--workers", type=whole_number, metavar="N", help="trials at a time from now on")


def with_pairs(given: dict[str, Any]) -> dict[str, Any]:
    """The options with values by name: ``values`` of a try; ``ranges``, ``fixed`` and ``choices`` of a space.

    Raises OptionError for a name that is given twice.
    """
    options = dict(given)
    if "pairs" in options:
        studies = [each for each in options["pairs"] if isinstance(each, str)]
        if len(studies) > 1:
            raise OptionError(f"%tune try: received the studies {', '.join(studies)}; expected one.")
        if len(studies) == len(options["pairs"]):
            raise OptionError("%tune try: received no values; expected some, as in units=128.")
        values = _by_name("try", [each for each in options.pop("pairs") if not isinstance(each, str)])
        options |= {"values": values, **({"name": studies[0]} if studies else {})}
    for option, field in (("range", "ranges"), ("fix", "fixed"), ("choices", "choices")):
        if option in options:
            options[field] = _by_name(f"space --{option}", options.pop(option))
    return options


def _by_name(where: str, pairs: list[tuple[str, T]]) -> dict[str, T]:
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OptionError(f"%tune {where}: received {twice} twice; expected each name once.")
    return dict(pairs)


def _pair_or_study(token: str) -> tuple[str, Any] | str:
    """A value by name, or the study's name."""
    text = plain(token)
    if text.startswith("=") or text.endswith("="):
        raise _fault(text, "NAME=VALUE with no blanks around =, as in units=64")
    if ":" in text and "=" not in text:
        raise _fault(text, "NAME=VALUE, as in units=64")
    return _named(read_literal)(token) if "=" in plain(token) else study_name(token)


def _fault(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"received {quoted(text)}; expected {expected}.")


def _named(read: Callable[[str], T]) -> Callable[[str], tuple[str, T]]:
    """What reads ``name=...``."""

    def convert(token: str) -> tuple[str, T]:
        try:
            name, text = read_pair(plain(token))
            return name, read(text)
        except OptionError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _add_running_study(parser: LineParser) -> None:
    parser.option("name", nargs="?", type=study_name, metavar="NAME", help=_WHICH)
