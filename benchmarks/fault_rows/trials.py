"""Rows 28 to 38: trials that fail, give no number, are too large, or take their process along."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import kill

import tunemagic
from fault_rows.notebook import CELL, Notebook, check, refused, scored
from fault_rows.registry import Counts, row
from tunemagic import events as ev
from tunemagic.journal import JOURNAL_FILE, Journal
from tunemagic.ledger import Ledger
from tunemagic.request import Objective, Tuner
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters, space_of
from tunemagic.search.job import Ending, Report, TrialJob, TrialOutcome
from tunemagic.search.loop import SearchLoop
from tunemagic.search.weights import WeightsFolder
from tunemagic.study import Study
from tunemagic.trial import StudyState, TrialRecord, TrialState

LONG = 1_000_000


def in_order(study: Study) -> list[str]:
    """The trials' states."""
    return [str(trial.state) for trial in study.view.trials]


def failed_trials(study: Study) -> list[TrialRecord]:
    """Trials that failed."""
    return [trial for trial in study.view.trials if trial.state is TrialState.FAILED]


def strict_json(directory: Path) -> None:
    """Raise when a line of the journal is JSON only in Python's reading."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} stands in the journal")

    for line in (directory / JOURNAL_FILE).read_text(encoding="utf-8").splitlines():
        json.loads(line[9:], parse_constant=refuse)


@row(28, "exception in build")
def build_fails(folder: Path, counts: Counts) -> str:
    """Some builds fail: the search goes on. All fail: it ends after so many in a row, and goes on when corrected."""
    some = "if hp.Int('units', 4, 32, step=4) % 8 == 0:\n    raise ValueError('no such width')\n" + CELL
    study = Notebook(folder / "some").run(some, max_trials=8, max_failures=8)
    failed = failed_trials(study)
    check(0 < len(failed) < 8, f"{len(failed)} of 8 failed")
    check(study.view.state is StudyState.FINISHED, f"{study.view.state}: {study.view.end_message}")
    check(all((trial.line, trial.error) == (3, "ValueError") for trial in failed), f"{failed[0]}")
    notebook = Notebook(folder / "all")
    notebook.variables["broken"] = []
    source = "if broken is not None and hp.Int('units', 4, 32, step=4) and len(broken) > 0:\n    1 / 0\n" + CELL
    study = notebook.open(source, max_trials=9, max_failures=3)
    notebook.variables["broken"].append(1)
    study.start()
    study.wait()
    check(study.view.state is StudyState.FAILED and len(study.view.trials) == 3, f"{in_order(study)}")
    check("line 3" in study.view.end_message, study.view.end_message)
    notebook.variables["broken"].clear()
    study = notebook.run(source, max_trials=5, max_failures=3, resume=True)
    check(study.view.state is StudyState.FINISHED, f"{study.view.state}: {study.view.end_message}")
    return f"{len(failed)} of 8 failed with class and line, the others ran; 3 in a row end it; corrected, it goes on"


@row(29, "exception in fit")
def fit_fails(folder: Path, counts: Counts) -> str:
    """Error class, the user's line and its text are in the trial."""
    study = Notebook(folder).run(scored("return 1 / (units % 8)"), max_trials=8, max_failures=8)
    failed = failed_trials(study)
    check(0 < len(failed) < 8, f"{len(failed)} of 8 failed")
    first = failed[0]
    check(first.error == "ZeroDivisionError", first.error)
    check("1 / (units % 8)" in (first.source or ""), f"{first.source}")
    check(study.view.state is StudyState.FINISHED, f"{study.view.state}")
    return f"{len(failed)} of 8 failed: {first.reason} (line {first.line}: {(first.source or '').strip()})"


@row(30, "NaN as objective")
def nan_objective(folder: Path, counts: Counts) -> str:
    """Marked as diverged, never the best, strict JSON; a trial that was lost and tried again has its new value."""
    study = Notebook(folder / "nan").run(
        scored("return float('nan') if units % 8 else 1 / units"), max_trials=8, max_failures=8
    )
    failed = failed_trials(study)
    check(failed and all(trial.error == "diverged" for trial in failed), f"{[trial.error for trial in failed]}")
    check(study.best_trial.number not in {trial.number for trial in failed}, "NaN is the best")
    strict_json(study.directory)
    score = _retried_score(folder / "retry")
    check(score == 0.1, f"the retried trial's score is {score}")
    return f"{len(failed)} of 8 diverged, strict JSON; the value of attempt 2 counts"


