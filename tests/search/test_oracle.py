"""Strategies: every one goes on after a crash exactly as it would have without."""

from typing import Any

import pytest

from tunemagic.errors import SpaceError
from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters, space_of
from tunemagic.search.oracle import Proposal, Strategy, infer_direction, make_strategy
from tunemagic.space import Condition, Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import TrialRecord, TrialState


def mixed() -> Any:
    hp = new_hyperparameters()
    hp.Int("units", 2, 5)
    hp.Float("lr", 1e-4, 1e-1, sampling="log", default=1e-2)
    hp.Choice("act", ["relu", "tanh"])
    return hp


def small_grid() -> Any:
    hp = new_hyperparameters()
    hp.Int("units", 1, 3, default=2)
    hp.Choice("act", ["relu", "tanh"])
    hp.Boolean("norm")
    return hp


def strategy(tuner: Tuner, hp: Any, seed: int = 0) -> Strategy:
    return make_strategy(tuner, hyperparameters=hp, objective="val_loss", direction=Direction.MIN, seed=seed, epochs=9)


def score(proposal: Proposal) -> float:
    return float(proposal.values["units"]) + 10 * float(proposal.values.get("lr", 0.0))


def record(number: int, proposal: Proposal, state: TrialState = TrialState.COMPLETED) -> TrialRecord:
    return TrialRecord(
        number=number,
        attempt=1,
        values=proposal.values,
        state=state,
        epochs=1,
        why="",
        started=0.0,
        score=score(proposal) if state is TrialState.COMPLETED else None,
    )


def run(strategy: Strategy, trials: int) -> list[Proposal]:
    proposals = []
    for number in range(1, trials + 1):
        proposal = strategy.ask(number)
        if not isinstance(proposal, Proposal):
            break
        proposals.append(proposal)
        strategy.tell(number, score(proposal))
    return proposals


@pytest.mark.parametrize(("tuner", "trials"), [("random", 20), ("grid", 12), ("hyperband", 30), ("bayesian", 11)])
def test_a_restored_strategy_proposes_what_the_undisturbed_one_does(tuner: str, trials: int) -> None:
    def fresh() -> Strategy:
        return strategy(Tuner(tuner), small_grid() if tuner == "grid" else mixed())

    undisturbed = run(fresh(), trials)
    assert len(undisturbed) == trials
    for crashed_after in range(trials):
        records = [record(i + 1, undisturbed[i]) for i in range(crashed_after)]
        memos = {i + 1: undisturbed[i].memo for i in range(crashed_after)}
        restored = fresh()
        restored.restore(records, memos)
        assert restored.ask(crashed_after + 1) == undisturbed[crashed_after]


def test_a_trial_that_was_cut_off_and_runs_again_changes_nothing_later() -> None:
    undisturbed = run(strategy(Tuner.GRID, small_grid()), 12)
    restored = strategy(Tuner.GRID, small_grid())
    records = [record(i + 1, undisturbed[i]) for i in range(4)]
    restored.restore([*records, record(5, undisturbed[4], TrialState.INTERRUPTED)], {})
    restored.tell(5, score(undisturbed[4]))
    rest = []
    for number in range(6, 14):
        proposal = restored.ask(number)
        if isinstance(proposal, Proposal):
            rest.append(proposal)
            restored.tell(number, score(proposal))
    assert rest == undisturbed[5:]


def test_a_grid_over_a_thousand_million_values_takes_them_one_at_a_time() -> None:
    hp = new_hyperparameters()
    hp.Int("units", 1, 10**9, default=3)
    assert [proposal.values["units"] for proposal in run(strategy(Tuner.GRID, hp), 5)] == [3, 1, 2, 4, 5]


def test_the_grid_visits_each_combination_once_beginning_with_the_defaults() -> None:
    proposals = run(strategy(Tuner.GRID, small_grid()), 100)
    visited = [tuple(sorted(p.values.items())) for p in proposals]
    assert len(visited) == len(set(visited)) == 12
    assert proposals[0].values == {"units": 2, "act": "relu", "norm": False}


@pytest.mark.parametrize("tuner", [tuner for tuner in Tuner if tuner is not Tuner.AUTO])
def test_the_first_trial_is_the_users_own_default_values(tuner: Tuner) -> None:
    hp = small_grid()
    proposal = strategy(tuner, hp).ask(1)
    assert isinstance(proposal, Proposal)
    assert (proposal.values, proposal.why) == ({"units": 2, "act": "relu", "norm": False}, "your default values")


