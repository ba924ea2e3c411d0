"""Annotated literals become hp calls in place; whatever can't be understood is a CellError with its line."""

import ast
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tunemagic.errors import CellError
from tunemagic.search.annotations import rewrite_annotations
from tunemagic.search.cell import read_cell
from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.space import Kind, Parameter, Sampling


def rewrite(source: str) -> str:
    return rewrite_annotations(source, ast.parse(source), 1)


@pytest.mark.parametrize(
    ("literal", "annotation", "call"),
    [
        ("u = 64", "int(32, 256)", "u = hp.Int('u', 32, 256, default=64)"),
        ("u = 64", "int(32, 256, step=32)", "u = hp.Int('u', 32, 256, step=32, default=64)"),
        ("lr = 1e-3", "log(1e-4, 1e-1)", "lr = hp.Float('lr', 0.0001, 0.1, sampling=\"log\", default=0.001)"),
        ("n = 8", "log(1, 64, step=2)", "n = hp.Int('n', 1, 64, step=2, sampling=\"log\", default=8)"),
        ("r = 0.5", "float(0, 1)", "r = hp.Float('r', 0, 1, default=0.5)"),
        ("r = -1", "float(-2, 0.5, step=0.5)", "r = hp.Float('r', -2, 0.5, step=0.5, default=-1)"),
        ('a = "relu"', 'choice("relu", "tanh")', "a = hp.Choice('a', ['relu', 'tanh'], default='relu')"),
        ("b = True", "bool", "b = hp.Boolean('b', default=True)"),
        ("b = False", "bool()", "b = hp.Boolean('b', default=False)"),
        ("u: int = 3", "int(1, 9)", "u: int = hp.Int('u', 1, 9, default=3)"),
        ("f(ü, rate=0.5)", "float(0, 1)", "f(ü, rate=hp.Float('rate', 0, 1, default=0.5))"),
        ("if x:\n    u = 3", "int(1, 9)", "if x:\n    u = hp.Int('u', 1, 9, default=3)"),
        ("s = '''a\u2028\x0cb'''\nu = 2", "int(1, 3)", "s = '''a\u2028\x0cb'''\nu = hp.Int('u', 1, 3, default=2)"),
    ],
)
def test_an_annotated_literal_becomes_the_call_it_stands_for(literal: str, annotation: str, call: str) -> None:
    code = rewrite(f"{literal}  #@tune {annotation}")
    assert code == call
    assert rewrite(code) == code


def test_a_keyword_in_the_middle_of_a_call_can_be_annotated() -> None:
    source = "f(\n    a=1,\n    b=2,  # @tune int(1, 3)\n)"
    assert rewrite(source) == "f(\n    a=1,\n    b=hp.Int('b', 1, 3, default=2),\n)"


def test_a_text_that_only_looks_like_an_annotation_stays() -> None:
    source = "text = '#@tune int(1, 2)'  # tune int(1, 2)\nother = 3  #@tuned int(1, 2)\n"
    assert rewrite(source) == source


WORDS = "expected one of int, float, log, choice, bool"
RANGE = "#@tune int: expected int(low, high) or int(low, high, step=...) behind a number."
NOTHING = "#@tune stands behind no literal; expected a line such as units = 64  #@tune int(32, 256)."


@pytest.mark.parametrize(
    ("literal", "annotation", "message"),
    [
        ("u = 64", "itn(1, 99)", f"unknown word 'itn' after #@tune; {WORDS}. Did you mean int?"),
        ("u = 64", "zebra(1, 99)", f"unknown word 'zebra' after #@tune; {WORDS}."),
        ("u = 64", "", f"can't read '' after #@tune; {WORDS} with literals."),
        ("u = 64", "int(1, limit)", f"can't read 'int(1, limit)' after #@tune; {WORDS} with literals."),
        ("u = 64", "int(exit(), 9)", f"can't read 'int(exit(), 9)' after #@tune; {WORDS} with literals."),
        ("u = 64", "int(1)", RANGE),
        ("u = 64", "int(1, 99, stop=3)", RANGE),
        ("u = True", "int(0, 1)", RANGE),
        ("u = 64", "int(1, 9)", "#@tune int: the literal 64 lies outside 1 to 9."),
        ("u = 64", "int(99, 1)", "#@tune int: the literal 64 lies outside 99 to 1."),
        ("u = 6.5", "int(1, 9)", "#@tune int: expected whole numbers; received [1, 9, 6.5]. Use float(...)."),
        ("u = 5", "int(1, 9, step=0)", "#@tune int: expected step > 0; received 0."),
        ("u = 5", "log(1, 9, step=1)", "#@tune log: expected step > 1; received 1."),
        ("u = 5", "log(0, 9)", "#@tune log: expected a range above 0; received 0 to 9."),
        ("u = 5", "float(0, 1e999)", "#@tune float: expected finite numbers; received 0, inf, 5."),
        ("u = 1e999", "choice(1e999, 1.0)", "#@tune choice: expected finite numbers; received inf, 1.0."),
        ("b = 1", "bool", "#@tune bool: expected True or False before it; received 1."),
        ("b = True", "bool(1)", "#@tune bool: expected no arguments; received bool(1)."),
        ("a = 'x'", "choice()", '#@tune choice: expected values, such as choice("relu", "tanh").'),
        ("a = 'x'", "choice('y', 'z')", "#@tune choice: the literal 'x' is not among ['y', 'z']."),
        ("a = 1", "choice(True, 2)", "#@tune choice: the literal 1 is not among [True, 2]."),
        ("a = 1", "choice(1, 'b')", "#@tune choice: expected values of one type; received [1, 'b']."),
        ("", "int(1, 9)", NOTHING),
        ("u = 1 + 1", "int(1, 9)", NOTHING),
        ("u = 1; v = 2", "int(1, 9)", "#@tune could mean any of u, v; put each on a line of its own."),
    ],
)
def test_each_mistake_is_said_in_one_line_with_its_line_number(literal: str, annotation: str, message: str) -> None:
    with pytest.raises(CellError) as caught:
        read_cell(f"import keras\n\n{literal}  #@tune {annotation}", {}, first_line=2)
    assert str(caught.value) == f"line 4: {message}"
    assert caught.value.line == 4


