"""What a user asks of a running search, with the real loop; only training is played by a script."""

import dataclasses
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.search.test_loop import Scripted, Search, end_of, epoch, failed, finished, lost, plain, scores, units
from tunemagic import events as ev
from tunemagic.journal import Journal
from tunemagic.request import Tuner
from tunemagic.search.job import Report, StopFlag, TrialJob
from tunemagic.search.steering import SearchOverError, Steered, Steering
from tunemagic.space import SearchSpace
from tunemagic.trial import StudyState


class Waiting(Scripted):
    """Trials end when they are released; ``on_hold`` is called for each that is held, after some looks."""

    on_hold: Callable[["Waiting", int], None]

    def next_report(self, timeout: float) -> Report | None:
        report = super().next_report(timeout)
        if report is None and self.held:
            self.looks += 1
            if self.looks == 5:
                type(self).on_hold(self, max(self.held))
        return report

    def release(self, trial: int) -> None:
        super().release(trial)
        if trial not in self.cancelled:
            self._reports.extend(finished(job, 0.25) for job in self.jobs if job.trial == trial)

    looks = 0


def pausing(search: Search, at: int = 1) -> Callable[[TrialJob], Iterable[Report]]:
    """Trials that train one epoch; the search is paused when trial ``at`` starts, later ones end by themselves."""

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == at:
            search.steering.ask(Steered.pause)
        return [epoch(job, 0.5)] if job.trial <= at else [epoch(job, 0.5), finished(job, 0.5)]

    return play


@pytest.fixture
def search(tmp_path: Path) -> Search:
    search = Search(tmp_path, limits={"max_trials": 2})
    search.executor_class = type("Told", (Waiting,), {})
    return search


def on_hold(search: Search, act: Callable[[Waiting, int], Any]) -> None:
    search.executor_class.on_hold = act  # type: ignore[attr-defined]


# -- pausing -----------------------------------------------------------------------------------------


def test_a_pause_holds_what_runs_starts_nothing_and_stops_the_clock(search: Search) -> None:
    search.slots = 2
    held: list[set[int]] = []

    def go_on(executor: Waiting, trial: int) -> None:
        held.append(set(executor.held))
        assert search.ledger.view.state is StudyState.PAUSED
        search.steering.ask(Steered.go_on)

    on_hold(search, go_on)
    events = search.go(pausing(search))
    assert held == [{1, 2}]
    names = plain(events)
    paused, continued = names.index("StudyPaused"), names.index("StudyContinued")
    assert "TrialStarted" not in names[paused:continued]
    assert events[continued].elapsed == events[paused].elapsed
    assert end_of(events) == (ev.EndReason.TRIALS, "all 2 trials done")
    assert search.executor.held == set()


def test_pausing_and_going_on_twice_is_harmless(search: Search) -> None:
    def both(executor: Waiting, trial: int) -> None:
        for action in (Steered.pause, Steered.go_on, Steered.go_on):
            search.steering.ask(action)

    on_hold(search, both)
    names = plain(search.go(pausing(search)))
    assert (names.count("StudyPaused"), names.count("StudyContinued")) == (1, 1)


def test_a_stop_ends_a_paused_search_with_what_it_has(search: Search) -> None:
    on_hold(search, lambda executor, trial: search.steering.stop.set())
    events = search.go(pausing(search))
    assert end_of(events) == (ev.EndReason.STOPPED, "stopped after 1 trial")
    assert search.executor.cancelled == [1]
    assert search.ledger.view.state is StudyState.STOPPED


def test_a_trial_can_be_skipped_in_a_pause(search: Search) -> None:
    def skip(executor: Waiting, trial: int) -> None:
        search.ledger.subscribe(
            lambda event: search.steering.ask(Steered.go_on) if isinstance(event, ev.TrialStopped) else None
        )
        search.steering.skips.add(trial)

    on_hold(search, skip)
    names = plain(search.go(pausing(search)))
    assert names.index("StudyPaused") < names.index("TrialStopped") < names.index("StudyContinued")
    assert [trial.reason for trial in search.ledger.view.trials] == ["you skipped it", ""]


