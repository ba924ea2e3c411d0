"""Make the table of learning curves that ``%tune run --replay mnist1d`` answers from.

Draws configurations of the cell below with the strategy ``random``, trains each with tunemagic's own
trainer on MNIST-1D, and writes one row per configuration. Rows are appended to a work file as they
come, so a script that was ended goes on where it was. One core is enough:

    OMP_NUM_THREADS=1 nice python scripts/make_mnist1d_table.py curves.jsonl --rows 1000
    python scripts/make_mnist1d_table.py curves.jsonl --rows 1000 --pack

``--pack`` writes the table into the package. The data are those of Greydanus & Kobak (2024), "Scaling
Down Deep Learning with MNIST-1D", made by ``mnist1d.data.make_dataset`` with its default arguments
(package mnist1d, Apache-2.0): 4000 rows to train on, 1000 to validate on, 40 numbers each, 10 classes.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tunemagic.events import Direction, EpochEnded
from tunemagic.request import Tuner
from tunemagic.search.cell import read_cell
from tunemagic.search.data import data_from_arrays
from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.search.job import StopFlag, TrialJob, Work
from tunemagic.search.oracle import make_strategy
from tunemagic.search.train import run_job

EPOCHS = 27
SEED = 7
OBJECTIVE = "val_accuracy"
CURVES = ("val_accuracy", "val_loss", "accuracy", "loss")
TASKS_PER_PROCESS = 60  # TensorFlow never frees a traced graph; a fresh process does
TARGET = Path(__file__).parent.parent / "tunemagic" / "replay_tables" / "mnist1d.jsonl.gz"

CELL = """\
layers = hp.Int("layers", 1, 3)
filters = hp.Choice("filters", [4, 8, 16])
kernel = hp.Choice("kernel", [3, 5, 7])
dropout = hp.Float("dropout", 0.0, 0.5, step=0.25)
activation = hp.Choice("activation", ["relu", "tanh"])
optimizer = hp.Choice("optimizer", ["adam", "sgd"])
rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
batch_size = hp.Choice("batch_size", [50, 100, 200])

model = keras.Sequential([keras.Input((40, 1))])
for _ in range(layers):
    model.add(keras.layers.Conv1D(filters, kernel, strides=2, padding="same", activation=activation))
model.add(keras.layers.Flatten())
model.add(keras.layers.Dropout(dropout))
model.add(keras.layers.Dense(32, activation=activation))
model.add(keras.layers.Dense(10, activation="softmax"))
if optimizer == "adam":
    chosen = keras.optimizers.Adam(rate)
else:
    chosen = keras.optimizers.SGD(rate, momentum=0.9)
model.compile(chosen, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@functools.cache
def mnist1d_work() -> Work:
    """The cell and the data, as trials of a study get them. Made once in each process."""
    import keras
    from mnist1d.data import get_dataset_args, make_dataset

    data = make_dataset(get_dataset_args())
    x, x_test = (data[name][..., None].astype("float32") for name in ("x", "x_test"))
    return Work(
        program=read_cell(CELL, {"keras": keras}),
        data=data_from_arrays(x, data["y"], (x_test, data["y_test"]), seed=SEED),
        objective=OBJECTIVE,
        direction=Direction.MAX,
    )


@functools.cache
def space() -> Any:
    """The cell's HyperParameters, found by running it once."""
    hp = new_hyperparameters()
    mnist1d_work().program.run(hp)
    return hp


def train(numbered: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    """One row of the table: the curves of this configuration, rounded to 4 places."""
    number, values = numbered
    hp = new_hyperparameters()
    hp.values = dict(values)
    job = TrialJob(
        trial=number,
        attempt=1,
        work=mnist1d_work(),
        hp=hp,
        epochs=EPOCHS,
        seed=(SEED * 1_000_003 + number) % 2**31,
        fixed_epochs=True,
    )
    epochs: list[EpochEnded] = []
    started = time.process_time()
    outcome = run_job(job, lambda report: epochs.append(report) if isinstance(report, EpochEnded) else None, StopFlag())
    curves = {name: [_rounded(epoch.logs.get(name)) for epoch in epochs] for name in CURVES}
    row = {"number": number, "values": values, "curves": curves}
    if outcome.score is None:
        row |= {"error": outcome.error, "reason": outcome.reason}
    return {**row, "seconds": round(time.process_time() - started, 2), "trainer": outcome.trainer}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def proposals(count: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers from 1 on and their values; the same for every call."""
    strategy = make_strategy(
        Tuner.RANDOM, hyperparameters=space(), objective=OBJECTIVE, direction=Direction.MAX, seed=SEED, epochs=EPOCHS
    )
    for number in range(1, count + 1):
        yield number, strategy.ask(number).values


def read_rows(path: Path) -> dict[int, dict[str, Any]]:
    """Rows by number; a torn last line is left out."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return {row["number"]: row for row in map(json.loads, lines)}


def make(path: Path, count: int) -> None:
    """Train what is missing of the first ``count`` configurations."""
    done = read_rows(path)
    path.write_text("".join(json.dumps(row) + "\n" for row in done.values()), encoding="utf-8")  # no torn line
    missing = [(number, values) for number, values in proposals(count) if number not in done]
    # Trials that differ only in learning rate and batch size share one compiled graph when they follow each other.
    groups: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for number, values in missing:
        shape = json.dumps({name: value for name, value in values.items() if name not in ("rate", "batch_size")})
        groups.setdefault(shape, []).append((number, values))
    work = [each for group in groups.values() for each in group]
    with (
        multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=TASKS_PER_PROCESS) as pool,
        path.open("a", encoding="utf-8") as file,
    ):
        for row in pool.imap_unordered(train, work):
            file.write(json.dumps(row) + "\n")
            file.flush()


def pack(path: Path, count: int) -> None:
    """Write the table: a line that describes it, then the rows in order."""
    rows = read_rows(path)
    missing = [number for number in range(1, count + 1) if number not in rows]
    if missing:
        raise SystemExit(f"{path}: {len(missing)} of {count} rows are missing, the first is {missing[0]}.")
    head = {
        "table": "mnist1d",
        "space": space_of(space()).to_json(),
        "objective": OBJECTIVE,
        "direction": str(Direction.MAX),
        "epochs": EPOCHS,
        "source": CELL,
        "origin": "small CNNs trained by tunemagic on MNIST-1D (package mnist1d, Apache-2.0)",
    }
    kept = ("values", "curves", "error", "reason")
    lines = [head, *({name: rows[n][name] for name in kept if name in rows[n]} for n in range(1, count + 1))]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{TARGET}: {count} rows, {TARGET.stat().st_size} bytes")


def main() -> None:
    """Make rows, or pack those that were made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="the file of finished rows")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--pack", action="store_true", help="write the package's table from the work file")
    options = parser.parse_args()
    (pack if options.pack else make)(options.work, options.rows)


if __name__ == "__main__":
    main()
