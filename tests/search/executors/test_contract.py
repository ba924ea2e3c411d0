"""What every executor promises, tested with a real one of each kind."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tunemagic import events as ev
from tunemagic.errors import OptionError
from tunemagic.search.executors.base import Executor, Report
from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.search.job import Ending, StateTaken, StopFlag, TrialOutcome, Work, WorkersStarted

PATIENCE = 120.0  # seconds until a test gives up; reports are awaited, not slept for
LONG = 1_000_000  # epochs that no test waits for


def new_report(executor: Executor) -> Report:
    """The next report, except that workers have started."""
    while True:
        report = executor.next_report(PATIENCE)
        assert report is not None, "no report came"
        if not isinstance(report, WorkersStarted):
            return report


def reports_of(executor: Executor, trial: int) -> list[Report]:
    """Reports up to the trial's outcome."""
    reports: list[Report] = []
    while not reports or not isinstance(reports[-1], TrialOutcome):
        reports.append(new_report(executor))
        assert reports[-1].trial == trial
    return reports


def reports_until(executor: Executor, last: type) -> list[Report]:
    """Reports up to the first one of this kind."""
    reports: list[Report] = []
    while not reports or not isinstance(reports[-1], last):
        reports.append(new_report(executor))
    return reports


def outcome_of(executor: Executor, trial: int) -> TrialOutcome:
    outcome = reports_of(executor, trial)[-1]
    assert isinstance(outcome, TrialOutcome)
    return outcome


@pytest.fixture(scope="module", params=["inline", "process", "dask"])
def new_executor(request: pytest.FixtureRequest) -> Iterator[Callable[[Work], Executor]]:
    """Makes executors of one kind. A new kind joins the contract by standing here."""
    if request.param == "inline":
        yield lambda work: InlineExecutor()
    elif request.param == "process":
        from tunemagic.search.executors.process import ProcessExecutor

        yield ProcessExecutor
    else:
        import dask
        from distributed import LocalCluster, Security

        from tunemagic.search.executors.cluster import connect
        from tunemagic.search.executors.dask import DaskExecutor

        settings = {"distributed.worker.multiprocessing-method": "spawn", "distributed.scheduler.allowed-failures": 0}
        security = Security.temporary()
        with (
            dask.config.set(settings),
            LocalCluster(
                n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, security=security
            ) as cluster,
        ):
            client, _ = connect(cluster)
            yield lambda work: DaskExecutor(work, client)
            client.close()


