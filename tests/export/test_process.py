"""Processes that are kept, forked, forgotten and killed; a runner of TF Lite files stands for all of them."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from tunemagic.export.process import Worker, WorkerDied, WorkerSilent
from tunemagic.export.runner import Run
from tunemagic.export.runtime import run_file
from tunemagic.export.serve import FAULT_VARIABLE
from tunemagic.export.warm import WarmProcess

ROOT = Path(__file__).resolve().parents[2]
RUNNER = "tunemagic.export.runner"


@pytest.fixture
def job(dense_files, digits, tmp_path):
    """Makes a folder in which the float file is run on held-out digits."""

    def make(path=None):
        np.save(tmp_path / "x.npy", digits.x_held)
        given = {"x": str(tmp_path / "x.npy"), "outputs": str(tmp_path / "y.npy")}
        Run(target="tflite", path=str(path or dense_files[0] / "digits.tflite"), **given).write(tmp_path)
        return tmp_path

    return make


def test_a_process_tidies_up_after_the_end_of_a_job_and_before_the_next(tmp_path):
    program = textwrap.dedent(
        """
        from tunemagic.export.serve import serve
        said = []
        def work(folder, report):
            report({"kind": "before", "said": said})
            said.append(folder.name)
        serve(work, prepare=lambda: said.append("prepared"), tidy=lambda: said.append("tidied"))
        """
    )
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        facts = [json.loads(process.stdout.readline())]
        for folder in folders:
            process.stdin.write(json.dumps(str(folder)) + "\n")
            process.stdin.flush()
            facts += [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
    assert facts == [
        {"kind": "up"},
        {"kind": "before", "said": ["prepared"]},
        {"kind": "end"},
        {"kind": "before", "said": ["prepared", "one", "tidied"]},
        {"kind": "end"},
    ]


def done(worker, folder):
    """The facts of a job; without its times."""
    worker.wait_until_up()
    worker.send(folder)
    facts = [worker.next_fact(timeout_seconds=60) for _ in range(2)]
    return [{key: value for key, value in fact.items() if not key.startswith("micro")} for fact in facts]


def gone(*processes):
    return psutil.wait_procs(processes, timeout=60)[1] == []


def test_a_runner_answers_as_the_file_does_here_and_imports_nothing_of_tensorflow(job, dense_files, digits):
    with Worker(RUNNER) as worker:
        (ran, end), process = done(worker, job()), psutil.Process(worker.pid)
        assert (ran["kind"], end) == ("done", {"kind": "end"})
        assert not [found.path for found in process.memory_maps() if "/tensorflow/" in found.path]
        folder = job(__file__)
        np.testing.assert_array_equal(
            np.load(folder / "y.npy"), run_file(dense_files[0] / "digits.tflite", digits.x_held).outputs
        )
        (refused, _) = done(worker, folder)
        assert refused["message"].startswith("the file does not run in LiteRT")
        assert done(worker, job())[0] == ran
    assert gone(process)


def test_a_crash_is_told_by_its_signal_and_a_hang_by_its_limit(job, monkeypatch):
    with Worker(RUNNER) as worker:
        monkeypatch.setenv(FAULT_VARIABLE, "abort:run tflite")
        with pytest.raises(WorkerDied, match=r"^crashed \(SIGABRT\)$"):
            done(worker, job())
    with Worker(RUNNER) as worker:
        monkeypatch.setenv(FAULT_VARIABLE, "hang:run tflite")
        worker.wait_until_up()
        worker.send(job())
        with pytest.raises(WorkerSilent, match=r"did not finish within 0\.1 s and was ended"):
            worker.next_fact(timeout_seconds=0.1)


def test_a_process_outlives_the_thread_that_asked_for_it(job):
    made = []
    thread = threading.Thread(target=lambda: made.append(Worker(RUNNER)))
    thread.start()
    thread.join()
    with made[0] as worker:
        assert done(worker, job())[0]["kind"] == "done"


def test_an_interrupt_while_a_process_starts_leaves_none(monkeypatch):
    made = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            made.append(self)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    monkeypatch.setattr("tunemagic.export.process.subprocess.Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        Worker(RUNNER)
    assert [process.wait(timeout=60) for process in made] == [-signal.SIGKILL]


def test_a_process_that_nobody_holds_any_more_ends():
    process = psutil.Process(Worker(RUNNER).pid)
    assert gone(process)


def test_one_process_is_kept_until_it_was_idle_for_long_enough():
    warm = WarmProcess(RUNNER, idle_seconds=0.05)
    first, second = warm.take(), warm.take()
    assert first.pid != second.pid
    processes = [psutil.Process(worker.pid) for worker in (first, second)]
    warm.give_back(first)
    warm.give_back(second)  # one is enough
    assert gone(*processes)
    warm = WarmProcess(RUNNER)
    warm.give_back(warm.take())
    kept = warm.take()
    assert kept.alive
    warm.give_back(kept)
    process = psutil.Process(kept.pid)
    process.kill()
    assert gone(process)
    kept = warm.take()
    assert kept.alive
    warm.give_back(kept)
    warm.close()
    assert not kept.alive
    fresh = warm.take()
    assert fresh is not kept
    fresh.close()


def script(text, *arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **more,
    )


FORKING = """
    import os
    from tunemagic.export.warm import WarmProcess
    warm = WarmProcess("tunemagic.export.runner")
    first = warm.take()
    first.wait_until_up()
    warm.give_back(first)
    child = os.fork()
    if child == 0:
        other = warm.take()
        print(other.pid != first.pid, flush=True)
        other.close()
        os._exit(0)
    os.waitpid(child, 0)
    print(warm.take() is first and first.alive, first.pid, flush=True)
    warm.give_back(first)
"""


def test_a_forked_child_has_a_process_of_its_own_and_the_kept_one_ends_with_the_kernel():
    with script(FORKING) as kernel:
        text, errors = kernel.communicate(timeout=60)
    own, kept, pid = text.split()
    assert (own, kept, errors) == ("True", "True", "")
    assert not psutil.pid_exists(int(pid))


PARENT = """
    import sys
    from pathlib import Path
    from tunemagic.export.process import Worker, WorkerSilent
    with Worker("tunemagic.export.runner") as worker:
        worker.wait_until_up()
        worker.send(Path(sys.argv[1]))
        try:
            try:
                worker.next_fact(timeout_seconds=0.5)
            except WorkerSilent:
                print(worker.pid, flush=True)
            worker.next_fact(timeout_seconds=60)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_kernel_that_is_interrupted_or_killed_leaves_no_process_even_when_c_code_holds_the_lock(
    job, monkeypatch, how
):
    monkeypatch.setenv(FAULT_VARIABLE, "hang:run tflite")
    with script(PARENT, job()) as kernel:
        worker = psutil.Process(int(kernel.stdout.readline()))
        kernel.send_signal(how)
        rest, _ = kernel.communicate(timeout=60)
    assert gone(worker)
    assert rest == ("interrupted\n" if how is signal.SIGINT else "")
