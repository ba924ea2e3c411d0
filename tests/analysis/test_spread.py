"""How far the runs of a trial lie apart."""

import pytest

from tests.analysis.made import study, trial
from tunemagic.analysis.pictures import SpreadInfo
from tunemagic.analysis.spread import MAX_ROWS, spread_info
from tunemagic.events import Direction
from tunemagic.trial import TrialState


def test_the_best_trial_comes_first_with_its_runs_and_their_deviation():
    view = study(
        trial(1, score=2.0, scores=(1.0, 2.0, 3.0)),
        trial(2, score=4.0, scores=(4.0, 4.0, 4.0)),
        trial(3, score=9.0, scores=(9.0,)),
        trial(4, scores=(1.0, 1.0), state=TrialState.RUNNING),
        repeats=3,
    )
    info = spread_info(view)
    low, high = info.objective.low, info.objective.high
    assert (low, high) == (pytest.approx(0.85), pytest.approx(4.15))

    def at(value):
        return round((value - low) / (high - low), 4)

    best, other = info.rows
    assert (best.trial, best.scores, best.mean, best.low, best.high) == (2, (at(4.0),) * 3, *(at(4.0),) * 3)
    assert (other.trial, other.scores) == (1, (at(1.0), at(2.0), at(3.0)))
    assert (other.mean, other.low, other.high) == (at(2.0), at(1.0), at(3.0))
    assert (info.runs, info.direction) == (3, Direction.MAX)


def test_twelve_rows_at_most_and_none_without_several_runs():
    many = study(*(trial(n, score=n / 10, scores=(n / 10, n / 10)) for n in range(1, 20)), repeats=2)
    assert [row.trial for row in spread_info(many).rows] == list(range(19, 19 - MAX_ROWS, -1))
    assert spread_info(study(trial(1, score=1.0))) == SpreadInfo(
        objective=None, rows=(), runs=1, direction=Direction.MAX
    )
