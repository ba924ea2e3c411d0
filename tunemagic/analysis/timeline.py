"""Which worker ran what when."""

from __future__ import annotations

from tunemagic.analysis.pictures import TimelineBar, TimelineInfo
from tunemagic.trial import StudyView, TrialRecord

__all__ = ["timeline_info"]

_IN_WORKERS = ("process", "dask")


def timeline_info(view: StudyView) -> TimelineInfo:
    """A bar for each trial's latest attempt.

    A trial says which worker it had when it ends. Until then, and when its session died, it has
    the first worker that was free, and it lasts until now.
    """
    spans = {trial.number: (trial.started, _end(view, trial)) for trial in view.trials}
    lanes = {trial.number: trial.worker for trial in view.trials if trial.worker is not None}
    for trial in view.trials:
        if trial.number not in lanes:
            lanes[trial.number] = _free_lane(view, trial, spans, lanes)
    bars = tuple(
        TimelineBar(
            trial=trial.number,
            lane=lanes[trial.number],
            start=round(spans[trial.number][0], 3),
            end=round(spans[trial.number][1], 3),
            state=trial.state,
        )
        for trial in view.trials
    )
    ends = [end for _, end in spans.values()]
    return TimelineInfo(
        lanes=tuple(sorted(set(lanes.values()))), bars=bars, seconds=round(max([view.elapsed, *ends]), 3)
    )


def _end(view: StudyView, trial: TrialRecord) -> float:
    if trial.seconds is None:
        return max(view.elapsed, trial.started)
    return trial.started + trial.seconds


def _free_lane(
    view: StudyView, trial: TrialRecord, spans: dict[int, tuple[float, float]], lanes: dict[int, int]
) -> int:
    """0 in the kernel, else the first worker that ran nothing else while this trial ran."""
    if view.executor not in _IN_WORKERS:
        return 0
    start, end = spans[trial.number]
    busy = {lanes[other] for other, (s, e) in spans.items() if other in lanes and s < end and start < e}
    return next(lane for lane in range(1, len(busy) + 2) if lane not in busy)
