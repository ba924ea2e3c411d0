"""Points of a Sobol sequence fill every sort of parameter evenly and stay in its range."""

from collections import Counter
from typing import Any

from tunemagic.search.hyperparameters import new_hyperparameters, space_of
from tunemagic.search.points import inside
from tunemagic.search.spread import spread_point


def many(hp: Any, seed: int = 1, count: int = 64) -> list[dict[str, Any]]:
    space = space_of(hp)
    points = [spread_point(space, seed, index) for index in range(count)]
    assert all(point is not None and inside(space, point) for point in points)
    return points  # type: ignore[return-value]


def test_choices_and_whole_numbers_come_equally_often() -> None:
    hp = new_hyperparameters()
    hp.Choice("activation", ["relu", "tanh"])
    hp.Int("layers", 1, 4)
    hp.Float("dropout", 0.0, 0.75, step=0.25)
    points = many(hp)
    assert Counter(point["activation"] for point in points) == {"relu": 32, "tanh": 32}
    assert Counter(point["layers"] for point in points) == {1: 16, 2: 16, 3: 16, 4: 16}
    assert Counter(point["dropout"] for point in points) == {0.0: 16, 0.25: 16, 0.5: 16, 0.75: 16}


def test_logarithms_are_filled_evenly() -> None:
    hp = new_hyperparameters()
    hp.Float("rate", 1e-4, 1.0, sampling="log")
    hp.Int("units", 1, 1000, sampling="log")
    points = many(hp)
    assert sum(point["rate"] < 1e-2 for point in points) == 32
    assert abs(sum(point["units"] <= 22 for point in points) - 32) <= 2
    assert {min(point["units"] for point in points), max(point["units"] for point in points)} <= set(range(1, 1001))


def test_parameters_whose_condition_does_not_hold_are_left_out() -> None:
    hp = new_hyperparameters()
    hp.Choice("optimizer", ["sgd", "adam"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    for point in many(hp):
        assert set(point) == ({"optimizer", "momentum"} if point["optimizer"] == "sgd" else {"optimizer"})


def test_the_sequence_depends_on_the_seed_alone() -> None:
    hp = new_hyperparameters()
    hp.Float("rate", 0.0, 1.0)
    assert many(hp, seed=3) == many(hp, seed=3)
    assert many(hp, seed=3) != many(hp, seed=4)


def test_a_space_of_one_point_has_none_to_spread() -> None:
    hp = new_hyperparameters()
    hp.Fixed("loss", "mse")
    assert spread_point(space_of(hp), 0, 0) is None
