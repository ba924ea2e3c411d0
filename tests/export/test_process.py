"""Whatever happens to the conversion process, the notebook goes on and no process is left behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import psutil
import pytest

from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export import convert_tflite
from tunemagic.export.serve import FAULT_VARIABLE
from tunemagic.export.warm import CONVERTER

ROOT = Path(__file__).resolve().parents[2]


def workers(pid):
    """Conversion processes started by ``pid``."""
    return [child for child in psutil.Process(pid).children() if "tunemagic.export.worker" in child.cmdline()]


def convert(model, digits, folder, modes, **more):
    return convert_tflite(
        model,
        modes,
        x_eval=digits.x_held,
        y_eval=digits.y_held,
        representative=digits.x,
        directory=folder,
        stem="digits",
        **more,
    )


def test_a_crash_costs_its_mode_only(dense, digits, tmp_path, monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "abort:dynamic")
    results = convert(dense, digits, tmp_path, ["none", "dynamic", "int8"])
    assert [(result.mode, result.verdict) for result in results] == [
        ("none", Verdict.VERIFIED),
        ("dynamic", Verdict.FAILED),
        ("int8", Verdict.VERIFIED),
    ]
    assert results[1].message == "dynamic: converter crashed (SIGABRT)"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.int8.tflite", "digits.tflite"]
    assert len(workers(os.getpid())) == 1


def test_a_hang_ends_at_the_time_limit(dense, digits, tmp_path, monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "hang:none")
    (result,) = convert(dense, digits, tmp_path, ["none"], timeout_seconds=0.5)
    assert (result.verdict, result.message) == (
        Verdict.FAILED,
        "none: converter did not finish within 0.5 s and was ended",
    )
    assert workers(os.getpid()) == []


def test_a_process_that_can_not_start_fails_every_mode(dense, digits, tmp_path, monkeypatch):
    CONVERTER.close()
    monkeypatch.setenv(FAULT_VARIABLE, "abort:start")
    results = convert(dense, digits, tmp_path, ["none", "int8"])
    assert [(result.mode, result.verdict, result.message) for result in results] == [
        (mode, Verdict.FAILED, "the start of the conversion process crashed (SIGABRT), before any mode was tried")
        for mode in ("none", "int8")
    ]


def test_a_stop_request_ends_the_process_and_keeps_finished_files(dense, digits, tmp_path, monkeypatch):
    monkeypatch.setenv(FAULT_VARIABLE, "hang:int8")
    stop = threading.Event()
    with pytest.raises(ExportError, match="the conversion was stopped; files that were finished before are kept"):
        convert(dense, digits, tmp_path, ["none", "int8"], stop=stop, on_result=lambda _: stop.set())
    assert workers(os.getpid()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["digits.tflite"]


def test_an_error_in_the_listener_leaves_no_process(dense, digits, tmp_path):
    def refuse(result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(dense, digits, tmp_path, ["none", "int8"], on_result=refuse)
    assert workers(os.getpid()) == []


PARENT = """
    import numpy as np, keras
    from tunemagic.export import convert_tflite
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    x = np.random.default_rng(0).random((20, 4))
    try:
        convert_tflite(model, ["none", "int8"], x_eval=x, y_eval=None, directory="out", stem="m",
                       on_result=lambda result: print(result.verdict, flush=True))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_parent_that_is_interrupted_or_killed_leaves_no_process_even_when_the_converter_holds_the_lock(tmp_path, how):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), FAULT_VARIABLE: "hang:int8", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env=environment,
    ) as parent:
        assert parent.stdout.readline() == "verified\n"  # so the worker is alive, and hangs in the next mode
        (worker,) = workers(parent.pid)
        parent.send_signal(how)
        rest, _ = parent.communicate(timeout=60)
    gone, alive = psutil.wait_procs([worker], timeout=60)
    assert (gone, alive) == ([worker], [])
    assert rest == ("interrupted\n" if how is signal.SIGINT else "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["m.tflite"]
