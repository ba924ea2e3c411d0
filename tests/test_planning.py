"""What a study is going to be searched with, and where."""

import pytest

from tunemagic.errors import OptionError
from tunemagic.planning import check_machine, plan
from tunemagic.request import Pruner, Tuner, TuneRequest
from tunemagic.search.executors.cores import usable_cores
from tunemagic.space import Kind, Parameter, SearchSpace

SPACE = SearchSpace((Parameter(name="lr", kind=Kind.FLOAT, default=0.1, low=0.01, high=1.0),))


def test_strategy_and_pruner_are_chosen_together_each_with_its_reason() -> None:
    planned = plan(TuneRequest(), SPACE)
    assert (planned.tuner, planned.pruner) == (Tuner.BOHB, Pruner.NONE)
    assert planned.tuner_reason == "trials of several epochs can begin short; only the better ones go on"
    assert planned.pruner_reason == "bohb ends weak trials by itself"
    assert plan(TuneRequest(tuner=Tuner.TPE), SPACE).pruner is Pruner.MEDIAN


def test_a_grid_over_a_range_without_step_says_how_many_points_it_takes() -> None:
    (note,) = plan(TuneRequest(tuner=Tuner.GRID), SPACE).notes
    assert "lr (" in note
    assert "has no step, so the grid takes 11 of its values" in note


def test_what_a_strategy_can_not_make_use_of_is_noted() -> None:
    units = Parameter(name="units", kind=Kind.CHOICE, default=32, choices=(32, 64))
    kind = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))
    assert plan(TuneRequest(tuner=Tuner.CMAES), SearchSpace((*SPACE.parameters, units))).notes == ()
    assert plan(TuneRequest(tuner=Tuner.CMAES), SearchSpace((units, kind))).notes == (
        "act: values without an order; cmaes draws them at random, tpe learns more from them",
    )
    assert plan(TuneRequest(tuner=Tuner.BOHB), SPACE, epochs_vary=True).notes == (
        "epochs that the cell computes are not used: bohb decides how long a trial is trained",
    )


def test_more_workers_than_cores_are_refused_before_anything_is_written() -> None:
    cores = usable_cores()
    with pytest.raises(OptionError) as caught:
        check_machine(TuneRequest(workers=cores + 97))
    assert str(caught.value) == (f"--workers {cores + 97}: this machine has {cores} cores; expected 0 to {cores}.")
    check_machine(TuneRequest(workers=cores))
    check_machine(TuneRequest(workers=cores + 97, cluster="tcp://127.0.0.1:8786"))
