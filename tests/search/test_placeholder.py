"""hp without a search: every call answers with its default, as Keras Tuner would."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunemagic.search.placeholder import Placeholder, install, uninstall


def test_every_call_answers_with_its_default() -> None:
    hp = Placeholder()
    answers = [
        hp.Int("units", 32, 256, step=32),
        hp.Int("layers", 1, 4, default=2),
        hp.Float("lr", 1e-4, 1e-1, sampling="log"),
        hp.Float("rate", 0.0, 0.5, default=0.25),
        hp.Choice("act", ["relu", "tanh"]),
        hp.Choice("norm", ["l1", "l2"], default="l2"),
        hp.Boolean("drop"),
        hp.Boolean("shuffle", default=True),
        hp.Fixed("batch", 64),
    ]
    assert answers == [32, 2, 1e-4, 0.25, "relu", "l2", False, True, 64]
    assert hp.values == {
        "units": 32,
        "layers": 2,
        "lr": 1e-4,
        "rate": 0.25,
        "act": "relu",
        "norm": "l2",
        "drop": False,
        "shuffle": True,
        "batch": 64,
    }


def scoped(hp: Any) -> list[Any]:
    """Conditions by argument and by scope, nested scopes and prefixes."""
    found = [
        hp.Choice("kind", ["mlp", "cnn"]),
        hp.Int("on", 1, 3, parent_name="kind", parent_values=["mlp"]),
        hp.Int("off", 1, 3, parent_name="kind", parent_values=["cnn"]),
    ]
    with hp.conditional_scope("kind", ["mlp"]):
        found.append(hp.Int("mlp_units", 1, 3))
    with hp.conditional_scope("kind", ["cnn"]):
        found.append(hp.Choice("pooling", ["max", "none"]))
        with hp.conditional_scope("pooling", ["max"]):
            found.append(hp.Boolean("pad"))
    with hp.name_scope("head"), hp.name_scope("dense"):
        found += [hp.Int("units", 5, 9), hp.get("units")]
    return [*found, hp.get("head/dense/units"), hp["on"], "kind" in hp, "units" in hp, dict(hp.values)]


def test_conditions_and_prefixes_are_those_of_keras_tuner() -> None:
    import keras_tuner

    assert scoped(Placeholder()) == scoped(keras_tuner.HyperParameters())


def test_a_scope_ends_also_when_its_body_fails() -> None:
    hp = Placeholder()
    hp.Choice("kind", ["mlp", "cnn"])
    with pytest.raises(ZeroDivisionError), hp.name_scope("a"), hp.conditional_scope("kind", ["cnn"]):
        1 / 0  # noqa: B018
    assert (hp.Int("units", 1, 3), hp.get("units")) == (1, 1)


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="units"):
        Placeholder().get("units")


def test_its_text_says_what_it_is() -> None:
    assert repr(Placeholder()) == "<hp: answers with default values; %%tune puts a trial's values in its place>"


bounds = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted)


@given(bounds, st.booleans(), st.lists(st.text(max_size=3), min_size=1, max_size=4, unique=True), st.booleans())
def test_it_answers_as_keras_tuner_does(low_high: list[int], log: bool, choices: list[str], flag: bool) -> None:
    import keras_tuner

    low, high = low_high
    sampling = "log" if log else "linear"

    def body(hp: Any) -> list[Any]:
        return [
            hp.Int("i", low, high, sampling=sampling),
            hp.Float("f", low, high, sampling=sampling),
            hp.Choice("c", choices),
            hp.Choice("d", choices, default=choices[-1]),
            hp.Boolean("b", default=flag),
            hp.Fixed("x", 7),
        ]

    assert body(Placeholder()) == body(keras_tuner.HyperParameters())


def test_install_and_uninstall_leave_a_users_own_hp_alone() -> None:
    mine = object()
    namespace: dict[str, Any] = {"hp": mine}
    install(namespace)
    uninstall(namespace)
    assert namespace == {"hp": mine}


def test_install_keeps_the_first_and_uninstall_takes_it_out() -> None:
    namespace: dict[str, Any] = {}
    install(namespace)
    first = namespace["hp"]
    assert isinstance(first, Placeholder)
    install(namespace)
    assert namespace["hp"] is first
    uninstall(namespace)
    uninstall(namespace)
    assert namespace == {}
