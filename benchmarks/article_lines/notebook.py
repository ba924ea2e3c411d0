"""An IPython shell in this process, for topics that are a cell."""

from __future__ import annotations

import contextlib
import functools
import io
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from article_lines.common import digits

__all__ = ["run", "variables"]


@functools.cache
def _shell() -> Any:
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "tunemagic")
    x_train, x_test, y_train, y_test = digits()
    shell.user_ns |= {"x_train": x_train, "x_test": x_test, "y_train": y_train, "y_test": y_test}
    shell.run_cell("import keras\nfrom tunemagic import models, prep")
    return shell


def run(cell: str) -> str:
    """Run a cell; what it printed. Raises AssertionError when the cell failed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        result = _shell().run_cell(cell)
    assert result.success, printed.getvalue().strip().splitlines()[-1]
    return printed.getvalue()


def variables() -> dict[str, Any]:
    """The notebook's variables."""
    return _shell().user_ns
