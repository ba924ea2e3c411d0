"""Searches with another Keras backend than TensorFlow, each in a process of its own: a backend can't be changed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import keras
from sklearn.datasets import load_digits
from tunemagic.errors import TuneError
from tunemagic.events import TrialStarted, TrialStateSaved
from tunemagic.request import QuantMode, TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.studybook import StudyBook

CELL = '''
units = hp.Int("units", 8, 32, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
'''
digits = load_digits()
namespace = {"__name__": "__main__", "keras": keras, "x_train": (digits.data[:200] / 16).astype("float32"),
             "y_train": digits.target[:200]}


def opened(book, workers, **options):
    request = TuneRequest(**{"name": "s", "max_trials": 2, "epochs": 3, "workers": workers, **options})
    data = resolve_data(request, namespace, seed=0)
    return book.open(request, read_cell(CELL, namespace, first_line=2, data_names=data.names), data)
"""

# What a finished study says of itself, with whatever else a test asks for.
REPORT = """
def tell(study, **more):
    best = study.best_trial
    loss = study.best_model.evaluate(study.data.val_x, study.data.val_y, verbose=0, return_dict=True)["loss"]
    try:
        study.export_tflite([QuantMode.NONE])
        export = ""
    except TuneError as error:
        export = str(error)
    print("REPORT", json.dumps({
        "backend": keras.backend.backend(),
        "tensorflow": "tensorflow" in sys.modules,
        "executor": study.view.executor,
        "states": [trial.state for trial in study.view.trials],
        "trainers": sorted({trial.trainer for trial in study.view.trials}),
        "score": best.score,
        "loss of the best model": loss,
        "export": export,
        **more,
    }))
"""

WITH_A_WORKER = (
    PROGRAM
    + REPORT
    + """
study = opened(StudyBook(Path(sys.argv[1])), 1)
study.start()
study.wait()
tell(study)
study.close()
"""
)

CUT_OFF = (
    PROGRAM
    + REPORT
    + """
import functools, os, signal
from tunemagic import durable
from tunemagic import study as module
from tunemagic.search.job import Work

# Every epoch saves its state, so that nobody has to wait for one.
module.Work = functools.partial(Work, state_seconds=0.0)
if sys.argv[2] == "die":
    saved = []

    def hook(name):
        saved.append(name)
        if saved.count("journal.TrialStateSaved.after") == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    durable.set_crash_point(hook)
study = opened(StudyBook(Path(sys.argv[1])), 0, max_trials=1, epochs=5)
study.start()
study.wait()
(trial,) = study.view.trials
starts = [event for event in study.events_after(0) if isinstance(event, TrialStarted)]
tell(study, attempt=trial.attempt, epochs=trial.epochs_done, resumed_after_epoch=starts[-1].resumed_epoch)
"""
)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.partition("REPORT ")[2])
    return report


def told(report: dict[str, Any]) -> dict[str, Any]:
    """The report without what differs from machine to machine, after checking it."""
    assert report.pop("loss of the best model") == pytest.approx(report.pop("score"), rel=1e-5)
    (trainer,) = report.pop("trainers")
    assert "torch" in trainer
    return report


def expected(executor: str, trials: int) -> dict[str, Any]:
    return {
        "backend": "torch",
        "tensorflow": False,
        "executor": executor,
        "states": ["completed"] * trials,
        "export": "TF Lite export needs the TensorFlow backend of Keras; this kernel runs torch. Restart it with "
        "KERAS_BACKEND=tensorflow and run the cell again.",
    }


@pytest.mark.slow
def test_a_search_with_torch_in_a_worker_trains_by_keras_fit_and_loads_its_best_weights(tmp_path: Path) -> None:
    assert told(report_of(run(WITH_A_WORKER, str(tmp_path)))) == expected("process", 2)


@pytest.mark.slow
def test_a_search_with_torch_in_the_kernel_goes_on_within_a_trial_after_a_kill(tmp_path: Path) -> None:
    assert run(CUT_OFF, str(tmp_path), "die").returncode == -9
    assert told(report_of(run(CUT_OFF, str(tmp_path), "go on"))) == expected("inline", 1) | {
        "attempt": 2,
        "epochs": 5,
        "resumed_after_epoch": 2,
    }