def test_minutes_are_not_used_up_in_a_pause(search: Search) -> None:
    search.limits = {"max_trials": 1, "minutes": 0.2}  # 12 looks of a second each
    looked = []

    def wait_long(executor: Waiting, trial: int) -> None:
        if len(looked) < 10:
            looked.append(executor.clock.now)
            executor.looks = 0
        else:
            search.steering.ask(Steered.go_on)

    on_hold(search, wait_long)
    assert end_of(search.go(pausing(search)))[0] is ev.EndReason.TRIALS
    assert looked[-1] - looked[0] > 12


# -- values to try -----------------------------------------------------------------------------------


def asking(search: Search, action: Callable[[Steered], Any], *, at: int = 1) -> Callable[[TrialJob], Iterable[Report]]:
    """Trials that score their units; the action is asked for when trial ``at`` starts."""

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == at:
            search.steering.ask(action)
        return units(job)

    return play


def test_values_that_the_user_wants_come_next_and_count(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 3})
    events = search.go(asking(search, lambda steered: steered.queue({"units": 7})))
    second = [event for event in events if isinstance(event, ev.TrialStarted)][1]
    assert (second.values, second.why, second.queued) == ({"units": 7}, "you asked for it", True)
    assert (len(search.ledger.view.trials), search.ledger.view.queued) == (3, ())


def test_values_come_on_top_when_the_wanted_number_of_trials_was_run(tmp_path: Path) -> None:
    def two(steered: Steered) -> None:
        steered.queue({"units": 7})
        steered.queue({"units": 9})

    search = Search(tmp_path, limits={"max_trials": 1})
    events = search.go(asking(search, two))
    assert [(event.max_trials, event.minutes) for event in events if isinstance(event, ev.LimitsChanged)] == [(3, None)]
    assert [trial.values["units"] for trial in search.ledger.view.trials] == [25, 7, 9]
    assert end_of(events) == (ev.EndReason.TRIALS, "all 3 trials done")


def test_values_that_wait_when_a_search_is_cut_off_run_in_its_next_session(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 3})

    def queue_and_stop(steered: Steered) -> None:
        steered.queue({"units": 7})
        search.steering.stop.set()

    search.go(asking(search, queue_and_stop))
    assert search.ledger.view.queued == ({"units": 7},)
    search.steering = Steering()
    search.go()
    assert [trial.values["units"] for trial in search.ledger.view.trials][:2] == [25, 7]


@pytest.mark.parametrize("tuner", [Tuner.RANDOM, Tuner.HYPERBAND])
def test_the_default_values_are_the_first_trial_also_when_the_user_wants_others_before_it(
    tmp_path: Path, tuner: Tuner
) -> None:
    search = Search(tmp_path, tuner=tuner, limits={"max_trials": 1})
    search.steering = Steering(threading.current_thread())
    search.steering.ask(lambda steered: steered.queue({"units": 7}))
    search.go()
    first, second = search.ledger.view.trials
    assert (first.values, first.why) == ({"units": 25}, "your default values")
    assert (second.values, second.why) == ({"units": 7}, "you asked for it")


# -- space, limits, workers --------------------------------------------------------------------------


def with_units(search: Search, low: int, high: int) -> SearchSpace:
    (parameter,) = search.strategy.space().parameters
    return SearchSpace((dataclasses.replace(parameter, low=low, high=high, default=low),))


@pytest.mark.parametrize("tuner", [Tuner.RANDOM, Tuner.GRID, Tuner.TPE])
def test_a_narrowed_space_is_recorded_with_its_meaning_and_searched(tmp_path: Path, tuner: Tuner) -> None:
    search = Search(tmp_path, tuner=tuner, limits={"max_trials": 5})
    events = search.go(asking(search, lambda steered: steered.search_in(with_units(search, 30, 33))))
    (changed,) = [event for event in events if isinstance(event, ev.SpaceChanged)]
    assert (changed.asked, changed.space) == (True, with_units(search, 30, 33).to_json())
    assert changed.reason
    later = [trial.values["units"] for trial in search.ledger.view.trials][1:]
    assert sorted(later) == [30, 31, 32, 33]


