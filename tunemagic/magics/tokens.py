"""A magic's line to tokens: split like a shell's, with notebook variables put in as whole tokens.

IPython's own expansion of ``{expression}`` and ``$name`` happens before splitting, so a variable
that holds blanks, quotes or dashes could add options. Here the line is split first; then each
``{name}`` is replaced inside its token, and a token that got a variable's text carries a mark in
front so that no parser takes it for an option.
"""

from __future__ import annotations

import keyword
import numbers
import os
import re
import shlex
from collections.abc import Mapping
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.text import did_you_mean, near_variable

__all__ = ["did_you_mean", "plain", "quoted", "split_line"]

# A token that begins with NUL is never an option; no line that a notebook sends can hold one.
_MARK = "\0"
_BRACES = re.compile(r"\{([^{}]*)\}")
_LONGEST_ECHO = 60


def split_line(line: str, namespace: Mapping[str, Any]) -> list[str]:
    """The line's tokens, variables replaced.

    Args:
        line: What stands after the magic's name.
        namespace: The notebook's variables; only looked up by name.

    Raises:
        OptionError: An unclosed quote, a NUL, braces round something that is not a variable's
            name, or a variable that is not text or a number.
    """
    if _MARK in line:
        raise OptionError("the line holds a NUL character; expected printable text. Delete it.")
    try:
        tokens = shlex.split(line)
    except ValueError as error:
        raise OptionError(f"{quoted(line)}: {str(error).lower()}; expected every quote to be closed.") from error
    return [_replace(token, namespace) for token in tokens]


def plain(token: str) -> str:
    """The token's text without the mark that split_line may have put in front."""
    return token.removeprefix(_MARK)


def _replace(token: str, namespace: Mapping[str, Any]) -> str:
    if "{" not in token and "}" not in token:
        return token
    option, equals, value = token.partition("=") if token.startswith("-") else ("", "", token)
    if "{" in option or "}" in option:
        raise OptionError(f"{quoted(token)}: a variable can't be part of an option's name. Write --option {{name}}.")
    if re.search(r"[{}]", _BRACES.sub("", value)):
        raise OptionError(f"{quoted(token)}: a brace has no partner; expected {{name}} with a variable's name.")
    text = _BRACES.sub(lambda match: _text_of(match[1], namespace), value)
    return f"{option}{equals}{text}" if equals else _MARK + text


def _text_of(name: str, namespace: Mapping[str, Any]) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise OptionError(
            f"{quoted('{' + name + '}')}: expected the name of a variable in braces, no expression. "
            "Compute it in a line above and write {result}."
        )
    if name not in namespace:
        hint = near_variable(name, namespace)
        raise OptionError(f"{{{name}}}: the notebook has no variable of this name.{hint}")
    value = namespace[name]
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str | numbers.Number):
        raise OptionError(
            f"{{{name}}}: received a {type(value).__name__}; expected text or a number. "
            f"Options that take variables want the bare name: {name}."
        )
    text = str(value)
    if _MARK in text:
        raise OptionError(f"{{{name}}}: its text holds a NUL character; expected printable text.")
    return text


def quoted(text: str) -> str:
    """The text in quotes, control characters escaped, cut when long: fit for an error's line."""
    return repr(text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "...")
