"""What every strategy promises, tried with hypothesis: kills at any time, failures, narrower ranges."""

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunemagic import events as ev
from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.search.oracle import Proposal, Strategy, Waiting, make_strategy
from tunemagic.search.points import inside, key_of
from tunemagic.space import SearchSpace
from tunemagic.trial import TrialRecord, TrialState

TUNERS = [tuner for tuner in Tuner if tuner not in (Tuner.AUTO, Tuner.GP)]  # GP below, since each fit takes long
STEPS = st.lists(st.sampled_from(["score", "score", "score", "fail", "infinite", "kill"]), min_size=4, max_size=16)


def space() -> Any:
    hp = new_hyperparameters()
    hp.Choice("optimizer", ["sgd", "adam"])
    hp.Int("units", 1, 40, default=7)
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9, step=0.1)
    return hp


def made(tuner: Tuner, hp: Any, seed: int = 5) -> Strategy:
    return make_strategy(
        tuner, hyperparameters=hp, objective="val_loss", direction=Direction.MIN, seed=seed, epochs=9, max_trials=30
    )


def record(number: int, proposal: Proposal) -> TrialRecord:
    return TrialRecord(
        number=number,
        attempt=1,
        values=proposal.values,
        state=TrialState.RUNNING,
        epochs=9,
        why=proposal.why,
        started=0.0,
        parent=proposal.parent,
    )


def restored(tuner: Tuner, hp: Any, records: list[TrialRecord], memos: dict[int, Any]) -> Strategy:
    strategy = made(tuner, hp)
    strategy.restore(records, memos)
    return strategy


def play(tuner: Tuner, steps: list[str], *, kill: bool) -> list[Any]:
    """The proposals over these steps; with ``kill`` a fresh strategy goes on from the records at each kill."""
    hp = space()
    strategy, records, memos, seen = made(tuner, hp), [], {}, []
    for step in steps:
        if step == "kill":
            strategy = restored(tuner, hp, records, memos) if kill else strategy
            continue
        number = len(records) + 1
        proposal = strategy.ask(number)
        if not isinstance(proposal, Proposal):
            seen.append(type(proposal).__name__)
            break
        seen.append((proposal.values, proposal.why, proposal.epochs, proposal.parent))
        memos[number] = proposal.memo
        started = record(number, proposal)
        score = {"score": float(proposal.values["units"]), "fail": None, "infinite": float("inf")}[step]
        strategy.tell(number, score)
        known = ev.finite(score)
        state = TrialState.FAILED if known is None else TrialState.COMPLETED
        records.append(dataclasses.replace(started, state=state, score=known))
    return seen


@pytest.mark.parametrize("tuner", TUNERS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_after_a_kill_a_strategy_proposes_what_it_would_have_proposed(tuner: Tuner, steps: list[str]) -> None:
    # A score that overflowed counts as failed once it is read back: JSON has no infinity.
    steps = ["fail" if step == "infinite" else step for step in steps]
    assert play(tuner, steps, kill=True) == play(tuner, steps, kill=False)


@pytest.mark.parametrize("tuner", TUNERS)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_proposals_lie_within_the_space_and_only_rungs_repeat_one(tuner: Tuner, steps: list[str]) -> None:
    whole, keys = space_of(space()), []
    for step in play(tuner, steps, kill=False):
        if isinstance(step, tuple):
            values, _, _, parent = step
            assert inside(whole, values)
            assert parent is not None or key_of(values) not in keys
            keys.append(key_of(values))


@pytest.mark.parametrize("tuner", [*TUNERS, Tuner.GP])
def test_the_first_proposal_is_the_users_and_a_failed_trial_stops_nothing(tuner: Tuner) -> None:
    strategy = made(tuner, space())
    first = strategy.ask(1)
    assert isinstance(first, Proposal)
    assert (first.values, first.why) == ({"optimizer": "sgd", "units": 7, "momentum": 0.0}, "your default values")
    strategy.tell(1, None)
    assert isinstance(strategy.ask(2), Proposal)


@pytest.mark.parametrize("tuner", [*TUNERS, Tuner.GP])
def test_a_space_of_one_point_gives_one_trial(tuner: Tuner) -> None:
    hp = new_hyperparameters()
    hp.Int("units", 4, 4)
    strategy = made(tuner, hp)
    first = strategy.ask(1)
    assert isinstance(first, Proposal)
    strategy.tell(1, 0.5)
    second = strategy.ask(2)
    # Brackets may train the one configuration on.
    assert second is None or isinstance(second, Waiting) or second.parent == 1


@pytest.mark.parametrize("tuner", [Tuner.RANDOM, Tuner.TPE, Tuner.QMC, Tuner.CMAES, Tuner.GRID])
def test_a_narrower_range_holds_from_the_next_proposal_on(tuner: Tuner) -> None:
    strategy = made(tuner, space())
    for number in range(1, 6):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        strategy.tell(number, float(proposal.values["units"]))
    parameters = [
        dataclasses.replace(p, low=20, high=30, default=20) if p.name == "units" else p
        for p in strategy.space().parameters
    ]
    narrow = SearchSpace(tuple(parameters))
    assert strategy.narrow(narrow).strip()
    for number in range(6, 14):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        assert inside(narrow, proposal.values)
        strategy.tell(number, float(proposal.values["units"]))


@pytest.mark.parametrize("tuner", [Tuner.RANDOM, Tuner.TPE, Tuner.BAYESIAN])
def test_values_that_the_user_gives_are_learned_from_and_not_proposed_again(tuner: Tuner) -> None:
    strategy = made(tuner, space())
    assert strategy.add(1, {"units": 3}) == {"optimizer": "sgd", "units": 3, "momentum": 0.0}
    strategy.tell(1, 0.1)
    for number in range(2, 20):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        assert proposal.values != {"optimizer": "sgd", "units": 3, "momentum": 0.0}
        strategy.tell(number, 1.0)


def test_bohb_fills_its_brackets_from_tpe_once_enough_trials_have_ended() -> None:
    strategy = made(Tuner.BOHB, space())
    whys = []
    for number in range(1, 60):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        whys.append(proposal.why)
        strategy.tell(number, float(proposal.values["units"]))
    assert any("TPE after" in why for why in whys)
    assert any("goes on from trial" in why for why in whys)
