"""Where hyperparameters and scores lie along axes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.analysis.made import ACT, DEEP, RATE, UNITS, study, trial
from tunemagic.analysis.axes import check_name, parameter_scales, score_scale, value_scale
from tunemagic.analysis.pictures import Axis, Tick
from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.space import Kind, Parameter


def ticks(*pairs):
    return tuple(Tick(at=at, text=text) for at, text in pairs)


def scale_of(parameter, *trials):
    (scale,) = parameter_scales(study(*trials, space=[parameter]))
    return scale


def test_a_range_has_its_ends_and_round_numbers_between():
    scale = scale_of(UNITS)
    between = ticks((0.0, "0"), (0.2, "20"), (0.4, "40"), (0.6, "60"), (0.8, "80"), (1.0, "100"))
    assert scale.axis == Axis(name="units", low=0, high=100, ticks=between)
    assert [scale.place(value) for value in (0, 25, 100, None)] == [0.0, 0.25, 1.0, None]


def test_what_is_sampled_by_logarithm_has_a_log_axis():
    scale = scale_of(RATE)
    decades = ticks((0.0, "0.0001"), (0.25, "0.001"), (0.5, "0.01"), (0.75, "0.1"), (1.0, "1"))
    assert scale.axis == Axis(name="rate", low=1e-4, high=1.0, log=True, ticks=decades)
    assert scale.place(1e-2) == 0.5


def test_choices_lie_evenly_numbers_among_them_in_order():
    assert scale_of(ACT).axis == Axis(name="act", ticks=ticks((0.0, "relu"), (0.5, "tanh"), (1.0, "gelu")))
    batch = Parameter(name="batch", kind=Kind.CHOICE, default=32, choices=(64, 16, 32))
    assert scale_of(batch).axis == Axis(name="batch", ticks=ticks((0.0, "16"), (0.5, "32"), (1.0, "64")))


def test_true_is_not_the_choice_one():
    scale = scale_of(Parameter(name="x", kind=Kind.CHOICE, default=1, choices=(1, 2)), trial(1, {"x": True}))
    assert [scale.place(value) for value in (1, 2, True, 3)] == [0.0, 0.5, 1.0, None]


def test_a_narrowed_range_still_reaches_over_all_values_that_trials_had():
    scale = scale_of(UNITS, trial(1, {"units": -100}))
    assert (scale.axis.low, scale.axis.high, scale.place(0)) == (-100, 100, 0.5)


def test_a_hyperparameter_with_one_value_or_defined_twice():
    fixed = Parameter(name="units", kind=Kind.FIXED, default=8, choices=(8,))
    assert parameter_scales(study(trial(1, {"units": 8}), space=[fixed])) == ()
    (scale,) = parameter_scales(study(trial(1, {"units": 64}), space=[fixed]))
    assert [tick.text for tick in scale.axis.ticks] == ["8", "64"]


def test_values_that_no_space_names_have_axes_too():
    scales = parameter_scales(study(trial(1, {"lr": 0.5, "huge": 10**400}), trial(2, {"lr": 1.5, "huge": 1})))
    assert [(scale.name, scale.axis.low, scale.place(1.5)) for scale in scales] == [
        ("lr", 0.5, 1.0),
        ("huge", None, None),
    ]


def test_better_is_up_where_it_is_asked_for():
    trials = [trial(number, score=score) for number, score in enumerate((1.0, 2.0, 3.0), 1)]
    up = score_scale(study(*trials, direction=Direction.MIN), better_up=True)
    assert (up.axis.low, up.axis.high) == (pytest.approx(3.1), pytest.approx(0.9))
    assert up.place(1.0) > up.place(3.0)
    assert score_scale(study(*trials, direction=Direction.MAX), better_up=True).place(3.0) > 0.9


def test_far_outliers_lie_on_the_end_and_a_minimised_score_over_decades_has_a_log_axis():
    scores = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1e6]
    scale = value_scale("loss", scores, Direction.MIN)
    assert scale.axis.log
    assert scale.axis.high < 1.2
    assert scale.place(1e6) == 1.0
    assert not value_scale("accuracy", [0.05, 0.9], Direction.MAX).axis.log


def test_without_a_score_an_axis_has_no_ends():
    assert score_scale(study(trial(1))).axis == Axis(name="score", ticks=())
    assert score_scale(study(trial(1))).place(0.5) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8), st.booleans())
@example([1.0, 3.8e293], False)
@example([131072.0, 1.2e-308], False)
def test_any_scores_have_finite_places_and_few_ticks(scores, up):
    scale = value_scale("m", scores, Direction.MIN, better_up=up)
    assert all(0 <= scale.place(score) <= 1 for score in scores)
    assert len(scale.axis.ticks) <= 12
    assert all(0 <= tick.at <= 1 for tick in scale.axis.ticks)


@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans()), min_size=1, max_size=6))
def test_any_values_of_a_hyperparameter_have_places_or_none(values):
    view = study(*(trial(number, {"x": value}) for number, value in enumerate(values, 1)), space=[UNITS, DEEP])
    for scale in parameter_scales(view):
        if scale.name == "x":
            assert all(scale.place(value) is None or 0 <= scale.place(value) <= 1 for value in values)


def test_a_wrong_name_is_told_with_the_nearest_one():
    with pytest.raises(
        OptionError, match=r"contour x: received 'unit'; expected one of units, rate\. Did you mean units"
    ):
        check_name("unit", ("units", "rate"), where="contour x")
    with pytest.raises(OptionError, match="there is nothing to choose from yet"):
        check_name("unit", (), where="contour x")
