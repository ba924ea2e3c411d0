"""Compare strategies at equal numbers of epochs on the table of learning curves ``mnist1d``.

Every method gets the epochs of 20 full trainings; what is looked at is the best validation accuracy
seen so far in any epoch, the same for all, as regret: how much the best of the whole table is better.
Seeds are paired: seed s of one method is compared with seed s of another. Keras Tuner's Hyperband is
driven directly, by its own rules; trials of all methods follow the nearest unused row of the table.

    .venv/bin/python benchmarks/fidelity.py [--seeds 100] [--more]

Passes when ``auto`` and ``bohb`` are not worse than Keras Tuner's Hyperband after 5, 10 and 20 full
trainings (by more than one standard error of the paired difference) and reach random search's mean
regret after 20 trainings at least 3 times sooner. ``--more`` adds strategies with pruners.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.search.auto import choose_tuner
from tunemagic.search.executors.replay import NearestRows
from tunemagic.search.hyperparameters import hyperparameters_of
from tunemagic.search.pruning import choose_pruner
from tunemagic.search.replay import best_so_far, open_replay, replay
from tunemagic.search.replay_table import ReplayTable

TRAININGS = 20
MARKS = (1, 3, 5, 10, 20)
JUDGED = (5, 10, 20)
LEAST_SPEEDUP = 3.0
RANDOM, RIVAL, OURS = "random", "Keras Tuner Hyperband", ("auto", "bohb")

Run = Callable[[ReplayTable, int], "np.ndarray"]


def ours(tuner: Tuner, pruner: Pruner = Pruner.NONE) -> Run:
    """One of tunemagic's strategies through the study's own loop."""

    def run(table: ReplayTable, seed: int) -> np.ndarray:
        return np.array(
            best_so_far(replay(table, tuner=tuner, pruner=pruner, seed=seed, max_epochs=TRAININGS * table.epochs))
        )

    return run


def chosen_by_rule(table: ReplayTable) -> tuple[Tuner, Pruner]:
    """What ``auto`` means for this table when time is the limit, as it is here."""
    request = TuneRequest(epochs=table.epochs, minutes=1.0)
    tuner, _ = choose_tuner(request, table.space, has_torch=False)
    return tuner, choose_pruner(request, tuner)[0]


def keras_tuner_hyperband(table: ReplayTable, seed: int) -> np.ndarray:
    """Keras Tuner's oracle, asked and told as its own tuner does it; trials go on from their parents."""
    import keras_tuner

    budget = TRAININGS * table.epochs
    rows = NearestRows(table)
    row_of: dict[str, int] = {}
    best = -math.inf
    found: list[float] = []
    # It prints a table at every trial.
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        oracle = keras_tuner.oracles.HyperbandOracle(
            objective=keras_tuner.Objective(table.objective, str(table.direction)),
            max_epochs=table.epochs,
            hyperband_iterations=100,
            # It walks one sequence for neighbouring seeds and ignores 0.
            seed=1 + 100_003 * seed,
            hyperparameters=hyperparameters_of(table.space),
        )
        oracle._set_project_dir(folder, "hyperband")
        while len(found) < budget:
            trial = oracle.create_trial("tuner0")
            values = dict(trial.hyperparameters.values)
            parent = values.get("tuner/trial_id")
            row = row_of[trial.trial_id] = rows.take(values) if parent is None else row_of[parent]
            begin, end = values["tuner/initial_epoch"], values["tuner/epochs"]
            curve = table.rows[row].curves[table.objective][begin:end]
            for value in curve:
                best = max(best, -math.inf if value is None else value)
                found.append(best)
            scores = [value for value in curve if value is not None]
            trial.status = "COMPLETED" if scores else "INVALID"
            if scores:
                oracle.update_trial(trial.trial_id, {table.objective: max(scores)}, step=0)
            oracle.end_trial(trial)
    return np.array(found[:budget])


