"""What every strategy promises, tried with hypothesis: parallel trials, failures, kills at any time, other ranges."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tunemagic.events import Direction
from tunemagic.request import Tuner
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters
from tunemagic.search.oracle import Proposal, Strategy, Waiting, make_strategy
from tunemagic.search.points import inside, key_of
from tunemagic.space import SearchSpace
from tunemagic.trial import TrialRecord, TrialState

TUNERS = [tuner for tuner in Tuner if tuner is not Tuner.AUTO]
DEFAULTS = {"optimizer": "sgd", "units": 7, "momentum": 0.0}
NO_RUNGS = [tuner for tuner in TUNERS if tuner not in (Tuner.HYPERBAND, Tuner.BOHB)]


def finite() -> Any:
    hp = new_hyperparameters()
    hp.Choice("optimizer", ["sgd", "adam"])
    hp.Int("units", 1, 8, default=7)
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9, step=0.3)
    return hp


def endless() -> Any:
    hp = finite()
    hp.Float("rate", 1e-3, 1.0, sampling="log")
    hp.Float("keep", 0.5, 0.99, sampling="reverse_log")
    hp.Choice("batch", [16, 32, 64])
    hp.Fixed("loss", "mse")
    return hp


def made(tuner: Tuner, hp: Any, *, seed: int = 5, max_trials: int = 12) -> Strategy:
    return make_strategy(
        tuner,
        hyperparameters=hp,
        objective="val_loss",
        direction=Direction.MIN,
        seed=seed,
        epochs=3,
        max_trials=max_trials,
    )


def with_units(space: SearchSpace, low: int, high: int) -> SearchSpace:
    """The space with another range of units; the default may now lie outside."""
    return SearchSpace(
        tuple(dataclasses.replace(p, low=low, high=high) if p.name == "units" else p for p in space.parameters)
    )


def score_of(values: Any) -> float:
    return abs(float(values["units"]) - 5) + float(values.get("rate", 0.0)) + float(values.get("momentum", 0.4))


class Machine(RuleBasedStateMachine):
    """One strategy lives through everything; another one dies and is made anew from what was written down."""

    tuner: Tuner

    @initialize(hp=st.sampled_from([finite, endless]))
    def begin(self, hp: Any) -> None:
        self.space = self.living = self.dying = None
        self.records: dict[int, TrialRecord] = {}
        self.memos: dict[int, Any] = {}
        self.living, self.dying = made(self.tuner, hp()), made(self.tuner, hp())
        self.proposed: list[Any] = []
        self.over = False

    def running(self) -> list[int]:
        return [number for number, record in self.records.items() if record.state is TrialState.RUNNING]

    def write_down(self, number: int, values: Any, parent: int | None = None) -> None:
        self.records[number] = TrialRecord(
            number=number,
            attempt=1,
            values=values,
            state=TrialState.RUNNING,
            epochs=3,
            why="",
            started=0.0,
            parent=parent,
        )

    @precondition(lambda self: len(self.running()) < 3)
    @rule()
    def ask(self) -> None:
        number = len(self.records) + 1
        proposal, other = self.living.ask(number), self.dying.ask(number)
        if not isinstance(proposal, Proposal):
            assert type(other) is type(proposal)
            assert self.running() or proposal is None
            return
        assert other == proposal
        if proposal.parent is None:
            assert inside(self.living.space(), proposal.values)
            assert key_of(proposal.values) not in self.proposed
            self.proposed.append(key_of(proposal.values))
        self.memos[number] = json.loads(json.dumps(proposal.memo, allow_nan=False))
        self.write_down(number, proposal.values, proposal.parent)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), fails=st.sampled_from([False, False, False, True]))
    def tell(self, data: Any, fails: bool) -> None:
        number = data.draw(st.sampled_from(self.running()))
        score = None if fails else score_of(self.records[number].values)
        for strategy in (self.living, self.dying):
            strategy.tell(number, score)
        state = TrialState.FAILED if fails else TrialState.COMPLETED
        self.records[number] = dataclasses.replace(self.records[number], state=state, score=score)

    @rule()
    def kill(self) -> None:
        self.dying = made(self.tuner, hyperparameters_of(self.living.space()))
        left = [
            dataclasses.replace(each, state=TrialState.INTERRUPTED) if each.state is TrialState.RUNNING else each
            for each in self.records.values()
        ]
        self.dying.restore(left, self.memos)

    @rule(low=st.integers(1, 6), more=st.integers(0, 4))
    def change_the_range(self, low: int, more: int) -> None:
        space = with_units(self.living.space(), low, low + more)
        sentences = {strategy.narrow(space) for strategy in (self.living, self.dying)}
        assert len(sentences) == 1
        assert sentences.pop()

    @precondition(lambda self: len(self.records) > 0)
    @rule(units=st.integers(1, 10))
    def try_values(self, units: int) -> None:
        number = len(self.records) + 1
        values = self.living.add(number, {"units": units})
        assert self.dying.add(number, {"units": units}) == values
        assert values["units"] == units
        self.proposed.append(key_of(values))
        self.write_down(number, values)


@pytest.mark.parametrize("tuner", TUNERS)
def test_a_strategy_made_anew_goes_on_like_one_that_lived_through_it_all(tuner: Tuner) -> None:
    class Played(Machine):
        pass

    Played.tuner = tuner
    slow = tuner in (Tuner.GP, Tuner.BAYESIAN)
    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=3 if slow else 10,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("tuner", NO_RUNGS)
def test_a_finite_space_is_searched_to_its_last_point_and_then_given_up(tuner: Tuner) -> None:
    hp = new_hyperparameters()
    hp.Choice("optimizer", ["sgd", "adam"])
    hp.Int("units", 1, 3)
    strategy = made(tuner, hp)
    found = []
    for number in range(1, 7):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        found.append(key_of(proposal.values))
        strategy.tell(number, float(proposal.values["units"]))
    assert len(set(found)) == 6
    assert strategy.ask(7) is None
    assert strategy.narrow(with_units(strategy.space(), 1, 4))
    assert isinstance(strategy.ask(7), Proposal)


NEXT = "the next proposals lie in the new range; 1 of 4 trials so far do as well"
BRACKET = (
    "the open bracket goes on with the configurations that it has, also those outside the new range; "
    "new configurations lie inside"
)


@pytest.mark.parametrize(
    ("tuner", "sentence"),
    [
        (Tuner.RANDOM, NEXT),
        (Tuner.TPE, NEXT),
        (Tuner.GP, NEXT),
        (Tuner.QMC, NEXT),
        (Tuner.CMAES, "CMA-ES begins anew in the middle of the new range"),
        (Tuner.GRID, "grid points outside the new range are dropped; 9 are left to try"),
        (
            Tuner.BAYESIAN,
            "the running trials finish; the model keeps all earlier trials and proposes inside the new range",
        ),
        (Tuner.HYPERBAND, BRACKET),
        (Tuner.BOHB, BRACKET),
    ],
)
def test_after_narrowing_new_proposals_lie_inside_at_once_and_the_sentence_says_what_becomes_of_the_rest(
    tuner: Tuner, sentence: str
) -> None:
    strategy = made(tuner, finite(), max_trials=9)
    for number, units in enumerate((1, 2, 5, 8), 1):
        values = strategy.add(number, {"units": units, "optimizer": "adam"})
        strategy.tell(number, score_of(values))
    assert strategy.narrow(with_units(strategy.space(), 5, 6)) == sentence
    for number in range(5, 9):
        proposal = strategy.ask(number)
        assert isinstance(proposal, Proposal)
        assert proposal.parent is not None or inside(strategy.space(), proposal.values)
        strategy.tell(number, score_of(proposal.values))


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_first_proposal_is_the_users_and_a_failed_trial_stops_nothing(tuner: Tuner) -> None:
    strategy = made(tuner, finite())
    first = strategy.ask(1)
    assert isinstance(first, Proposal)
    assert (first.values, first.why) == (DEFAULTS, "your default values")
    strategy.tell(1, None)
    assert isinstance(strategy.ask(2), Proposal)


@pytest.mark.parametrize("tuner", TUNERS)
def test_a_space_of_one_point_gives_one_trial(tuner: Tuner) -> None:
    hp = new_hyperparameters()
    hp.Int("units", 4, 4)
    hp.Fixed("loss", "mse")
    strategy = made(tuner, hp)
    first = strategy.ask(1)
    assert isinstance(first, Proposal)
    assert first.values == {"units": 4, "loss": "mse"}
    strategy.tell(1, 0.5)
    assert strategy.ask(2) is None


@pytest.mark.parametrize("tuner", TUNERS)
def test_infinite_scores_count_as_the_worst_so_far_and_not_as_a_number_never_seen(tuner: Tuner) -> None:
    # The same search, told the worst score so far instead.
    first, second = made(tuner, endless()), made(tuner, endless())
    worst = 0.0
    for number in range(1, 9):
        proposal, other = first.ask(number), second.ask(number)
        assert isinstance(proposal, Proposal)
        assert proposal == other
        diverged = number in (3, 6)
        worst = worst if diverged else max(worst, score_of(proposal.values))
        first.tell(number, (float("inf"), -float("inf"))[number == 6] if diverged else score_of(proposal.values))
        second.tell(number, worst if diverged else score_of(proposal.values))


@pytest.mark.parametrize("tuner", NO_RUNGS)
def test_values_that_the_user_gives_are_not_proposed_again(tuner: Tuner) -> None:
    strategy = made(tuner, finite())
    given = [{"units": units, "optimizer": optimizer} for units in range(1, 9) for optimizer in ("sgd", "adam")]
    known = [strategy.add(number, values) for number, values in enumerate(given, 1)]
    for number in range(1, 17):
        strategy.tell(number, score_of(known[number - 1]))
    proposal = strategy.ask(17)
    assert isinstance(proposal, Proposal)
    assert proposal.values not in known


def test_unknown_names_and_other_hyperparameters_are_refused() -> None:
    from tunemagic.errors import SpaceError

    strategy = made(Tuner.RANDOM, finite())
    with pytest.raises(SpaceError) as caught:
        strategy.add(1, {"unitz": 3})
    assert str(caught.value) == "received values for unitz; expected some of optimizer, units, momentum."
    with pytest.raises(SpaceError) as caught:
        strategy.narrow(SearchSpace(strategy.space().parameters[:2]))
    assert str(caught.value) == (
        "received the hyperparameters optimizer, units; expected the same as before: optimizer, units, momentum. "
        "Only ranges can be changed."
    )


def test_waiting_is_no_end() -> None:
    strategy = made(Tuner.GRID, finite())
    for number in range(1, 41):
        assert isinstance(strategy.ask(number), Proposal)
    assert isinstance(strategy.ask(41), Waiting)
