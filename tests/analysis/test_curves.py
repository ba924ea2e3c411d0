"""The numbers behind the two standard pictures."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.analysis.curves import (
    MAX_CURVES,
    MIN_BAND,
    BestSoFarInfo,
    Curve,
    CurveRole,
    CurvesInfo,
    Limits,
    ScoreBand,
    ScorePoint,
    best_so_far_info,
    curves_info,
)
from tunemagic.events import Direction
from tunemagic.trial import StudyView, TrialRecord, TrialState


def trial(number, curve=(), state=TrialState.COMPLETED, score=None, best_epoch=None, **more):
    return TrialRecord(
        number=number,
        attempt=1,
        values={},
        state=state,
        epochs=3,
        why="",
        started=0.0,
        curves={"val_accuracy": tuple(curve)} if curve else {},
        score=score,
        best_epoch=best_epoch,
        **more,
    )


def study(*trials, best=None, direction=Direction.MAX):
    return StudyView(study="digits", objective="val_accuracy", direction=direction, trials=trials, best=best)


STUDY = study(
    trial(1, (0.25, 0.5, 0.375), score=0.5, best_epoch=2),
    trial(2, (0.5, None, 0.75), score=0.75, best_epoch=3),
    trial(3, (0.25, math.nan), TrialState.FAILED),
    trial(4, (), TrialState.FAILED),
    trial(5, (0.5,), TrialState.STOPPED, score=0.5, best_epoch=1),
    trial(6, (0.5, 0.625), TrialState.RUNNING),
    best=2,
)


def test_curves_come_with_the_best_last_and_the_running_one_before_it():
    assert curves_info(STUDY) == CurvesInfo(
        metric="val_accuracy",
        curves=(
            Curve(trial=1, role=CurveRole.ENDED, values=(0.25, 0.5, 0.375)),
            Curve(trial=3, role=CurveRole.CUT, values=(0.25, None)),
            Curve(trial=5, role=CurveRole.CUT, values=(0.5,)),
            Curve(trial=6, role=CurveRole.RUNNING, values=(0.5, 0.625)),
            Curve(trial=2, role=CurveRole.BEST, values=(0.5, None, 0.75)),
        ),
        hidden=0,
        limits=Limits(low=0.225, high=0.775),
        best_epoch=3,
    )


def test_scores_come_in_the_order_of_the_trials_with_the_best_up_to_each():
    assert best_so_far_info(STUDY) == BestSoFarInfo(
        objective="val_accuracy",
        direction=Direction.MAX,
        points=(
            ScorePoint(trial=1, score=0.5, best=0.5),
            ScorePoint(trial=2, score=0.75, best=0.75),
            ScorePoint(trial=5, score=0.5, best=0.75),
        ),
        without_score=(3, 4),
        best=2,
        limits=Limits(low=0.4875, high=0.7625),
    )


def test_pruned_trials_have_a_role_of_their_own_and_skipped_ones_no_cross_of_failure():
    view = study(
        trial(1, (0.25,), TrialState.PRUNED, score=0.25, best_epoch=1),
        trial(2, (), TrialState.PRUNED),
        trial(3, (0.5,), TrialState.PRUNED, score=0.5, best_epoch=1),
        trial(4, (0.25,), TrialState.INTERRUPTED),
        best=3,
    )
    assert [(curve.trial, curve.role) for curve in curves_info(view).curves] == [
        (1, CurveRole.PRUNED),
        (4, CurveRole.CUT),
        (3, CurveRole.BEST),
    ]
    info = best_so_far_info(view)
    assert (info.skipped, info.without_score) == ((2,), (4,))


def test_of_the_best_and_of_running_trials_every_run_is_drawn():
    runs = {"more_curves": ({"val_accuracy": (0.75,)}, {"loss": (0.5,)}, {"val_accuracy": (0.5, None)})}
    view = study(
        trial(1, (0.25,), score=0.5, **runs),
        trial(2, (0.5,), score=0.75, best_epoch=1, scores=(0.5, 1.0, 1.0), **runs),
        trial(3, (0.5,), TrialState.RUNNING, **runs),
        best=2,
    )
    info = curves_info(view)
    assert [(curve.trial, curve.run) for curve in info.curves] == [
        (1, 1),
        (3, 1),
        (3, 2),
        (3, 4),
        (2, 1),
        (2, 2),
        (2, 4),
    ]
    assert (info.trials, info.best_epoch, info.best_run) == (3, 1, 2)
    assert curves_info(replace(view, direction=Direction.MIN)).best_run == 1


def test_smaller_is_better_where_the_study_says_so():
    scores = (0.5, 0.75, 0.25)
    view = study(*(trial(n, score=s) for n, s in enumerate(scores, 1)), best=3, direction=Direction.MIN)
    assert [point.best for point in best_so_far_info(view).points] == [0.5, 0.5, 0.25]


def test_a_study_without_trials_has_empty_pictures():
    empty = StudyView()
    assert curves_info(empty) == CurvesInfo(metric="", curves=(), hidden=0, limits=None, best_epoch=None)
    assert best_so_far_info(empty) == BestSoFarInfo(
        objective="", direction=Direction.MIN, points=(), without_score=(), best=None, limits=None
    )


def test_another_metric_has_no_best_epoch_and_a_missing_one_no_curves():
    one = replace(trial(1, (0.5,), score=0.5, best_epoch=1), curves={"loss": (0.5,), "val_accuracy": (0.5,)})
    view = study(one, best=1)
    assert curves_info(view, "loss") == CurvesInfo(
        metric="loss",
        curves=(Curve(trial=1, role=CurveRole.BEST, values=(0.5,)),),
        hidden=0,
        limits=Limits(low=0.475, high=0.525),
        best_epoch=None,
    )
    assert curves_info(view, "f1").curves == ()


def test_of_many_curves_the_running_and_the_best_ones_are_kept():
    count = MAX_CURVES + 10
    ended = [trial(n, (n / 100,), score=n / 100, best_epoch=1) for n in range(1, count)]
    info = curves_info(study(*ended, trial(count, (0.0,), TrialState.RUNNING), best=count - 1))
    assert info.hidden == 10
    assert [curve.trial for curve in info.curves] == [*range(11, count - 1), count, count - 1]


def test_a_curve_without_any_finite_value_is_left_out_and_not_counted_as_hidden():
    info = curves_info(study(trial(1, (None, math.inf)), trial(2, (0.5,))))
    assert ([curve.trial for curve in info.curves], info.hidden) == ([2], 0)


def test_an_exploding_trial_does_not_press_the_others_into_a_line():
    usual = [trial(n, (0.5 + n / 100, 0.25 + n / 100), score=0.25 + n / 100) for n in range(1, 11)]
    exploding = trial(11, (0.5, 1e30), TrialState.FAILED)
    limits = curves_info(study(*usual, exploding, best=1, direction=Direction.MIN)).limits
    assert (round(limits.low, 4), round(limits.high, 4)) == (0.243, 0.617)


def test_the_best_trial_is_always_inside_the_limits():
    usual = [trial(n, (0.1,), score=0.1) for n in range(1, 9)]
    limits = curves_info(study(*usual, trial(9, (0.9,), score=0.9, best_epoch=1), best=9)).limits
    assert limits.low < 0.1
    assert limits.high > 0.9


@pytest.mark.parametrize("value", [0.0, 0.5, -2.0, 1e-300, 1e300, 1.7e308, -1.7e308])
def test_limits_of_a_single_value_surround_it(value):
    limits = curves_info(study(trial(1, (value,)))).limits
    assert -math.inf < limits.low < limits.high < math.inf
    assert limits.low <= max(-1e300, min(1e300, value)) <= limits.high


@given(
    st.lists(st.lists(st.none() | st.floats(), max_size=5), max_size=6),
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=6),
)
def test_every_number_of_an_info_is_finite_or_none(curves, scores):
    trials = [trial(n, curve, score=score) for n, (curve, score) in enumerate(zip(curves, scores, strict=False), 1)]
    view = study(*trials)
    info, best = curves_info(view), best_so_far_info(view)
    numbers = [value for curve in info.curves for value in curve.values if value is not None]
    numbers += [number for point in best.points for number in (point.score, point.best)]
    for limits in (info.limits, best.limits):
        numbers += [] if limits is None else [limits.low, limits.high]
        assert limits is None or limits.low < limits.high
    assert all(math.isfinite(number) for number in numbers)


# -- the band around the best so far ---------------------------------------------------------------


@pytest.mark.parametrize("direction", list(Direction))
def test_the_band_is_what_very_many_bootstrap_draws_come_to(direction):
    scores = np.round(np.random.default_rng(0).normal(size=30), 3)
    view = study(*(trial(n, score=score) for n, score in enumerate(scores.tolist(), 1)), direction=direction)
    draws = np.random.default_rng(1).choice(scores, (20_000, 30))
    best = np.minimum if direction is Direction.MIN else np.maximum
    low, high = np.quantile(best.accumulate(draws, axis=1), [0.1, 0.9], axis=0, method="inverted_cdf")
    band = best_so_far_info(view).band
    steps = np.diff(np.sort(scores)).max()
    assert np.abs([end.low for end in band] - low).max() <= steps
    assert np.abs([end.high for end in band] - high).max() <= steps
    assert [end.trial for end in band] == list(range(1, 31))


def test_the_band_of_equal_chances():
    view = study(*(trial(n, score=float(n)) for n in range(1, 11)), best=10)
    band = best_so_far_info(view).band
    # One draw of ten scores: the first and the ninth of them. After ten draws the best is at least 8 in 90 %.
    assert (band[0], band[9]) == (ScoreBand(trial=1, low=1.0, high=9.0), ScoreBand(trial=10, low=8.0, high=10.0))


def test_few_scores_have_no_band():
    few = study(*(trial(n, score=float(n)) for n in range(1, MIN_BAND)), trial(9, (), TrialState.FAILED))
    assert best_so_far_info(few).band == ()
