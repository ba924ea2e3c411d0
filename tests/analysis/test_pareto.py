"""Two objectives against each other."""

import pytest

from tests.analysis.made import study, trial
from tunemagic.analysis.pareto import pareto_info
from tunemagic.analysis.pictures import ParetoInfo
from tunemagic.errors import OptionError
from tunemagic.events import Direction

PAIRS = [(0.9, 1000), (0.8, 100), (0.7, 500), (0.9, 1000), (0.95, 9000), (0.6, 100)]
TRIALS = [trial(n, score=score, metrics={"parameters": float(size)}) for n, (score, size) in enumerate(PAIRS, 1)]


def test_the_front_is_what_no_trial_beats_in_both_equal_ones_together():
    info = pareto_info(study(*TRIALS, trial(7, score=0.99), trial(8, metrics={"parameters": 1.0})))
    assert (info.names, info.x.name, info.y.name) == (("score", "parameters"), "parameters", "score")
    assert {point.trial: point.front for point in info.points} == {
        1: True,
        2: True,
        3: False,
        4: True,
        5: True,
        6: False,
    }


def test_better_lies_to_the_right_and_up():
    at = {point.trial: (point.x, point.y) for point in pareto_info(study(*TRIALS)).points}
    assert at[2][0] > at[1][0] > at[5][0]
    assert at[5][1] > at[1][1] > at[2][1]


def test_objectives_of_the_study_come_first_and_can_be_chosen():
    trials = [trial(n, score=n / 10, metrics={"kb": 10.0 - n, "speed": float(n % 2)}) for n in (1, 2, 3)]
    view = study(*trials, objectives=(("kb", Direction.MIN), ("speed", Direction.MAX)))
    assert (pareto_info(view).x.name, pareto_info(view).y.name) == ("kb", "score")
    chosen = pareto_info(view, x="score", y="speed")
    assert (chosen.names, chosen.x.name, chosen.y.name) == (("score", "kb", "speed"), "score", "speed")
    assert pareto_info(view, x="score").y.name == "kb"
    assert pareto_info(view, y="kb").x.name == "score"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"x": "parameter"}, "pareto x: received 'parameter'; expected one of score, parameters. Did you mean"),
        ({"x": "score", "y": "score"}, "x and y are both 'score'"),
    ],
)
def test_a_wrong_objective_is_told_on_one_line(options, said):
    with pytest.raises(OptionError, match=said):
        pareto_info(study(*TRIALS), **options)


def test_with_one_objective_and_no_measured_size_there_is_nothing_to_show():
    assert pareto_info(study(trial(1, score=0.5))) == ParetoInfo(names=("score",), x=None, y=None, points=())
    assert pareto_info(study()) == ParetoInfo(names=("score",), x=None, y=None, points=())
