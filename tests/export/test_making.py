"""Whatever happens in the conversion process, the export goes on and no process is left behind but the kept one."""

import concurrent.futures
import os
import threading

import keras
import psutil
import pytest

from tunemagic.errors import ExportError
from tunemagic.events import Verdict
from tunemagic.export import convert_tflite
from tunemagic.export.serve import FAULT_VARIABLE
from tunemagic.export.warm import CONVERTER


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


@pytest.mark.slow
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


def test_two_threads_export_at_the_same_time_and_an_error_in_a_listener_leaves_the_other_ones_process(
    dense, digits, tmp_path
):
    flat = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10)])
    rows = {"x_eval": digits.x_held.reshape(-1, 8, 8), "y_eval": digits.y_held, "directory": tmp_path, "stem": "rows"}
    results = []

    def refuse(result):
        results.append(result)
        raise KeyboardInterrupt

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        one = threads.submit(convert, dense, digits, tmp_path, ["none", "int8"], on_result=results.append)
        other = threads.submit(convert_tflite, flat, ["none", "float16"], on_result=refuse, **rows)
        with pytest.raises(KeyboardInterrupt):
            other.result()
        one.result()
    assert {(result.verdict, result.path.name) for result in results} == {
        (Verdict.VERIFIED, name) for name in ("digits.tflite", "digits.int8.tflite", "rows.tflite")
    }
    assert len(workers(os.getpid())) == 1


def test_a_kept_process_makes_the_same_file_whatever_it_has_made_before(dense, digits, tmp_path):
    first, *_ = convert(dense, digits, tmp_path / "first", ["none"])
    (process,) = workers(os.getpid())
    longer = keras.Sequential([keras.Input((64,)), *dense.layers, keras.layers.Softmax()])
    other, *_ = convert(longer, digits, tmp_path / "other", ["none"])
    again, *_ = convert(dense, digits, tmp_path / "again", ["none"])
    assert workers(os.getpid()) == [process]
    assert first.sha256 == again.sha256 != other.sha256


# -- what ends the kept process comes last: the next one has to import TensorFlow again --------------------------------


def test_a_hang_ends_at_the_time_limit_and_a_stop_request_ends_the_process_after_it(
    dense, digits, tmp_path, monkeypatch
):
    monkeypatch.setenv(FAULT_VARIABLE, "hang:none")
    stop, results = threading.Event(), []

    def stop_then(result):
        results.append((result.verdict, result.message))
        stop.set()

    with pytest.raises(ExportError, match="the conversion was stopped; files that were finished before are kept"):
        convert(dense, digits, tmp_path, ["none", "int8"], timeout_seconds=0.5, stop=stop, on_result=stop_then)
    assert results == [(Verdict.FAILED, "none: converter did not finish within 0.5 s and was ended")]
    assert workers(os.getpid()) == []


def test_a_process_that_can_not_start_fails_every_mode(dense, digits, tmp_path, monkeypatch):
    CONVERTER.close()
    monkeypatch.setenv(FAULT_VARIABLE, "abort:start")
    results = convert(dense, digits, tmp_path, ["none", "int8"])
    assert [(result.mode, result.verdict, result.message) for result in results] == [
        (mode, Verdict.FAILED, "the start of the conversion process crashed (SIGABRT), before any mode was tried")
        for mode in ("none", "int8")
    ]
