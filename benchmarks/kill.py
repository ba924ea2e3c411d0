"""Kill searches at every step and at random, and see what can be gone on with.

(a) crash points: the process kills itself before and after every journal write, weights write and
    rename, one point per run, for every tuner.
(b) random kills: ``kill -9`` at a random moment of a dense search (2 ms per trial), ours and stock
    Keras Tuner in turn. Stock must fail some, else the test could not fail at all.
(c) real kernels: a Jupyter kernel with a real ``%%tune`` search is killed while it trains.
(d) within a trial: a kernel is killed when its only trial has trained for 45 seconds; the trial has
    to go on from where it stood at second 15 or later.

Exits non-zero when one of our searches can't be resumed, loses a finished trial, repeats more than
one trial per kill, holds weights that do not belong to their score, or when the grid visits a
combination twice or not at all.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_tuner

with contextlib.suppress(ImportError):  # each child would import it anew for the Gaussian process
    import torch  # noqa: F401

from tunemagic import durable
from tunemagic import events as ev
from tunemagic.journal import Journal, read_journal
from tunemagic.ledger import Ledger
from tunemagic.request import Tuner
from tunemagic.search.executors.base import Report
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters, space_of
from tunemagic.search.job import Ending, TrialJob, TrialOutcome, Work
from tunemagic.search.loop import SearchLoop
from tunemagic.search.oracle import make_strategy
from tunemagic.search.weights import WeightsFolder
from tunemagic.trial import StudyState, StudyView, TrialState, replay

TRIAL_SECONDS = 0.002
TRIALS = {
    Tuner.RANDOM: 20,
    Tuner.GRID: 12,
    Tuner.BAYESIAN: 8,
    Tuner.HYPERBAND: 20,
    Tuner.TPE: 12,
    Tuner.GP: 8,
    Tuner.QMC: 12,
    Tuner.CMAES: 12,
    Tuner.BOHB: 20,
}
GRID_POINTS = 12
EPOCHS = 9
SEED = 3
# The fake trainer never builds a model.
WORK = Work(program=None, data=None, objective="val_loss", direction=ev.Direction.MIN)  # type: ignore[arg-type]


# -- one dense search, in a child process ------------------------------------------------------------


def search_space(hp: Any) -> Any:
    """A space of 12 combinations for the grid, used by every tuner of both sides."""
    hp.Choice("units", [8, 16, 32])
    hp.Choice("act", ["relu", "tanh"])
    hp.Boolean("norm")
    return hp


def wide_space(hp: Any) -> Any:
    """The space of the strategies that sample."""
    hp.Int("units", 1, 1000)
    hp.Float("lr", 1e-4, 1e-1, sampling="log")
    return hp


def score_of(values: dict[str, Any]) -> float:
    """A made-up objective, so that a score can be checked against its values."""
    return (int(values["units"]) * 7919 % 1009) / 1009 + float(values.get("lr", 0.0))


def note(log: Path, line: str) -> None:
    """Append one line at once, so that it survives the kill that follows."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


class FakeTrainer:
    """An executor whose trials take 2 ms; its weights are the JSON of trial, attempt and score."""

    kind = "inline"
    slots = 1

    def __init__(self, log: Path) -> None:
        self._log = log
        self._reports: list[Report] = []

    def submit(self, job: TrialJob) -> None:
        """Run the trial at once."""
        values = dict(job.hp.values)
        score = score_of(values)
        note(self._log, json.dumps({"trial": job.trial, "attempt": job.attempt}))
        time.sleep(TRIAL_SECONDS)
        self._reports = [
            ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=1, logs={"val_loss": score}),
            TrialOutcome(
                trial=job.trial,
                attempt=job.attempt,
                ending=Ending.FINISHED,
                seconds=TRIAL_SECONDS,
                score=score,
                best_epoch=1,
                metrics={"val_loss": score},
                weights=json.dumps({"trial": job.trial, "attempt": job.attempt, "score": score}).encode(),
                hp=job.hp,
            ),
        ]

    def next_report(self, timeout: float) -> Report | None:
        """The next of the two reports of a trial."""
        return self._reports.pop(0) if self._reports else None

    def cancel(self, trial: int) -> None:
        """Trials are over before they could be cancelled."""

    def close(self) -> None:
        """Nothing to free."""


