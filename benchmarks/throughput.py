"""How much faster trials run than with plain Keras Tuner, and what that costs where training is slow.

Three fixed spaces on the digits data: ours and Keras Tuner train the same values for the same
epochs in turn, a few trials at a time, so that whatever else the machine does meets both. Then a
model that keeps the machine busy, on data of MNIST's size: the overhead over a bare ``model.fit``,
and two one-thread workers beside one. Last, everything from a cold start, the workers' start
included. Exits non-zero when a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TRIALS = 24
CHUNK = 6  # trials of ours, then as many of Keras Tuner, and so on
EPOCHS = 10

Values = dict[str, int | float | str | bool]


@dataclass(frozen=True)
class Space:
    """A search space as a cell, what to draw from it, and the wanted ratios for one and two workers."""

    name: str
    cell: str
    draw: Callable[[Any], Values]
    one: float
    two: float | None


COMPILE = """
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
DENSE = """
rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
model = keras.Sequential([keras.Input((64,))])
for _ in range(hp.Int("layers", 1, 3)):
    model.add(keras.layers.Dense(hp.Choice("units", [32, 64, 128]), "relu"))
model.add(keras.layers.Dense(10, "softmax"))
"""
CNN = """
rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
model = keras.Sequential([keras.Input((64,)), keras.layers.Reshape((8, 8, 1))])
for _ in range(hp.Int("layers", 1, 2)):
    model.add(keras.layers.Conv2D(hp.Choice("filters", [8, 16, 32]), 3, padding="same", activation="relu"))
    model.add(keras.layers.MaxPooling2D())
model.add(keras.layers.Flatten())
model.add(keras.layers.Dense(10, "softmax"))
"""
OWN = """
rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
l2 = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-2, sampling="log"))
model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(hp.Choice("units", [32, 64, 128]), "relu", kernel_regularizer=l2),
    keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5)),
    keras.layers.Dense(10, "softmax"),
])
"""
BUSY = """
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    keras.layers.Conv2D(32, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Conv2D(64, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Flatten(),
    keras.layers.Dense(10, "softmax"),
])
rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
batch_size = 128
"""


def log_uniform(rng: Any, low: float, high: float) -> float:
    """One value, spread evenly over the logarithms."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


SPACES = {
    "dense": Space(
        "dense",
        DENSE + COMPILE,
        lambda rng: {
            "rate": log_uniform(rng, 1e-4, 1e-1),
            "layers": int(rng.integers(1, 4)),
            "units": int(rng.choice([32, 64, 128])),
        },
        8.0,
        12.0,
    ),
    "cnn": Space(
        "CNN",
        CNN + COMPILE,
        lambda rng: {
            "rate": log_uniform(rng, 1e-4, 1e-2),
            "layers": int(rng.integers(1, 3)),
            "filters": int(rng.choice([8, 16, 32])),
        },
        4.0,
        6.0,
    ),
    "own": Space(
        "own structures",
        OWN + COMPILE,
        lambda rng: {
            "rate": log_uniform(rng, 1e-4, 1e-1),
            "l2": log_uniform(rng, 1e-6, 1e-2),
            "dropout": float(rng.uniform(0, 0.5)),
            "units": int(rng.choice([32, 64, 128])),
        },
        3.0,
        None,
    ),
}


def drawn(space: Space, count: int) -> list[Values]:
    """The same values in every run of this file."""
    import numpy as np

    rng = np.random.default_rng(20)
    return [space.draw(rng) for _ in range(count)]


def digits() -> Any:
    """The digits data, split as a study does: 1437 samples for training, 360 held out."""
    from sklearn.datasets import load_digits

    from tunemagic.search.data import data_from_arrays

    x, y = load_digits(return_X_y=True)
    return data_from_arrays((x / 16).astype("float32"), y, None, seed=0)


# -- ours --------------------------------------------------------------------------------------------


def work_of(cell: str, data: Any) -> Any:
    """What all trials of this cell share."""
    import keras

    from tunemagic.events import Direction
    from tunemagic.search.cell import read_cell
    from tunemagic.search.job import Work

    program = read_cell(cell, {"keras": keras}, data_names=())
    return Work(program=program, data=data, objective="val_accuracy", direction=Direction.MAX)


def jobs_of(work: Any, values: Sequence[Values], first: int = 1, epochs: int = EPOCHS) -> Iterator[Any]:
    """One job for each set of values; the trials count from ``first``."""
    from tunemagic.search.hyperparameters import new_hyperparameters
    from tunemagic.search.job import TrialJob

    for number, chosen in enumerate(values, first):
        hp = new_hyperparameters()
        hp.values = dict(chosen)
        yield TrialJob(trial=number, attempt=1, work=work, hp=hp, epochs=epochs, seed=1000 + number)


def run_jobs(executor: Any, jobs: Sequence[Any]) -> list[Any]:
    """The outcomes, in the order in which they came; every slot is kept busy."""
    from tunemagic.search.job import Ending, TrialOutcome

    waiting, outcomes, running = list(jobs), [], 0
    while waiting or running:
        while waiting and running < executor.slots:
            executor.submit(waiting.pop(0))
            running += 1
        report = executor.next_report(1.0)
        if isinstance(report, TrialOutcome):
            if report.ending is not Ending.FINISHED:
                raise SystemExit(f"trial {report.trial} {report.ending}: {report.reason}")
            outcomes.append(report)
            running -= 1
    return outcomes


def process_executor(work: Any, workers: int, threads: int | None = None) -> Any:
    """The default executor: isolated workers."""
    from tunemagic.search.executors.process import ProcessExecutor

    return ProcessExecutor(work, workers=workers, threads=threads)


def warm(executor: Any, work: Any, values: Values) -> None:
    """Train one epoch in every worker, so that a row does not time the workers' start."""
    run_jobs(executor, list(jobs_of(work, [values] * executor.slots, first=9001, epochs=1)))


