"""Trials in isolated workers: what all executors promise stands in test_contract."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tunemagic import events as ev
from tunemagic.errors import OptionError, UnsendableError
from tunemagic.search.executors import forkserver, slot
from tunemagic.search.executors.process import ProcessExecutor
from tunemagic.search.job import Ending, Report, StateTaken, TrialOutcome, WorkersStarted

PATIENCE = 120.0  # seconds until a test gives up; reports are awaited, not slept for
LONG = 1_000_000  # epochs that no test waits for
PRINTS_PROCESS = "import os\nprint('process', os.getpid())\n"

MakeExecutor = Callable[..., ProcessExecutor]


@pytest.fixture
def make_executor() -> Iterator[MakeExecutor]:
    """An executor for a job's work."""
    made: list[ProcessExecutor] = []

    def make(job: Any, **options: Any) -> ProcessExecutor:
        made.append(ProcessExecutor(job.work, **options))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def reports_until(executor: ProcessExecutor, wanted: type) -> list[Report]:
    """Reports up to the first one of this sort."""
    reports: list[Report] = []
    while not reports or not isinstance(reports[-1], wanted):
        report = executor.next_report(PATIENCE)
        assert report is not None, "no report came"
        reports.append(report)
    return reports


def outcome_of(executor: ProcessExecutor) -> TrialOutcome:
    outcome = reports_until(executor, TrialOutcome)[-1]
    assert isinstance(outcome, TrialOutcome)
    return outcome


def run(executor: ProcessExecutor, job: Any) -> TrialOutcome:
    executor.submit(job)
    return outcome_of(executor)


def process_in(outcome: TrialOutcome) -> int:
    """The process id that PRINTS_PROCESS printed."""
    return next(int(line.split()[1]) for line in outcome.log.splitlines() if line.startswith("process "))


# -- processes ------------------------------------------------------------------------------------