def our_search(tuner: Tuner, directory: Path) -> None:
    """Start the study, or go on with it, until its trials are done."""
    journal = Journal(directory)
    ledger = Ledger(journal, journal.content.events)
    memos = {event.trial: event.memo for event in journal.content.events if isinstance(event, ev.TrialStarted)}
    if journal.content.events:
        ledger.record(ev.StudyResumed(session="s", max_trials=TRIALS[tuner], minutes=None, epochs=EPOCHS))
    else:
        space = space_of((search_space if tuner is Tuner.GRID else wide_space)(new_hyperparameters()))
        ledger.record(
            ev.StudyStarted(
                study="s",
                session="s",
                space=space.to_json(),
                objective="val_loss",
                direction=ev.Direction.MIN,
                strategy=str(tuner),
                seed=SEED,
                max_trials=None if tuner is Tuner.GRID else TRIALS[tuner],
                minutes=None,
                epochs=EPOCHS,
                keep=3,
                max_failures=3,
                code="",
                data="",
                fingerprint={},
                versions={},
            )
        )
    strategy = make_strategy(
        tuner,
        hyperparameters=hyperparameters_of(ledger.view.space),
        objective="val_loss",
        direction=ev.Direction.MIN,
        seed=SEED,
        epochs=EPOCHS,
    )
    strategy.restore(ledger.view.trials, memos)
    SearchLoop(
        ledger=ledger,
        strategy=strategy,
        executor=FakeTrainer(directory / "executions.log"),
        weights=WeightsFolder(directory),
        work=WORK,
        memos=memos,
    ).run()
    journal.close()


STOCK = {
    Tuner.RANDOM: keras_tuner.RandomSearch,
    Tuner.GRID: keras_tuner.GridSearch,
    Tuner.BAYESIAN: keras_tuner.BayesianOptimization,
    Tuner.HYPERBAND: keras_tuner.Hyperband,
}


def stock_search(tuner: Tuner, directory: Path) -> None:
    """The same search by Keras Tuner itself, as its documentation says to resume it."""

    class Dense(STOCK[tuner]):  # type: ignore[misc, name-defined]
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            note(directory / "executions.log", json.dumps({"trial": trial.trial_id}))
            time.sleep(TRIAL_SECONDS)
            return score_of(trial.hyperparameters.values)

    space = (search_space if tuner is Tuner.GRID else wide_space)(keras_tuner.HyperParameters())
    limits: dict[str, Any] = {"max_trials": TRIALS[tuner]}
    if tuner is Tuner.HYPERBAND:
        limits = {"max_epochs": EPOCHS, "hyperband_iterations": 1}
    searcher = Dense(
        hyperparameters=space,
        objective=keras_tuner.Objective("default_objective", "min"),
        directory=str(directory),
        project_name="p",
        seed=SEED,
        overwrite=False,
        **limits,
    )
    searcher.search(verbose=0)


# -- killing and judging -----------------------------------------------------------------------------