def test_a_search_that_has_tried_everything_goes_on_when_its_space_is_widened(tmp_path: Path) -> None:
    search = Search(tmp_path, tuner=Tuner.GRID, limits={"max_trials": None})

    def play(job: TrialJob) -> Iterable[Report]:
        if job.trial == 1:
            search.steering.ask(lambda steered: steered.search_in(with_units(search, 25, 26)))
        if job.trial == 2:
            search.steering.ask(lambda steered: steered.search_in(with_units(search, 25, 28)))
        return units(job)

    events = search.go(play)
    assert end_of(events) == (ev.EndReason.EXHAUSTED, "every combination was tried (4 trials)")


@pytest.mark.parametrize(("limit", "trials"), [(4, 4), (1, 2)])
def test_a_search_ends_at_the_limit_that_holds_now(tmp_path: Path, limit: int, trials: int) -> None:
    search = Search(tmp_path, limits={"max_trials": 3})
    events = search.go(asking(search, lambda steered: steered.limit(limit, None), at=2))
    assert end_of(events)[0] is ev.EndReason.TRIALS
    assert len(search.ledger.view.trials) == trials


def test_another_number_of_workers_is_recorded_and_used(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 4})
    events = search.go(asking(search, lambda steered: steered.resize(2)))
    (chosen,) = [event for event in events if isinstance(event, ev.ExecutorChosen)]
    assert (chosen.kind, chosen.workers, chosen.reason) == ("inline", 2, "you asked for it")
    assert plain(events).count("TrialStarted") == 4


# -- asking ------------------------------------------------------------------------------------------


def test_another_thread_gets_the_result_or_the_error_and_the_search_goes_on(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 1})
    results: list[Any] = []

    def ask() -> None:
        results.append(search.steering.ask(lambda steered: steered.paused))
        with pytest.raises(ZeroDivisionError):
            search.steering.ask(lambda steered: 1 / 0)
        search.steering.stop.set()

    asker = threading.Thread(target=ask)

    def play(job: TrialJob) -> Iterable[Report]:
        asker.start()
        return [epoch(job, 0.5)]  # and waits to be stopped

    assert end_of(search.go(play))[0] is ev.EndReason.STOPPED
    asker.join(30)
    assert results == [False]


def test_a_search_that_is_over_can_not_be_asked(tmp_path: Path) -> None:
    search = Search(tmp_path, scores(0.5), limits={"max_trials": 1})
    search.go()
    with pytest.raises(SearchOverError):
        search.steering.ask(Steered.pause)


def test_nothing_is_asked_of_a_search_while_it_is_diagnosed(tmp_path: Path) -> None:
    search = Search(tmp_path, limits={"max_trials": 1})
    told: list[ev.EndReason] = []

    def findings(reason: ev.EndReason) -> list[dict[str, Any]]:
        told.append(reason)
        with pytest.raises(SearchOverError):
            search.steering.ask(Steered.pause)
        return []

    search.findings = findings
    search.go()
    assert told == [ev.EndReason.TRIALS]


def test_who_stops_a_search_that_is_just_ending_waits_for_no_measuring(tmp_path: Path) -> None:
    class Stopping(Journal):
        """The stop comes with the last trial's end, when the loop has its reason to end already."""

        def append(self, event: ev.Event) -> None:
            super().append(event)
            if isinstance(event, ev.TrialFailed) and event.trial == 1:
                search.steering.stop.set()

    first: list[TrialJob] = []

    def play(job: TrialJob) -> Iterable[Report]:
        first.append(job)
        return [] if job.trial == 1 else [failed(job), lost(first[0])]

    told: list[ev.EndReason] = []
    search = Search(tmp_path, play, limits={"max_trials": 9, "max_failures": 1}, slots=2, journal_class=Stopping)
    search.findings = lambda reason: told.append(reason) or []
    assert end_of(search.go())[0] is ev.EndReason.FAILURES
    assert told == [ev.EndReason.STOPPED]


# -- what a trial is told ----------------------------------------------------------------------------


def test_a_trial_that_is_to_stop_never_waits() -> None:
    flag = StopFlag()
    flag.set()
    flag.hold()
    flag.wait_while_held()
    assert (flag.held, flag.held_seconds) == (False, 0.0)


def test_a_stop_ends_a_wait_whose_time_is_counted() -> None:
    flag = StopFlag()
    flag.hold()
    waiting = threading.Thread(target=flag.wait_while_held)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    flag.set()
    waiting.join(30)
    assert not waiting.is_alive()
    assert flag.held_seconds > 0
