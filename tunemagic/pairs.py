"""``name=value`` as text, written and read: how hyperparameters' values stand in a line.

Numbers, true and false are themselves, anything else is text; text that would be taken for
something else is written as JSON with its quotes. A ``{`` is escaped, since a line replaces
``{name}`` by a variable's text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable

from tunemagic.errors import OptionError

__all__ = [
    "read_choices",
    "read_literal",
    "read_name",
    "read_pair",
    "read_range",
    "write_choices",
    "write_literal",
    "write_pair",
    "write_range",
]

Literal = int | float | str | bool

_BARE = re.compile(r"[^\W\d][\w.+-]*")  # text that needs no quotes, as a name or as a value
_WHOLE = re.compile(r"[+-]?\d+")
_DECODER = json.JSONDecoder()
_LONGEST_ECHO = 60


def read_pair(text: str) -> tuple[str, str]:
    """The name and the text of the value. Raises OptionError where there are none."""
    if text.startswith('"'):
        name, rest = _quoted_start(text)
        equals, value = rest[:1], rest[1:]
    else:
        name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise OptionError(f"received {_echo(text)}; expected name=value, as in units=128.")
    return name, value


def write_pair(name: str, value: str) -> str:
    """The inverse of read_pair; ``value`` is the text that a write function gave."""
    return f"{name if _BARE.fullmatch(name) else _json(name)}={value}"


def read_name(text: str) -> str:
    """A name that stands alone, which may be in quotes."""
    return _whole_json(text) if text.startswith('"') else text


def read_literal(text: str) -> Literal:
    """A number, true or false, text in quotes, or the text as it is. Raises OptionError for open quotes."""
    if text.startswith('"'):
        return _whole_json(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) and "_" not in text else text


def write_literal(value: Literal) -> str:
    """The inverse of read_literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    return value if _BARE.fullmatch(value) and read_literal(value) == value else _json(value)


def read_range(text: str) -> tuple[float, float]:
    """``low:high``. Raises OptionError when these are not two numbers."""
    ends = [read_literal(part) for part in text.split(":")]
    if len(ends) != 2 or any(isinstance(end, (bool, str)) for end in ends):
        raise OptionError(f"received {_echo(text)}; expected two numbers, as in 1e-4:1e-2.")
    low, high = (end for end in ends if not isinstance(end, str))
    return low, high


def write_range(low: float, high: float) -> str:
    """The inverse of read_range."""
    return f"{low!r}:{high!r}"


def read_choices(text: str) -> list[Literal]:
    """``relu,tanh``; text with commas or quotes stands in a JSON list. Raises OptionError for a broken one."""
    if not text.startswith("["):
        return [read_literal(part) for part in text.split(",")]
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(isinstance(value, (str, int, float)) for value in values):
        raise OptionError(f'received {_echo(text)}; expected a list such as ["a, b", "c"].')
    return values


def write_choices(values: Iterable[Literal]) -> str:
    """The inverse of read_choices."""
    texts = [write_literal(value) for value in values]
    if texts and not any(text.startswith('"') for text in texts):
        return ",".join(texts)
    return _escaped(json.dumps(list(values)))


def _json(text: str) -> str:
    return _escaped(json.dumps(text))


def _escaped(text: str) -> str:
    """JSON without braces: they stand in strings only."""
    return text.replace("{", "\\u007b").replace("}", "\\u007d")


def _quoted_start(text: str) -> tuple[str, str]:
    """The JSON string at the beginning, and what follows it."""
    try:
        value, end = _DECODER.raw_decode(text)
    except ValueError:
        raise OptionError(f"received {_echo(text)}; expected text in double quotes.") from None
    return str(value), text[end:]


def _whole_json(text: str) -> str:
    value, rest = _quoted_start(text)
    if rest:
        raise OptionError(f"received {_echo(text)}; did not expect anything after the quotes.")
    return value


def _echo(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "...")
