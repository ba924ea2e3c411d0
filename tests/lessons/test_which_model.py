"""Which model suits which data: the orders that notebook 04 teaches, from another seed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tunemagic
from tunemagic import datasets, models

SEEDS = (1,)
HOURS = 24

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def best(tmp_path: Path) -> Callable[..., list[float]]:
    """The best score of a template's default values from each seed; ``fixed`` are its other options."""

    def best(make: Callable[..., Any], train: Any, held: Any, objective: str, *, epochs: int, **fixed: Any):
        build = make(*train, batch_size=64, **fixed)
        return [
            tunemagic.tune(
                build, data=train, val=held, name=f"{build.name}-{seed}", objective=objective, pruner="none",
                max_trials=1, epochs=epochs, workers=0, seed=seed, directory=tmp_path,
            ).best_trial.score
            for seed in SEEDS
        ]  # fmt: skip

    return best


def test_on_signals_a_convolution_beats_dense_layers_and_these_a_linear_model(best):
    data = datasets.load("mnist1d")
    train, held = (data.x, data.y), (data.x_test, data.y_test)

    linear, dense, conv = (
        best(make, train, held, "val_accuracy", epochs=epochs, learning_rate=3e-3)
        for make, epochs in ((models.linear, 4), (models.dense, 5), (models.conv1d, 4))
    )

    assert max(linear) < min(dense)
    assert max(dense) < min(conv)


def test_of_tomorrow_a_dense_model_knows_less_than_nothing_and_a_recurrent_one_more(best):
    data = datasets.load("weather")
    hours = np.lib.stride_tricks.sliding_window_view(data.x["temp"].to_numpy("float32"), HOURS).copy()
    after = data.y[HOURS - 1 :]
    split = int(0.8 * len(after))
    train, held = (hours[:split], after[:split]), (hours[split:], after[split:])
    persistence = float(np.abs(held[0][:, -1] - held[1]).mean())  # the next hour is as this one

    dense = best(models.dense, train, held, "val_mae", epochs=5, learning_rate=1e-3)
    recurrent = best(models.rnn, train, held, "val_mae", epochs=8, units=32, learning_rate=3e-3)

    assert min(dense) > persistence
    assert max(recurrent) < persistence
