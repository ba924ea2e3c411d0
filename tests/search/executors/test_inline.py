"""What every executor promises, and what only the one in the kernel's own process does.

A further executor joins the contract by standing in EXECUTORS.
"""

import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tunemagic import events as ev
from tunemagic.search.executors.base import Executor, Report
from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.search.job import Ending, TrialJob, TrialOutcome

EXECUTORS = [InlineExecutor]
PATIENCE = 120.0  # seconds until a test gives up; reports are awaited, not slept for
LONG = 1_000_000  # epochs that no test waits for


def reports_of(executor: Executor, trial: int) -> list[Report]:
    """Reports up to the trial's outcome."""
    reports: list[Report] = []
    while not reports or not isinstance(reports[-1], TrialOutcome):
        report = executor.next_report(PATIENCE)
        assert report is not None, "no report came"
        assert report.trial == trial
        reports.append(report)
    return reports


def outcome_of(executor: Executor, trial: int) -> TrialOutcome:
    outcome = reports_of(executor, trial)[-1]
    assert isinstance(outcome, TrialOutcome)
    return outcome


class TestEveryExecutor:
    @pytest.fixture(params=EXECUTORS, ids=lambda executor: executor.__name__)
    def executor(self, request: pytest.FixtureRequest) -> Iterator[Executor]:
        executor = request.param()
        yield executor
        executor.close()

    def test_epochs_come_in_order_and_one_outcome_comes_last(self, executor: Executor, make_job: Any) -> None:
        executor.submit(make_job(trial=5, attempt=2, epochs=2))
        *epochs, outcome = reports_of(executor, 5)
        assert [(type(event), event.attempt, getattr(event, "epoch", None)) for event in epochs] == [
            (ev.EpochEnded, 2, 1),
            (ev.EpochEnded, 2, 2),
        ]
        assert isinstance(outcome, TrialOutcome)
        assert (outcome.ending, outcome.attempt) == (Ending.FINISHED, 2)
        assert outcome.weights is not None
        assert executor.next_report(0.0) is None

    def test_a_result_does_not_depend_on_the_executor(self, executor: Executor, make_job: Any) -> None:
        from tunemagic.search.train import run_job

        expected = run_job(make_job(epochs=2), lambda event: None, threading.Event())
        executor.submit(make_job(epochs=2))
        outcome = outcome_of(executor, 1)
        assert (outcome.score, outcome.best_epoch) == (expected.score, expected.best_epoch)

    @pytest.mark.parametrize("fault", ["1 / 0", "raise SystemExit(1)", "raise MemoryError"])
    def test_a_fault_in_the_cell_ends_its_trial_only(self, fault: str, executor: Executor, make_job: Any) -> None:
        executor.submit(make_job(fault, trial=1))
        failed = outcome_of(executor, 1)
        assert (failed.ending, failed.line, failed.source) == (Ending.FAILED, 2, fault)
        executor.submit(make_job(trial=2, epochs=1))
        assert outcome_of(executor, 2).ending is Ending.FINISHED

    def test_a_cancelled_trial_ends_with_its_best_epoch_so_far(self, executor: Executor, make_job: Any) -> None:
        executor.submit(make_job(epochs=LONG))
        assert isinstance(executor.next_report(PATIENCE), ev.EpochEnded)
        executor.cancel(1)
        outcome = outcome_of(executor, 1)
        assert outcome.ending is Ending.STOPPED
        assert outcome.score is not None
        assert outcome.weights is not None

    def test_cancelling_an_unknown_or_ended_trial_is_ignored(self, executor: Executor, make_job: Any) -> None:
        executor.cancel(99)
        executor.submit(make_job(epochs=1))
        assert outcome_of(executor, 1).ending is Ending.FINISHED
        executor.cancel(1)
        executor.submit(make_job(trial=2, epochs=1))
        assert outcome_of(executor, 2).ending is Ending.FINISHED

    def test_waiting_for_a_report_ends_when_none_comes(self, executor: Executor) -> None:
        assert executor.next_report(0.01) is None

    def test_closing_ends_what_runs_and_twice_is_harmless(self, executor: Executor, make_job: Any) -> None:
        executor.submit(make_job(epochs=LONG))
        assert executor.next_report(PATIENCE) is not None
        executor.close()
        executor.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("tunemagic-trial")]

    def test_there_is_room_for_at_least_one_trial(self, executor: Executor) -> None:
        assert executor.slots >= 1


def test_inline_trials_run_in_a_thread_of_this_process(make_job: Any, namespace: dict[str, Any]) -> None:
    namespace["where"] = where = []
    executor = InlineExecutor()
    executor.submit(make_job("import threading\nwhere.append(threading.current_thread().name)\n1 / 0"))
    outcome_of(executor, 1)
    executor.close()
    assert where == ["tunemagic-trial-1"]


def test_inline_trials_see_the_context_in_which_the_executor_was_made(make_job: Any, namespace: dict[str, Any]) -> None:
    variable = namespace["variable"] = contextvars.ContextVar("variable", default="outside")
    namespace["found"] = found = []
    variable.set("the cell that started the study")
    executor = InlineExecutor()
    variable.set("a later cell")
    executor.submit(make_job("found.append(variable.get())\nvariable.set('a trial')\n1 / 0"))
    outcome_of(executor, 1)
    executor.close()
    assert found == ["the cell that started the study"]
    assert variable.get() == "a later cell"


def test_inline_takes_data_that_can_not_be_sent_anywhere(make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
    namespace["lock"] = threading.Lock()
    executor = InlineExecutor()
    job: TrialJob = make_job("with lock: pass\n" + cell, epochs=1)
    executor.submit(job)
    assert outcome_of(executor, 1).ending is Ending.FINISHED
    executor.close()
