"""Every run has a seed of its own, and the notebook's randomness goes on as if no trial had run."""

import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic import randomness
from tunemagic.randomness import seeded
from tunemagic.search.seeds import own_names, run_seed, trial_seed


def draws() -> list[Any]:
    """Numbers from each of the notebook's generators."""
    return [
        random.random(),
        np.random.random(),
        tf.random.uniform(()).numpy().item(),
        keras.ops.convert_to_numpy(keras.random.uniform(())).item(),
    ]


def test_no_two_runs_of_any_study_or_trial_have_the_same_seed() -> None:
    firsts = [trial_seed(study, trial) for study in range(51) for trial in (1, 2)]
    runs = [run_seed(seed, run) for seed in firsts for run in range(1, 6)]
    assert len(set(runs)) == len(runs)
    assert all(0 <= seed < 2**31 for seed in runs)


def test_the_first_run_has_the_seed_of_its_trial() -> None:
    assert run_seed(trial_seed(3, 4), 1) == trial_seed(3, 4) == 3_000_013


@pytest.mark.parametrize("tensorflow_draws", [False, True])
def test_the_notebooks_generators_go_on_as_without_the_trial(
    tensorflow_draws: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(randomness, "_tensorflow_draws", tensorflow_draws)
    keras.utils.set_random_seed(5)
    expected = [draws() for _ in range(3)]
    keras.utils.set_random_seed(5)
    received = [draws()]
    with seeded(1):
        draws()
    received += [draws(), draws()]
    assert received == expected


def test_a_seed_of_tensorflow_alone_holds_on_after_the_trial() -> None:
    def next_three(between: Any) -> list[float]:
        tf.random.set_seed(5)
        first = tf.random.uniform(()).numpy().item()
        between()
        return [first, *tf.random.uniform((2,)).numpy().tolist()]

    def trial() -> None:
        with seeded(1):
            tf.random.uniform(())

    assert next_three(trial) == next_three(lambda: None)


def test_a_trial_draws_the_same_whatever_was_drawn_before() -> None:
    received = []
    for _ in range(2):
        with seeded(9):
            received.append(draws())
        draws()
    assert received[0] == received[1]


def test_a_trial_that_breaks_gives_the_generators_back_too() -> None:
    def broken() -> None:
        with seeded(1):
            draws()
            raise ZeroDivisionError

    keras.utils.set_random_seed(5)
    expected = draws()
    keras.utils.set_random_seed(5)
    with pytest.raises(ZeroDivisionError):
        broken()
    assert draws() == expected


def test_names_are_counted_from_the_start_and_then_go_on() -> None:
    before = keras.layers.Dense(1).name
    for _ in range(2):
        with own_names():
            assert keras.layers.Dense(1).name == "dense"
    after = keras.layers.Dense(1).name
    number = int(before.removeprefix("dense").removeprefix("_") or 0)
    assert after == f"dense_{number + 1}"
