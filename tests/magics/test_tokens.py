from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunemagic.errors import OptionError
from tunemagic.magics.tokens import did_you_mean, plain, quoted, split_line


def tokens_of(line, **namespace):
    return [plain(token) for token in split_line(line, namespace)]


def test_a_line_is_split_as_a_shell_splits_it():
    assert tokens_of("""digits  --out 'a b' "c \\"d" e\\ f""") == ["digits", "--out", "a b", 'c "d', "e f"]


def test_a_dollar_sign_means_nothing():
    assert tokens_of("$name ${name} $(name)".replace("{name}", "name"), name="x") == ["$name", "$name", "$(name)"]


@pytest.mark.parametrize(
    "text", ["a --max-trials 999", "--max-trials=999", "-h", "--", "'", '"', "a\nb", "{other}", "$x", "\\", ""]
)
def test_a_variable_is_one_token_and_never_an_option(text):
    (token,) = split_line("{name}", {"name": text})
    assert plain(token) == text
    assert not token.startswith("-")


def test_a_variable_may_be_part_of_a_value():
    assert tokens_of("run-{i} --max-trials={n} {a}:{b}", i=3, n=40, a="loss", b="min") == [
        "run-3",
        "--max-trials=40",
        "loss:min",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (0.25, "0.25"), (True, "True"), (np.int64(7), "7"), (Path("a b"), "a b")]
)
def test_numbers_and_paths_stand_for_their_text(value, text):
    assert tokens_of("{value}", value=value) == [text]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("'abc", '"\'abc": no closing quotation; expected every quote to be closed.'),
        ("abc\\", "'abc\\\\': no escaped character; expected every quote to be closed."),
        (
            "{n+1}",
            "'{n+1}': expected the name of a variable in braces, no expression. "
            "Compute it in a line above and write {result}.",
        ),
        (
            "{}",
            "'{}': expected the name of a variable in braces, no expression. "
            "Compute it in a line above and write {result}.",
        ),
        (
            "{n.real}",
            "'{n.real}': expected the name of a variable in braces, no expression. "
            "Compute it in a line above and write {result}.",
        ),
        ("{trails}", "{trails}: the notebook has no variable of this name. Did you mean trials?"),
        ("{zzz}", "{zzz}: the notebook has no variable of this name."),
        (
            "{table}",
            "{table}: received a list; expected text or a number. Options that take variables want the bare name: "
            "table.",
        ),
        ("{nul}", "{nul}: its text holds a NUL character; expected printable text."),
        ("a\0b", "the line holds a NUL character; expected printable text. Delete it."),
        ("{n", "'{n': a brace has no partner; expected {name} with a variable's name."),
        ("n}", "'n}': a brace has no partner; expected {name} with a variable's name."),
        ("--{n}", "'--{n}': a variable can't be part of an option's name. Write --option {name}."),
        ("-n{n}", "'-n{n}': a variable can't be part of an option's name. Write --option {name}."),
    ],
)
def test_what_cant_be_read_is_named(line, message):
    namespace = {"n": 3, "trials": 3, "table": [1], "nul": "a\0b"}
    with pytest.raises(OptionError) as caught:
        split_line(line, namespace)
    assert str(caught.value) == message


def test_a_variable_is_looked_up_not_evaluated():
    class Loud(dict):
        def __missing__(self, key):
            raise AssertionError("evaluated")

    with pytest.raises(OptionError, match="no expression"):
        split_line("{__import__('os').system('true')}", Loud())


@given(line=st.text(max_size=80), value=st.text(max_size=30))
@example(line="{v}" * 3, value="{v}")
def test_any_line_gives_tokens_or_an_option_error(line, value):
    try:
        tokens = split_line(line, {"v": value})
    except OptionError:
        return
    assert all(isinstance(token, str) for token in tokens)


def test_a_near_word_is_suggested():
    assert did_you_mean("bayesain", ["random", "bayesian"]) == " Did you mean bayesian?"
    assert did_you_mean("xyz", ["random"]) == ""


def test_echoed_text_is_cut_and_escaped():
    assert quoted("a\nb") == "'a\\nb'"
    assert quoted("x" * 100) == "'" + "x" * 60 + "...'"