def test_a_worker_is_forked_from_a_server_that_ran_nothing(
    make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    source = PRINTS_PROCESS + "import multiprocessing\nprint(multiprocessing.get_start_method())\n" + cell
    job = make_job(source, epochs=1)
    executor = make_executor(job)
    assert (executor.kind, executor.slots) == ("process", 1)
    outcome = run(executor, job)
    assert "forkserver" in outcome.log.splitlines()
    worker = psutil.Process(process_in(outcome))
    assert worker.pid != os.getpid()
    assert worker.ppid() == executor._server.pid
    assert os.getsid(worker.pid) != os.getsid(0)


def test_one_worker_runs_one_trial_after_the_other(make_executor: MakeExecutor, make_job: Any, cell: str) -> None:
    job = make_job(PRINTS_PROCESS + cell, epochs=1)
    executor = make_executor(job)
    outcomes = [run(executor, make_job(PRINTS_PROCESS + cell, trial=trial, epochs=1)) for trial in (1, 2, 3)]
    assert len({process_in(outcome) for outcome in outcomes}) == 1
    assert {outcome.worker for outcome in outcomes} == {1}


def test_two_workers_train_at_the_same_time_with_their_share_of_threads(
    make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    source = PRINTS_PROCESS + (
        "import tensorflow as tf\nprint('threads', tf.config.threading.get_intra_op_parallelism_threads(),"
        " os.environ['OMP_NUM_THREADS'])\n" + cell
    )
    executor = make_executor(make_job(source), workers=2, threads=1)
    for trial in (1, 2):
        executor.submit(make_job(source, trial=trial, epochs=LONG))
    seen: set[int | None] = set()
    starts = 0
    while seen != {1, 2}:
        report = executor.next_report(PATIENCE)
        assert report is not None
        starts += isinstance(report, WorkersStarted)
        if isinstance(report, ev.EpochEnded):
            assert starts == 1
            seen.add(report.trial)
    executor.cancel(1)
    executor.cancel(2)
    outcomes = [outcome_of(executor), outcome_of(executor)]
    assert len({process_in(outcome) for outcome in outcomes}) == 2
    assert {outcome.worker for outcome in outcomes} == {1, 2}
    assert all("threads 1 1" in outcome.log for outcome in outcomes)


def test_workers_come_and_go_while_trials_train(make_executor: MakeExecutor, make_job: Any) -> None:
    executor = make_executor(make_job(), workers=2, threads=1)
    executor.submit(make_job(trial=1, epochs=LONG))
    reports_until(executor, ev.EpochEnded)
    executor.resize(1)  # the idle one goes, whichever of them that is
    assert executor.slots == 1
    with pytest.raises(OptionError, match=r"^workers: received 99; expected 1 to "):
        executor.resize(99)
    executor.resize(2)
    executor.submit(make_job(trial=2, epochs=LONG))
    while reports_until(executor, ev.EpochEnded)[-1].trial != 2:
        pass
    executor.resize(1)  # both train: one goes when its trial has ended
    executor.cancel(1)
    executor.cancel(2)
    assert {outcome_of(executor).ending, outcome_of(executor).ending} == {Ending.STOPPED}
    assert run(executor, make_job(trial=3, epochs=1)).ending is Ending.FINISHED
    slots = [thread for thread in threading.enumerate() if isinstance(thread, slot.Slot)]
    for thread in slots:
        if thread.retired:
            thread.join(PATIENCE)
    assert [thread.is_alive() for thread in slots].count(True) == 1


def test_a_trial_that_is_held_before_its_worker_has_it_waits_after_its_first_epoch(
    make_executor: MakeExecutor, make_job: Any
) -> None:
    executor = make_executor(make_job())
    executor.submit(make_job(epochs=LONG))
    executor.hold(1)
    state = reports_until(executor, StateTaken)[-1]
    assert isinstance(state, StateTaken)
    assert state.epoch == 1
    assert executor.next_report(0.0) is None


def test_closing_leaves_no_worker(make_job: Any, cell: str) -> None:
    job = make_job(PRINTS_PROCESS + cell, epochs=1)
    executor = ProcessExecutor(job.work)
    worker = psutil.Process(process_in(run(executor, job)))
    executor.submit(make_job(PRINTS_PROCESS + cell, trial=2, epochs=LONG))
    reports_until(executor, ev.EpochEnded)
    executor.close()
    assert psutil.wait_procs([worker], PATIENCE)[1] == []


def test_no_process_listens_on_the_network(make_executor: MakeExecutor, make_job: Any, cell: str) -> None:
    def listening(pids: list[int]) -> list[Any]:
        found = [each for pid in pids for each in psutil.Process(pid).net_connections("inet")]
        return [each for each in found if each.status == psutil.CONN_LISTEN]

    before = listening([os.getpid()])
    job = make_job(PRINTS_PROCESS + cell, epochs=1)
    executor = make_executor(job)
    worker = process_in(run(executor, job))
    assert executor._server.pid is not None
    assert listening([os.getpid(), executor._server.pid, worker]) == before


def test_a_worker_that_died_between_trials_costs_no_trial(
    make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    job = make_job(PRINTS_PROCESS + cell, epochs=1)
    executor = make_executor(job)
    worker = psutil.Process(process_in(run(executor, job)))
    worker.kill()
    assert psutil.wait_procs([worker], PATIENCE)[1] == []
    assert run(executor, make_job(PRINTS_PROCESS + cell, trial=2, epochs=1)).ending is Ending.FINISHED


def test_a_worker_that_has_grown_is_replaced(
    make_executor: MakeExecutor, make_job: Any, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "RECYCLE_TRIALS", 2)
    monkeypatch.setattr(slot, "RECYCLE_BYTES", -(2**30))
    job = make_job(PRINTS_PROCESS + cell, epochs=1)
    executor = make_executor(job)
    workers = [
        process_in(run(executor, make_job(PRINTS_PROCESS + cell, trial=trial, epochs=1))) for trial in (1, 2, 3, 4)
    ]
    assert workers[0] == workers[1] != workers[2] == workers[3]


# -- faults ---------------------------------------------------------------------------------------

DEATHS = {
    "SIGKILL": "import os\nos.kill(os.getpid(), 9)",
    "SIGSEGV": "import ctypes\nctypes.string_at(0)",
    "SIGABRT": "import os\nos.abort()",
    "exit code 3": "import os\nos._exit(3)",
    "exit code 0": "import os\nos._exit(0)",
}


@pytest.mark.parametrize("name", DEATHS)
def test_a_trial_whose_worker_dies_is_lost_and_the_next_one_runs(
    name: str, make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    death = DEATHS[name].replace("\n", "\n    ")
    source = f"print('last words')\nif hp.Boolean('dies'):\n    {death}\n{cell}"
    job = make_job(source, {"dies": True})
    executor = make_executor(job)
    lost = run(executor, job)
    assert (lost.ending, lost.error, lost.worker, lost.weights) == (Ending.LOST, name, 1, None)
    assert name in lost.reason
    assert "last words" in lost.log.splitlines()
    assert run(executor, make_job(source, {"dies": False}, trial=2, epochs=1)).ending is Ending.FINISHED


def test_a_crash_in_compiled_code_leaves_its_stack_in_the_log(make_executor: MakeExecutor, make_job: Any) -> None:
    job = make_job(DEATHS["SIGSEGV"])
    lost = run(make_executor(job), job)
    assert "Fatal Python error: Segmentation fault" in lost.log
    assert job.work.program.filename in lost.log


def test_epochs_before_a_death_are_reported(make_executor: MakeExecutor, make_job: Any, cell: str) -> None:
    source = cell + (
        "import os\nclass Dies(keras.callbacks.Callback):\n    def on_epoch_begin(self, epoch, logs=None):\n"
        "        if epoch == 2:\n            os.kill(os.getpid(), 9)\ncallbacks = [Dies()]\n"
    )
    job = make_job(source, epochs=3)
    executor = make_executor(job)
    executor.submit(job)
    reports = reports_until(executor, TrialOutcome)
    assert [report.epoch for report in reports if isinstance(report, ev.EpochEnded)] == [1, 2]


ALLOCATIONS = {
    "one large array": "np.ones(2**40)",
    "many small arrays": "while True: kept.append(np.ones(2**21)); time.sleep(0.01)",
}


@pytest.mark.parametrize("allocation", ALLOCATIONS)
def test_a_trial_that_uses_too_much_memory_fails(
    allocation: str, make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    source = (
        f"import time\nimport numpy as np\nkept = []\nif hp.Boolean('hungry'):\n    {ALLOCATIONS[allocation]}\n{cell}"
    )
    job = make_job(source, {"hungry": True})
    executor = make_executor(job, memory_gb=1.5)
    failed = run(executor, job)
    assert (failed.ending, failed.error) == (Ending.FAILED, "out of memory")
    if allocation == "many small arrays":
        assert "more than --memory-gb 1.5" in failed.reason
    assert run(executor, make_job(source, {"hungry": False}, trial=2, epochs=1)).ending is Ending.FINISHED


STUCK = {
    "waits": "import time\ntime.sleep(1e6)",
    "holds the interpreter": "import ctypes\nctypes.PyDLL(None).sleep(1_000_000)",
}


@pytest.mark.parametrize("how", STUCK)
def test_a_cancelled_trial_that_does_not_end_is_ended(
    how: str, make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    stuck = STUCK[how].replace("\n", "\n    ")
    source = f"if hp.Boolean('stuck'):\n    print('stuck')\n    {stuck}\n{cell}"
    job = make_job(source, {"stuck": True})
    executor = make_executor(job)
    reports_until_started(executor)
    executor.submit(job)
    executor.cancel(1)
    stopped = outcome_of(executor)
    assert (stopped.ending, stopped.score, stopped.weights) == (Ending.STOPPED, None, None)
    assert run(executor, make_job(source, {"stuck": False}, trial=2, epochs=1)).ending is Ending.FINISHED


def reports_until_started(executor: ProcessExecutor) -> None:
    reports_until(executor, WorkersStarted)


def test_the_best_epoch_of_a_trial_that_had_to_be_killed_counts(
    make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    source = cell + (
        "import ctypes\nclass Sticks(keras.callbacks.Callback):\n    def on_epoch_begin(self, epoch, logs=None):\n"
        "        if epoch == 2:\n            ctypes.PyDLL(None).sleep(1_000_000)\ncallbacks = [Sticks()]\n"
    )
    job = make_job(source, epochs=3)
    executor = make_executor(job)
    executor.submit(job)
    epochs = [reports_until(executor, ev.EpochEnded)[-1] for _ in range(2)]
    executor.cancel(1)
    stopped = outcome_of(executor)
    losses = [epoch.logs["val_loss"] for epoch in epochs if isinstance(epoch, ev.EpochEnded)]
    assert stopped.ending is Ending.STOPPED
    assert (stopped.score, stopped.best_epoch) == (min(losses), 1 + losses.index(min(losses)))


def test_a_trial_can_be_cancelled_before_it_has_a_worker(make_executor: MakeExecutor, make_job: Any) -> None:
    executor = make_executor(make_job())
    for trial in (1, 2):  # one of them waits for the other
        executor.submit(make_job(trial=trial, epochs=LONG))
        executor.cancel(trial)
    outcomes = [outcome_of(executor), outcome_of(executor)]
    assert {(outcome.trial, outcome.ending) for outcome in outcomes} == {(1, Ending.STOPPED), (2, Ending.STOPPED)}


def test_work_that_a_worker_can_not_rebuild_fails_with_the_reason(
    make_executor: MakeExecutor, make_job: Any, cell: str, namespace: dict[str, Any]
) -> None:
    exec("class Gone:\n    def __reduce__(self):\n        return int, ('not a number',)\ngone = Gone()", namespace)
    job = make_job("gone\n" + cell)
    failed = run(make_executor(job), job)
    assert failed.ending is Ending.FAILED
    assert failed.reason.startswith("its worker can't rebuild the cell: ValueError: invalid literal")


def test_what_can_not_be_sent_is_refused_at_once(make_job: Any, namespace: dict[str, Any]) -> None:
    import keras

    namespace["base"] = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
    with pytest.raises(UnsendableError, match=r"`base` \(a Keras model\)"):
        ProcessExecutor(make_job("model = base").work)


# -- output ---------------------------------------------------------------------------------------


def test_the_log_holds_the_last_lines_of_its_trial_only(make_executor: MakeExecutor, make_job: Any, cell: str) -> None:
    source = (
        "import ctypes, os, sys\nname = hp.Choice('name', ['one', 'two'])\nfor i in range(300): print(name, i)\n"
        "print('to stderr', file=sys.stderr)\nos.write(1, b'raw\\xff\\n')\n"
        "ctypes.CDLL(None).puts(b'from C')\nprint('no end', end='')\n" + cell
    )
    job = make_job(source, {"name": "one"}, epochs=1)
    executor = make_executor(job)
    first = run(executor, job).log.splitlines()
    second = run(executor, make_job(source, {"name": "two"}, trial=2, epochs=1)).log.splitlines()
    assert len(first) == len(second) == 200
    assert "one 299" in first
    assert "one 0" not in first
    assert {"two 299", "to stderr", "raw\ufffd", "no end"} <= set(second)
    assert "from C" in "".join(second)
    assert not [line for line in second if line.startswith("one")]


def test_a_flood_of_output_holds_nobody_up(make_executor: MakeExecutor, make_job: Any, cell: str) -> None:
    job = make_job("for i in range(100_000): print('x' * 100)\n" + cell, epochs=1)
    outcome = run(make_executor(job), job)
    assert outcome.ending is Ending.FINISHED
    assert outcome.log.splitlines() == ["x" * 100] * 200


def test_output_of_a_worker_stays_out_of_the_notebook(
    make_executor: MakeExecutor, make_job: Any, cell: str, capfd: pytest.CaptureFixture[str]
) -> None:
    job = make_job("print('only in the log')\n" + cell, epochs=1)
    assert "only in the log" in run(make_executor(job), job).log
    assert capfd.readouterr().out == ""


# -- what travels ---------------------------------------------------------------------------------


def test_arrays_are_mapped_and_what_was_read_only_still_is(
    make_executor: MakeExecutor, make_job: Any, quick_cell: str, namespace: dict[str, Any]
) -> None:
    namespace["table"] = namespace["x_train"].copy()
    source = quick_cell.replace(
        "        return 1 /",
        "        base = x\n"
        "        while hasattr(base, 'base'): base = base.base\n"
        "        print('data', x.flags.writeable, type(base.obj).__name__)\n"
        "        table[0, 0] = 7\n"
        "        print('maps', sum('(deleted)' in line and 'tunemagic' in line or '/#' in line"
        " for line in open('/proc/self/maps')))\n"
        "        return 1 /",
    )
    job = make_job(source)
    outcome = run(make_executor(job), job)
    assert outcome.ending is Ending.FINISHED, outcome.reason
    lines = outcome.log.splitlines()
    assert "data False mmap" in lines
    assert next(line for line in lines if line.startswith("maps")) != "maps 0"
    assert namespace["table"][0, 0] != 7


def test_two_definitions_of_a_hyperparameter_name_the_users_line(
    make_executor: MakeExecutor, make_job: Any, cell: str
) -> None:
    job = make_job(cell + "hp.Int('units', 1, 2)\n")
    failed = run(make_executor(job), job)
    assert failed.ending is Ending.FAILED
    assert "line 7: hyperparameter 'units' is defined a second time" in failed.reason


def test_a_module_beside_the_notebook_is_read_anew_by_each_study(
    make_executor: MakeExecutor,
    make_job: Any,
    cell: str,
    namespace: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for text in ("first", "second"):
        (tmp_path / "beside_the_notebook.py").write_text(f"def name():\n    return {text!r}\n")
        if text == "first":
            import beside_the_notebook  # type: ignore[import-not-found]

            namespace["beside"] = beside_the_notebook
        job = make_job("print('module', beside.name())\n" + cell, epochs=1)
        assert f"module {text}" in run(make_executor(job), job).log
    monkeypatch.delitem(sys.modules, "beside_the_notebook")


# -- the fork server ------------------------------------------------------------------------------


def test_another_environment_directory_or_path_starts_another_server(
    make_executor: MakeExecutor, make_job: Any, cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os, sys\nprint(os.environ.get('A_SETTING'), os.getcwd(), sys.path[-1])\n" + cell
    job = make_job(source, epochs=1)
    before = make_executor(job)
    run(before, job)
    monkeypatch.setenv("A_SETTING", "a value")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, "/a/folder"])
    after = make_executor(job)
    assert after._server is not before._server
    assert f"a value {tmp_path} /a/folder" in run(after, job).log.splitlines()
    assert run(before, make_job(source, trial=2, epochs=1)).ending is Ending.FINISHED  # it lives while it is used


def test_the_same_surroundings_keep_the_server(
    make_executor: MakeExecutor, make_job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forkserver.start_ahead(threading.Event())
    job = make_job()
    first = make_executor(job)
    monkeypatch.setenv("TF2_BEHAVIOR", "set when TensorFlow is imported")
    assert make_executor(job)._server is first._server


def test_other_users_of_a_fork_server_are_left_alone(make_executor: MakeExecutor, make_job: Any) -> None:
    context = multiprocessing.get_context("forkserver")
    with context.Pool(1) as pool:
        theirs = pool.apply(os.getppid)
        job = make_job(epochs=1)
        executor = make_executor(job)
        assert run(executor, job).ending is Ending.FINISHED
        assert executor._server.pid != theirs
        assert pool.apply(os.getppid) == theirs


# -- the kernel's end -----------------------------------------------------------------------------

PREAMBLE = """
import sys
import keras
import numpy as np
from tunemagic.events import Direction, EpochEnded
from tunemagic.request import TuneRequest
from tunemagic.search.cell import program_from_builder, read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.executors.process import ProcessExecutor
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import TrialJob, TrialOutcome, Work, WorkersStarted

names = {"keras": keras, "x_train": np.random.rand(80, 64).astype("float32"), "y_train": np.arange(80) % 10}
data = resolve_data(TuneRequest(), names, seed=0)

def make_job(program, epochs):
    work = Work(program=program, data=data, objective="val_loss", direction=Direction.MIN)
    return TrialJob(trial=1, attempt=1, work=work, hp=new_hyperparameters(), epochs=epochs, seed=1)

def wait_for(executor, sort):
    while True:
        report = executor.next_report(120)
        if isinstance(report, sort):
            return report
"""


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Run a script as a kernel of its own, in a session of its own; its output can be read."""
    started: list[psutil.Popen] = []

    def start(body: str) -> psutil.Popen:
        script = tmp_path / "kernel.py"
        script.write_text(PREAMBLE + body, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        started.append(
            psutil.Popen(
                [sys.executable, str(script)],
                env=environment,
                stdout=-1,
                stderr=-3,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.is_running():
            process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("body", ["import time\ntime.sleep(1e6)", "import ctypes\nctypes.PyDLL(None).sleep(1_000_000)"])
def test_workers_die_with_a_kernel_that_is_killed(body: str, start_kernel: Any) -> None:
    body = body.replace("\n", "; ")
    source = f"import os; print('process', os.getpid()); {body}"
    kernel = start_kernel(
        f"""
job = make_job(read_cell({source!r}, names, data_names=data.names), 1)
executor = ProcessExecutor(job.work)
wait_for(executor, WorkersStarted)
executor.submit(job)
while "process" not in (text := executor._slots[0]._worker.output.take()):
    pass
print(executor._server.pid, text.split()[-1], flush=True)
input()
"""
    )
    processes = [psutil.Process(int(pid)) for pid in kernel.stdout.readline().split()]
    assert len(processes) == 2
    kernel.send_signal(signal.SIGKILL)
    assert psutil.wait_procs(processes, timeout=5)[1] == []


@pytest.mark.slow
def test_an_interrupt_meant_for_the_kernel_reaches_no_worker(start_kernel: Any) -> None:
    kernel = start_kernel(
        """
import os, signal
signal.signal(signal.SIGINT, lambda *_: None)
text = '''
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
'''
job = make_job(read_cell(text, names, data_names=data.names), 20)
executor = ProcessExecutor(job.work)
status = open(f"/proc/{executor._server.pid}/status").read()
print("blocked" if int(status.split("SigBlk:")[1].split()[0], 16) & 1 << signal.SIGINT - 1 else "may be interrupted")
os.killpg(0, signal.SIGINT)  # the fork server is importing now
wait_for(executor, WorkersStarted)
executor.submit(job)
wait_for(executor, EpochEnded)
os.killpg(0, signal.SIGINT)
print(wait_for(executor, TrialOutcome).ending)
executor.close()
"""
    )
    assert kernel.stdout.read().split() == ["blocked", "finished"]


@pytest.mark.slow
def test_a_script_without_a_guard_runs_once(start_kernel: Any) -> None:
    kernel = start_kernel(
        """
print("the script runs", __name__, flush=True)
UNITS = 10

def build(hp):
    hp.Int("n", 1, 3)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(UNITS, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    print("built in", __name__)
    return model

job = make_job(program_from_builder(build), 1)
executor = ProcessExecutor(job.work)
executor.submit(job)
outcome = wait_for(executor, TrialOutcome)
print(outcome.ending, outcome.reason, outcome.log)
executor.close()
"""
    )
    assert [line.strip() for line in kernel.stdout.read().splitlines() if "cuInit" not in line] == [
        "the script runs __main__",
        "finished  built in __main__",
    ]


@pytest.mark.slow
def test_a_kernel_that_forgets_to_close_can_exit(start_kernel: Any) -> None:
    kernel = start_kernel(
        """
job = make_job(read_cell("import time; time.sleep(1e6)", names, data_names=data.names), 1)
executor = ProcessExecutor(job.work)
executor.submit(job)
wait_for(executor, WorkersStarted)
"""
    )
    assert kernel.wait(PATIENCE) == 0


@pytest.mark.slow
def test_workers_use_the_kernels_keras_backend(start_kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    kernel = start_kernel(
        """
text = '''
print("the backend is", keras.config.backend())
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
'''
job = make_job(read_cell(text, names, data_names=data.names), 1)
executor = ProcessExecutor(job.work, threads=1)
executor.submit(job)
outcome = wait_for(executor, TrialOutcome)
print(outcome.ending, outcome.reason, outcome.log.count("the backend is torch"))
executor.close()
"""
    )
    assert kernel.stdout.read().splitlines()[-1] == "finished  1"
