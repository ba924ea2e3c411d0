"""The line that a click shows is read back as the same request by the magic's own parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.analysis.magic_lines import magic_line
from tunemagic.export.modes import every_mode
from tunemagic.magics.lines import export_line, export_parser
from tunemagic.magics.verbs import read_verb

numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["relu", "1", "1e3", "true", "nan", "-n", "a b", "{units}", "a,b", "[1]", '"', "'", "\\", "", "=", "None", "層"]
)
names = texts.filter(bool)
values = st.booleans() | numbers | texts
studies = st.sampled_from(["digits", "my study", "a-b.c", "2026", "数字"])


def read(line: str) -> tuple[str, dict[str, object]]:
    """What the magic makes of the line, names of types included: 1, 1.0 and True are not the same here."""
    verb, given = read_verb(line.removeprefix("%tune "), {"units": "none of this"}, [])
    return verb, given


def typed(value: object) -> object:
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [typed(each) for each in value]
    return type(value).__name__, value


@given(studies, st.dictionaries(names, values, min_size=1, max_size=4))
def test_values_to_try_come_back_as_they_were(study, wanted):
    verb, given = read(magic_line(study, "try", {"values": wanted}))
    assert (verb, typed(given)) == ("try", typed({"values": wanted, "name": study}))


@given(
    studies,
    st.dictionaries(names, st.tuples(numbers, numbers), max_size=2),
    st.dictionaries(names, values, max_size=2),
    st.dictionaries(names, st.lists(values, min_size=1, max_size=3), max_size=2),
)
def test_changes_of_the_space_come_back_as_they_were(study, ranges, fixed, choices):
    changes = {"ranges": ranges, "fixed": fixed, "choices": choices}
    verb, given = read(magic_line(study, "space", changes))
    expected = {"name": study, **{key: change for key, change in changes.items() if change}}
    assert (verb, typed(given)) == ("space", typed(expected))


@given(
    studies,
    st.fixed_dictionaries(
        {},
        optional={
            "max_trials": st.integers(1, 10**6),
            "minutes": st.floats(1e-3, 1e6),
            "workers": st.integers(1, 64),
        },
    ),
)
def test_budgets_come_back_as_they_were(study, budget):
    assert read(magic_line(study, "budget", budget)) == ("budget", {"name": study, **budget})


@pytest.mark.parametrize("verb", ["stop", "pause", "resume", "skip"])
def test_verbs_without_arguments_name_their_study(verb):
    assert read(magic_line("my study", verb, {})) == (verb, {"name": "my study"})


def test_a_trial_to_skip_stands_before_the_study():
    assert read(magic_line("my study", "skip", {"trial": 3})) == ("skip", {"trial": 3, "name": "my study"})


@pytest.mark.parametrize("mode", ["none", "int8", "all"])
def test_a_conversion_is_a_line_of_tflite(mode):
    line = magic_line("my study", "convert", {"mode": mode})
    read_back = export_line(export_parser(), line.removeprefix("%tflite "), {})
    modes = every_mode() if mode == "all" else (mode,)
    assert (read_back.source, read_back.modes) == ("my study", modes)


def test_another_target_is_a_line_of_export():
    line = magic_line("my study", "convert", {"target": "onnx", "mode": "none"})
    assert line == "%tune export 'my study' --to onnx"


@pytest.mark.parametrize("verb", ["detach", "select", "cell"])
def test_what_no_magic_does_has_no_line(verb):
    assert magic_line("digits", verb, {"trials": [1], "code": "1"}) == ""