def in_child(target: Callable[[], None], kill_after: float | None = None) -> int:
    """Run ``target`` in a fork; SIGKILL it after a while when asked. The wait status' exit code.

    Forking is safe here because the parent only imported TensorFlow and never ran an operation.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with open(os.devnull, "w", encoding="utf-8") as nothing, contextlib.redirect_stdout(nothing):
                target()
            code = 0
        except BaseException:
            if os.environ.get("KILL_VERBOSE"):
                traceback.print_exc()
        finally:
            os._exit(code)
    if kill_after is not None:
        deadline = time.monotonic() + kill_after
        while time.monotonic() < deadline:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return 0
            time.sleep(0.0005)
        os.kill(pid, signal.SIGKILL)
    watchdog = threading.Timer(300, os.kill, (pid, signal.SIGKILL))
    watchdog.start()
    status = os.waitpid(pid, 0)[1]
    watchdog.cancel()
    return os.waitstatus_to_exitcode(status)


@dataclass
class Tally:
    """What happened over many kills."""

    kills: int = 0
    failed_resumes: int = 0
    lost_trials: int = 0
    repeated_too_often: int = 0
    wrong_weights: int = 0
    wrong_grids: int = 0
    examples: list[str] = field(default_factory=list)

    def faults(self) -> int:
        """All faults together."""
        return self.failed_resumes + self.lost_trials + self.repeated_too_often + self.wrong_weights + self.wrong_grids

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {self.failed_resumes} failed resumes, {self.lost_trials} lost trials, "
            f"{self.repeated_too_often} with more than one trial repeated, {self.wrong_weights} wrong weights, "
            f"{self.wrong_grids} wrong grids"
        )


def finished_of(directory: Path) -> dict[int, tuple[float | None, str]]:
    """Finished trials on disk: number to score and state."""
    view = Ledger(None, read_journal(directory).events).view
    return {t.number: (t.score, t.state) for t in view.trials if t.state is TrialState.COMPLETED}


def judge_ours(
    tuner: Tuner, directory: Path, before: dict[int, tuple[float | None, str]], kills: int, tally: Tally
) -> None:
    """Compare the finished study with what was on disk when it was killed."""
    view = Ledger(None, read_journal(directory).events).view
    after = finished_of(directory)
    if view.state is not StudyState.FINISHED or len(after) != TRIALS[tuner]:
        tally.failed_resumes += 1
        tally.examples.append(f"{tuner}: {view.state} {view.end_message} {len(after)} trials in {directory}")
    tally.lost_trials += sum(after.get(number) != value for number, value in before.items())
    executions = (directory / "executions.log").read_text(encoding="utf-8").splitlines()
    tally.repeated_too_often += len(executions) - len(view.trials) > kills
    tally.wrong_weights += wrong_weights(view, directory)
    points = {tuple(sorted(trial.values.items())) for trial in view.trials}
    tally.wrong_grids += tuner is Tuner.GRID and not len(points) == len(view.trials) == GRID_POINTS


def wrong_weights(view: StudyView, directory: Path) -> int:
    """Kept weights whose hash, score or trial does not fit, and weights missing among the best."""
    wrong = 0
    for trial in view.trials:
        if trial.weights is None:
            continue
        data = (directory / trial.weights.file).read_bytes()
        content = json.loads(data)
        wrong += durable.sha256_of(data) != trial.weights.sha256
        wrong += (content["trial"], content["attempt"], content["score"]) != (trial.number, trial.attempt, trial.score)
    return wrong + sum(trial.weights is None for trial in view.ranking()[: view.keep])


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tunemagic-kill-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def crash_points(tuner: Tuner) -> Tally:
    """Crash once at every durable step of a whole search, each time in a fresh study."""
    tally = Tally()
    step = 0
    while True:
        step += 1
        with scratch() as root:
            directory = root / "s"

            def crashing(directory: Path = directory, step: int = step) -> None:
                left = [step]

                def hook(name: str) -> None:
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

                durable.set_crash_point(hook)
                our_search(tuner, directory)

            if in_child(crashing) == 0:
                return tally
            tally.kills += 1
            before = finished_of(directory)
            if in_child(functools.partial(our_search, tuner, directory)) != 0:
                tally.failed_resumes += 1
                continue
            judge_ours(tuner, directory, before, 1, tally)


def random_kills(tuner: Tuner, rounds: int, rng: random.Random) -> tuple[Tally, Tally]:
    """Kill ours and stock at random moments, in turn; ours only where Keras Tuner has no such strategy."""
    ours, stock = Tally(), Tally()
    stock_rounds = rounds if tuner in STOCK else 0
    ours_time = measure(our_search, tuner)
    stock_time = measure(stock_search, tuner) if stock_rounds else 0.0
    while ours.kills < rounds or stock.kills < stock_rounds:
        if ours.kills < rounds:
            with scratch() as root:
                directory = root / "s"
                if in_child(functools.partial(our_search, tuner, directory), rng.uniform(0.005, ours_time)) < 0:
                    ours.kills += 1
                    before = finished_of(directory)
                    if in_child(functools.partial(our_search, tuner, directory)) != 0:
                        ours.failed_resumes += 1
                    else:
                        judge_ours(tuner, directory, before, 1, ours)
        if stock.kills < stock_rounds:
            with scratch() as root:
                directory = root / "k"
                directory.mkdir()
                if in_child(functools.partial(stock_search, tuner, directory), rng.uniform(0.005, stock_time)) < 0:
                    stock.kills += 1
                    stock.failed_resumes += in_child(functools.partial(stock_search, tuner, directory)) != 0
    return ours, stock


def measure(search: Callable[[Tuner, Path], None], tuner: Tuner) -> float:
    """Seconds that an undisturbed search takes here, so that kills fall inside it."""
    seconds = []
    for _ in range(3):
        with scratch() as root:
            (root / "m").mkdir()
            started = time.monotonic()
            in_child(functools.partial(search, tuner, root / "m"))
            seconds.append(time.monotonic() - started)
    return statistics.median(seconds)


# -- real kernels ------------------------------------------------------------------------------------

SETUP = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
from sklearn.datasets import load_digits
x, y = load_digits(return_X_y=True)
x_train, y_train = (x / 16).astype("float32"), y
%load_ext tunemagic
"""
CELL = """%%tune killed --tuner {tuner} --epochs {epochs} --pruner none --objective val_accuracy {limit} --view none
units = hp.Choice("units", [16, 32, 64])
rate = hp.Choice("rate", [0.001, 0.01])
model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
REPORT = """
import hashlib, json
from tunemagic.journal import read_journal
view = study.view
best = view.best_trial
score = study.best_model.evaluate(study.data.val_x, study.data.val_y, verbose=0, return_dict=True)["accuracy"]
print("REPORT " + json.dumps({
    "state": view.state, "trials": len(view.trials), "best": best.score, "evaluated": score,
    "attempts": [t.attempt for t in view.trials], "states": [t.state for t in view.trials],
    "points": len({json.dumps(dict(t.values), sort_keys=True) for t in view.trials})}))
