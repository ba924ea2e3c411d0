"""The search space as a value: checks, counts, conditions, and its way through JSON."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.errors import SpaceError
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace

UNITS = Parameter(name="units", kind=Kind.INT, default=64, low=32, high=256, step=32)
RATE = Parameter(name="lr", kind=Kind.FLOAT, default=1e-3, low=1e-4, high=1e-1, sampling=Sampling.LOG)
ACTIVATION = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))
NORM = Parameter(name="norm", kind=Kind.BOOLEAN, default=False, choices=(True, False))
MODE = Parameter(name="mode", kind=Kind.FIXED, default="fast", choices=("fast",))
MOMENTUM = Parameter(
    name="momentum",
    kind=Kind.FLOAT,
    default=0.9,
    low=0.0,
    high=1.0,
    conditions=(Condition(parent="act", values=("relu",)), Condition(parent="norm", values=(True,))),
)
SPACE = SearchSpace((UNITS, RATE, ACTIVATION, NORM, MODE, MOMENTUM))


def integer(low, high, step=None, sampling=Sampling.LINEAR):
    return Parameter(name="n", kind=Kind.INT, default=low, low=low, high=high, step=step, sampling=sampling)


def real(low, high, step=None, sampling=Sampling.LINEAR):
    return Parameter(name="x", kind=Kind.FLOAT, default=low, low=low, high=high, step=step, sampling=sampling)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Parameter(name="", kind=Kind.INT, default=1, low=1, high=2), "received an empty text"),
        (lambda: real(None, 1.0), "finite bounds; received low=None"),
        (lambda: real(0.0, math.inf), "finite bounds; received low=0.0, high=inf"),
        (lambda: real(math.nan, 1.0), "finite bounds; received low=nan"),
        (lambda: integer(5, 4), "low <= high; received low=5, high=4. Swap them"),
        (lambda: real(0.0, 1.0, sampling=Sampling.LOG), "log sampling needs low > 0; received low=0.0"),
        (lambda: real(-1.0, 1.0, sampling=Sampling.REVERSE_LOG), "needs low > 0; received low=-1.0"),
        (lambda: integer(1, 9, step=0), "step > 0; received step=0"),
        (lambda: integer(1, 9, step=-2), "step > 0; received step=-2"),
        (lambda: Parameter(name="act", kind=Kind.CHOICE, default="relu"), "act: expected at least one value"),
    ],
)
def test_an_impossible_parameter_is_refused_with_what_was_received(make, message):
    with pytest.raises(SpaceError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_defined_twice_is_refused_unless_its_conditions_differ():
    again = Parameter(name="units", kind=Kind.INT, default=1, low=1, high=2)
    with pytest.raises(SpaceError, match="units: defined twice"):
        SearchSpace((UNITS, again))
    branches = [
        Parameter(
            name="rate", kind=Kind.FLOAT, default=0.5, low=0, high=1, conditions=(Condition(parent="act", values=(v,)),)
        )
        for v in ("relu", "tanh")
    ]
    assert SearchSpace((ACTIVATION, *branches)).names == ("act", "rate")


@pytest.mark.parametrize(
    ("parameter", "count"),
    [
        (UNITS, 8),
        (integer(3, 3), 1),
        (integer(1, 10), 10),
        (integer(1, 10, step=4), 3),
        (integer(1, 100, sampling=Sampling.LOG), 100),
        (integer(2, 64, step=2, sampling=Sampling.LOG), 6),
        (real(0.0, 0.3, step=0.1), 4),
        (real(1e-4, 1e-1, step=10, sampling=Sampling.LOG), 4),
        (real(0.0, 1.0), None),
        (RATE, None),
        (ACTIVATION, 2),
        (NORM, 2),
        (MODE, 1),
    ],
)
def test_a_parameter_counts_its_distinct_values(parameter, count):
    assert parameter.count() == count


def test_combinations_multiply_and_one_continuous_range_makes_them_infinite():
    assert SearchSpace((UNITS, ACTIVATION, NORM, MODE)).combinations() == 32
    assert SPACE.combinations() is None
    assert SearchSpace().combinations() == 1


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (UNITS, "32 … 256 step 32"),
        (RATE, "0.0001 … 0.1 log"),
        (real(1e-4, 1e-1, step=10, sampling=Sampling.REVERSE_LOG), "0.0001 … 0.1 step 10 reverse log"),
        (ACTIVATION, "relu | tanh"),
        (NORM, "True | False"),
        (MODE, "fast"),
    ],
)
def test_a_parameter_describes_its_range_in_a_few_characters(parameter, text):
    assert parameter.describe() == text


@pytest.mark.parametrize(
    ("parameter", "inside", "outside"),
    [
        (UNITS, [32, 33, 256], [31, 257, "64", True]),
        (RATE, [1e-4, 0.01, 0.1], [0, 0.2, math.nan, math.inf, "0.01"]),
        (ACTIVATION, ["relu"], ["RELU", 1]),
        (NORM, [True, False], ["True"]),
        (MODE, ["fast"], ["slow"]),
    ],
)
def test_contains_takes_values_of_the_range_only(parameter, inside, outside):
    found = {str(value): parameter.contains(value) for value in [*inside, *outside]}
    assert found == {str(value): value in inside for value in [*inside, *outside]}


def test_a_parameter_is_active_while_all_its_conditions_hold():
    cases = [
        ({"act": "relu", "norm": True}, True),
        ({"act": "relu", "norm": False}, False),
        ({"act": "relu"}, False),
        ({}, False),
    ]
    assert [(values, MOMENTUM.active(values)) for values, _ in cases] == cases
    assert UNITS.active({})


def test_the_space_comes_back_from_json_as_it_was():
    text = json.dumps(SPACE.to_json(), allow_nan=False)
    again = SearchSpace.from_json(json.loads(text))
    assert again == SPACE
    assert (len(again), again.names) == (6, ("units", "lr", "act", "norm", "mode", "momentum"))


def test_an_impossible_range_on_disk_is_refused_when_it_is_read():
    data = UNITS.to_json() | {"low": 512}
    with pytest.raises(SpaceError, match="low=512"):
        Parameter.from_json(data)


values = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans()
)


@st.composite
def parameters(draw):
    kind = draw(st.sampled_from(Kind))
    conditions = draw(
        st.lists(st.builds(Condition, parent=st.text(min_size=1), values=st.tuples(values)), max_size=2).map(tuple)
    )
    common = {"name": draw(st.text(min_size=1)), "kind": kind, "conditions": conditions}
    if kind not in (Kind.INT, Kind.FLOAT):
        choices = tuple(draw(st.lists(values, min_size=1, max_size=4)))
        return Parameter(default=choices[0], choices=choices, **common)
    low, high = sorted([draw(st.floats(1e-6, 1e6)), draw(st.floats(1e-6, 1e6))])
    step = draw(st.none() | st.floats(1.5, 100))
    return Parameter(default=low, low=low, high=high, step=step, sampling=draw(st.sampled_from(Sampling)), **common)


@given(parameters())
def test_any_parameter_comes_back_from_json_as_it_was(parameter):
    assert Parameter.from_json(json.loads(json.dumps(parameter.to_json(), allow_nan=False))) == parameter
