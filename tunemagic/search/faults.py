"""Find the user's own line behind an exception, and say the fault in one line."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from types import TracebackType

__all__ = ["describe_error", "user_frame"]

_MAX_TEXT = 300
_LIBRARY_FOLDERS = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {sys.prefix + "/lib"}
)


def describe_error(error: BaseException) -> str:
    """``ValueError: text`` on one line of at most 300 characters, fit for any screen."""
    text = " ".join(str(error).split()).encode("utf-8", "replace").decode()
    full = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return full if len(full) <= _MAX_TEXT else full[: _MAX_TEXT - 1] + "…"


def user_frame(error: BaseException, filename: str) -> tuple[int | None, str | None]:
    """Line number and text of the user's line that led to the error.

    The innermost line of the cell compiled as ``filename``; without one the innermost line of
    other code of the user's (another cell, a module beside the notebook) as text only, since a
    bare number would point into the wrong cell. ``(None, None)`` when only libraries took part.
    """
    line: int | None = None
    source: str | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == filename:
            line = traceback.tb_lineno
            source = linecache.getline(filename, line).strip() or None
        elif line is None and _is_users(code.co_filename):
            source = linecache.getline(code.co_filename, traceback.tb_lineno).strip() or source
        traceback = traceback.tb_next
    return line, source


def _is_users(filename: str) -> bool:
    own = __file__.rpartition("/search/")[0]
    return not filename.startswith((*_LIBRARY_FOLDERS, own, "<frozen"))
