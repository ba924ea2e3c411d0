"""Whatever stands on a line of ours, the user gets one line back and nothing is written."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

from tunemagic.magics.lines import export_parser, tune_parser
from tunemagic.magics.verbs import VERBS

OPTIONS = sorted({*tune_parser().option_strings(), *export_parser().option_strings(), "--code", "--model", "--replay"})
WORDS = st.sampled_from([*OPTIONS, *VERBS, "{v}", "digits", "../x", "x,y", "0.2", "last:0.2", "int8", "=", "'", "\\"])
LINES = st.lists(WORDS | st.text(max_size=12), max_size=6).map(" ".join)
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def magics(shell):
    shell.run_line_magic("load_ext", "tunemagic")
    shell.user_ns.update(x=np.zeros((20, 2), "float32"), y=np.arange(20) % 2)
    yield shell.magics_manager.registry
    shell.run_line_magic("unload_ext", "tunemagic")


def check(call, folder):
    """The call ends well or with a UsageError of one printable line; the folder stays empty."""
    caught = None
    with capture_output():
        try:
            call()
        except UsageError as error:
            caught = error
    assert type(caught) in (type(None), UsageError)
    assert str(caught).isprintable()
    assert list(folder.iterdir()) == []


@MANY
@given(line=LINES, value=st.text(max_size=20))
@example(line="{v} --data {v}", value="a\nb")
@example(line="digits --data x,y --objective {v}", value="\x1b[31m")
def test_the_first_line_of_a_cell(magics, shell, tmp_path, line, value):
    shell.user_ns["v"] = value
    check(lambda: magics["TuneMagics"].tune(line, "model = (\n"), tmp_path)


@MANY
@given(body=st.text(max_size=40))
@example(body="%matplotlib inline")
@example(body="\ud800")
@example(body="x = 1  #@tune int(1")
def test_the_text_of_a_cell_that_is_no_model(magics, tmp_path, body):
    check(lambda: magics["TuneMagics"].tune("digits --data x,y --epochs 1", body), tmp_path)


@MANY
@given(line=LINES, value=st.text(max_size=20))
@example(line="run digits", value="")
@example(line="show {v}", value="\ud800")
def test_a_line_without_a_cell(magics, shell, tmp_path, line, value):
    shell.user_ns["v"] = value
    check(lambda: magics["TuneMagics"].tune(line), tmp_path)


@MANY
@given(line=LINES, value=st.text(max_size=20))
@example(line="x --data x,y", value="")
def test_a_line_of_the_converter(magics, shell, tmp_path, line, value):
    shell.user_ns["v"] = value
    check(lambda: magics["TFLiteMagics"].tflite(line), tmp_path)
