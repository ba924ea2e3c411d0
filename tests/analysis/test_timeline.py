"""Which worker ran what when."""

from tests.analysis.made import study, trial
from tunemagic.analysis.pictures import TimelineBar, TimelineInfo
from tunemagic.analysis.timeline import timeline_info
from tunemagic.trial import TrialState


def bar(number, lane, start, end, state=TrialState.COMPLETED):
    return TimelineBar(trial=number, lane=lane, start=start, end=end, state=state)


def test_each_worker_has_a_lane_and_running_trials_last_until_now_where_a_worker_is_free():
    view = study(
        trial(1, started=0.0, seconds=4.0, worker=2),
        trial(2, started=0.5, seconds=2.5, worker=1, state=TrialState.FAILED),
        trial(3, started=3.0, seconds=1.0, worker=1, state=TrialState.PRUNED),
        trial(4, started=4.0, state=TrialState.RUNNING),
        trial(5, started=4.5, attempt=2, state=TrialState.RUNNING),
        executor="process",
        workers=2,
        elapsed=6.0,
    )
    assert timeline_info(view) == TimelineInfo(
        lanes=(1, 2),
        bars=(
            bar(1, 2, 0.0, 4.0),
            bar(2, 1, 0.5, 3.0, TrialState.FAILED),
            bar(3, 1, 3.0, 4.0, TrialState.PRUNED),
            bar(4, 1, 4.0, 6.0, TrialState.RUNNING),
            bar(5, 2, 4.5, 6.0, TrialState.RUNNING),
        ),
        seconds=6.0,
    )


def test_in_the_kernel_there_is_one_lane():
    view = study(trial(1, started=0.0, seconds=1.0), trial(2, started=1.0, state=TrialState.RUNNING), elapsed=1.5)
    assert timeline_info(view) == TimelineInfo(
        lanes=(0,), bars=(bar(1, 0, 0.0, 1.0), bar(2, 0, 1.0, 1.5, TrialState.RUNNING)), seconds=1.5
    )


def test_a_study_without_trials_has_no_lane():
    assert timeline_info(study()) == TimelineInfo(lanes=(), bars=(), seconds=0.0)