"""


def kernel_kills(tuner: Tuner, kills: int, rng: random.Random) -> tuple[Tally, list[str]]:
    """Kill a real kernel again and again while its cell trains; then let it finish."""
    from jupyter_client.manager import start_new_kernel

    tally = Tally()
    trials = 6
    limit = "" if tuner is Tuner.GRID else f"--max-trials {trials}"
    cell = CELL.format(tuner=tuner, epochs=9 if tuner is Tuner.HYPERBAND else 6, limit=limit)
    lines: list[str] = []
    with scratch() as root:
        before: dict[int, tuple[float | None, str]] = {}
        directory = root / ".tunemagic" / "killed"
        for round_number in range(kills + 1):
            manager, client = start_new_kernel(cwd=str(root), startup_timeout=120)
            try:
                client.execute_interactive(SETUP, timeout=180, output_hook=lambda message: None)
                if round_number < kills:
                    client.execute(cell)
                    wait_for_progress(directory, rng.uniform(0.0, 1.5), finished=round_number % 2 == 1)
                    os.kill(manager.provisioner.pid, signal.SIGKILL)
                    tally.kills += 1
                    found = finished_of(directory)
                    tally.lost_trials += sum(found.get(number) != value for number, value in before.items())
                    before = found
                    continue
                texts: list[str] = []
                client.execute_interactive(cell, timeout=300, output_hook=functools.partial(keep, texts))
                client.execute_interactive(REPORT, timeout=120, output_hook=functools.partial(keep, lines))
                report = next((line for line in "".join(lines).splitlines() if line.startswith("REPORT ")), None)
                if report is None:
                    tally.failed_resumes += 1
                    tally.examples.append("".join(texts)[-2000:] + "".join(lines)[-2000:])
                    continue
                judge_kernel(tuner, json.loads(report[7:]), finished_of(directory), before, trials, tally)
            finally:
                client.stop_channels()
                with contextlib.suppress(Exception):
                    manager.shutdown_kernel(now=True)
    return tally, lines


def keep(lines: list[str], message: dict[str, Any]) -> None:
    """Collect what a kernel prints."""
    lines.append(message["content"].get("text", ""))


def judge_kernel(
    tuner: Tuner, report: dict[str, Any], after: dict[int, Any], before: dict[int, Any], trials: int, tally: Tally
) -> None:
    """Check what the last kernel reports of the finished study."""
    complete = report["state"] == "finished" and report["states"] == ["completed"] * trials
    tally.failed_resumes += not complete
    if not complete:
        tally.examples.append(json.dumps(report))
    tally.lost_trials += sum(after.get(number) != value for number, value in before.items())
    tally.repeated_too_often += sum(report["attempts"]) - trials > tally.kills
    tally.wrong_weights += abs(report["best"] - report["evaluated"]) > 1e-6
    tally.wrong_grids += tuner is Tuner.GRID and report["points"] != trials


def wait_for_progress(directory: Path, extra: float, *, finished: bool) -> None:
    """Wait until the journal has grown in this session, or until a trial has finished; then a little longer.

    A trial whose process died three times is given up as poisonous, so every other kill comes
    after a finished trial.
    """

    def progress() -> int:
        events = read_journal(directory).events
        return sum(isinstance(event, ev.TrialFinished) for event in events) if finished else len(events)

    before = progress()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and progress() <= before:
        time.sleep(0.02)
    time.sleep(extra)


# -- within a trial ----------------------------------------------------------------------------------

KILL_SECOND = 45.0
LATEST_RESUME_SECOND = 15.0
LONG_CELL = """%%tune long --tuner random --max-trials 1 --epochs 1000000 --view none
model = keras.Sequential([keras.layers.Dense(512, "relu"), keras.layers.Dense(512, "relu"), keras.layers.Dense(10)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(hp.Choice("rate", [1e-4, 1e-3])), loss)
"""


def kill_within_trial() -> tuple[bool, str]:
    """Whether a trial goes on from a recent epoch of its own after the kernel was killed, and what was seen."""
    with scratch() as root:
        directory = root / ".tunemagic" / "long"
        started, _ = train_in_kernel(root, directory, attempt=1, seconds=KILL_SECOND)
        stood = {event.epoch: event.elapsed - started.elapsed for event in epochs_of(directory, attempt=1)}
        again, first = train_in_kernel(root, directory, attempt=2, seconds=0.0)
        where = replay(read_journal(directory).events).executor
    second = stood.get(again.resumed_epoch, 0.0)
    goes_on = first.epoch == again.resumed_epoch + 1
    text = (
        f"killed at second {max(stood.values()):.0f} (epoch {max(stood)}, executor {where}); attempt 2 goes on "
        f"after epoch {again.resumed_epoch}, which ended at second {second:.0f} (>= {LATEST_RESUME_SECOND:g})"
    )
    return second >= LATEST_RESUME_SECOND and goes_on, text


def train_in_kernel(
    root: Path, directory: Path, *, attempt: int, seconds: float
) -> tuple[ev.TrialStarted, ev.EpochEnded]:
    """Run the long cell in a fresh kernel and kill that so long after the attempt's first epoch."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(root), startup_timeout=120)
    try:
        client.execute_interactive(SETUP, timeout=180, output_hook=lambda message: None)
        client.execute(LONG_CELL)
        deadline = time.monotonic() + 120
        while not epochs_of(directory, attempt=attempt):
            if time.monotonic() > deadline:
                raise AssertionError(f"no epoch of attempt {attempt} within 120 s")
            time.sleep(0.05)
        time.sleep(seconds)
        os.kill(manager.provisioner.pid, signal.SIGKILL)
    finally:
        client.stop_channels()
        with contextlib.suppress(Exception):
            manager.shutdown_kernel(now=True)
    starts = [event for event in read_journal(directory).events if isinstance(event, ev.TrialStarted)]
    return starts[-1], epochs_of(directory, attempt=attempt)[0]


def epochs_of(directory: Path, *, attempt: int) -> list[ev.EpochEnded]:
    """The epochs of this attempt that are on disk."""
    events = read_journal(directory).events
    return [event for event in events if isinstance(event, ev.EpochEnded) and event.attempt == attempt]


# -- the report --------------------------------------------------------------------------------------


def main() -> int:
    """Run the parts that were asked for; 1 when one of ours failed or stock never did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="abcd")
    parser.add_argument("--rounds", type=int, default=100, help="random kills per tuner and side")
    parser.add_argument("--kernel-kills", type=int, default=5)
    parser.add_argument("--tuners", nargs="*", default=[str(tuner) for tuner in TRIALS])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tuners = [Tuner(name) for name in options.tuners]
    rng = random.Random(options.seed)
    faults = 0
    examples: list[str] = []
    if "a" in options.parts:
        for tuner in tuners:
            tally = crash_points(tuner)
            print(f"(a) crash points  {tuner:10} ours  {tally}", flush=True)
            faults += tally.faults()
            examples += tally.examples
    if "b" in options.parts:
        stock_failures = 0
        for tuner in tuners:
            ours, stock = random_kills(tuner, options.rounds, rng)
            print(f"(b) random kills  {tuner:10} ours  {ours}", flush=True)
            if tuner in STOCK:
                failed = stock.failed_resumes
                print(f"(b) random kills  {tuner:10} stock {stock.kills} kills: {failed} failed resumes", flush=True)
            faults += ours.faults()
            examples += ours.examples
            stock_failures += stock.failed_resumes
        if stock_failures == 0:
            print("(b) stock Keras Tuner never failed: this test is blind")
            faults += 1
    if "c" in options.parts:
        for tuner in tuners:
            tally, _ = kernel_kills(tuner, options.kernel_kills, rng)
            print(f"(c) real kernels  {tuner:10} ours  {tally}", flush=True)
            faults += tally.faults()
            examples += tally.examples
    if "d" in options.parts:
        right, text = kill_within_trial()
        print(f"(d) within a trial  ours  {text}", flush=True)
        faults += not right
    for example in examples[:5]:
        print("example:", example)
    print("PASS" if faults == 0 else f"FAIL: {faults} faults")
    return 0 if faults == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