class TestEveryExecutor:
    @pytest.fixture
    def make_executor(self, new_executor: Callable[[Work], Executor]) -> Iterator[Callable[[Any], Executor]]:
        """An executor for the work of a job."""
        made: list[Executor] = []

        def make(job: Any) -> Executor:
            made.append(new_executor(job.work))
            return made[-1]

        yield make
        for executor in made:
            executor.close()

    def test_epochs_come_in_order_and_one_outcome_comes_last(self, make_executor: Any, make_job: Any) -> None:
        job = make_job(trial=5, attempt=2, epochs=2)
        executor = make_executor(job)
        executor.submit(job)
        *epochs, outcome = reports_of(executor, 5)
        assert [(type(event), event.attempt, getattr(event, "epoch", None)) for event in epochs] == [
            (ev.EpochEnded, 2, 1),
            (ev.EpochEnded, 2, 2),
        ]
        assert isinstance(outcome, TrialOutcome)
        assert (outcome.ending, outcome.attempt) == (Ending.FINISHED, 2)
        assert outcome.weights is not None
        assert executor.next_report(0.0) is None

    def test_a_result_does_not_depend_on_the_executor(self, make_executor: Any, make_job: Any) -> None:
        from tunemagic.search.train import run_job

        expected = run_job(make_job(epochs=2), lambda event: None, StopFlag())
        job = make_job(epochs=2)
        executor = make_executor(job)
        executor.submit(job)
        outcome = outcome_of(executor, 1)
        assert outcome.score == pytest.approx(expected.score, rel=1e-5)
        assert outcome.best_epoch == expected.best_epoch
        assert outcome.hp.get_config() == expected.hp.get_config()

    @pytest.mark.parametrize("fault", ["1 / 0", "raise SystemExit(1)", "raise MemoryError"])
    def test_a_fault_in_the_cell_ends_its_trial_only(
        self, fault: str, make_executor: Any, make_job: Any, cell: str
    ) -> None:
        source = f"if hp.Boolean('broken'):\n    {fault}\n{cell}"
        job = make_job(source, {"broken": True}, trial=1)
        executor = make_executor(job)
        executor.submit(job)
        failed = outcome_of(executor, 1)
        assert (failed.ending, failed.line, failed.source) == (Ending.FAILED, 3, fault)
        executor.submit(make_job(source, {"broken": False}, trial=2, epochs=1))
        assert outcome_of(executor, 2).ending is Ending.FINISHED

    def test_a_cancelled_trial_ends_with_its_best_epoch_so_far(self, make_executor: Any, make_job: Any) -> None:
        job = make_job(epochs=LONG)
        executor = make_executor(job)
        executor.submit(job)
        assert isinstance(new_report(executor), ev.EpochEnded)
        executor.cancel(1)
        outcome = outcome_of(executor, 1)
        assert outcome.ending is Ending.STOPPED
        assert outcome.score is not None
        assert outcome.weights is not None

    @pytest.fixture
    def notebook_settings(self) -> Iterator[None]:
        """Keras' settings as a notebook may have changed them; put back afterwards."""
        import keras

        policy, epsilon = keras.config.dtype_policy(), keras.config.epsilon()
        keras.config.set_dtype_policy("mixed_bfloat16")
        keras.config.set_epsilon(1e-4)
        yield
        keras.config.set_dtype_policy(policy)
        keras.config.set_epsilon(epsilon)

    @pytest.mark.usefixtures("notebook_settings")
    def test_settings_of_keras_made_in_the_kernel_hold_where_the_trial_runs(
        self, make_executor: Any, make_job: Any, cell: str
    ) -> None:
        source = """
found = keras.config.dtype_policy().name, keras.config.epsilon()
if found != ("mixed_bfloat16", 1e-4):
    raise ValueError(found)
"""
        job = make_job(source + cell, epochs=1)
        executor = make_executor(job)
        executor.submit(job)
        outcome = outcome_of(executor, 1)
        assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")

    def held(self, executor: Executor, trial: int) -> StateTaken:
        """The state that the trial reports before it waits; nothing else comes then."""
        executor.hold(trial)
        *epochs, state = reports_until(executor, StateTaken)
        assert all(isinstance(report, ev.EpochEnded) for report in epochs)
        assert executor.next_report(0.3) is None
        assert isinstance(state, StateTaken)
        return state

    def test_a_held_trial_reports_its_state_and_waits_until_it_is_released_or_cancelled(
        self, make_executor: Any, make_job: Any
    ) -> None:
        job = make_job(epochs=LONG)
        executor = make_executor(job)
        executor.submit(job)
        assert isinstance(new_report(executor), ev.EpochEnded)
        state = self.held(executor, 1)
        executor.hold(1)  # once more is harmless
        executor.release(1)
        went_on = new_report(executor)
        assert isinstance(went_on, ev.EpochEnded)
        assert (went_on.attempt, went_on.epoch) == (1, state.epoch + 1)
        assert self.held(executor, 1).epoch > state.epoch
        executor.cancel(1)
        outcome = outcome_of(executor, 1)
        assert (outcome.ending, outcome.weights is not None) == (Ending.STOPPED, True)

    def test_holding_or_releasing_an_unknown_or_ended_trial_is_ignored(self, make_executor: Any, make_job: Any) -> None:
        job = make_job(epochs=1)
        executor = make_executor(job)
        executor.hold(99)
        executor.release(99)
        executor.submit(job)
        assert outcome_of(executor, 1).ending is Ending.FINISHED
        executor.hold(1)
        executor.release(1)
        executor.submit(make_job(trial=2, epochs=1))
        assert outcome_of(executor, 2).ending is Ending.FINISHED

    def test_no_workers_at_all_are_refused_in_one_line(self, make_executor: Any, make_job: Any) -> None:
        executor = make_executor(make_job())
        slots = executor.slots
        with pytest.raises(OptionError, match=r"^workers: received 0; .+\.$"):
            executor.resize(0)
        assert executor.slots == slots

    def test_cancelling_an_unknown_or_ended_trial_is_ignored(self, make_executor: Any, make_job: Any) -> None:
        job = make_job(epochs=1)
        executor = make_executor(job)
        executor.cancel(99)
        executor.submit(job)
        assert outcome_of(executor, 1).ending is Ending.FINISHED
        executor.cancel(1)
        executor.submit(make_job(trial=2, epochs=1))
        assert outcome_of(executor, 2).ending is Ending.FINISHED

    def test_waiting_for_a_report_ends_when_none_comes(self, make_executor: Any, make_job: Any) -> None:
        executor = make_executor(make_job())
        executor.next_report(0.0)  # workers may have started
        assert executor.next_report(0.01) is None or executor.next_report(0.01) is None

    def test_closing_ends_what_runs_and_twice_is_harmless(self, make_executor: Any, make_job: Any) -> None:
        job = make_job(epochs=LONG)
        executor = make_executor(job)
        executor.submit(job)
        assert isinstance(new_report(executor), ev.EpochEnded)
        executor.close()
        executor.close()
        running = [thread.name for thread in threading.enumerate()]
        assert not [name for name in running if name.startswith(("tunemagic-trial", "tunemagic-worker"))]

    def test_there_is_room_for_at_least_one_trial(self, make_executor: Any, make_job: Any) -> None:
        assert make_executor(make_job()).slots >= 1