# -- Keras Tuner -------------------------------------------------------------------------------------


def keras_tuner_scores(work: Any, values: Sequence[Values], folder: str) -> list[float]:
    """Best validation accuracies that plain Keras Tuner reaches with these values, in their order."""
    import keras_tuner

    class Fixed(keras_tuner.Oracle):
        def populate_space(self, trial_id: str) -> dict[str, Any]:
            number = len(self.start_order) - 1 if trial_id in self.start_order else len(self.start_order)
            if number >= len(values):
                return {"status": keras_tuner.engine.trial.TrialStatus.STOPPED, "values": None}
            return {"status": keras_tuner.engine.trial.TrialStatus.RUNNING, "values": dict(values[number])}

    oracle = Fixed(objective=keras_tuner.Objective("val_accuracy", "max"), max_trials=len(values))
    tuner = keras_tuner.Tuner(
        hypermodel=lambda hp: work.program.run(hp).model,
        oracle=oracle,
        directory=folder,
        project_name=f"p{time.monotonic_ns()}",
    )
    data = work.data
    tuner.search(data.x, data.y, epochs=EPOCHS, validation_data=(data.val_x, data.val_y), verbose=0)
    trials = [oracle.trials[name] for name in oracle.start_order]
    if [trial.hyperparameters.values for trial in trials] != list(values):
        raise SystemExit("Keras Tuner trained other values than it was given")
    return [trial.score for trial in trials]


