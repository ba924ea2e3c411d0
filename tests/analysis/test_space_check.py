"""What is said of a search space, from trials that are written down."""

from dataclasses import replace
from random import Random

import pytest

from tunemagic.analysis.space_check import edge_share, space_check
from tunemagic.events import Direction, EndReason
from tunemagic.space import Kind, Parameter, Sampling, SearchSpace
from tunemagic.trial import StudyView, TrialRecord, TrialState

RATE = Parameter(name="lr", kind=Kind.FLOAT, default=0.01, low=1e-4, high=1e-2, sampling=Sampling.LOG)
UNITS = Parameter(name="units", kind=Kind.INT, default=32, low=32, high=256, step=32)
FEW = replace(UNITS, high=160)  # five values
DROP = Parameter(name="dropout", kind=Kind.FLOAT, default=0.2, low=0.0, high=0.5)
ACT = Parameter(name="act", kind=Kind.CHOICE, default="relu", choices=("relu", "tanh"))


def trial(number, score=0.5, **more):
    fields = {"state": TrialState.COMPLETED, "values": {"lr": 1e-3}, "why": "TPE", **more}
    return TrialRecord(number=number, attempt=1, epochs=3, started=0.0, score=score, **fields)


def study(trials, *parameters, **more):
    best = max((t for t in trials if t.score is not None), key=lambda t: t.score, default=None)
    return StudyView(
        study="digits",
        objective="val_accuracy",
        direction=Direction.MAX,
        space=SearchSpace(parameters or (RATE,)),
        trials=tuple(trials),
        best=None if best is None else best.number,
        **more,
    )


def at(name, values, rest, count=12):
    """Trials whose best five have these values, the others the middle one."""
    return [trial(n + 1, 1 - n / 100, values={name: values[n] if n < len(values) else rest}) for n in range(count)]


BOUNDARIES = {
    "lr high": (RATE, [0.01, 0.0095, 0.001, 0.009, 0.0098], 1e-3, "boundary_high", [1e-4, 0.1]),
    "lr low": (RATE, [1e-4, 1.2e-4, 1e-3, 1.1e-4, 1.3e-4], 1e-3, "boundary_low", [1e-5, 1e-2]),
    "units high": (UNITS, [256, 256, 256, 256, 128], 128, "boundary_high", [32, 352]),
    "a share stays below 1": (DROP, [0.5, 0.49, 0.48, 0.47, 0.2], 0.2, "boundary_high", [0.0, 0.75]),
}


@pytest.mark.parametrize(("parameter", "values", "rest", "verdict", "widened"), BOUNDARIES.values(), ids=BOUNDARIES)
def test_best_values_at_a_boundary_ask_for_more_room(parameter, values, rest, verdict, widened):
    [finding] = space_check(study(at(parameter.name, values, rest), parameter))
    assert (str(finding.verdict), finding.evidence["hits"], finding.evidence["of"]) == (verdict, 4, 5)
    assert finding.remedies[0].action.args == {"ranges": {parameter.name: widened}}


@pytest.mark.parametrize(
    ("parameter", "values", "rest"),
    [
        (RATE, [0.01, 0.0095, 0.009, 0.001, 0.002], 1e-3),  # three of five
        (FEW, [160, 160, 160, 160, 64], 64),  # each of five values is often drawn four times
        (DROP, [0.0, 0.0, 0.0, 0.0, 0.2], 0.2),  # nothing lies below 0
        (ACT, ["relu"] * 5, "tanh"),
        (replace(UNITS, low=32, high=96), [96] * 5, 64),  # three values have no edge
    ],
)
def test_no_boundary_is_reported_where_there_is_none(parameter, values, rest):
    assert space_check(study(at(parameter.name, values, rest), parameter)) == ()


def test_the_more_hyperparameters_the_more_must_lie_at_a_boundary():
    few = at("units", [160] * 5, 64)
    assert [str(each.verdict) for each in space_check(study(few, FEW))] == ["boundary_high"]
    others = [replace(RATE, name=f"lr{n}") for n in range(16)]
    assert [each for each in space_check(study(few, FEW, *others)) if "boundary" in each.verdict] == []


@pytest.mark.parametrize(
    ("parameter", "low", "high"),
    [
        (RATE, 0.1, 0.1),
        (UNITS, 1 / 8, 1 / 8),
        (replace(UNITS, high=250), 1 / 7, 1 / 7),  # 224 is the last one
        (replace(UNITS, step=None, low=1, high=16, sampling=Sampling.LOG), 0.314, 0.0794),
        (replace(UNITS, step=None, low=1, high=16, sampling=Sampling.REVERSE_LOG), 0.0794, 0.314),
        (replace(UNITS, step=2, low=1, high=16, sampling=Sampling.LOG), 1 / 5, 1 / 5),
    ],
)
def test_the_share_of_an_edge_is_that_of_its_values(parameter, low, high):
    assert [edge_share(parameter, high=end) for end in (False, True)] == pytest.approx([low, high], abs=1e-3)


