"""Makes the search strategies. Beside ``search.hyperparameters`` the only importer of keras_tuner."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from tunemagic.errors import OptionError
from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.auto import SEVERAL_OBJECTIVES
from tunemagic.search.bayesian import BayesianStrategy
from tunemagic.search.bohb import BohbStrategy
from tunemagic.search.drawing import RandomStrategy
from tunemagic.search.grid import GridStrategy
from tunemagic.search.hyperband import HyperbandStrategy
from tunemagic.search.optuna_samplers import CmaesStrategy, GpStrategy, QmcStrategy, TpeStrategy
from tunemagic.search.strategy import Proposal, Setting, Strategy, Waiting

__all__ = ["Proposal", "Strategy", "Waiting", "infer_direction", "make_strategy"]

_MAKERS: dict[Tuner, Callable[[Setting], Strategy]] = {
    Tuner.GRID: GridStrategy,
    Tuner.TPE: TpeStrategy,
    Tuner.QMC: QmcStrategy,
    Tuner.CMAES: CmaesStrategy,
    Tuner.RANDOM: lambda setting: RandomStrategy(setting, _oracle("RandomSearchOracle", setting, max_trials=None)),
    Tuner.BAYESIAN: lambda setting: BayesianStrategy(
        setting, _oracle("BayesianOptimizationOracle", setting, max_trials=None)
    ),
    # Without a limit of its own it starts the next bracket; the study's budget ends it.
    Tuner.HYPERBAND: lambda setting: HyperbandStrategy(setting, _brackets(setting)),
    Tuner.BOHB: lambda setting: BohbStrategy(setting, _brackets(setting)),
}


def make_strategy(
    tuner: Tuner,
    *,
    hyperparameters: Any,
    objective: str,
    direction: Direction,
    seed: int,
    epochs: int,
    max_trials: int | None = None,
    objectives: Sequence[tuple[str, Direction]] = (),
) -> Strategy:
    """A fresh strategy over the space of these HyperParameters.

    ``objectives`` are further ones beside ``objective``, for a Pareto search; ``max_trials`` tells
    how much may be spent on a random start. Raises OptionError for a strategy that can't search
    for several objectives, that lacks a package, or for ``auto``, which ``choose_tuner`` resolves.
    """
    if objectives and tuner not in SEVERAL_OBJECTIVES:
        able = ", ".join(SEVERAL_OBJECTIVES)
        raise OptionError(f"--tuner {tuner} takes one objective; received {len(objectives) + 1}. Use one of: {able}.")
    if tuner is Tuner.GP and importlib.util.find_spec("torch") is None:
        raise OptionError('--tuner gp needs PyTorch, which is not installed. Run: %pip install "tunemagic[gp]"')
    setting = Setting(
        hyperparameters=hyperparameters,
        objective=objective,
        direction=direction,
        seed=seed,
        epochs=epochs,
        max_trials=max_trials,
        objectives=tuple(objectives),
    )
    if tuner is Tuner.GP:
        return GpStrategy(setting)
    if tuner not in _MAKERS:
        raise OptionError(f"--tuner {tuner}: expected one of {', '.join((*_MAKERS, Tuner.GP))}.")
    return _MAKERS[tuner](setting)


def _brackets(setting: Setting) -> Any:
    return _oracle("HyperbandOracle", setting, max_epochs=setting.epochs, hyperband_iterations=None)


def _oracle(name: str, setting: Setting, **options: Any) -> Any:
    """One of Keras Tuner's oracles.

    Any seed from 0 on gives its own sequence: seeds are spread by a hash, since Keras Tuner
    ignores seed 0 and walks one sequence for neighbouring seeds.
    """
    import keras_tuner

    spread = int.from_bytes(hashlib.sha256(f"tunemagic {setting.seed}".encode()).digest()[:4], "big") % 2**31 + 1
    return getattr(keras_tuner.oracles, name)(
        objective=keras_tuner.Objective(setting.objective, str(setting.direction)),
        hyperparameters=setting.hyperparameters.copy(),
        seed=spread,
        **options,
    )


def infer_direction(objective: str) -> Direction | None:
    """The direction of a metric that Keras knows by name (``val_accuracy`` -> max), else None."""
    from keras_tuner.engine.metrics_tracking import infer_metric_direction

    known = infer_metric_direction(objective)
    return None if known is None else Direction(known)
