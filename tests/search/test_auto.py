"""Which strategy the rule picks, and that it says why."""

from typing import Any

import pytest

from tunemagic.errors import OptionError
from tunemagic.request import Objective, Tuner, TuneRequest
from tunemagic.search.auto import choose_tuner
from tunemagic.space import Kind, Parameter, SearchSpace

RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.1, low=0.01, high=1.0)
KIND = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))
UNITS = Parameter(name="units", kind=Kind.CHOICE, default=32, choices=(32, 64, 128))
WIDTHS = SearchSpace((RATE, UNITS))
NUMBERS, MIXED, SMALL = SearchSpace((RATE,)), SearchSpace((RATE, KIND)), SearchSpace((KIND,))


@pytest.mark.parametrize(
    ("space", "options", "torch", "expected"),
    [
        (MIXED, {}, True, Tuner.BOHB),
        (MIXED, {"max_trials": 5}, True, Tuner.TPE),
        (NUMBERS, {"max_trials": 5}, True, Tuner.GP),
        (NUMBERS, {"epochs": 2}, True, Tuner.GP),
        (NUMBERS, {"epochs": 2}, False, Tuner.TPE),
        (NUMBERS, {"epochs": 2, "max_trials": 300}, True, Tuner.TPE),
        (NUMBERS, {"folds": 3}, True, Tuner.GP),
        (WIDTHS, {"max_trials": 5}, True, Tuner.GP),
        (MIXED, {"repeats": 3}, True, Tuner.TPE),
        (MIXED, {"minutes": 5.0}, True, Tuner.BOHB),
        (SMALL, {}, True, Tuner.GRID),
        (MIXED, {"objectives": (Objective(name="parameters"),)}, True, Tuner.TPE),
        (MIXED, {"tuner": Tuner.RANDOM}, True, Tuner.RANDOM),
    ],
)
def test_the_rule_picks_by_space_epochs_and_budget(
    space: SearchSpace, options: dict[str, Any], torch: bool, expected: Tuner
) -> None:
    tuner, reason = choose_tuner(TuneRequest(**options), space, has_torch=torch)
    assert tuner is expected
    assert reason == "you chose it" if "tuner" in options else reason not in ("", "you chose it")


def test_a_cell_that_computes_its_epochs_is_not_cut_into_rungs() -> None:
    tuner, reason = choose_tuner(TuneRequest(), MIXED, has_torch=True, epochs_vary=True)
    assert (tuner, reason) == (Tuner.TPE, "it suits any space")


def test_a_strategy_that_takes_one_objective_is_refused_for_several() -> None:
    request = TuneRequest(tuner=Tuner.CMAES, objectives=(Objective(name="parameters"),))
    with pytest.raises(OptionError) as caught:
        choose_tuner(request, MIXED, has_torch=True)
    assert str(caught.value) == "--tuner cmaes takes one objective; received 2. Use one of: tpe, random, grid, qmc."