def test_the_last_value_of_a_grid_is_its_end_where_the_step_does_not_meet_it():
    [finding] = space_check(study(at("units", [224] * 5, 64), replace(UNITS, high=250)))
    assert str(finding.verdict) == "boundary_high"


def test_random_values_that_change_nothing_seldom_lie_at_a_boundary():
    random = Random(1)
    found = 0
    for _ in range(1000):
        trials = [
            trial(n, random.random(), values={"few": 32 * random.randint(1, 5), "dropout": random.uniform(0.0, 0.5)})
            for n in range(1, 11)
        ]
        found += any("boundary" in each.verdict for each in space_check(study(trials, replace(FEW, name="few"), DROP)))
    assert found <= 20  # ten are expected at most


def test_few_scored_trials_tell_nothing_of_boundaries():
    assert space_check(study(at("lr", [0.01] * 5, 1e-3, count=7))) == ()


def test_diverged_trials_ask_for_lower_rates():
    lost = {"score": None, "state": TrialState.FAILED, "error": "diverged"}
    trials = [trial(n, values={"lr": 1e-3 * n}) for n in range(1, 5)]
    trials += [trial(n, values={"lr": 2e-3 * n}, **lost) for n in (5, 6)]
    [finding] = space_check(study(trials))
    assert str(finding.verdict) == "many_diverged"
    assert finding.evidence == {"lost": 2, "of": 6, "percent": 33}
    assert finding.remedies[0].action.args == {"ranges": {"lr": [1e-4, 4e-3]}}


def test_failed_trials_name_their_most_frequent_reason():
    lost = {"score": None, "state": TrialState.FAILED, "error": "ValueError", "reason": "no such layer"}
    [finding] = space_check(study([trial(1), trial(2, **lost), trial(3, **lost)]))
    assert str(finding.verdict) == "many_failed"
    assert finding.evidence == {"lost": 2, "of": 3, "reason": "no such layer", "times": 2}


def test_a_search_that_was_mostly_random_says_so():
    trials = [trial(n, why=f"random start {n} of 10") for n in range(1, 9)] + [trial(9)]
    [finding] = space_check(study(trials, strategy="tpe"))
    assert (str(finding.verdict), finding.evidence) == ("many_random", {"drawn": 8, "of": 9, "strategy": "tpe"})
    assert finding.remedies[0].values == {"study": "digits", "trials": 16}
    assert space_check(study(trials, strategy="random")) == ()


@pytest.mark.parametrize(
    ("why", "drawn"),
    [
        ("Hyperband bracket 2, rung 0: drawn at random", 1),
        ("Hyperband bracket 2, rung 0: spread evenly over the space", 1),
        ("Hyperband bracket 2, rung 1: goes on from trial 4", 0),
        ("quasi-random point", 1),
        ("ValueError: random_seed", 0),
        ("tpe: drawn at random, since what it prefers was tried", 0),
        ("your default values", 0),
    ],
)
def test_a_trial_is_drawn_when_its_strategy_says_so(why, drawn):
    trials = [*(trial(n, why="drawn at random") for n in range(1, 9)), trial(9, why=why)]
    [finding] = space_check(study(trials, strategy="tpe"))
    assert finding.evidence["drawn"] == 8 + drawn


def test_too_few_trials_for_many_hyperparameters_are_told():
    [finding] = space_check(study([trial(n) for n in range(1, 4)], RATE, UNITS, DROP))
    assert (str(finding.verdict), finding.evidence) == ("few_trials", {"trials": 3, "parameters": 3})


def test_a_single_trial_is_too_few():
    [finding] = space_check(study([trial(1)], RATE))
    assert (str(finding.verdict), finding.evidence) == ("few_trials", {"trials": 1, "parameters": 1})


def test_a_space_that_was_tried_whole_is_enough():
    assert space_check(study([trial(1), trial(2)], RATE, end_reason=EndReason.EXHAUSTED)) == ()
    assert space_check(study([trial(1, values={"act": "relu"}), trial(2, values={"act": "tanh"})], ACT)) == ()


def test_nothing_is_said_of_a_replayed_table():
    trials = at("lr", [0.01] * 5, 1e-3)
    assert space_check(study(trials, executor="replay")) == ()
