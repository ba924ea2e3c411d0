"""The numbers behind parallel coordinates."""

from tests.analysis.made import DEEP, SECOND, UNITS, study, trial
from tunemagic.analysis.parallel import MAX_LINES, parallel_info
from tunemagic.analysis.pictures import Axis, ParallelInfo, ParallelLine
from tunemagic.trial import TrialState


def line(number, *at, rank=None, state=TrialState.COMPLETED):
    return ParallelLine(trial=number, at=at, rank=rank, state=state)


def test_each_trial_is_a_line_with_gaps_where_a_hyperparameter_was_not_active():
    view = study(
        trial(1, {"units": 25, "deep": False}, score=0.5),
        trial(2, {"units": 100, "deep": True, "second": 5}, score=1.0),
        trial(3, {"units": 0, "deep": True, "second": 10}, state=TrialState.FAILED),
        trial(4, {"units": 50, "deep": False}, state=TrialState.RUNNING),
        trial(5, {"units": 75, "deep": False}, score=0.75, state=TrialState.PRUNED),
        space=[UNITS, DEEP, SECOND],
    )
    info = parallel_info(view)
    assert [axis.name for axis in info.axes] == ["units", "deep", "second", "score"]
    up = info.axes[-1]
    assert info == ParallelInfo(
        axes=info.axes,
        lines=(
            line(3, 0.0, 1.0, 1.0, None, state=TrialState.FAILED),
            line(4, 0.5, 0.0, None, None, state=TrialState.RUNNING),
            line(1, 0.25, 0.0, None, place(up, 0.5), rank=1.0),
            line(5, 0.75, 0.0, None, place(up, 0.75), rank=0.5, state=TrialState.PRUNED),
            line(2, 1.0, 1.0, 0.5, place(up, 1.0), rank=0.0),
        ),
        best=2,
    )


def test_of_many_trials_the_running_and_the_best_are_kept():
    running = trial(1, {"units": 1}, state=TrialState.RUNNING)
    view = study(running, *(trial(n, {"units": n % 100}, score=n / 400) for n in range(2, 400)), space=[UNITS])
    info = parallel_info(view)
    assert (len(info.lines), info.hidden) == (MAX_LINES, 99)
    assert [info.lines[0].trial, info.lines[1].trial, info.lines[-1].trial] == [1, 101, 399]


def test_a_study_without_trials_has_axes_only():
    info = parallel_info(study(space=[UNITS]))
    assert (info.lines, info.best, info.axes[1]) == ((), None, Axis(name="score", ticks=()))


def place(axis, score):
    return round((score - axis.low) / (axis.high - axis.low), 4)