class LostOnce:
    """An executor that loses each first attempt, after an epoch with a value that must not count."""

    kind = "process"
    slots = 1

    def __init__(self) -> None:
        self._reports: list[Report] = []

    def submit(self, job: TrialJob) -> None:
        """Lose it, or finish it with another value."""
        about = {"trial": job.trial, "attempt": job.attempt, "seconds": 0.0}
        if job.attempt == 1:
            self._reports = [
                ev.EpochEnded(trial=job.trial, attempt=1, epoch=1, logs={"val_loss": None}),
                TrialOutcome(**about, ending=Ending.LOST, error="SIGKILL", reason="its worker was killed"),
            ]
        else:
            self._reports = [
                ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=1, logs={"val_loss": 0.1}),
                TrialOutcome(
                    **about, ending=Ending.FINISHED, score=0.1, best_epoch=1, metrics={"val_loss": 0.1}, hp=job.hp
                ),
            ]

    def next_report(self, timeout: float) -> Report | None:
        """The next report."""
        return self._reports.pop(0) if self._reports else None

    def cancel(self, trial: int) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing to free."""


def _retried_score(directory: Path) -> float | None:
    import scale

    space = space_of(kill.wide_space(new_hyperparameters()))
    journal = Journal(directory)
    ledger = Ledger(journal)
    ledger.record(scale.start_of_study(Tuner.RANDOM, space, trials=1))
    SearchLoop(
        ledger=ledger,
        strategy=scale.strategy_for(Tuner.RANDOM, hyperparameters_of(space)),
        executor=LostOnce(),
        weights=WeightsFolder(directory),
        work=kill.WORK,
    ).run()
    journal.close()
    (trial,) = ledger.view.trials
    check((trial.attempt, trial.state) == (2, TrialState.COMPLETED), f"attempt {trial.attempt}: {trial.state}")
    return trial.score


@row(31, "infinity as objective")
def infinite_objective(folder: Path, counts: Counts) -> str:
    """In both directions, never the best."""
    seen = []
    for text, direction in (("-inf", ev.Direction.MIN), ("inf", ev.Direction.MAX), ("inf", ev.Direction.MIN)):
        study = Notebook(folder / f"{direction}{text}").run(
            scored(f"return float('{text}') if units % 8 else 1 / units"),
            max_trials=8,
            max_failures=8,
            objective=Objective(name="val_loss", direction=direction),
        )
        failed = failed_trials(study)
        check(failed and all(trial.error == "diverged" for trial in failed), f"{text}: {in_order(study)}")
        check(study.best_trial.score in [1 / units for units in range(4, 33, 4)], f"the best is {study.best_trial}")
        strict_json(study.directory)
        seen.append(f"{text} for {direction}: {len(failed)} of 8 diverged")
    return "; ".join(seen)


@row(32, "objective misspelt")
def objective_misspelt(folder: Path, counts: Counts) -> str:
    """Answered with the nearest name before anything is written."""
    wrong = Objective(name="val_acuracy", direction=ev.Direction.MAX)
    text = refused(lambda: Notebook(folder).open(CELL, objective=wrong), "val_acuracy", "Did you mean val_accuracy?")
    check(not list(folder.iterdir()), "something was written")
    return text


@row(33, "one hyperparameter name with two meanings")
def names_collide(folder: Path, counts: Counts) -> str:
    """Both lines are named."""
    cell = 'a = hp.Int("u", 1, 9)\nb = hp.Float("u", 0.1, 0.9)\n' + CELL
    text = refused(lambda: Notebook(folder).open(cell), "'u'", "line 3", "line 2", "another name")
    check(not list(folder.iterdir()), "something was written")
    return text


@row(34, "a model that is far too large")
def huge_model(folder: Path, counts: Counts) -> str:
    """With --max-params it is skipped, estimated and not allocated."""
    cell = """
