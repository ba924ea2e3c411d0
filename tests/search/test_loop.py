"""The search loop's rules, with real strategies, journal and weights; only training is played by a script."""

import shutil
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tunemagic import events as ev
from tunemagic.durable import sha256_of
from tunemagic.events import Direction
from tunemagic.journal import Journal, read_journal
from tunemagic.ledger import Ledger
from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.search.job import Ending, Report, StateTaken, TrialJob, TrialOutcome, Work, WorkersStarted
from tunemagic.search.loop import MAX_ATTEMPTS, MAX_SKIPS, SearchLoop, TrialPruner
from tunemagic.search.oracle import make_strategy
from tunemagic.search.steering import Steering
from tunemagic.search.weights import WeightsFolder
from tunemagic.trial import StudyState, TrialState, replay

Play = Callable[[TrialJob], Iterable[Report]]


class Scripted:
    """An executor that answers each job with the reports of a script; without an outcome it waits to be cancelled."""

    kind = "inline"

    def __init__(self, play: Play, clock: "Clock", slots: int = 1) -> None:
        self.slots = slots
        self.play = play
        self.clock = clock
        self.jobs: list[TrialJob] = []
        self.cancelled: list[int] = []
        self.held: set[int] = set()
        self.closed = 0
        self._reports: deque[Report] = deque()

    def submit(self, job: TrialJob) -> None:
        self.jobs.append(job)
        self._reports.extend(self.play(job))

    def next_report(self, timeout: float) -> Report | None:
        self.clock.now += 1.0
        return self._reports.popleft() if self._reports else None

    def cancel(self, trial: int) -> None:
        if trial not in self.cancelled:
            self.cancelled.append(trial)
            job = next(job for job in reversed(self.jobs) if job.trial == trial)
            if not any(isinstance(report, TrialOutcome) and report.trial == trial for report in self._reports):
                self._reports.append(
                    TrialOutcome(
                        trial=trial, attempt=job.attempt, ending=Ending.STOPPED, seconds=1.0, score=0.5, best_epoch=1
                    )
                )

    def hold(self, trial: int) -> None:
        self.held.add(trial)

    def release(self, trial: int) -> None:
        self.held.discard(trial)

    def resize(self, workers: int) -> None:
        self.slots = workers

    def close(self) -> None:
        self.closed += 1


@dataclass
class Clock:
    """Seconds that pass only when the loop waits for a report."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def finished(job: TrialJob, score: float, **more: Any) -> TrialOutcome:
    fields = {"score": score, "best_epoch": 1, "metrics": {"val_loss": score}, "weights": f"{job.trial}".encode()}
    return TrialOutcome(
        trial=job.trial, attempt=job.attempt, ending=Ending.FINISHED, seconds=0.5, **{**fields, "hp": job.hp, **more}
    )


def failed(job: TrialJob, **more: Any) -> TrialOutcome:
    fields: dict[str, Any] = {"error": "ValueError", "reason": "ValueError: no", "line": 4, "source": "raise it"}
    return TrialOutcome(
        trial=job.trial, attempt=job.attempt, ending=Ending.FAILED, seconds=0.5, hp=job.hp, **{**fields, **more}
    )


def epoch(job: TrialJob, score: float) -> ev.EpochEnded:
    return ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=1, logs={"val_loss": score})


def scores(*values: float | None) -> Play:
    """Trials that end with these scores one after the other; None fails."""
    left = deque(values)

    def play(job: TrialJob) -> Iterable[Report]:
        score = left.popleft()
        return [failed(job)] if score is None else [epoch(job, score), finished(job, score)]

    return play


def units(job: TrialJob) -> Iterable[Report]:
    """Trials whose score is their number of units."""
    return [finished(job, float(job.hp.values["units"]))]


@dataclass
class Search:
    """A study's parts around one loop, in a folder; ``go`` runs a session and returns its events."""

    directory: Path
    play: Play = units
    tuner: Tuner = Tuner.RANDOM
    limits: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    pruner: TrialPruner | None = None
    slots: int = 1
    executor_class: type[Scripted] = Scripted
    findings: Callable[[ev.EndReason], list[dict[str, Any]]] | None = None
    journal_class: type[Journal] = Journal

    def __post_init__(self) -> None:
        self.steering = Steering()
        self.hyperparameters = new_hyperparameters()
        self.hyperparameters.Int("units", 1, 50, default=25)
        self.executor = Scripted(self.play, self.clock, self.slots)

    def go(self, play: Play | None = None) -> list[ev.Event]:
        self.executor = self.executor_class(play or self.play, self.clock, self.slots)
        self.journal = self.journal_class(self.directory)
        self.ledger = Ledger(self.journal, self.journal.content.events, clock=self.clock)
        before = self.ledger.view.seq
        self.ledger.record(self._start() if before == 0 else self._resume())
        memos = {e.trial: e.memo for e in self.ledger.events_after(0) if isinstance(e, ev.TrialStarted)}
        try:
            self.loop(memos).run()
        finally:
            self.journal.close()
        return self.ledger.events_after(before + 1)

    def loop(self, memos: dict[int, Any]) -> SearchLoop:
        view = self.ledger.view
        self.strategy = make_strategy(
            self.tuner,
            hyperparameters=self.hyperparameters,
            objective="val_loss",
            direction=view.direction,
            seed=3,
            epochs=view.epochs,
        )
        self.strategy.restore(view.trials, memos)
        return SearchLoop(
            ledger=self.ledger,
            strategy=self.strategy,
            executor=self.executor,
            weights=WeightsFolder(self.directory),
            work=Work(program=None, data=None, objective="val_loss", direction=view.direction),  # never run
            steering=self.steering,
            pruner=self.pruner,
            memos=memos,
            findings=self.findings,
        )

    def _start(self) -> ev.StudyStarted:
        limits: dict[str, Any] = {"max_trials": 3, "minutes": None, "epochs": 9, "keep": 2, "max_failures": 3}
        return ev.StudyStarted(
            study="s",
            session="first",
            space=space_of(self.hyperparameters).to_json(),
            objective="val_loss",
            direction=Direction.MIN,
            strategy=str(self.tuner),
            seed=3,
            code="",
            data="",
            fingerprint={},
            versions={},
            **{**limits, **self.limits},
        )

    def _resume(self) -> ev.StudyResumed:
        limits = {"max_trials": 3, "minutes": None, "epochs": 9} | {
            name: value for name, value in self.limits.items() if name in ("max_trials", "minutes", "epochs")
        }
        return ev.StudyResumed(session="second", **limits)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.glob("*.weights.h5"))


