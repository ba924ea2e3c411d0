"""Find the user's own line behind an exception, and say the fault in one line."""

from __future__ import annotations

import difflib
import linecache
import os
import re
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

from tunemagic.errors import TuneError
from tunemagic.search.old_keras import old_keras_hint

__all__ = ["describe_divergence", "describe_error", "is_users_file", "user_frame"]

_MAX_TEXT = 300
_KERAS_ARGUMENTS = " Arguments received by "  # Keras lists a layer's arguments behind its message
_MAX_SOURCE = 200
_READ_ONLY = re.compile(r"(output array|assignment destination|cannot set value).* is read-only")
_READ_ONLY_HINT = " (trials share the notebook's data, so they can't change it in place; assign anew: x = x / 255)"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # Keras makes parts of its messages bold for terminals
_HP_NAMES = ("Int", "Float", "Choice", "Boolean", "Fixed", "conditional_scope", "name_scope", "get", "values")
_HP_CLASSES = ("HyperParameters", "Placeholder")
_SPOILT_DATA = re.compile(r"\S+ has \d+ NaN(?: or infinite)? values")
_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib"))
# Names of code that Python, NumPy, attrs, dataclasses and the like make up while they run.
_GENERATED = ("<string>", "<frozen", "<__array_function__", "<attrs generated", "<decorator-gen", "<unknown>")
_PACKAGE_FOLDERS = {"site-packages", "dist-packages"}
_OWN = str(PurePath(__file__).parent.parent) + os.sep


def describe_error(error: BaseException) -> str:
    """``ValueError: text`` on one line of at most 300 printable characters, fit for any screen."""
    missing = _missing_from_hp(error)
    if missing:
        return missing
    try:
        text = str(error)
    # A faulty __str__ of the user's own exception must not hide that it was raised.
    except Exception as fault:
        text = f"(its text can't be shown: {type(fault).__name__})"
    text = _cause_in_graph(text)
    hint = _READ_ONLY_HINT if _READ_ONLY.search(text[:_MAX_TEXT]) else old_keras_hint(text[:_MAX_TEXT])
    text = " ".join(_COLOURS.sub("", text[: 8 * _MAX_TEXT]).split()).partition(_KERAS_ARGUMENTS)[0]
    text = _printable(text)
    name = _printable(type(error).__name__)
    return _clipped(f"{name}: {text}" if text else name, _MAX_TEXT - len(hint)) + _printable(hint)


def _missing_from_hp(error: BaseException) -> str:
    """What a wrong name after ``hp.`` should have been, in the user's words; empty for other errors."""
    if not isinstance(error, AttributeError) or not isinstance(error.name, str):
        return ""
    if not any(cls.__name__ in _HP_CLASSES for cls in type(error.obj).__mro__):
        return ""
    near = difflib.get_close_matches(error.name, _HP_NAMES, n=1) or [
        name for name in _HP_NAMES if name.lower() == error.name.lower()
    ]
    hint = f" Did you mean hp.{near[0]}?" if near else ""
    return _clipped(
        f"hp has no {_printable(error.name)[:60]}; expected hp.Int, hp.Float, hp.Choice or hp.Boolean.{hint}", _MAX_TEXT
    )


def describe_divergence(what: str, warnings: Sequence[str]) -> str:
    """``loss became nan in epoch 1; x_train has 3 NaN values``.

    ``warnings`` are the data's (see search.data): values that are not finite are the likely cause.
    """
    spoilt = [found[0] for found in map(_SPOILT_DATA.match, warnings) if found]
    return _clipped("; ".join([what, *spoilt]), _MAX_TEXT)


def _cause_in_graph(text: str) -> str:
    """What went wrong in a TensorFlow graph, which stands below a stack of TensorFlow's own calls."""
    if "Graph execution error" not in text:
        return text
    lines = [line.strip() for line in text.splitlines()]
    own = ("Detected at", "File ", "[[", "Stack trace", "Graph")
    said = [line for line in lines if line and not line.startswith(own)]
    return said[-1] if said else text


def user_frame(error: BaseException, filename: str) -> tuple[int | None, str | None]:
    """Line number and text of the user's line that led to the error.

    The innermost line of the cell compiled as ``filename``; without one the innermost line of
    other code of the user's (another cell, a module beside the notebook) as text only, since a
    bare number would point into the wrong cell. An error of ours that names a line has that one.
    ``(None, None)`` when only libraries took part.
    """
    line: int | None = getattr(error, "line", None) if isinstance(error, TuneError) else None
    if line is not None:
        return line, _source_line(filename, line)
    source: str | None = None
    for name, number in _places(error):
        if name == filename:
            line, source = number, _source_line(name, number)
        elif line is None and is_users_file(name):
            source = _source_line(name, number) or source
    return line, source


def is_users_file(filename: str) -> bool:
    """Whether code with this file name is the user's: a notebook's cell or a file of no package."""
    if filename.startswith(_GENERATED):
        return False
    if os.path.basename(filename).startswith("__autograph_generated"):
        return False
    return not filename.startswith((*_LIBRARIES, _OWN)) and not _PACKAGE_FOLDERS & set(PurePath(filename).parts)


def _places(error: BaseException) -> Iterator[tuple[str, int]]:
    """File name and line of each frame, outermost first, then what AutoGraph made of generated files."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    # TensorFlow runs a rewritten copy of a function that it traces and keeps the user's own lines here.
    translated: Any = getattr(getattr(error, "ag_error_metadata", None), "translated_stack", None) or ()
    for frame in reversed(translated):
        yield frame.filename, frame.lineno


def _source_line(filename: str, line: int) -> str | None:
    text = _printable(linecache.getline(filename, line).strip())
    return _clipped(text, _MAX_SOURCE) if text else None


def _printable(text: str) -> str:
    """Control and direction characters, line ends and lone surrogates become a question mark."""
    return "".join(c if c.isprintable() else "?" for c in text.replace("\t", " "))


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
