"""optuna's samplers: the same sequences as optuna itself, and what our own rules add."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from threadpoolctl import threadpool_limits

from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.oracle import Proposal, Strategy, make_strategy

SAMPLERS: dict[str, Callable[[int], Any]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
}
DISTRIBUTIONS = {
    "lr": FloatDistribution(1e-4, 1e-1, log=True),
    "units": IntDistribution(1, 500),
    "act": CategoricalDistribution(["relu", "tanh", "elu"]),
    "drop": FloatDistribution(0.0, 0.5),
    "batch": IntDistribution(1, 64, log=True),
}
DEFAULTS = {"lr": 1e-2, "units": 64, "act": "relu", "drop": 0.0, "batch": 8}


def flat() -> Any:
    hp = new_hyperparameters()
    hp.Float("lr", 1e-4, 1e-1, sampling="log", default=1e-2)
    hp.Int("units", 1, 500, default=64)
    hp.Choice("act", ["relu", "tanh", "elu"])
    hp.Float("drop", 0.0, 0.5)
    hp.Int("batch", 1, 64, sampling="log", default=8)
    return hp


def conditional() -> Any:
    hp = new_hyperparameters()
    hp.Choice("optimizer", ["sgd", "adam"])
    hp.Float("lr", 1e-4, 1.0, sampling="log", default=1e-2)
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.99)
        hp.Boolean("nesterov")
    with hp.conditional_scope("optimizer", ["adam"]):
        hp.Float("beta", 0.8, 0.999, sampling="reverse_log", default=0.9)
    return hp


def strategy(tuner: str, hp: Any, seed: int = 3, **options: Any) -> Strategy:
    return make_strategy(
        Tuner(tuner), hyperparameters=hp, objective="val_loss", direction=Direction.MIN, seed=seed, epochs=9, **options
    )


def loss(values: Any) -> float:
    return (math.log10(values["lr"]) + 2.3) ** 2 + abs(values["units"] - 200) / 100 + (values["act"] == "relu") / 3


def run(search: Strategy, trials: int, score: Callable[[Any], float | None] = loss) -> list[Proposal]:
    proposals = []
    for number in range(1, trials + 1):
        proposal = search.ask(number)
        assert isinstance(proposal, Proposal)
        proposals.append(proposal)
        search.tell(number, score(proposal.values))
    return proposals


def optuna_itself(tuner: str, seed: int, trials: int) -> list[dict[str, Any]]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("ignore")
        study = optuna.create_study(sampler=SAMPLERS[tuner](seed))
        study.enqueue_trial(DEFAULTS)
        for _ in range(trials):
            trial = study.ask(DISTRIBUTIONS)
            study.tell(trial, loss(trial.params))
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize(("tuner", "trials"), [("tpe", 60), ("gp", 16), ("qmc", 40), ("cmaes", 60)])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_flat_space_is_searched_in_exactly_the_order_of_optuna_itself(tuner: str, trials: int, seed: int) -> None:
    ours = [proposal.values for proposal in run(strategy(tuner, flat(), seed), trials)]
    assert ours == optuna_itself(tuner, seed, trials)


def test_conditional_parameters_are_drawn_only_while_their_condition_holds() -> None:
    for proposal in run(strategy("tpe", conditional()), 30, lambda values: float(values["lr"])):
        child = {"sgd": {"momentum", "nesterov"}, "adam": {"beta"}}[str(proposal.values["optimizer"])]
        assert set(proposal.values) == {"optimizer", "lr"} | child