def plain(events: list[ev.Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def end_of(events: list[ev.Event]) -> tuple[ev.EndReason, str]:
    (end,) = [event for event in events if isinstance(event, ev.StudyEnded)]
    assert events[-1] is end
    return end.reason, end.message


# -- the normal course -------------------------------------------------------------------------------


def test_each_trial_is_started_followed_and_ended_in_the_journal(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(0.5, 0.25), limits={"max_trials": 2})
    events = search.go()
    trial = ["TrialStarted", "EpochEnded", "TrialFinished"]
    assert plain(events) == [*trial, *trial, "StudyEnded"]
    assert end_of(events) == (ev.EndReason.TRIALS, "all 2 trials done")
    assert list(read_journal(tmp_path).events[1:]) == events
    view = search.ledger.view
    assert (view.state, view.best, [t.score for t in view.trials]) == (StudyState.FINISHED, 2, [0.5, 0.25])
    assert [t.state for t in view.trials] == [TrialState.COMPLETED] * 2
    assert view.trials[0].values == {"units": 25}
    assert search.executor.closed == 1


def test_every_trial_has_a_seed_of_its_own_that_does_not_depend_on_the_session(tmp_path: Path) -> None:
    whole, cut = Search(tmp_path / "whole"), Search(tmp_path / "cut", limits={"max_trials": 1})
    whole.go()
    cut.go()
    first = cut.executor.jobs
    cut.limits = {"max_trials": 3}
    cut.go()
    seeds = [job.seed for job in whole.executor.jobs]
    assert len(set(seeds)) == 3
    assert [job.seed for job in [*first, *cut.executor.jobs]] == seeds


def test_a_finished_study_that_goes_on_repeats_no_trial(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 2})
    search.go()
    search.limits = {"max_trials": 5}
    events = search.go()
    assert [event.trial for event in events if isinstance(event, ev.TrialStarted)] == [3, 4, 5]
    values = [trial.values["units"] for trial in search.ledger.view.trials]
    assert len(set(values)) == 5


def test_the_grid_comes_to_its_end_with_each_combination_once(tmp_path: Path) -> None:
    search = Search(tmp_path, tuner=Tuner.GRID, limits={"max_trials": None, "keep": 1})
    assert end_of(search.go()) == (ev.EndReason.EXHAUSTED, "every combination was tried (50 trials)")
    assert sorted(int(job.hp.values["units"]) for job in search.executor.jobs) == list(range(1, 51))
    assert search.ledger.view.state is StudyState.FINISHED


def test_hyperparameters_named_in_a_trial_join_the_space_in_the_journal(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        job.hp.Float("rate", 0.0, 1.0, default=0.5)
        return [finished(job, 1.0)]

    search = Search(tmp_path, play)
    (changed,) = [event for event in search.go() if isinstance(event, ev.SpaceChanged)]
    assert changed.reason == "the cell named new hyperparameters: rate"
    assert search.ledger.view.space.names == ("units", "rate")
    assert all("rate" in job.hp.values for job in search.executor.jobs)


# -- weights -----------------------------------------------------------------------------------------


def test_only_the_best_weights_stay_on_disk_tied_to_their_trials(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(0.5, 0.4, 0.9, 0.1, 0.3), limits={"max_trials": 5, "keep": 2})
    events = search.go()
    view = search.ledger.view
    kept = {trial.number: trial.weights for trial in view.trials if trial.weights is not None}
    assert list(kept) == [4, 5]
    assert search.files == ["trial-0004-1.weights.h5", "trial-0005-1.weights.h5"]
    assert all(file.sha256 == sha256_of(str(number).encode()) for number, file in kept.items())
    assert [event.trial for event in events if isinstance(event, ev.WeightsDropped)] == [1, 2]
    assert not any(isinstance(e, ev.TrialFinished) and e.trial == 3 and e.weights is not None for e in events)


def test_of_equal_scores_the_earlier_trial_stays(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(0.5, 0.5, 0.5), limits={"keep": 1})
    search.go()
    assert (search.files, search.ledger.view.best) == (["trial-0001-1.weights.h5"], 1)


def test_a_better_trial_without_weights_takes_nobodys_place(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        score, weights = {1: (0.5, b"1"), 2: (0.1, None), 3: (0.7, b"3"), 4: (0.4, b"4")}[job.trial]
        return [finished(job, score, weights=weights)]

    search = Search(tmp_path, play, limits={"keep": 1})
    for trials, best, kept in ((2, 2, 1), (3, 2, 1), (4, 2, 4)):  # each in a session of its own
        search.limits["max_trials"] = trials
        search.go()
        assert (search.ledger.view.best, search.files) == (best, [f"trial-{kept:04d}-1.weights.h5"])
        assert [trial.number for trial in search.ledger.view.trials if trial.weights is not None] == [kept]


def test_weights_that_a_crash_left_without_a_trial_are_removed(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 1})
    (tmp_path / "trial-0009-1.weights.h5").write_bytes(b"stray")
    search.go()
    assert search.files == ["trial-0001-1.weights.h5"]


def with_state(job: TrialJob) -> Iterable[Report]:
    """Trials that give their training state at the end when asked for it."""
    state = f"state of {job.trial}".encode() if job.keep_state else None
    return [finished(job, float(job.hp.values["units"]), state=state, state_epoch=job.epochs)]


def test_hyperband_goes_on_from_the_state_of_a_parent_that_is_kept_for_it(tmp_path: Path) -> None:
    search = Search(tmp_path, with_state, tuner=Tuner.HYPERBAND, limits={"max_trials": 12, "keep": 1})
    search.go()
    jobs = {job.trial: job for job in search.executor.jobs}
    followers = [job for job in jobs.values() if search.ledger.view.trial(job.trial).parent is not None]
    assert followers
    for job in followers:
        parent = search.ledger.view.trial(job.trial).parent
        assert parent is not None
        assert (job.state, job.from_parent) == (f"state of {parent}".encode(), True)
        assert (job.initial_epoch, job.fixed_epochs) == (jobs[parent].epochs, True)
        assert job.epochs > job.initial_epoch


def test_states_that_no_later_trial_can_go_on_from_are_removed(tmp_path: Path) -> None:
    search = Search(tmp_path, with_state, tuner=Tuner.HYPERBAND, limits={"max_trials": 40, "keep": 1})
    search.go()
    needed = {trial.number for trial in search.ledger.view.trials if search.strategy.may_resume(trial.number)}
    kept = {trial.number for trial in search.ledger.view.trials if trial.state_file is not None}
    assert kept == needed
    assert len(list(tmp_path.glob("*.state.npz"))) == len(needed) < 40


def test_a_follower_whose_parents_state_is_gone_starts_afresh_with_a_note(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        for path in tmp_path.glob("*.state.npz"):
            path.unlink()
        return with_state(job)

    search = Search(tmp_path, play, tuner=Tuner.HYPERBAND, limits={"max_trials": 12})
    search.go()
    parents = {trial.parent for trial in search.ledger.view.trials} - {None}
    noted = {
        f"the follower of trial {n} starts afresh, since the saved state can't be used: "
        f"{tmp_path}/trial-{n:04d}-1-{search.ledger.view.trial(n).epochs}.state.npz can't be read: "
        "No such file or directory."
        for n in parents
    }
    assert parents
    assert set(search.ledger.view.notes) == noted
    assert all((job.state, job.initial_epoch) == (None, 0) for job in search.executor.jobs)


# -- failures ----------------------------------------------------------------------------------------


def test_failures_in_a_row_end_the_study_in_a_clear_state(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(0.5, None, None, None), limits={"max_trials": 20})
    events = search.go()
    assert end_of(events) == (
        ev.EndReason.FAILURES,
        "3 trials failed in a row; the last one: ValueError: no (line 4: raise it)",
    )
    view = search.ledger.view
    assert view.state is StudyState.FAILED
    assert [trial.state for trial in view.trials] == [TrialState.COMPLETED, *[TrialState.FAILED] * 3]
    assert (view.best, search.files) == (1, ["trial-0001-1.weights.h5"])
    last = view.trials[-1]
    assert (last.error, last.reason, last.line, last.source) == ("ValueError", "ValueError: no", 4, "raise it")


def test_a_success_in_between_starts_the_count_anew(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(None, None, 0.5, None, None), limits={"max_trials": 5})
    assert end_of(search.go())[0] is ev.EndReason.TRIALS


def test_a_study_that_failed_can_go_on(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(None, None), limits={"max_trials": 5, "max_failures": 2})
    assert end_of(search.go())[0] is ev.EndReason.FAILURES
    events = search.go(scores(0.5, 0.4, 0.3))
    assert end_of(events) == (ev.EndReason.TRIALS, "all 5 trials done")
    assert [event.trial for event in events if isinstance(event, ev.TrialFinished)] == [3, 4, 5]


@pytest.mark.parametrize("score", [None, float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_no_finite_number_never_becomes_the_best(score: float | None, tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        return [finished(job, 0.5 if job.trial == 1 else score)]

    search = Search(tmp_path, play, limits={"max_trials": 2})
    search.go()
    view = search.ledger.view
    assert (view.best, view.trials[1].state, view.trials[1].error) == (1, TrialState.FAILED, "no score")
    assert replay(read_journal(tmp_path).events) == view


def test_a_fault_of_the_strategy_ends_in_an_error_and_not_in_running(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 5})

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 2:
            search.strategy.tell = None
        return units(job)

    with pytest.raises(TypeError):
        search.go(play)
    view = search.ledger.view
    assert (view.state, view.end_reason) == (StudyState.FAILED, ev.EndReason.ERROR)
    assert view.end_message == "the search broke: TypeError: 'NoneType' object is not callable"
    assert search.executor.closed
    assert end_of(search.go())[0] is ev.EndReason.TRIALS


def test_a_disk_that_fails_ends_in_an_error_and_the_trial_runs_again_afterwards(tmp_path: Path) -> None:
    directory, aside = tmp_path / "s", tmp_path / "aside"
    search = Search(directory, limits={"max_trials": 3})

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 2:
            directory.rename(aside)  # the weights can't be written any more, the open journal can
        return units(job)

    events = search.go(play)
    reason, message = end_of(events)
    assert reason is ev.EndReason.ERROR
    assert message == (
        f"can't write {directory}/trial-0002-1.weights.h5: No such file or directory. Free some space or choose "
        "another folder with `%config TuneMagics.directory`; finished trials are kept."
    )
    assert search.ledger.view.state is StudyState.FAILED
    shutil.move(aside, directory)
    assert end_of(search.go()) == (ev.EndReason.TRIALS, "all 3 trials done")
    view = search.ledger.view
    assert [(trial.state, trial.attempt) for trial in view.trials] == [
        (TrialState.COMPLETED, 1),
        (TrialState.COMPLETED, 2),
        (TrialState.COMPLETED, 1),
    ]
    assert view.trials[1].values == dict(search.executor.jobs[0].hp.values)


# -- stopping ----------------------------------------------------------------------------------------


def test_a_stop_before_the_first_trial_runs_none(tmp_path: Path) -> None:
    search = Search(tmp_path)
    search.steering.stop.set()
    assert end_of(search.go()) == (ev.EndReason.STOPPED, "stopped after 0 trials")
    assert search.executor.jobs == []


def test_a_stop_within_a_trial_keeps_its_best_epoch(tmp_path: Path) -> None:
    search = Search(tmp_path)

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 2:
            search.steering.stop.set()
            return [epoch(job, 0.5)]
        return [finished(job, 0.7)]

    events = search.go(play)
    assert end_of(events) == (ev.EndReason.STOPPED, "stopped after 2 trials")
    view = search.ledger.view
    assert (view.state, view.best) == (StudyState.STOPPED, 2)
    stopped = view.trials[1]
    assert (stopped.state, stopped.score, stopped.reason) == (TrialState.STOPPED, 0.5, "you stopped the study")
    assert search.executor.cancelled == [2]


def test_the_time_limit_ends_the_running_trial_too(tmp_path: Path) -> None:
    search = Search(tmp_path, lambda job: [epoch(job, 0.5)], limits={"max_trials": None, "minutes": 0.5})
    events = search.go()
    assert end_of(events) == (ev.EndReason.TIME, "time is up after 1 trial")
    view = search.ledger.view
    assert (view.state, view.trials[0].reason, view.trials[0].score) == (StudyState.FINISHED, "the time was up", 0.5)
    assert 30.0 <= view.elapsed < 40.0


def test_time_adds_up_over_sessions_and_not_between_them(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 4, "minutes": None})
    search.go()
    first = search.ledger.view.elapsed
    search.clock.now += 10_000.0  # a night between the sessions
    search.limits["max_trials"] = 8
    search.go()
    assert search.ledger.view.elapsed == 2 * first


# -- trials that were cut off ------------------------------------------------------------------------


def cut_off(search: Search, trials: int) -> None:
    """Play a session whose process dies within trial number ``trials``."""

    class Killed(BaseException):
        pass

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == trials:
            raise Killed
        return units(job)

    with pytest.raises(Killed):
        search.go(play)


@pytest.mark.parametrize("tuner", [Tuner.RANDOM, Tuner.GRID, Tuner.BAYESIAN, Tuner.HYPERBAND])
def test_a_trial_that_was_cut_off_runs_again_with_the_same_values_and_the_rest_is_as_without(
    tuner: Tuner, tmp_path: Path
) -> None:
    whole = Search(tmp_path / "whole", tuner=tuner, limits={"max_trials": 7})
    whole.go()
    search = Search(tmp_path / "cut", tuner=tuner, limits={"max_trials": 7})
    cut_off(search, 4)
    assert [trial.state for trial in replay(read_journal(search.directory).events).trials][-1] is TrialState.RUNNING
    events = search.go()
    again = next(event for event in events if isinstance(event, ev.TrialStarted))
    assert (again.trial, again.attempt) == (4, 2)
    expected = [(trial.values, trial.score) for trial in whole.ledger.view.trials]
    assert [(trial.values, trial.score) for trial in search.ledger.view.trials] == expected


def test_a_trial_that_kills_its_process_every_time_is_given_up(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 3})
    for _ in range(MAX_ATTEMPTS):
        cut_off(search, 1)
    events = search.go()
    assert end_of(events)[0] is ev.EndReason.TRIALS
    first = search.ledger.view.trials[0]
    assert (first.state, first.error) == (TrialState.FAILED, "crashed")
    assert first.reason == f"its process died in each of {MAX_ATTEMPTS} attempts"
    assert [job.trial for job in search.executor.jobs] == [2, 3]


# -- states saved within a trial ------------------------------------------------------------------------


def taken(job: TrialJob, epochs: int) -> StateTaken:
    return StateTaken(trial=job.trial, attempt=job.attempt, run=1, epoch=epochs, state=f"after {epochs}".encode())


def losses(job: TrialJob, *values: float, first: int = 1) -> list[ev.EpochEnded]:
    """Epochs with these values, counted from ``first``."""
    return [
        ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=number, logs={"val_loss": value})
        for number, value in enumerate(values, first)
    ]


def test_a_trial_that_was_cut_off_goes_on_from_its_last_saved_state_and_keeps_its_curve(tmp_path: Path) -> None:
    def until_killed(job: TrialJob) -> Iterable[Report]:
        first, second, third = losses(job, 0.5, 0.4, 0.9)
        return [first, taken(job, 1), second, taken(job, 2), third]

    class Killed(BaseException):
        pass

    class Dying(Scripted):
        def next_report(self, timeout: float) -> Report | None:
            report = super().next_report(timeout)
            if report is None:
                raise Killed
            return report

    search = Search(tmp_path, until_killed, limits={"max_trials": 1}, executor_class=Dying)
    with pytest.raises(Killed):
        search.go()
    before = replay(read_journal(tmp_path).events).trials[0]
    assert (before.state_epoch, before.curves["val_loss"]) == (2, (0.5, 0.4, 0.9))
    assert [path.name for path in tmp_path.glob("*.state.npz")] == ["trial-0001-1-2.state.npz"]
    search.go(lambda job: [*losses(job, 0.3, first=3), finished(job, 0.3)])
    (job,) = search.executor.jobs
    assert (job.attempt, job.state, job.from_parent) == (2, b"after 2", False)
    trial = search.ledger.view.trials[0]
    assert (trial.state, trial.curves["val_loss"], trial.state_file) == (TrialState.COMPLETED, (0.5, 0.4, 0.3), None)
    assert list(tmp_path.glob("*.state.npz")) == []


# -- pruning and skipping ---------------------------------------------------------------------------------


class AboveHalf:
    """Ends a trial as soon as an epoch is worse than one half."""

    def verdict(self, view: Any, trial: int) -> str | None:
        value = view.trial(trial).curves["val_loss"][-1]
        return f"{value} > 0.5" if value > 0.5 else None


def test_a_pruned_trial_counts_with_what_it_had_when_the_verdict_came(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        return [*losses(job, 0.4, 0.6, 0.1), taken(job, 3), finished(job, 0.1, best_epoch=3)]

    search = Search(tmp_path, play, limits={"max_trials": 1}, pruner=AboveHalf())
    events = search.go()
    (pruned,) = [event for event in events if isinstance(event, ev.TrialPruned)]
    assert (pruned.score, pruned.best_epoch, pruned.reason, pruned.weights) == (0.4, 1, "0.6 > 0.5", None)
    trial = search.ledger.view.trials[0]
    assert (trial.state, trial.curves, trial.state_file) == (TrialState.PRUNED, {"val_loss": (0.4, 0.6)}, None)
    assert search.executor.cancelled == [1]
    assert end_of(events) == (ev.EndReason.TRIALS, "the one trial is done")


def test_a_pruned_trial_is_told_to_the_strategy_with_its_partial_value_and_is_no_failure(tmp_path: Path) -> None:
    told: list[float | None] = []
    search = Search(tmp_path, limits={"max_trials": 5, "max_failures": 2}, pruner=AboveHalf())

    def play(job: TrialJob) -> Iterable[Report]:
        original = search.strategy.tell
        search.strategy.tell = lambda number, score, hp=None: (told.append(score), original(number, score, hp))[1]
        return losses(job, 0.7)

    assert end_of(search.go(play))[0] is ev.EndReason.TRIALS
    assert set(told) == {0.7}
    assert [trial.state for trial in search.ledger.view.trials] == [TrialState.PRUNED] * 5


def test_a_skipped_trial_keeps_its_best_epoch_and_the_next_one_runs(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 2})

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 1:
            search.steering.skips.add(1)
            return losses(job, 0.5)
        return units(job)

    search.go(play)
    first, second = search.ledger.view.trials
    assert (first.state, first.score, first.reason) == (TrialState.STOPPED, 0.5, "you skipped it")
    assert (second.state, search.steering.skips) == (TrialState.COMPLETED, set())


# -- limits, several objectives, workers ------------------------------------------------------------------


def too_large(job: TrialJob) -> TrialOutcome:
    return TrialOutcome(
        trial=job.trial, attempt=1, ending=Ending.SKIPPED, seconds=0.0, hp=job.hp, reason="9 weights, above 5"
    )


def test_a_model_beyond_a_limit_is_skipped_without_counting_as_trial_or_failure(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        return [too_large(job)] if job.trial <= 4 else units(job)

    search = Search(tmp_path, play, limits={"max_trials": 2, "max_failures": 1})
    assert end_of(search.go())[0] is ev.EndReason.TRIALS
    trials = search.ledger.view.trials
    assert [trial.state for trial in trials] == [TrialState.PRUNED] * 4 + [TrialState.COMPLETED] * 2
    assert (trials[0].score, trials[0].reason) == (None, "9 weights, above 5")


def test_limits_that_no_model_keeps_to_end_the_study_with_one_clear_sentence(tmp_path: Path) -> None:
    search = Search(tmp_path, lambda job: [too_large(job)], limits={"max_trials": 2})
    assert end_of(search.go()) == (
        ev.EndReason.LIMITS,
        f"{MAX_SKIPS} proposals in a row break a limit; the last one: 9 weights, above 5",
    )
    assert search.ledger.view.state is StudyState.FAILED


def test_a_trial_without_a_value_for_a_further_objective_fails(tmp_path: Path) -> None:
    objectives = [{"name": "parameters", "direction": "min"}]
    search = Search(tmp_path, limits={"max_trials": 1, "objectives": objectives})
    search.go()
    (trial,) = search.ledger.view.trials
    assert (trial.state, trial.reason) == (
        TrialState.FAILED,
        "objective 'parameters' has no value; the trial gave val_loss",
    )


def lost(job: TrialJob) -> TrialOutcome:
    return TrialOutcome(
        trial=job.trial,
        attempt=job.attempt,
        ending=Ending.LOST,
        seconds=0.5,
        error="SIGSEGV",
        reason="its worker was ended by SIGSEGV",
        log="last words\n",
    )


def ending(view: Any, trial: int) -> tuple[TrialState, float | None, str]:
    record = view.trial(trial)
    return record.state, record.score, record.reason


@pytest.mark.parametrize("end", [failed, lost])
def test_a_trial_that_the_pruner_ended_counts_as_pruned_however_it_ends(
    end: Callable[[TrialJob], TrialOutcome], tmp_path: Path
) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        return [*losses(job, 0.4, 0.6), end(job)]

    search = Search(tmp_path, play, limits={"max_trials": 2, "max_failures": 1}, pruner=AboveHalf())
    assert end_of(search.go()) == (ev.EndReason.TRIALS, "all 2 trials done")
    view = search.ledger.view
    assert [ending(view, trial) for trial in (1, 2)] == [(TrialState.PRUNED, 0.4, "0.6 > 0.5")] * 2
    assert {(trial.error, trial.line, trial.source) for trial in view.trials} == {("", None, None)}
    assert [(job.trial, job.attempt) for job in search.executor.jobs] == [(1, 1), (2, 1)]


class Crashing(Scripted):
    """Its workers do not end a trial when they are told to: they die."""

    def cancel(self, trial: int) -> None:
        self.cancelled.append(trial)
        self._reports.append(lost(next(job for job in self.jobs if job.trial == trial)))


def test_a_skipped_trial_whose_worker_dies_is_not_tried_again(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 2}, executor_class=Crashing)

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 1:
            search.steering.skips.add(1)
            return losses(job, 0.5, 0.4, 0.6)
        return [finished(job, 0.3)]

    assert end_of(search.go(play)) == (ev.EndReason.TRIALS, "all 2 trials done")
    view = search.ledger.view
    assert ending(view, 1) == (TrialState.STOPPED, 0.4, "you skipped it")
    assert ending(view, 2) == (TrialState.COMPLETED, 0.3, "")
    assert [(job.trial, job.attempt) for job in search.executor.jobs] == [(1, 1), (2, 1)]
    assert view.notes == ()


class Dying(Scripted):
    """Its worker dies after a trial was skipped and before the loop has looked at that."""

    def next_report(self, timeout: float) -> Report | None:
        report = super().next_report(timeout)
        if isinstance(report, TrialOutcome) and report.trial == 1 and report.ending is Ending.LOST:
            self.skips.add(1)
        return report

    skips: set[int]


def test_a_skip_of_a_trial_that_ends_by_itself_is_not_kept_for_another_attempt(tmp_path: Path) -> None:
    search = Search(tmp_path, lambda job: [lost(job)] if job.trial == 1 else units(job), limits={"max_trials": 2})
    search.executor_class = type("Skipped", (Dying,), {"skips": search.steering.skips})
    search.go()
    assert ending(search.ledger.view, 1) == (TrialState.STOPPED, None, "you skipped it")
    assert [(job.trial, job.attempt) for job in search.executor.jobs] == [(1, 1), (2, 1)]
    assert search.steering.skips == set()


def test_a_skip_that_comes_too_late_is_not_meant_for_the_next_attempt(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 1})

    def play(job: TrialJob) -> Iterable[Report]:
        return [lost(job)] if job.attempt == 1 else [*losses(job, 0.5), finished(job, 0.5)]

    class Late(Journal):
        """Somebody skips the trial when it is noted that it is tried once more."""

        def append(self, event: ev.Event) -> None:
            super().append(event)
            if isinstance(event, ev.StudyNoted):
                search.steering.skips.add(1)

    search.journal_class = Late
    search.go(play)
    assert ending(search.ledger.view, 1) == (TrialState.COMPLETED, 0.5, "")
    assert (search.executor.cancelled, search.steering.skips) == ([], set())


@pytest.mark.parametrize("curve", [(0.5, 0.4, 0.6), ()])
@pytest.mark.parametrize("limit", ["stop", "time"])
def test_a_trial_whose_worker_dies_when_the_search_is_over_is_not_tried_again(
    limit: str, curve: tuple[float, ...], tmp_path: Path
) -> None:
    search = Search(tmp_path, limits={"minutes": 0.5 if limit == "time" else None}, executor_class=Crashing)

    def play(job: TrialJob) -> Iterable[Report]:
        if limit == "stop":
            search.steering.stop.set()
        return losses(job, *curve)

    message = "time is up after 1 trial" if limit == "time" else "stopped after 1 trial"
    assert end_of(search.go(play))[1] == message
    view = search.ledger.view
    why = "the time was up" if limit == "time" else "you stopped the study"
    assert ending(view, 1) == (TrialState.STOPPED, min(curve, default=None), why)
    assert [(job.trial, job.attempt) for job in search.executor.jobs] == [(1, 1)]
    assert view.notes == ()
    assert replay(read_journal(tmp_path).events) == view


def test_a_lost_trial_that_waits_for_its_second_attempt_fails_when_failures_end_the_search(tmp_path: Path) -> None:
    first: list[TrialJob] = []

    def play(job: TrialJob) -> Iterable[Report]:
        if not first:
            first.append(job)
            return []
        return [failed(job), lost(first[0])]

    search = Search(tmp_path, play, limits={"max_trials": 9, "max_failures": 1}, slots=2)
    assert end_of(search.go())[0] is ev.EndReason.FAILURES
    view = search.ledger.view
    assert ending(view, 1) == (TrialState.FAILED, None, "its worker was ended by SIGSEGV")
    assert ending(view, 2) == (TrialState.FAILED, None, "ValueError: no")
    assert [(job.trial, job.attempt) for job in search.executor.jobs] == [(1, 1), (2, 1)]
    assert view.notes == ("trial 1: its worker was ended by SIGSEGV; it is tried once more",)


def test_a_trial_is_cancelled_once_however_long_it_takes_to_end(tmp_path: Path) -> None:
    class Slow(Scripted):
        """Ends a trial some reports after it was told to."""

        def cancel(self, trial: int) -> None:
            self.cancelled.append(trial)
            job = next(job for job in self.jobs if job.trial == trial)
            self._reports.extend([*losses(job, 0.7, 0.8, 0.9, first=2), finished(job, 0.9)])

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 2:
            search.steering.skips.add(2)
        if job.trial == 3:
            search.steering.stop.set()
        return losses(job, 0.6 if job.trial == 1 else 0.4)

    search = Search(tmp_path, play, limits={"max_trials": 9}, pruner=AboveHalf(), executor_class=Slow)
    assert end_of(search.go()) == (ev.EndReason.STOPPED, "stopped after 3 trials")
    assert search.executor.cancelled == [1, 2, 3]


def test_a_trial_whose_worker_died_is_tried_once_more_from_its_saved_state(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        if job.attempt == 1:
            return [*losses(job, 0.5, 0.4), taken(job, 2), lost(job)]
        return [*losses(job, 0.3, first=3), finished(job, 0.3)]

    search = Search(tmp_path, play, limits={"max_trials": 1})
    search.go()
    assert [(job.attempt, job.state) for job in search.executor.jobs] == [(1, None), (2, b"after 2")]
    (trial,) = search.ledger.view.trials
    assert (trial.state, trial.attempt, trial.curves["val_loss"]) == (TrialState.COMPLETED, 2, (0.5, 0.4, 0.3))
    assert search.ledger.view.notes == ("trial 1: its worker was ended by SIGSEGV; it is tried once more",)
    assert WeightsFolder(tmp_path).read_log(1) == "last words\n"


def test_a_trial_whose_worker_died_twice_fails_with_the_signals_name_and_the_next_one_runs(tmp_path: Path) -> None:
    def play(job: TrialJob) -> Iterable[Report]:
        return [lost(job)] if job.trial == 1 else units(job)

    search = Search(tmp_path, play, limits={"max_trials": 2})
    assert end_of(search.go())[0] is ev.EndReason.TRIALS
    first, second = search.ledger.view.trials
    assert (first.state, first.attempt, first.error) == (TrialState.FAILED, 2, "SIGSEGV")
    assert first.reason == "its worker was ended by SIGSEGV"
    assert second.state is TrialState.COMPLETED


def test_as_many_trials_run_at_a_time_as_the_executor_has_slots(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 5}, slots=2)
    events = search.go(lambda job: [*([WorkersStarted(seconds=1.5)] if job.trial == 1 else []), finished(job, 1.0)])
    running, most = 0, 0
    for event in events:
        running += isinstance(event, ev.TrialStarted) - isinstance(event, ev.TrialFinished)
        most = max(most, running)
    assert most == 2
    assert [event.seconds for event in events if isinstance(event, ev.WorkersReady)] == [1.5]
    assert len(search.ledger.view.trials) == 5