units = hp.Choice("units", [8, 4_000_000_000])
rate = hp.Choice("rate", [0.01, 0.001])
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", run_eagerly=True)
"""
    study = Notebook(folder).run(cell, tuner=Tuner.GRID, max_trials=None, max_params=1_000_000, workers=0)
    skipped = [trial for trial in study.view.trials if trial.state is TrialState.PRUNED and trial.score is None]
    done = [trial for trial in study.view.trials if trial.state is TrialState.COMPLETED]
    check(len(skipped) == 2 and len(done) == 2, f"{in_order(study)}")
    slowest = max(trial.seconds or 0.0 for trial in skipped)
    check(slowest < 1, f"it took {slowest:.2f} s to skip one")
    return f"2 of 4 skipped in at most {slowest:.2f} s: {skipped[0].reason}"


@row(35, "SIGKILL, abort, segmentation fault and exit in a trial")
def process_dies(folder: Path, counts: Counts) -> str:
    """In an isolated worker: the kernel lives, that trial fails with the signal's name, the next one runs."""
    faults = {
        "SIGKILL": "os.kill(os.getpid(), 9)",
        "SIGABRT": "os.abort()",
        "SIGSEGV": "ctypes.string_at(0)",
        "exit": "os._exit(3)",
    }
    seen = []
    for name, fault in faults.items():
        head = f"import os, ctypes\nif hp.Choice('way', ['fine', 'dies']) == 'dies':\n    {fault}\n"
        study = Notebook(folder / name).run(
            head + CELL.replace('hp.Int("units", 4, 32, step=4)', "8"), tuner=Tuner.GRID, max_trials=None, workers=1
        )
        states = {str(trial.values["way"]): trial for trial in study.view.trials}
        dead = states["dies"]
        check(study.view.state is StudyState.FINISHED, f"{name}: {study.view.state} {study.view.end_message}")
        check(states["fine"].state is TrialState.COMPLETED, f"{name}: {in_order(study)}")
        check((dead.state, dead.attempt) == (TrialState.FAILED, 2), f"{name}: {dead.state} attempt {dead.attempt}")
        check(name == "exit" or name in f"{dead.error} {dead.reason}", f"{name}: {dead.error} {dead.reason}")
        seen.append(f"{name}: {dead.error}")
    return "kernel alive, tried once more, then failed: " + ", ".join(seen)


@row(36, "sys.exit and FatalError in a trial")
def trial_exits(folder: Path, counts: Counts) -> str:
    """It fails, nothing is left running, and a search that was stopped leaves the way free for the next."""
    notebook = Notebook(folder)
    for number, fault in enumerate(("raise SystemExit(1)", "import keras_tuner.errors as e; raise e.FatalError('x')")):
        study = notebook.run(scored(fault), name=f"exits-{number}", max_trials=9)
        check(study.view.state is StudyState.FAILED, f"{fault}: {study.view.state}")
        check(set(in_order(study)) == {"failed"}, f"{fault}: {in_order(study)}")
    study = notebook.open(CELL, name="stopped", epochs=LONG, max_trials=9)
    epoch = kill.threading.Event()
    study.subscribe(lambda event: epoch.set() if isinstance(event, ev.EpochEnded) else None)
    study.start()
    check(epoch.wait(60), "no epoch came")
    started = time.monotonic()
    study.stop()
    study.wait()
    seconds = time.monotonic() - started
    check(study.view.state is StudyState.STOPPED and "running" not in in_order(study), f"{in_order(study)}")
    after = notebook.run(CELL, name="after")
    check(after.view.state is StudyState.FINISHED, f"the next search is {after.view.state}")
    return f"both fail their trials; a stop took {seconds:.2f} s and the next search finished"


@row(37, "a trial that returns no number")
def no_number(folder: Path, counts: Counts) -> str:
    """None, text, a complex number, one too large: told with its type, before anything is scored."""
    seen = []
    for value in ("None", "'0.5'", "1j", "10**400", "[1, 2]"):
        study = Notebook(folder / value.replace("*", "")).run(scored(f"return {value}"), max_trials=9, max_failures=2)
        check(in_order(study) == ["failed"] * 2, f"{value}: {in_order(study)}")
        check(study.view.best is None, f"{value} became the best")
        seen.append(f"{value}: {study.view.trials[0].error}")
    return ", ".join(seen)


@row(38, "a worker after TensorFlow has run in the kernel")
def worker_after_tensorflow(folder: Path, counts: Counts) -> str:
    """Never forked from the kernel: from a fork server that only imports."""
    import keras
    import psutil

    Notebook(folder / "kernel").run(CELL, workers=0)
    check(float(keras.ops.sum(keras.ops.ones((9, 9)))) == 81.0, "TensorFlow does not run")
    source = "import os\nprint('parent', os.getppid())\n" + CELL
    study = Notebook(folder / "worker").open(source, workers=1)
    study.start()
    check(study.wait(120), "the worker hangs")
    check(in_order(study) == ["completed"] * 2, f"{in_order(study)}: {study.view.end_message}")
    check(study.view.executor == "process", study.view.executor)
    parent = next(int(line.split()[1]) for line in study.log(1).splitlines() if line.startswith("parent "))
    check(parent != os.getpid(), "the worker is a fork of the kernel")
    check("forkserver" in " ".join(psutil.Process(parent).cmdline()), "its parent is no fork server")
    texts = {path.name: path.read_text(encoding="utf-8") for path in Path(tunemagic.__file__).parent.rglob("*.py")}
    forks = [name for name, text in texts.items() if 'get_context("fork")' in text or "os.fork()" in text]
    check(not forks, f"fork is used in {forks}")
    return "2 of 2 trials in a worker of the fork server; nothing in the package forks the kernel"