def methods(table: ReplayTable, *, more: bool) -> dict[str, Run]:
    """What is compared, by name."""
    found = {
        RANDOM: ours(Tuner.RANDOM),
        RIVAL: keras_tuner_hyperband,
        "auto": ours(*chosen_by_rule(table)),
        "bohb": ours(Tuner.BOHB),
    }
    if more:
        found["hyperband"] = ours(Tuner.HYPERBAND)
        for tuner in (Tuner.RANDOM, Tuner.TPE):
            for pruner in (Pruner.NONE, Pruner.MEDIAN, Pruner.ASHA):
                found.setdefault(f"{tuner} + {pruner}", ours(tuner, pruner))
    return found


def regrets(table: ReplayTable, run: Run, seeds: int) -> np.ndarray:
    """The regret after each epoch: one row per seed. A strategy that ends early keeps its best."""
    budget = TRAININGS * table.epochs
    curves = [run(table, seed) for seed in range(seeds)]
    filled = [np.concatenate([curve, np.full(budget - len(curve), curve[-1])]) for curve in curves]
    return table.best_score() - np.array(filled)


def speedup(mean: np.ndarray, goal: float) -> float:
    """How many times sooner than after all epochs the mean regret reaches ``goal``; 0 = never."""
    reached = np.flatnonzero(mean <= goal)
    return len(mean) / (reached[0] + 1) if len(reached) else 0.0


def verdicts(name: str, own: np.ndarray, found: dict[str, np.ndarray], epochs: int) -> list[tuple[bool, str]]:
    """Each claim about this method and whether it holds."""
    claims = []
    for mark in JUDGED:
        difference = (own - found[RIVAL])[:, mark * epochs - 1]
        mean, error = difference.mean(), difference.std(ddof=1) / math.sqrt(len(difference))
        text = f"{name} - {RIVAL} after {mark}: {mean:+.4f} +- {error:.4f} (regret, paired)"
        claims.append((bool(mean <= error), text))
    factor = speedup(own.mean(axis=0), found[RANDOM].mean(axis=0)[-1])
    text = f"{name} reaches random's value after {TRAININGS} trainings {factor:.1f}x sooner (>= {LEAST_SPEEDUP:g}x)"
    return [*claims, (factor >= LEAST_SPEEDUP, text)]


def main() -> int:
    """Print the table and the verdicts; 1 when one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--more", action="store_true", help="also pruners beside random and tpe")
    parser.add_argument("--table", default="mnist1d")
    options = parser.parse_args()
    table = open_replay(options.table)
    tuner, pruner = chosen_by_rule(table)
    print(
        f"{table.name}: {len(table.rows)} rows x {table.epochs} epochs, best {table.objective} {table.best_score():g}"
    )
    print(f"auto: {tuner}, pruner {pruner}. Mean regret of {options.seeds} seeds after n full trainings:")
    print(f"{'':24}" + "".join(f"{mark:>9}" for mark in MARKS) + "   to random's value   s a run")
    found: dict[str, np.ndarray] = {}
    for name, run in methods(table, more=options.more).items():
        started = time.perf_counter()
        found[name] = regrets(table, run, options.seeds)
        seconds = (time.perf_counter() - started) / options.seeds
        mean = found[name].mean(axis=0)
        cells = "".join(f"{mean[mark * table.epochs - 1]:9.4f}" for mark in MARKS)
        factor = speedup(mean, found[RANDOM].mean(axis=0)[-1])
        print(f"{name:24}{cells}{factor:16.1f}x{seconds:13.2f}", flush=True)
    claims = [claim for name in OURS for claim in verdicts(name, found[name], found, table.epochs)]
    print("\n".join(f"{'PASS' if holds else 'FAIL'}  {text}" for holds, text in claims))
    return int(not all(holds for holds, _ in claims))


if __name__ == "__main__":
    raise SystemExit(main())