def test_a_name_annotated_twice_names_both_lines() -> None:
    with pytest.raises(CellError) as caught:
        read_cell("u = 1  #@tune int(1, 9)\nu = 2  #@tune int(1, 9)", {}, first_line=2)
    assert str(caught.value) == (
        "line 3: 'u' is annotated a second time; the first is in line 2. "
        "Assign one of them to a variable of another name."
    )


# -- any range, any text -----------------------------------------------------------------------------

names = st.text("abcxyzäß_", min_size=1, max_size=5).filter(lambda name: name.isidentifier())
whole = st.integers(-(10**6), 10**6)
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(float)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=8)


@st.composite
def annotated(draw):
    """A line of source with an annotation, and the parameter that it must give."""
    name = draw(names)
    kind = draw(st.sampled_from([Kind.INT, Kind.FLOAT, Kind.CHOICE, Kind.BOOLEAN]))
    if kind is Kind.BOOLEAN:
        default = draw(st.booleans())
        return f"{name} = {default!r}  #@tune bool", Parameter(
            name=name, kind=kind, default=default, choices=(False, True)
        )
    if kind is Kind.CHOICE:
        values = draw(st.lists(draw(st.sampled_from([whole, numbers, texts])), min_size=1, max_size=4, unique=True))
        default = draw(st.sampled_from(values))
        listed = ", ".join(map(repr, values))
        parameter = Parameter(name=name, kind=kind, default=default, choices=tuple(values))
        return f"{name} = {default!r}  #@tune choice({listed})", parameter
    low, default, high = sorted(draw(st.tuples(*[whole if kind is Kind.INT else numbers] * 3)))
    log = low > 0 and draw(st.booleans())
    word = "log" if log else str(kind)
    return f"{name} = {default!r}  #@tune {word}({low!r}, {high!r})", Parameter(
        name=name,
        kind=kind,
        default=default,
        low=low,
        high=high,
        step=1 if kind is Kind.INT and not log else None,
        sampling=Sampling.LOG if log else Sampling.LINEAR,
    )


@given(annotated())
def test_what_keras_tuner_sees_is_what_the_annotation_says(case) -> None:
    source, parameter = case
    hp = new_hyperparameters()
    local = {"hp": hp}
    exec(rewrite(source), local)
    assert space_of(hp).parameters == (parameter,)
    assert local[parameter.name] == parameter.default
    assert type(local[parameter.name]) is type(parameter.default)


@given(st.lists(annotated(), min_size=1, max_size=4, unique_by=lambda case: case[1].name))
def test_lines_keep_their_places_and_run_unchanged_without_the_magic(cases) -> None:
    source = "\n".join(["# before", *(source for source, _ in cases), "# after"])
    plain: dict = {}
    exec(source, plain)
    assert {p.name: plain[p.name] for _, p in cases} == {p.name: p.default for _, p in cases}
    before, after = source.split("\n"), rewrite(source).split("\n")
    assert len(after) == len(before)
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, *[False] * len(cases), True]


words = ["#@tune ", "int(", "float(1,", "log", "choice(", "bool", "u = 1 ", "hp.Int('u', 1, 2)", "lambda ", "return"]
signs = ["\n", "\n    ", "def f(", ")", ":", "'''", "\\", "[", "*", "=", ",", "%%tune", "!ls"]
characters = ["\x0c", "\r", "\u2028", "\x00", "\ud800", "é"]
fragments = st.sampled_from([*words, *signs, *characters])


@given(st.lists(st.one_of(fragments, st.text(string.printable, max_size=6)), max_size=12).map("".join))
@example("-" * 100_000 + "1")
@example("(" * 5_000)
@example("u = 1  #@tune " + "-" * 100_000 + "1")
@example("u = 1  #@tune int(1, " + "9" * 5_000 + ")")
@example("def f(a, a): pass")
@example("return 1")
@example("u = " + "9" * 5_000)
def test_no_text_at_all_gives_another_error_than_a_printable_cell_error(text: str) -> None:
    try:
        program = read_cell(text, {}, first_line=2)
    except CellError as error:
        message = str(error)
        assert message.encode()
        assert "\n" not in message
    else:
        assert len(program.code.split("\n")) == len(program.source.split("\n"))
