"""What large studies cost: opening them again, the loop around each trial, a worker's memory.

(a) 2000 finished trials of 20 epochs for random, tpe and grid, written by the real loop through the
    real journal, with an executor that answers at once: what is left is the loop's own time per
    trial. Then the study is opened again in a fresh process, as ``%tune`` shows it and as its cell
    goes on with it.
(b) 300 real trials over at least 100 structures in one isolated worker: its resident memory after
    each. A worker that grew is replaced by a fresh one, so what counts is the highest figure
    after the first 50 trials beside the highest within them.

Exits non-zero when a target is missed.

Usage: python benchmarks/scale.py [--parts ab] [--trials 2000] [--real-trials 300]
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tunemagic import events as ev
from tunemagic.journal import Journal
from tunemagic.ledger import Ledger
from tunemagic.request import Tuner, TuneRequest
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters, space_of
from tunemagic.search.job import Ending, Report, TrialJob, TrialOutcome, Work
from tunemagic.search.loop import SearchLoop
from tunemagic.search.oracle import make_strategy
from tunemagic.search.strategy import Strategy
from tunemagic.search.weights import WeightsFolder
from tunemagic.space import SearchSpace
from tunemagic.trial import StudyView, TrialState, replay

TUNERS = (Tuner.RANDOM, Tuner.TPE, Tuner.GRID)
EPOCHS = 20
SEED = 3
WINDOW = 100  # trials at each end whose cost is compared
REOPEN_SECONDS = 1.0
LOOP_SECONDS = 0.020
FLAT = 2.0
FIRST_TRIALS = 50
GROWTH = 1.15
STRUCTURES = 100


# -- (a) many finished trials ------------------------------------------------------------------------


def grid_space(hp: Any) -> Any:
    """2000 combinations and some, which all strategies take."""
    hp.Int("units", 8, 512, step=8)
    hp.Choice("activation", ["relu", "tanh", "gelu", "elu"])
    hp.Int("layers", 1, 8)
    hp.Boolean("norm")
    return hp


def wide_space(hp: Any) -> Any:
    """What a notebook may search: whole, continuous and categorical."""
    hp.Int("units", 8, 512, step=8)
    hp.Float("rate", 1e-5, 1e-1, sampling="log")
    hp.Float("dropout", 0.0, 0.5)
    hp.Choice("activation", ["relu", "tanh", "gelu", "elu"])
    return hp


def score_of(values: dict[str, Any]) -> float:
    """A made-up objective that has something to learn."""
    return abs(int(values["units"]) - 200) / 512 + float(values.get("rate", 0.0))


class AtOnce:
    """An executor whose trials are over when they are submitted. ``submitted`` holds the times of that."""

    kind = "inline"
    slots = 1

    def __init__(self) -> None:
        self.submitted: list[float] = []
        self._reports: collections.deque[Report] = collections.deque()

    def submit(self, job: TrialJob) -> None:
        """Answer with all epochs and the outcome."""
        self.submitted.append(time.perf_counter())
        score = score_of(job.hp.values)
        curve = [score + 1 / (epoch + 1) for epoch in range(job.epochs)]
        for epoch, value in enumerate(curve, 1):
            logs = {"loss": value, "accuracy": 1 - value / 4, "val_loss": value, "val_accuracy": 1 - value / 3}
            self._reports.append(ev.EpochEnded(trial=job.trial, attempt=job.attempt, epoch=epoch, logs=logs))
        self._reports.append(
            TrialOutcome(
                trial=job.trial,
                attempt=job.attempt,
                ending=Ending.FINISHED,
                seconds=0.0,
                score=min(curve),
                best_epoch=job.epochs,
                metrics={"val_loss": min(curve)},
                weights=b"weights" * 2000,
                hp=job.hp,
            )
        )

    def next_report(self, timeout: float) -> Report | None:
        """The next report."""
        return self._reports.popleft() if self._reports else None

    def cancel(self, trial: int) -> None:
        """Trials are over before they could be cancelled."""

    def close(self) -> None:
        """Nothing to free."""


@dataclass(frozen=True, slots=True)
class StudyFigures:
    """Seconds. ``first`` and ``last`` are medians over trials at both ends, ``shown`` and ``continued`` openings."""

    name: str
    trials: int
    first: float
    last: float
    median: float
    shown: float
    continued: float
    restored: float

    def faults(self) -> list[str]:
        """What misses its target."""
        found = []
        if max(self.shown, self.continued) >= REOPEN_SECONDS:
            found.append(f"opening takes {max(self.shown, self.continued):.2f} s; expected < {REOPEN_SECONDS:g} s")
        if max(self.median, self.last) >= LOOP_SECONDS:
            found.append(f"{1000 * max(self.median, self.last):.1f} ms per trial; expected < {1000 * LOOP_SECONDS:g}")
        if self.last > FLAT * self.first:
            found.append(f"the last trials cost {self.last / self.first:.1f} x the first; expected <= {FLAT:g} x")
        return found

    def __str__(self) -> str:
        return (
            f"{self.name} {self.trials} trials x {EPOCHS} epochs: {1000 * self.median:.1f} ms per trial "
            f"(first {WINDOW}: {1000 * self.first:.1f}, last {WINDOW}: {1000 * self.last:.1f}); shown again in "
            f"{self.shown:.2f} s, opened to go on in {self.continued:.2f} s, strategy restored in {self.restored:.2f} s"
        )


def start_of_study(tuner: Tuner, space: SearchSpace, *, trials: int, minutes: float | None = None) -> ev.StudyStarted:
    """The first line of a journal."""
    return ev.StudyStarted(
        study="s",
        session="s",
        space=space.to_json(),
        objective="val_loss",
        direction=ev.Direction.MIN,
        strategy=str(tuner),
        seed=SEED,
        max_trials=trials,
        minutes=minutes,
        epochs=EPOCHS,
        keep=3,
        max_failures=3,
        code="",
        data="",
        fingerprint={},
        versions={},
    )


def strategy_for(tuner: Tuner, hyperparameters: Any) -> Strategy:
    """A fresh strategy over these hyperparameters."""
    return make_strategy(
        tuner,
        hyperparameters=hyperparameters,
        objective="val_loss",
        direction=ev.Direction.MIN,
        seed=SEED,
        epochs=EPOCHS,
    )


def study_view(tuner: Tuner, trials: int) -> StudyView:
    """A study with this many finished random trials of one epoch, in memory."""
    space = space_of(wide_space(new_hyperparameters()))
    ledger = Ledger(None)
    ledger.record(start_of_study(tuner, space, trials=trials))
    strategy = strategy_for(Tuner.RANDOM, hyperparameters_of(space))
    for number in range(1, trials + 1):
        proposal: Any = strategy.ask(number)
        score = score_of(proposal.values)
        ledger.record(ev.TrialStarted(trial=number, attempt=1, values=proposal.values, epochs=1, why=""))
        ledger.record(
            ev.TrialFinished(
                trial=number, attempt=1, score=score, best_epoch=1, metrics={"val_loss": score}, seconds=1.0
            )
        )
        strategy.tell(number, score)
    return ledger.view


def measure_study(tuner: Tuner, directory: Path, trials: int) -> StudyFigures:
    """Run a whole study with trials that cost nothing, then open it again in a fresh process."""
    make_space = grid_space if tuner is Tuner.GRID else wide_space
    space = space_of(make_space(new_hyperparameters()))
    journal = Journal(directory)
    ledger = Ledger(journal)
    ledger.record(start_of_study(tuner, space, trials=trials))
    executor = AtOnce()
    SearchLoop(
        ledger=ledger,
        strategy=strategy_for(tuner, hyperparameters_of(space)),
        executor=executor,
        weights=WeightsFolder(directory),
        work=Work(program=None, data=None, objective="val_loss", direction=ev.Direction.MIN),  # type: ignore[arg-type]
    ).run()
    journal.close()
    ends = [*executor.submitted[1:], time.perf_counter()]
    costs = [end - start for start, end in zip(executor.submitted, ends, strict=True)]
    done = sum(trial.state is TrialState.COMPLETED for trial in ledger.view.trials)
    if done != trials:
        raise AssertionError(f"{done} of {trials} trials completed: {ledger.view.end_message}")
    command = [sys.executable, __file__, "--reopen", str(directory)]
    opened = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    window = min(WINDOW, trials // 2)
    return StudyFigures(
        name=str(tuner),
        trials=trials,
        first=statistics.median(costs[:window]),
        last=statistics.median(costs[-window:]),
        median=statistics.median(costs),
        **opened,
    )


def reopen(directory: Path) -> dict[str, float]:
    """Seconds that opening a study takes, in this fresh process; imports do not count."""
    import keras_tuner  # noqa: F401
    import optuna  # noqa: F401

    from tunemagic.studybook import StudyBook

    started = time.perf_counter()
    view = StudyBook(directory.parent).get(directory.name).view
    shown = time.perf_counter() - started
    started = time.perf_counter()
    journal = Journal(directory)
    ledger = Ledger(journal, journal.content.events)
    memos = {event.trial: event.memo for event in ledger.events_after(0) if isinstance(event, ev.TrialStarted)}
    continued = time.perf_counter() - started
    if ledger.view != view or replay(journal.content.events) != view:
        raise AssertionError("the two ways to open a study differ")
    strategy = strategy_for(Tuner(view.strategy), hyperparameters_of(view.space))
    started = time.perf_counter()
    strategy.restore(view.trials, memos)
    return {"shown": shown, "continued": continued, "restored": time.perf_counter() - started}


# -- (b) one worker's memory -------------------------------------------------------------------------

CELL = """
rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
model = keras.Sequential([keras.Input((64,))])
for layer in range(hp.Int("layers", 1, 3)):
    model.add(keras.layers.Dense(hp.Int(f"units_{layer}", 8, 128, step=8), "relu"))
