"""Whether the sources compile, and whether the compiled array holds the bytes of the model."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tunemagic.errors import ExportError
from tunemagic.text import one_line

__all__ = ["check_compiled"]

_COMPILERS = ("g++", "clang++", "c++")
_OPTIONS = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-O0")
_SECONDS = 120
_PROGRAM = """#include <cstdio>

#include "model.h"

int main() { return std::fwrite(g_model, 1, g_model_len, stdout) == g_model_len ? 0 : 1; }
"""


def check_compiled(folder: Path, content: bytes) -> str:
    """Compile ``folder``'s array into a program that writes it out, and compare; returns a remark.

    Raises ExportError when it does not compile, or holds other bytes than ``content``.
    """
    compiler = next((name for name in _COMPILERS if shutil.which(name)), None)
    if compiler is None:
        return f"not compiled: none of {', '.join(_COMPILERS)} is installed here"
    with tempfile.TemporaryDirectory() as place:
        program = Path(place) / "check"
        (Path(place) / "check.cc").write_text(_PROGRAM, encoding="ascii")
        sources = [str(Path(place) / "check.cc"), str(folder / "model.cc")]
        try:
            built = subprocess.run(
                [compiler, *_OPTIONS, f"-I{folder}", *sources, "-o", str(program)],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
            if built.returncode:
                raise ExportError(f"c: {compiler} refused the sources: {one_line(built.stderr, 200)}")
            held = subprocess.run([program], capture_output=True, timeout=_SECONDS, check=True).stdout
        except subprocess.TimeoutExpired:
            return f"not compiled: {compiler} took more than {_SECONDS} s for {len(content)} bytes"
    if held != content:
        raise ExportError(f"c: the compiled array holds {len(held)} bytes that are not the model's {len(content)}.")
    return f"compiled by {compiler}: the array holds the {len(content)} bytes of the model"
