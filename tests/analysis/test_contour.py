"""The objective over two hyperparameters."""

import pytest

from tests.analysis.made import ACT, RATE, UNITS, study, trial
from tunemagic.analysis.contour import CELLS, contour_info
from tunemagic.analysis.pictures import ContourInfo, ContourPoint
from tunemagic.errors import OptionError


def grid_study(acts=("relu", "tanh")):
    """Scores rise with the units for relu and fall for tanh."""
    points = [(units, act) for act in acts for units in range(0, 101, 10)]
    return study(
        *(
            trial(n, {"units": units, "rate": 0.01, "act": act}, score=float(units if act == "relu" else -units))
            for n, (units, act) in enumerate(points, 1)
        ),
        space=[UNITS, ACT, RATE],
    )


def test_a_range_has_many_cells_and_choices_one_each_that_no_other_choice_touches():
    info = contour_info(grid_study(), x="units", y="act")
    assert (info.x.name, info.y.name, info.names) == ("units", "act", ("units", "act", "rate"))
    assert [len(row) for row in info.grid] == [CELLS] * 3
    relu, tanh, gelu = info.grid
    assert list(relu) == sorted(relu)
    assert list(tanh) == sorted(tanh, reverse=True)
    assert min(relu) > max(tanh) - 0.1
    assert set(gelu) == {None}


def test_points_are_trials_with_a_score_and_their_level():
    view = study(
        trial(1, {"units": 0, "act": "relu"}, score=0.0),
        trial(2, {"units": 100, "act": "gelu"}, score=1.0),
        trial(3, {"units": 50, "act": "relu"}),
        trial(4, {"units": 50}, score=0.5),
        space=[UNITS, ACT],
    )
    info = contour_info(view)
    assert info.points == (
        ContourPoint(trial=1, x=0.0, y=0.0, level=0.0455),
        ContourPoint(trial=2, x=1.0, y=1.0, level=0.9545),
    )
    assert (info.grid[0][0], info.grid[2][-1], info.best) == (0.045, 0.955, 2)
    assert info.grid[0][CELLS // 2] is None


def test_what_is_not_given_is_what_matters_most():
    view = grid_study()
    assert (contour_info(view).x.name, contour_info(view).y.name) == ("act", "units")
    assert [contour_info(view, x="rate").y.name, contour_info(view, y="act").x.name] == ["act", "units"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"x": "unit"}, "contour x: received 'unit'; expected one of units, act, rate. Did you mean units"),
        ({"x": "act", "y": "act"}, "x and y are both 'act'"),
    ],
)
def test_a_wrong_name_is_told_on_one_line(options, said):
    with pytest.raises(OptionError, match=said):
        contour_info(grid_study(), **options)


def test_one_trial_is_a_point_without_a_grid_and_one_hyperparameter_is_no_plane():
    one = contour_info(study(trial(1, {"units": 50, "rate": 0.01}, score=1.0), space=[UNITS, RATE]))
    assert (one.grid, one.points) == ((), (ContourPoint(trial=1, x=0.5, y=0.5, level=0.5),))
    none = contour_info(study(space=[UNITS]))
    assert none == ContourInfo(
        names=("units",), x=None, y=None, objective=none.objective, grid=(), points=(), best=None
    )
