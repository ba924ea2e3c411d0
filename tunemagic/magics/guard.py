"""What stands round every magic: faults of the user become one line, help is printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from IPython.core.error import UsageError

from tunemagic.errors import TuneError
from tunemagic.magics.options import HelpRequested, LineParser
from tunemagic.text import one_line

__all__ = ["documented_by", "user_errors"]

Function = TypeVar("Function", bound=Callable[..., object])


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a TuneError into a UsageError of one line, and a request for help into the help.

    IPython prints exactly ``UsageError`` without a traceback; a subclass of it gets one.
    """
    try:
        yield
    except HelpRequested as request:
        sys.stdout.write(str(request))
    except TuneError as error:
        raise UsageError(one_line(str(error))) from error
    except KeyboardInterrupt:
        raise UsageError("interrupted. A study that runs goes on; `%tune stop` ends it.") from None


def documented_by(parser: LineParser) -> Callable[[Function], Function]:
    """Make the parser's help the function's docstring, which ``%%tune?`` shows."""

    def decorate(function: Function) -> Function:
        function.__doc__ = parser.format_help()
        return function

    return decorate
