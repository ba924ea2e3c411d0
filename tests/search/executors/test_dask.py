"""Trials on a Dask cluster: what all executors promise stands in test_contract."""

import importlib
import multiprocessing
import os
import signal
import socket
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import dask
import pytest
from distributed import Client, LocalCluster, Security

from tunemagic import events as ev
from tunemagic.errors import OptionError
from tunemagic.request import TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.executors import dask_link, dask_worker
from tunemagic.search.executors.cluster import connect
from tunemagic.search.executors.dask import DaskExecutor
from tunemagic.search.job import Ending, Report, TrialOutcome, WorkersStarted
from tunemagic.trial import StudyState, TrialState

PATIENCE = 120.0  # seconds until a test gives up; reports are awaited, not slept for
LONG = 1_000_000  # epochs that no test waits for


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes behind TLS, as anybody would start them; a lost task is not run again."""
    settings = {"distributed.worker.multiprocessing-method": "spawn", "distributed.scheduler.allowed-failures": 0}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            security=Security.temporary(),
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    client, made = connect(cluster)
    assert made
    client.wait_for_workers(2, timeout=PATIENCE)
    yield client
    client.close()


@pytest.fixture
def make_executor(client: Client) -> Iterator[Callable[..., DaskExecutor]]:
    made = []

    def make(job: Any, client: Client = client, **options: Any) -> DaskExecutor:
        made.append(DaskExecutor(job.work, client, **options))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def reports_of(executor: DaskExecutor, trial: int) -> list[Report]:
    """Reports up to the trial's outcome, without that of the workers' start and those of other trials."""
    reports: list[Report] = []
    while not reports or not isinstance(reports[-1], TrialOutcome):
        report = executor.next_report(PATIENCE)
        assert report is not None, "no report came"
        if report.trial == trial:
            reports.append(report)
    return reports


def outcome_of(executor: DaskExecutor, trial: int) -> TrialOutcome:
    outcome = reports_of(executor, trial)[-1]
    assert isinstance(outcome, TrialOutcome)
    return outcome


def first_epoch(executor: DaskExecutor) -> ev.EpochEnded:
    while True:
        report = executor.next_report(PATIENCE)
        assert report is not None, "no report came"
        if isinstance(report, ev.EpochEnded):
            return report


PRINTS_PROCESS = "import os\nprint('process', os.getpid(), flush=True)\n"


def test_each_worker_process_runs_one_trial_at_a_time(make_executor: Any, make_job: Any, cell: str) -> None:
    job = make_job(PRINTS_PROCESS + cell, epochs=1)
    executor = make_executor(job)
    assert (executor.kind, executor.slots) == ("dask", 2)
    executor.submit(make_job(PRINTS_PROCESS + cell, epochs=1, trial=1))
    executor.submit(make_job(PRINTS_PROCESS + cell, epochs=1, trial=2))
    outcomes: dict[int, TrialOutcome] = {}
    started: list[WorkersStarted] = []
    while len(outcomes) < 2:
        report = executor.next_report(PATIENCE)
        assert report is not None
        if isinstance(report, TrialOutcome):
            outcomes[report.trial] = report
        elif isinstance(report, WorkersStarted):
            started.append(report)
    assert {outcome.ending for outcome in outcomes.values()} == {Ending.FINISHED}
    assert {outcome.worker for outcome in outcomes.values()} == {1, 2}
    processes = {outcome.log.splitlines()[0] for outcome in outcomes.values()}
    assert len(processes) == 2
    assert f"process {os.getpid()}" not in processes
    assert len(started) == 1


@pytest.mark.parametrize(("most", "slots"), [(1, 1), (2, 2), (9, 2), (None, 2)])
def test_no_more_trials_run_at_a_time_than_are_wanted(
    most: int | None, slots: int, make_executor: Any, make_job: Any
) -> None:
    assert make_executor(make_job(), most=most).slots == slots


def test_the_work_travels_once_to_a_worker(make_executor: Any, make_job: Any, monkeypatch: Any) -> None:
    job = make_job(epochs=1)
    executor = make_executor(job)
    sent: list[str] = []
    send = dask_link.DaskLink._send
    monkeypatch.setattr(dask_link.DaskLink, "_send", lambda link, *what: (sent.append(what[1]), send(link, *what)))
    for trial in (1, 2, 3):
        executor.submit(make_job(epochs=1, trial=trial))
        assert outcome_of(executor, trial).ending is Ending.FINISHED
    assert sent == [dask_worker.WORK, "1-1", "2-1", "3-1"]


def test_functions_and_arrays_of_the_notebook_travel_in_parts(
    make_executor: Any, make_job: Any, cell: str, namespace: dict[str, Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr(dask_link, "_PART_BYTES", 1000)
    source: dict[str, Any] = {"__name__": "__main__"}
    exec("def width():\n    return 12\n", source)
    namespace["width"] = source["width"]
    job = make_job(cell.replace("Dense(units", "Dense(width()"), epochs=1)
    executor = make_executor(job)
    executor.submit(job)
    outcome = outcome_of(executor, 1)
    assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")


@pytest.fixture
def save_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Save the text of a module in the notebook's folder and import it, again when it was imported before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    # Python tells edits within a second apart by the size only, when it has kept the bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def save(text: str) -> ModuleType:
        (tmp_path / "beside_the_client.py").write_text(text, encoding="utf-8")
        imported = sys.modules.get("beside_the_client")
        return importlib.import_module("beside_the_client") if imported is None else importlib.reload(imported)

    yield save
    sys.modules.pop("beside_the_client", None)


def test_a_module_that_was_edited_and_reloaded_is_new_to_a_worker_that_had_the_old_one(
    save_module: Callable[[str], ModuleType], make_executor: Any, make_job: Any, cell: str, namespace: dict[str, Any]
) -> None:
    source = PRINTS_PROCESS + "print('code', module.name(), name())\n" + cell
    processes = set()
    for text in ("first", "other"):
        module = save_module(f"NAME = {text!r}\ndef name():\n    return NAME\n")
        namespace |= {"module": module, "name": module.name}  # import module; from module import name
        job = make_job(source, epochs=1)
        executor = make_executor(job)
        executor.submit(job)
        outcome = outcome_of(executor, 1)
        assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")
        process, code = outcome.log.splitlines()[:2]
        assert code == f"code {text} {text}"
        processes.add(process)
    assert len(processes) == 1


def test_killing_a_worker_loses_its_trial_only_and_another_worker_takes_its_place(
    make_executor: Any, make_job: Any, client: Client
) -> None:
    executor = make_executor(make_job())
    executor.submit(make_job(trial=1, epochs=LONG))
    executor.submit(make_job(trial=2, epochs=LONG))
    begun: set[int] = set()
    while begun < {1, 2}:
        begun.add(first_epoch(executor).trial)
    address = executor._unfinished[1].address
    os.kill(client.run(os.getpid, workers=[address])[address], signal.SIGKILL)
    lost = outcome_of(executor, 1)
    assert (lost.ending, lost.error, lost.score) == (Ending.LOST, "worker lost", None)
    assert lost.reason == f"the Dask worker {address} died during the trial"
    executor.submit(make_job(trial=1, attempt=2, epochs=1))
    again = outcome_of(executor, 1)
    assert (again.ending, again.attempt) == (Ending.FINISHED, 2)
    executor.cancel(2)
    assert outcome_of(executor, 2).ending is Ending.STOPPED


def test_a_lost_trial_is_not_run_again_by_a_scheduler_that_would(make_job: Any, cell: str, tmp_path: Any) -> None:
    log = tmp_path / "runs"
    source = f"""
        import os
        number = hp.Int("number", 1, 2)
        with open({str(log)!r}, "a") as file:
            file.write(f"trial {{number}};")
        if number == 1:
            os.kill(os.getpid(), 9)
    """
    source = textwrap.dedent(source) + cell
    settings = {"distributed.worker.multiprocessing-method": "spawn", "distributed.scheduler.allowed-failures": 3}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        job = make_job(source, {"number": 1})
        executor = DaskExecutor(job.work, client)
        executor.submit(job)
        assert outcome_of(executor, 1).ending is Ending.LOST
        executor.submit(make_job(source, {"number": 2}, trial=2, epochs=1))
        assert outcome_of(executor, 2).ending is Ending.FINISHED
        executor.close()
    assert log.read_text() == "trial 1;trial 2;"


def test_a_study_tries_a_trial_that_killed_its_worker_once_more_and_goes_on(
    client: Client, book: Any, namespace: dict[str, Any], cell: str, tmp_path: Path
) -> None:
    # The cell is looked at in this process first, which must live on.
    source = f"""
        import os, pathlib
        marker = pathlib.Path({str(tmp_path / "killed")!r})
        if os.getpid() != {os.getpid()} and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), {signal.SIGKILL:d})
    """
    request = TuneRequest(name="s", max_trials=2, epochs=1, workers=1, cluster="client")
    data = resolve_data(request, namespace, seed=0)
    program = read_cell(textwrap.dedent(source) + cell, namespace, first_line=2, data_names=data.names)
    study = book.open(request, program, data, sources=program.sources, cluster=client)
    study.start()
    assert study.wait(PATIENCE)
    view = study.view
    assert (view.state, view.end_message) == (StudyState.FINISHED, "all 2 trials done")
    assert (view.executor, view.workers, view.executor_reason) == ("dask", 1, "you chose it")
    assert [(trial.state, trial.attempt) for trial in view.trials] == [
        (TrialState.COMPLETED, 2),
        (TrialState.COMPLETED, 1),
    ]
    assert all(trial.score is not None for trial in view.trials)
    (note,) = [note for note in view.notes if note.startswith("trial ")]
    assert note.startswith("trial 1: the Dask worker tls://127.0.0.1:")
    assert note.endswith(" died during the trial; it is tried once more")


def search_in_a_process_that_will_die(address: str, security: Any, packed: bytes, begun: Any) -> None:
    client = Client(address, security=security)
    job = cloudpickle.loads(packed)
    executor = DaskExecutor(job.work, client)
    executor.submit(job)
    first_epoch(executor)
    begun.set()
    signal.pause()


def test_a_trial_ends_when_the_kernel_that_wanted_it_is_killed(client: Client, make_job: Any, tmp_path: Any) -> None:
    over = tmp_path / "over"
    source = f"""
        import keras, pathlib
        class Tells(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                pathlib.Path({str(over)!r}).touch()
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Int("n", 10, 20))])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
        callbacks = [Tells()]
    """
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    kernel = context.Process(
        target=search_in_a_process_that_will_die,
        args=(client.scheduler.address, client.security, cloudpickle.dumps(make_job(source, epochs=LONG)), begun),
    )
    kernel.start()
    assert begun.wait(PATIENCE)
    kernel.kill()
    kernel.join()

    def trains() -> bool:
        return any(thread.name == "tunemagic-watch" for thread in threading.enumerate())

    while any(client.run(trains).values()):
        pass
    assert over.exists()


def test_a_cell_that_a_worker_can_not_rebuild_fails_its_trial_with_a_reason(
    make_executor: Any, make_job: Any, namespace: dict[str, Any]
) -> None:
    class Gone:
        def __reduce__(self) -> Any:
            return (__import__, ("a_module_that_only_the_notebook_has",))

    namespace["gone"] = Gone()
    job = make_job("gone\n1 / 0")
    executor = make_executor(job)
    executor.submit(job)
    outcome = outcome_of(executor, 1)
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "ModuleNotFoundError")
    assert outcome.reason.startswith("the cell could not be rebuilt in the Dask worker: ")
    assert "a_module_that_only_the_notebook_has" in outcome.reason


class TestConnecting:
    def test_a_client_is_taken_as_it_is(self, client: Client) -> None:
        assert connect(client) == (client, False)

    def test_a_client_made_for_a_cluster_is_not_the_default_of_the_notebook(self, cluster: LocalCluster) -> None:
        client, made = connect(cluster)
        assert made
        with pytest.raises(ValueError, match="No client"):
            Client.current(allow_global=True)
        client.close()

    def test_a_closed_client_is_refused(self, cluster: LocalCluster) -> None:
        client, _ = connect(cluster)
        client.close()
        with pytest.raises(OptionError, match="the client is closed; expected one that is connected"):
            connect(client)

    @pytest.mark.parametrize("address", ["", "nothing://here", "tls://127.0.0.1:1", "tcp://127.0.0.1:1"])
    def test_an_address_where_no_scheduler_is_gives_one_line(self, address: str) -> None:
        with pytest.raises(OptionError, match=r"^--cluster: no Dask scheduler .* can be reached \([^\n]*$"):
            connect(address)

    def test_a_port_that_never_answers_gives_one_line(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(OptionError, match="can be reached"):
                connect(address)

    def test_anything_else_is_refused(self) -> None:
        with pytest.raises(OptionError, match="received a int; expected a scheduler's address"):
            connect(3)

    def test_a_cluster_without_workers_is_refused(self, monkeypatch: Any) -> None:
        monkeypatch.setattr("tunemagic.search.executors.cluster._REACH_SECONDS", 1)
        with (
            LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as empty,
            pytest.raises(OptionError, match=r"has no workers; expected at least one\. Try cluster\.scale"),
        ):
            connect(empty)

    @pytest.mark.parametrize(
        ("own", "text"),
        [
            ({"Python": "1.0"}, r"the worker t\S+ has Python 3\.\d+\.\d+; expected 1\.0 as in this kernel"),
            ({"keras": "1.0"}, r"the worker t\S+ has keras 3\.[0-9.]+; expected 1\.0 as in this kernel"),
            ({"no-such-package": "1.0"}, r"the worker t\S+ lacks no-such-package; expected 1\.0 .* Install it there"),
        ],
        ids=["another Python", "another Keras", "no package"],
    )
    def test_workers_that_differ_from_the_kernel_are_refused(
        self, own: dict[str, str], text: str, client: Client, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("tunemagic.search.executors.cluster.own_versions", lambda: own)
        with pytest.raises(OptionError, match=text):
            connect(client)