def test_random_search_ends_when_every_combination_was_tried() -> None:
    hp = new_hyperparameters()
    hp.Choice("units", [1, 2, 3])
    proposals = run(strategy(Tuner.RANDOM, hp), 10)
    assert sorted(p.values["units"] for p in proposals) == [1, 2, 3]


def test_seeds_give_sequences_of_their_own_and_seed_zero_counts() -> None:
    def lrs(seed: int) -> list[Any]:
        return [p.values["lr"] for p in run(strategy(Tuner.RANDOM, mixed(), seed), 8)[1:]]

    assert lrs(0) == lrs(0)
    drawn = [value for seed in range(4) for value in lrs(seed)]
    assert len(set(drawn)) == len(drawn)


def test_a_failed_trial_is_not_taken_for_a_good_one() -> None:
    bayesian = strategy(Tuner.BAYESIAN, mixed())
    for number in range(1, 12):
        proposal = bayesian.ask(number)
        assert isinstance(proposal, Proposal)
        bayesian.tell(number, None)
    assert proposal.why == "random start 1 of 10"


def test_hyperband_goes_on_from_the_best_trials_with_more_epochs() -> None:
    proposals = run(strategy(Tuner.HYPERBAND, mixed()), 12)
    first_rung = [p for p in proposals if p.parent is None and p.epochs == 1]
    promoted = next(p for p in proposals if p.parent is not None)
    best = min(range(len(first_rung)), key=lambda i: score(first_rung[i])) + 1
    assert (promoted.parent, promoted.initial_epoch, promoted.epochs) == (best, 1, 3)
    assert promoted.values == first_rung[best - 1].values


def test_a_hyperparameter_found_during_a_trial_joins_the_space() -> None:
    random = strategy(Tuner.RANDOM, mixed())
    proposal = random.ask(1)
    assert isinstance(proposal, Proposal)
    hp = random.hyperparameters(1)
    assert hp.Int("extra", 1, 3, default=2) == 2
    random.tell(1, 1.0, hp)
    assert "extra" in random.space().names
    again = strategy(Tuner.RANDOM, hyperparameters_of(random.space()))
    again.restore([record(1, proposal)], {})
    assert again.ask(2) == random.ask(2)


def test_one_name_with_two_ranges_is_refused_with_both_lines() -> None:
    lines = iter([3, 7])
    hp = new_hyperparameters(lambda frame: next(lines))
    hp.Int("units", 1, 10)
    with pytest.raises(SpaceError) as caught:
        hp.Int("units", 100, 200)
    assert str(caught.value) == (
        "line 7: hyperparameter 'units' is defined a second time as Int with other settings; it was defined in line 3 "
        "as Int. Give one of them another name."
    )


def test_the_same_definition_twice_is_fine() -> None:
    hp = new_hyperparameters()
    assert [hp.Int("units", 1, 10), hp.Int("units", 1, 10)] == [1, 1]


def test_a_space_survives_the_way_to_keras_tuner_and_back() -> None:
    space = SearchSpace(
        (
            Parameter(name="u", kind=Kind.INT, default=4, low=2, high=8, step=2),
            Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=0.1, sampling=Sampling.LOG),
            Parameter(name="act", kind=Kind.CHOICE, default="b", choices=("a", "b")),
            Parameter(name="norm", kind=Kind.BOOLEAN, default=True, choices=(False, True)),
            Parameter(name="seven", kind=Kind.FIXED, default=7, choices=(7,)),
            Parameter(
                name="deep",
                kind=Kind.INT,
                default=1,
                low=1,
                high=3,
                step=1,
                conditions=(Condition(parent="act", values=("a",)),),
            ),
        )
    )
    assert space_of(hyperparameters_of(space)) == space


@pytest.mark.parametrize(
    ("name", "direction"),
    [("val_accuracy", Direction.MAX), ("val_loss", Direction.MIN), ("auc", Direction.MAX), ("val_profit", None)],
)
def test_directions_are_known_for_keras_metrics_only(name: str, direction: Direction | None) -> None:
    assert infer_direction(name) is direction