model.add(keras.layers.Dense(10, "softmax"))
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """Resident megabytes after each trial, distinct structures, and processes that were used."""

    megabytes: list[float]
    structures: int
    processes: int

    @property
    def growth(self) -> float:
        """The highest figure after the first trials over the highest within them."""
        return max(self.megabytes[FIRST_TRIALS:]) / max(self.megabytes[:FIRST_TRIALS])

    def faults(self) -> list[str]:
        """What misses its target."""
        found = [] if self.growth < GROWTH else [f"memory grows {self.growth:.2f} x; expected < {GROWTH:g} x"]
        if self.structures < STRUCTURES:
            found.append(f"{self.structures} structures; expected at least {STRUCTURES}")
        return found

    def __str__(self) -> str:
        marks = ", ".join(f"{i + 1}: {self.megabytes[i]:.0f}" for i in range(9, len(self.megabytes), 40))
        return (
            f"{len(self.megabytes)} real trials, {self.structures} structures, {self.processes} worker processes one "
            f"after the other; MB after trial {marks}; highest after the first {FIRST_TRIALS}: {self.growth:.2f} x"
        )


def measure_memory(directory: Path, trials: int) -> MemoryFigures:
    """Train small models of many structures in one worker and look at its memory after each trial."""
    import keras
    import psutil
    from sklearn.datasets import load_digits

    from tunemagic.search.cell import read_cell
    from tunemagic.search.data import resolve_data
    from tunemagic.studybook import StudyBook

    digits = load_digits()
    namespace = {
        "__name__": "__main__",
        "keras": keras,
        "x_train": (digits.data[:400] / 16).astype("float32"),
        "y_train": digits.target[:400],
    }
    request = TuneRequest(name="memory", tuner=Tuner.RANDOM, max_trials=trials, epochs=2, workers=1)
    data = resolve_data(request, namespace, seed=0)
    book = StudyBook(directory)
    study = book.open(request, read_cell(CELL, namespace, data_names=data.names), data)
    megabytes: list[float] = []
    pids: set[int] = set()

    def look(event: ev.Event) -> None:
        if isinstance(event, ev.TrialFinished):
            # The worker is a child of the fork server, which is our own child.
            below = [each for each in psutil.Process().children(recursive=True) if each.ppid() != os.getpid()]
            sizes = {each: each.memory_info().rss for each in below}
            worker = max(sizes, key=lambda each: sizes[each])
            pids.add(worker.pid)
            megabytes.append(sizes[worker] / 2**20)

    study.subscribe(look)
    study.start()
    study.wait()
    book.close()
    values = [{**trial.values, "rate": 0.0} for trial in study.view.trials]
    structures = {json.dumps([each.get(f"units_{layer}") for layer in range(int(each["layers"]))]) for each in values}
    if len(megabytes) != trials:
        raise AssertionError(f"{len(megabytes)} of {trials} trials finished: {study.view.end_message}")
    return MemoryFigures(megabytes, len(structures), len(pids))


def main() -> int:
    """Measure; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="ab")
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--real-trials", type=int, default=300)
    parser.add_argument("--reopen", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reopen is not None:
        print(json.dumps(reopen(options.reopen)))
        return 0
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tunemagic-scale-") as folder:
        for tuner in TUNERS if "a" in options.parts else ():
            figures = measure_study(tuner, Path(folder) / str(tuner), options.trials)
            print(f"(a) {figures}", flush=True)
            faults += [f"{tuner}: {fault}" for fault in figures.faults()]
        if "b" in options.parts:
            memory = measure_memory(Path(folder), options.real_trials)
            print(f"(b) {memory}", flush=True)
            faults += memory.faults()
    print("PASS" if not faults else "FAIL: " + "; ".join(faults))
    return 0 if not faults else 1


if __name__ == "__main__":
    sys.exit(main())
