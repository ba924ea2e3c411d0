"""Faults in one line, with the user's own line."""

import linecache
import os
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.errors import CellError
from tunemagic.search.cell import CellProgram, read_cell
from tunemagic.search.faults import describe_divergence, describe_error, is_users_file, user_frame
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.placeholder import Placeholder


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad units"), "ValueError: bad units"),
        (ValueError("two\n  lines\tand more"), "ValueError: two lines and more"),
        (SystemExit(3), "SystemExit: 3"),
        (MemoryError(), "MemoryError"),
        (ValueError("x" * 400), "ValueError: " + "x" * 287 + "…"),
        (ValueError("\ud800"), "ValueError: ?"),
        (ValueError("a\x00b\u202ec"), "ValueError: a?b?c"),
        (RuntimeError("\x1b[1;31mred\x1b[0m"), "RuntimeError: red"),
        (ValueError("<img src=x onerror=alert(1)>"), "ValueError: <img src=x onerror=alert(1)>"),
        (KeyError("units"), "KeyError: 'units'"),
    ],
)
def test_an_error_is_one_printable_line(error: BaseException, text: str) -> None:
    assert describe_error(error) == text
    assert describe_error(error).encode()


@given(st.text(st.characters()))
def test_any_text_at_all_gives_one_printable_line(text: str) -> None:
    line = describe_error(ValueError(text))
    assert line.isprintable()
    assert len(line) <= 300


def test_an_exception_that_can_not_say_its_text_is_still_named() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise TypeError

    assert describe_error(Silent()) == "Silent: (its text can't be shown: TypeError)"


def test_changing_shared_data_in_place_says_what_to_do_instead() -> None:
    import numpy as np

    program = read_cell("x_train /= 255", {"x_train": np.ones(3)}, data_names=("x_train",))
    with pytest.raises(ValueError, match="read-only") as raised:
        program.run(Placeholder())
    assert describe_error(raised.value) == (
        "ValueError: output array is read-only (trials share the notebook's data, so they can't change it in place; "
        "assign anew: x = x / 255)"
    )


def test_of_a_keras_message_the_first_sentence_is_kept() -> None:
    import keras
    import numpy as np

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="Arguments received by") as raised:
        model(np.zeros((1, 3)))
    assert describe_error(raised.value).endswith("received input with shape (1, 3)")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Imt", " Did you mean hp.Int?"),
        ("int", " Did you mean hp.Int?"),
        ("Chioce", " Did you mean hp.Choice?"),
        ("Quantum", ""),
        ("\u202e", ""),
    ],
)
@pytest.mark.parametrize("make", [Placeholder, new_hyperparameters])
def test_a_wrong_name_after_hp_is_told_without_names_of_classes(make: Any, name: str, hint: str) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(make(), name)
    shown = name if name.isprintable() else "?"
    expected = f"hp has no {shown}; expected hp.Int, hp.Float, hp.Choice or hp.Boolean.{hint}"
    assert describe_error(raised.value) == expected


def test_attributes_that_other_things_lack_are_told_as_python_does() -> None:
    with pytest.raises(AttributeError) as raised:
        [].imt  # noqa: B018
    assert describe_error(raised.value) == "AttributeError: 'list' object has no attribute 'imt'"


@pytest.mark.parametrize(
    ("warnings", "text"),
    [
        ((), "loss became nan in epoch 1"),
        (("the validation part is not stratified: the rarest class has 1 of 9 samples",), "loss became nan in epoch 1"),
        (
            (
                "x_train has 3 NaN values in 2 of 8 rows, the first at row 2, column 1",
                "y_train has 2 NaN or infinite values in 2 of 8 rows, the first at row 1",
            ),
            "loss became nan in epoch 1; x_train has 3 NaN values; y_train has 2 NaN or infinite values",
        ),
    ],
)
def test_a_diverged_loss_is_told_with_what_is_wrong_with_the_data(warnings: tuple[str, ...], text: str) -> None:
    assert describe_divergence("loss became nan in epoch 1", warnings) == text


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


def cell(source: str, namespace: dict[str, Any]) -> CellProgram:
    return read_cell(textwrap.dedent(source), namespace, first_line=2)


def test_an_annotated_line_is_quoted_as_the_user_wrote_it() -> None:
    source = "width = len(5 * units(n=3))  #@tune int(1, 5)"
    program = cell(source, {"units": lambda n: 0})
    with pytest.raises(TypeError) as raised:
        program.run(Placeholder())
    assert user_frame(raised.value, program.filename) == (2, source)


def test_an_error_of_ours_that_names_a_line_keeps_it() -> None:
    program = cell("a = 1\nmodel = 3", {})
    with pytest.raises(CellError) as raised:
        program.run(Placeholder())
    assert user_frame(raised.value, program.filename) == (3, "model = 3")


def test_a_function_that_tensorflow_traces_is_quoted_from_the_cell() -> None:
    import tensorflow as tf

    program = cell(
        """
        def prepare(x):
            if tf.reduce_sum(x) > 0:
                x = x + 1
            return tf.reshape(x, (77,))
        data = tf.data.Dataset.from_tensor_slices([[1.0, 2.0]])
        data = data.map(prepare)
        """,
        {"tf": tf},
    )
    with pytest.raises(ValueError, match="reshape") as raised:
        program.run(Placeholder())
    assert user_frame(raised.value, program.filename) == (6, "return tf.reshape(x, (77,))")


def test_a_custom_layer_that_fails_in_fit_is_quoted_from_the_cell() -> None:
    import keras
    import numpy as np

    program = cell(
        """
        class Broken(keras.layers.Layer):
            def call(self, x):
                return x @ keras.ops.ones((7, 3))
        model = keras.Sequential([Broken()])
        model.compile("sgd", "mse")
        """,
        {"keras": keras},
    )
    model = program.run(Placeholder()).model
    with pytest.raises(Exception, match="Broken") as raised:  # which class depends on Keras' version
        model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    assert user_frame(raised.value, program.filename) == (5, "return x @ keras.ops.ones((7, 3))")


@pytest.mark.parametrize(
    ("filename", "users"),
    [
        ("<ipython-input-3-8a2b>", True),
        ("/tmp/ipykernel_41/1234.py", True),
        ("/home/me/mymodels.py", True),
        ("/home/me/lib/mymodels.py", True),
        ("<tune cell 1a2b3c4d>", True),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        ("/opt/conda/lib/python3.11/site-packages/keras/layer.py", False),
        ("/usr/lib/python3/dist-packages/numpy/core.py", False),
        ("/tmp/__autograph_generated_file0a1b.py", False),
        (os.__file__, False),
        (read_cell.__code__.co_filename, False),
    ],
)
def test_whose_a_file_is(filename: str, users: bool) -> None:
    assert is_users_file(filename) is users
