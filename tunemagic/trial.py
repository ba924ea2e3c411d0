"""The state of a study as a value, and the one pure function that computes it from events.

``apply`` has a twin in ``labextension/src/model/view.ts``; golden journals are run through both.
Replaying a journal gives the same view as living through it.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tunemagic import events as ev
from tunemagic.space import SearchSpace, Value

__all__ = ["LOG_LINES", "StudyState", "StudyView", "TrialRecord", "TrialState", "apply", "replay"]

LOG_LINES = 200  # of what a trial prints in its worker so many are kept, the last ones


class TrialState(StrEnum):
    """Where a trial stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    PRUNED = "pruned"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # its session died; it runs again when the study is resumed


class StudyState(StrEnum):
    """Where a study stands."""

    NEW = "new"
    RUNNING = "running"
    PAUSED = "paused"  # its thread lives and waits; no trial goes on
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # its session died; nothing finished is lost


_END_STATES: Mapping[ev.EndReason, StudyState] = {
    ev.EndReason.TRIALS: StudyState.FINISHED,
    ev.EndReason.TIME: StudyState.FINISHED,
    ev.EndReason.EXHAUSTED: StudyState.FINISHED,
    ev.EndReason.STOPPED: StudyState.STOPPED,
    ev.EndReason.FAILURES: StudyState.FAILED,
    ev.EndReason.LIMITS: StudyState.FAILED,
    ev.EndReason.ERROR: StudyState.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One trial: its values, its curves and how it ended.

    ``curves`` maps a metric's name to its value per epoch (None = not finite or not reported);
    ``score`` is the objective at ``best_epoch`` (1-based). ``started`` and ``seconds`` are in
    seconds of the study's elapsed time. A trial with several runs (repeats, folds) has the first
    run's curves in ``curves``, those of runs 2, 3 ... in ``more_curves``, and every ended run's
    score in ``scores``. ``state_file`` holds training as it was after epoch ``state_epoch`` of
    run ``state_run``. An attempt above 1 went on after epoch ``resumed_epoch`` of run
    ``resumed_run``, as in TrialStarted. ``verified`` are scores of later trainings from other seeds,
    as in TrialVerified.
    """

    number: int
    attempt: int
    values: Mapping[str, Value]
    state: TrialState
    epochs: int
    why: str
    started: float
    parent: int | None = None
    curves: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    score: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float | None = None
    error: str = ""
    reason: str = ""
    line: int | None = None
    source: str | None = None
    weights: ev.WeightsFile | None = None
    trainer: str = ""
    worker: int | None = None
    more_curves: tuple[Mapping[str, tuple[float | None, ...]], ...] = ()
    scores: tuple[float, ...] = ()
    state_file: ev.WeightsFile | None = None
    state_run: int = 1
    state_epoch: int = 0
    resumed_run: int = 1
    resumed_epoch: int = 0
    verified: tuple[float, ...] = ()

    @property
    def runs_curves(self) -> tuple[Mapping[str, tuple[float | None, ...]], ...]:
        """The curves of every run that has begun; the first run always counts."""
        return (self.curves, *self.more_curves)

    @property
    def epochs_done(self) -> int:
        """How many epochs have ended in the latest run of this attempt."""
        return max((len(curve) for curve in self.runs_curves[-1].values()), default=0)

    def best_run(self, direction: ev.Direction) -> int:
        """The run, counted from 1, whose weights are kept: the first of the best ones."""
        best = 1
        for run, score in enumerate(self.scores, 1):
            if direction.better(score, self.scores[best - 1]):
                best = run
        return best

    @property
    def spread(self) -> float | None:
        """The sample standard deviation of the runs' scores; None with fewer than two."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyView:
    """Everything a screen shows of a study. ``trials[i]`` is trial number ``i + 1``."""

    study: str = ""
    session: str = ""
    state: StudyState = StudyState.NEW
    seq: int = 0
    space: SearchSpace = field(default_factory=SearchSpace)
    objective: str = ""
    direction: ev.Direction = ev.Direction.MIN
    strategy: str = ""
    seed: int = 0
    max_trials: int | None = None
    minutes: float | None = None
    epochs: int = 0
    keep: int = 0
    max_failures: int = 0
    code: str = ""
    data: str = ""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    started_at: float = 0.0
    elapsed: float = 0.0
    trials: tuple[TrialRecord, ...] = ()
    best: int | None = None
    notes: tuple[str, ...] = ()
    end_reason: ev.EndReason | None = None
    end_message: str = ""
    exports: tuple[ev.ModelExported, ...] = ()
    strategy_reason: str = ""
    pruner: str = "none"
    pruner_reason: str = ""
    objectives: tuple[tuple[str, ev.Direction], ...] = ()
    repeats: int = 1
    folds: int = 0
    model_limits: str = ""
    executor: str = ""
    executor_reason: str = ""
    workers: int = 0
    workers_since: float = 0.0
    workers_ready: bool = False
    queued: tuple[Mapping[str, Value], ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()

    @property
    def under_way(self) -> bool:
        """Whether the search has begun and not ended, paused or not."""
        return self.state in (StudyState.RUNNING, StudyState.PAUSED)

    def trial(self, number: int) -> TrialRecord:
        """The trial with this 1-based number. Raises IndexError when there is none."""
        if not 1 <= number <= len(self.trials):
            raise IndexError(f"expected a trial from 1 to {len(self.trials)}; received {number}.")
        return self.trials[number - 1]

    @property
    def best_trial(self) -> TrialRecord | None:
        """The trial with the best score so far, or None."""
        return None if self.best is None else self.trial(self.best)

    @property
    def ended_trials(self) -> int:
        """How many trials will not change any more; those that were skipped for a limit do not count."""
        over = sum(trial.state not in (TrialState.RUNNING, TrialState.INTERRUPTED) for trial in self.trials)
        return over - self.skipped_trials

    @property
    def skipped_trials(self) -> int:
        """How many trials were not trained at all, since their models break a limit."""
        return sum(trial.state is TrialState.PRUNED and trial.score is None for trial in self.trials)

    @property
    def runs(self) -> int:
        """How often each trial is trained: ``repeats`` times on every fold."""
        return self.repeats * max(1, self.folds)

    def ranking(self) -> list[TrialRecord]:
        """Trials that have a score, best first; of equal scores the earlier trial first."""
        scored = [(trial.score, trial) for trial in self.trials if trial.score is not None]
        sign = 1 if self.direction is ev.Direction.MIN else -1
        return [trial for score, trial in sorted(scored, key=lambda pair: (sign * pair[0], pair[1].number))]

    def pareto(self) -> list[TrialRecord]:
        """Trials that no other trial beats in every objective, by number.

        A trial that lacks a finite value of one of the objectives is left out.
        """
        directions = (self.direction, *(direction for _, direction in self.objectives))
        points: dict[int, tuple[float, ...]] = {}
        for trial in self.trials:
            values = [trial.score, *(trial.metrics.get(name) for name, _ in self.objectives)]
            # As costs: smaller is better in every place.
            costs = tuple(
                value if direction is ev.Direction.MIN else -value
                for value, direction in zip(values, directions, strict=True)
                if value is not None
            )
            if len(costs) == len(directions):
                points[trial.number] = costs
        front: list[tuple[float, ...]] = []
        # In this order only an earlier point can beat a later one.
        for point in sorted(set(points.values())):
            if not any(all(a <= b for a, b in zip(other, point, strict=True)) for other in front):
                front.append(point)
        best = set(front)
        return [self.trial(number) for number, point in points.items() if point in best]


def replay(events: Iterable[ev.Event]) -> StudyView:
    """The view after all these events."""
    view = StudyView()
    # Most events are epochs: taking those that follow each other at once is ten times as fast.
    with ev.collector_paused():
        for are_epochs, group in itertools.groupby(events, lambda event: isinstance(event, ev.EpochEnded)):
            if are_epochs:
                view = _apply_epochs(view, [event for event in group if isinstance(event, ev.EpochEnded)])
            else:
                for event in group:
                    view = apply(view, event)
    return view


def apply(view: StudyView, event: ev.Event) -> StudyView:
    """The view after one more event. Pure: neither argument is changed."""
    if isinstance(event, ev.EpochEnded):
        return _apply_epochs(view, [event])
    return replace(view, seq=event.seq, elapsed=event.elapsed, **_changes(view, event))


def _apply_epochs(view: StudyView, events: Sequence[ev.EpochEnded]) -> StudyView:
    """The view after these events, which must be at least one."""
    by_trial: dict[int, list[ev.EpochEnded]] = {}
    for event in events:
        by_trial.setdefault(event.trial, []).append(event)
    trials = list(view.trials)
    for number, own in by_trial.items():
        trials[number - 1] = _add_epochs(view.trial(number), own)
    last = events[-1]
    # Whoever trains is ready, also an executor that doesn't say so.
    return replace(view, seq=last.seq, elapsed=last.elapsed, trials=tuple(trials), workers_ready=True)


def _changes(view: StudyView, event: ev.Event) -> dict[str, Any]:
    """The fields of the view that the event changes, besides seq and elapsed."""
    match event:
        case ev.StudyStarted():
            return _start(event)
        case ev.StudyResumed():
            return _resume(view, event)
        case ev.StudyPaused():
            return {"state": StudyState.PAUSED}
        case ev.StudyContinued():
            return {"state": StudyState.RUNNING}
        case ev.LimitsChanged():
            return {"max_trials": event.max_trials, "minutes": event.minutes}
        case ev.TrialQueued():
            return {"queued": (*view.queued, event.values)}
        case ev.StudyDiagnosed():
            return {"findings": tuple(event.findings)}
        case ev.SpaceChanged():
            return {"space": SearchSpace.from_json(event.space)}
        case ev.StudyNoted():
            return {"notes": (*view.notes, event.text)}
        case ev.ExecutorChosen():
            return {
                "executor": event.kind,
                "executor_reason": event.reason,
                "workers": event.workers,
                "workers_since": view.workers_since if view.workers_ready else event.elapsed,
            }
        case ev.WorkersReady():
            return {"workers_ready": True}
        case ev.StudyEnded():
            return {"state": _END_STATES[event.reason], "end_reason": event.reason, "end_message": event.message}
        case ev.ModelExported():
            key = (event.trial, event.target, event.mode)
            others = tuple(e for e in view.exports if (e.trial, e.target, e.mode) != key)
            return {"exports": (*others, event)}
        case ev.TrialStarted(queued=True):
            return {**_with_trial(view, _next_record(view, event)), "queued": view.queued[1:]}
        case _:
            return _with_trial(view, _next_record(view, event))


def _start(event: ev.StudyStarted) -> dict[str, Any]:
    return {
        "study": event.study,
        "session": event.session,
        "state": StudyState.RUNNING,
        "space": SearchSpace.from_json(event.space),
        "objective": event.objective,
        "direction": event.direction,
        "strategy": event.strategy,
        "seed": event.seed,
        "max_trials": event.max_trials,
        "minutes": event.minutes,
        "epochs": event.epochs,
        "keep": event.keep,
        "max_failures": event.max_failures,
        "code": event.code,
        "data": event.data,
        "fingerprint": event.fingerprint,
        "versions": event.versions,
        "started_at": event.at,
        "strategy_reason": event.strategy_reason,
        "pruner": event.pruner,
        "pruner_reason": event.pruner_reason,
        "objectives": tuple((each["name"], ev.Direction(each["direction"])) for each in event.objectives),
        "repeats": event.repeats,
        "folds": event.folds,
        "model_limits": event.model_limits,
    }


def _resume(view: StudyView, event: ev.StudyResumed) -> dict[str, Any]:
    trials = tuple(
        replace(trial, state=TrialState.INTERRUPTED) if trial.state is TrialState.RUNNING else trial
        for trial in view.trials
    )
    return {
        "session": event.session,
        "state": StudyState.RUNNING,
        "max_trials": event.max_trials,
        "minutes": event.minutes,
        "epochs": event.epochs,
        "code": view.code if event.code is None else event.code,
        "data": view.data if event.data is None else event.data,
        "fingerprint": view.fingerprint if event.fingerprint is None else event.fingerprint,
        "keep": view.keep if event.keep is None else event.keep,
        "max_failures": view.max_failures if event.max_failures is None else event.max_failures,
        "pruner": view.pruner if event.pruner is None else event.pruner,
        "pruner_reason": view.pruner_reason if event.pruner_reason is None else event.pruner_reason,
        "model_limits": view.model_limits if event.model_limits is None else event.model_limits,
        "trials": trials,
        "workers_ready": False,  # they are other ones
        "end_reason": None,
        "end_message": "",
        "findings": (),
    }


def _next_record(view: StudyView, event: ev.Event) -> TrialRecord:
    """The trial that the event is about, as it is afterwards."""
    match event:
        case ev.TrialStarted():
            fresh = TrialRecord(
                number=event.trial,
                attempt=event.attempt,
                values=event.values,
                state=TrialState.RUNNING,
                epochs=event.epochs,
                why=event.why,
                parent=event.parent,
                started=event.elapsed,
                resumed_run=event.resumed_run,
                resumed_epoch=event.resumed_epoch,
            )
            afresh = (event.resumed_run, event.resumed_epoch) == (1, 0)
            return fresh if afresh else _go_on(view.trial(event.trial), fresh, event)
        case ev.RunEnded():
            trial = view.trial(event.trial)
            return replace(trial, scores=(*trial.scores[: event.run - 1], event.score))
        case ev.TrialStateSaved():
            return replace(
                view.trial(event.trial), state_file=event.state, state_run=event.run, state_epoch=event.epoch
            )
        case ev.TrialFinished():
            return replace(
                view.trial(event.trial),
                state=TrialState.COMPLETED,
                score=event.score,
                best_epoch=event.best_epoch,
                metrics=event.metrics,
                seconds=event.seconds,
                weights=event.weights,
                trainer=event.trainer,
                worker=event.worker,
            )
        case ev.TrialStopped() | ev.TrialPruned():
            return replace(
                view.trial(event.trial),
                state=TrialState.STOPPED if isinstance(event, ev.TrialStopped) else TrialState.PRUNED,
                score=event.score,
                best_epoch=event.best_epoch,
                metrics=event.metrics,
                seconds=event.seconds,
                reason=event.reason,
                weights=event.weights,
                trainer=event.trainer,
                worker=event.worker,
            )
        case ev.TrialFailed():
            return replace(
                view.trial(event.trial),
                state=TrialState.FAILED,
                error=event.error,
                reason=event.reason,
                line=event.line,
                source=event.source,
                seconds=event.seconds,
                worker=event.worker,
                trainer=event.trainer,
            )
        case ev.TrialVerified():
            return replace(view.trial(event.trial), verified=tuple(event.scores))
        case ev.WeightsDropped():
            if event.state_only:
                return replace(view.trial(event.trial), state_file=None, state_run=1, state_epoch=0)
            return replace(view.trial(event.trial), weights=None)
        case _:
            raise TypeError(f"expected an event that apply knows; received {type(event).__name__}.")


def _go_on(before: TrialRecord, fresh: TrialRecord, event: ev.TrialStarted) -> TrialRecord:
    """A later attempt that goes on from a saved state keeps what had happened until then."""
    done = before.runs_curves[: event.resumed_run - 1]
    begun = before.runs_curves[event.resumed_run - 1 : event.resumed_run] if event.resumed_epoch else ()
    kept = (*done, *({name: curve[: event.resumed_epoch] for name, curve in run.items()} for run in begun))
    return replace(
        fresh,
        curves=kept[0] if kept else {},
        more_curves=kept[1:],
        scores=before.scores[: event.resumed_run - 1],
        state_file=before.state_file,
        state_run=before.state_run,
        state_epoch=before.state_epoch,
    )


def _add_epochs(trial: TrialRecord, events: Iterable[ev.EpochEnded]) -> TrialRecord:
    """Append one value per event to every curve of its run.

    Gaps are filled with None: for a metric that came not, or that comes late.
    """
    runs = [{name: list(curve) for name, curve in curves.items()} for curves in trial.runs_curves]
    for event in events:
        runs += [{} for _ in range(event.run - len(runs))]
        curves = runs[event.run - 1]
        for name in event.logs:
            curves.setdefault(name, [])
        for name, curve in curves.items():
            curve += [None] * (event.epoch - 1 - len(curve))
            curve.append(event.logs.get(name))
    first, *more = ({name: tuple(curve) for name, curve in curves.items()} for curves in runs)
    return replace(trial, curves=first, more_curves=tuple(more))


def _with_trial(view: StudyView, trial: TrialRecord) -> dict[str, Any]:
    trials = (*view.trials[: trial.number - 1], trial, *view.trials[trial.number :])
    best = view.best
    if trial.score is not None:
        leader = None if best is None or best == trial.number else view.trial(best).score
        if view.direction.better(trial.score, leader):
            best = trial.number
    return {"trials": trials, "best": best}
