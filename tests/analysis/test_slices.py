"""Scores over each hyperparameter by itself."""

from tests.analysis.made import DEEP, SECOND, UNITS, study, trial
from tunemagic.analysis.pictures import SlicePoint
from tunemagic.analysis.slices import slice_info


def test_a_point_for_each_trial_with_a_score_where_the_hyperparameter_was_active():
    view = study(
        trial(1, {"units": 0, "deep": False}, score=0.0),
        trial(2, {"units": 100, "deep": True, "second": 5}),
        trial(3, {"units": 50, "deep": True, "second": 10}, score=1.0),
        space=[UNITS, DEEP, SECOND],
    )
    info = slice_info(view)
    low, high = 0.0455, 0.9545  # 5 % of room at both ends of the scores
    assert [axis.name for axis in info.axes] == ["units", "deep", "second"]
    assert info.points == (
        (SlicePoint(trial=1, x=0.0, y=low, order=0.0), SlicePoint(trial=3, x=0.5, y=high, order=1.0)),
        (SlicePoint(trial=1, x=0.0, y=low, order=0.0), SlicePoint(trial=3, x=1.0, y=high, order=1.0)),
        (SlicePoint(trial=3, x=1.0, y=high, order=1.0),),
    )
    assert (info.objective.name, info.best) == ("score", 3)


def test_a_single_trial_is_a_point_and_no_trial_is_none():
    (points,) = slice_info(study(trial(1, {"units": 50}, score=0.5), space=[UNITS])).points
    assert points == (SlicePoint(trial=1, x=0.5, y=0.5, order=0.0),)
    assert slice_info(study(space=[UNITS])).points == ((),)


def test_of_very_many_trials_the_best_ones_and_others_of_all_times_are_drawn():
    trials = [trial(number, {"units": number % 101}, score=number % 700 / 700) for number in range(1, 1001)]
    info = slice_info(study(*trials, space=[UNITS]))
    drawn = [point.trial for point in info.points[0]]
    assert (len(drawn), info.hidden) == (400, 600)
    assert set(range(600, 700)) <= set(drawn)  # the hundred best ones
    assert drawn == sorted(drawn)
    assert (drawn[0], drawn[-1] > 990) == (1, True)