# -- rows --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One line of the table; ``passed`` None where there is no target."""

    text: str
    passed: bool | None


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and result."""
    started = time.perf_counter()
    result = function()
    return time.perf_counter() - started, result


def space_rows(space: Space, trials: int) -> list[Row]:
    """Ours in the kernel, with one worker, with two, and Keras Tuner, in turn."""
    from tunemagic.search.executors.inline import InlineExecutor

    values, work = drawn(space, trials), work_of(space.cell, digits())
    executors = {"in the kernel": InlineExecutor(), "one worker": process_executor(work, 1)}
    if space.two is not None:
        executors["two workers"] = process_executor(work, 2)
    seconds = dict.fromkeys([*executors, "Keras Tuner"], 0.0)
    outcomes: dict[str, list[Any]] = {name: [] for name in executors}
    theirs: list[float] = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        for executor in executors.values():
            stack.callback(executor.close)
            warm(executor, work, {**values[0], **WARM[space.name]})
        jobs = list(jobs_of(work, values))
        for start in range(0, trials, CHUNK):
            for name, executor in executors.items():
                spent, found = timed(lambda e=executor, s=start: run_jobs(e, jobs[s : s + CHUNK]))
                seconds[name] += spent
                outcomes[name] += found
            spent, scores = timed(lambda s=start: keras_tuner_scores(work, values[s : s + CHUNK], folder))
            seconds["Keras Tuner"] += spent
            theirs += scores
    structures = sum("reused" not in outcome.trainer for outcome in outcomes["one worker"])
    lines = [
        Row(f"{space.name}: {trials} trials x {EPOCHS} epochs, {structures} structures compiled by one worker", None)
    ]
    lines.append(
        Row(f"  {'Keras Tuner':<14} {seconds['Keras Tuner']:7.1f} s {'':10} mean best {mean_text(theirs)}", None)
    )
    wanted = {"one worker": space.one, "two workers": space.two}
    for name in executors:
        ours = [outcome.score for outcome in sorted(outcomes[name], key=lambda outcome: outcome.trial)]
        ratio = seconds["Keras Tuner"] / seconds[name]
        target = wanted.get(name)
        text = f"  {name:<14} {seconds[name]:7.1f} s {ratio:5.1f}x"
        text += f" >= {target:g}" if target is not None else " " * 5
        lines.append(Row(f"{text}  mean best {mean_text(ours)}", None if target is None else ratio >= target))
    ours = [outcome.score for outcome in sorted(outcomes["one worker"], key=lambda outcome: outcome.trial)]
    lines.append(score_row(ours, theirs))
    return lines


# A structure that no trial of the space has, so that warming up compiles nothing for it.
WARM: dict[str, Values] = {"dense": {"units": 96}, "CNN": {"filters": 12}, "own structures": {"units": 96}}


def mean_text(scores: Sequence[float]) -> str:
    """Mean and standard error."""
    return f"{statistics.fmean(scores):.4f} +- {statistics.stdev(scores) / math.sqrt(len(scores)):.4f}"


def score_row(ours: Sequence[float], theirs: Sequence[float]) -> Row:
    """Whether the mean difference of trials with the same values is within two standard errors of 0."""
    differences = [one - other for one, other in zip(ours, theirs, strict=True)]
    mean, error = statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(len(differences))
    return Row(f"  difference of best scores {mean:+.4f} +- {error:.4f} (2 standard errors)", abs(mean) <= 2 * error)


def busy_data(path: str | None, rows: int) -> tuple[Any, str]:
    """MNIST from a file or from Keras' cache, else noise of the same shape; and which of them."""
    import numpy as np

    from tunemagic.search.data import data_from_arrays

    cached = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets" / "mnist.npz"
    source = Path(path) if path else cached
    if source.exists():
        with np.load(source) as archive:
            x, y = archive["x_train"][:rows], archive["y_train"][:rows]
        told = f"MNIST from {'the file given' if path else 'the cache of Keras'}"
    else:
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (rows, 28, 28), dtype="uint8"), rng.integers(0, 10, rows)
        told = "synthetic data (no MNIST in the cache of Keras, none given by --mnist)"
    return data_from_arrays((x / 255).astype("float32")[..., None], y.astype("int64"), None, seed=0), told


def overhead_rows(path: str | None, rows: int, rounds: int) -> list[Row]:
    """Ours in the kernel and in a worker beside a bare ``model.fit``, in turn; medians of the ratios."""
    import keras

    from tunemagic.search.executors.inline import InlineExecutor
    from tunemagic.search.hyperparameters import new_hyperparameters

    data, told = busy_data(path, rows)
    work = work_of(BUSY + COMPILE, data)

    def bare() -> None:
        keras.utils.set_random_seed(1)
        model = work.program.run(new_hyperparameters()).model
        model.fit(data.x, data.y, batch_size=128, epochs=2, validation_data=(data.val_x, data.val_y), verbose=0)

    executors = {"in the kernel": InlineExecutor(), "one worker": process_executor(work, 1)}
    ratios: dict[str, list[float]] = {name: [] for name in executors}
    try:
        # No executor.warm here: a bare fit compiles its model too. Only the worker's start does not count.
        run_jobs(executors["one worker"], list(jobs_of(work, [{"rate": 1e-3}], first=9001, epochs=1)))
        for number in range(rounds):
            job = list(jobs_of(work, [{"rate": 1e-3}], first=number + 1, epochs=2))
            parts = [*((name, lambda e=e, job=job: run_jobs(e, job)) for name, e in executors.items()), ("bare", bare)]
            turn = number % len(parts)
            seconds = {name: timed(part)[0] for name, part in (*parts[turn:], *parts[:turn])}
            for name in executors:
                ratios[name].append(seconds[name] / seconds["bare"])
    finally:
        for executor in executors.values():
            executor.close()
    lines = [Row(f"compute-bound: {rows} images, {told}", None)]
    for name, found in ratios.items():
        overhead = statistics.median(found) - 1
        shown = ", ".join(f"{ratio:.2f}" for ratio in found)
        text = f"  {name:<14} ours / bare fit {shown}: overhead {100 * overhead:+.0f} % <= 5"
        lines.append(Row(text, overhead <= 0.05))
    return lines


