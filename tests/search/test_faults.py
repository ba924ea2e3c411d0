"""Faults in one line, with the user's own line."""

import linecache
from typing import Any

import pytest

from tunemagic.search.faults import describe_error, user_frame


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad units"), "ValueError: bad units"),
        (ValueError("two\n  lines\tand more"), "ValueError: two lines and more"),
        (SystemExit(3), "SystemExit: 3"),
        (MemoryError(), "MemoryError"),
        (ValueError("x" * 400), "ValueError: " + "x" * 287 + "…"),
        (ValueError("\ud800"), "ValueError: ?"),
        (ValueError("<img src=x onerror=alert(1)>"), "ValueError: <img src=x onerror=alert(1)>"),
        (KeyError("units"), "KeyError: 'units'"),
    ],
)
def test_an_error_is_one_printable_line(error: BaseException, text: str) -> None:
    assert describe_error(error) == text
    assert describe_error(error).encode()


def caught(filename: str, source: str, namespace: dict[str, Any] | None = None) -> BaseException:
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        exec(compile(source, filename, "exec"), {} if namespace is None else namespace)
    except BaseException as error:
        return error
    raise AssertionError("the source was expected to fail")


def test_the_innermost_line_of_the_cell_counts() -> None:
    error = caught("<a cell>", "def inner():\n    return 1 / 0\n\ninner()\n")
    assert user_frame(error, "<a cell>") == (2, "return 1 / 0")


def test_a_fault_inside_a_library_points_at_the_cells_line_that_called_it() -> None:
    error = caught("<a cell>", "import json\n\njson.loads('{')\n")
    assert user_frame(error, "<a cell>") == (3, "json.loads('{')")


def test_a_fault_inside_keras_points_at_the_cells_line() -> None:
    error = caught("<a cell>", "import keras\nlayer = keras.layers.Dense(units=-1)\n")
    assert user_frame(error, "<a cell>") == (2, "layer = keras.layers.Dense(units=-1)")


def test_a_fault_in_a_helper_of_another_cell_gives_the_cells_line() -> None:
    helper: dict[str, Any] = {}
    source = "def scale(x):\n    return x / 0\n"
    exec(compile(source, "<another cell>", "exec"), helper)
    error = caught("<a cell>", "\nscale(3)\n", helper)
    assert user_frame(error, "<a cell>") == (2, "scale(3)")


def test_without_the_cell_the_users_other_line_is_shown_without_a_number() -> None:
    error = caught("<another cell>", "x = 1\nx / 0\n")
    assert user_frame(error, "<a cell>") == (None, "x / 0")


def test_a_fault_of_libraries_alone_has_no_line() -> None:
    import json

    with pytest.raises(json.JSONDecodeError) as raised:
        json.loads("{")
    error = raised.value
    # Without this test's own frame: as if a library's thread had made the call.
    error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
    assert user_frame(error, "<a cell>") == (None, None)