def worker_rows(path: str | None, rows: int, trials: int) -> list[Row]:
    """Two workers of one thread each beside one such worker."""
    data, _ = busy_data(path, rows)
    work = work_of(BUSY + COMPILE, data)
    seconds = {}
    for workers in (1, 2):
        executor = process_executor(work, workers, threads=1)
        try:
            warm(executor, work, {"rate": 1e-3})
            jobs = list(jobs_of(work, [{"rate": 1e-3}] * trials, epochs=2))
            seconds[workers] = timed(lambda e=executor, j=jobs: run_jobs(e, j))[0]
        finally:
            executor.close()
    ratio = seconds[1] / seconds[2]
    text = f"  {trials} trials: one one-thread worker {seconds[1]:.1f} s, two {seconds[2]:.1f} s: {ratio:.2f}x >= 1.7"
    return [Row(text, ratio >= 1.7)]


# -- from a cold start -------------------------------------------------------------------------------


def cold_rows(trials: int) -> list[Row]:
    """Wall time of fresh processes that do all of it: import, start a worker, train, end."""
    seconds = {}
    for who in ("ours", "keras-tuner"):
        command = [sys.executable, __file__, "--cold", who, "--trials", str(trials)]
        seconds[who] = timed(lambda c=command: subprocess.run(c, check=True, stdout=subprocess.DEVNULL))[0]
    ratio = seconds["keras-tuner"] / seconds["ours"]
    text = f"  ours, one worker {seconds['ours']:.1f} s; Keras Tuner {seconds['keras-tuner']:.1f} s: {ratio:.1f}x"
    return [
        Row(f"dense from a cold start, {trials} trials, imports and the worker's start included", None),
        Row(text, None),
    ]


def run_cold(who: str, trials: int) -> None:
    """What a fresh process does; prints the best scores."""
    space = SPACES["dense"]
    work = work_of(space.cell, digits())
    values = drawn(space, trials)
    if who == "keras-tuner":
        with tempfile.TemporaryDirectory() as folder:
            scores = keras_tuner_scores(work, values, folder)
    else:
        executor = process_executor(work, 1)
        try:
            scores = [outcome.score for outcome in run_jobs(executor, list(jobs_of(work, values)))]
        finally:
            executor.close()
    print(json.dumps(scores))


def main() -> int:
    """Print the table; 0 when all targets are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trials; targets are then hints only")
    parser.add_argument("--rows", default="dense,cnn,own,compute,cold", help="which parts to run")
    parser.add_argument("--mnist", help="an mnist.npz file for the compute-bound part")
    parser.add_argument("--trials", type=int, help="trials of each space")
    parser.add_argument("--cold", choices=["ours", "keras-tuner"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    trials = options.trials or (CHUNK if options.quick else TRIALS)
    if options.cold:
        run_cold(options.cold, trials)
        return 0
    images, rounds = (4_000, 3) if options.quick else (20_000, 5)
    passed = True
    for part in options.rows.split(","):
        if part in SPACES:
            rows = space_rows(SPACES[part], trials)
        elif part == "compute":
            rows = overhead_rows(options.mnist, images, rounds) + worker_rows(options.mnist, images, 4)
        else:
            rows = cold_rows(trials)
        for row in rows:
            verdict = "" if row.passed is None else ("  PASS" if row.passed else "  FAIL")
            print(row.text + verdict, flush=True)
            passed = passed and row.passed is not False
    print("all targets met" if passed else "a target was missed")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
