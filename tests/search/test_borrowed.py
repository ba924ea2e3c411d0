"""Layers and models made in other cells: every trial finds them as they were, and so does the notebook."""

from typing import Any

import numpy as np
import pytest

from tunemagic.request import Tuner

BASE = """
rate = hp.Choice("rate", [1.0, 1e-12])
model = keras.Sequential([keras.Input((64,)), base])
model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
SHARED = """
units = hp.Choice("units", [4, 8])
model = keras.Sequential([shared, keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""


@pytest.fixture
def base(namespace: dict[str, Any]) -> Any:
    """A small model that the notebook has trained."""
    keras = namespace["keras"]
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(namespace["x_train"], namespace["y_train"], epochs=3, verbose=0)
    namespace["base"] = model
    return model


def run(study: Any) -> Any:
    study.start()
    assert study.wait(120)
    return study


def test_a_trial_begins_with_the_weights_that_the_notebook_trained(open_cell: Any, base: Any) -> None:
    before = base.get_weights()
    alone = run(open_cell(BASE.replace("[1.0, 1e-12]", "[1e-12, 2e-12]"), name="alone", tuner=Tuner.GRID, epochs=3))
    study = run(open_cell(BASE, tuner=Tuner.GRID, epochs=3))
    assert [trial.values["rate"] for trial in study.view.trials] == [1.0, 1e-12]
    # What came before it has not touched the trial that trains next to nothing.
    assert study.view.trial(2).score == pytest.approx(alone.view.trial(1).score, rel=1e-5)
    for now, then in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_layer_that_was_the_notebooks_first_keeps_its_name_to_itself(
    open_cell: Any, namespace: dict[str, Any]
) -> None:
    namespace["shared"] = namespace["keras"].layers.Dense(16, "relu", name="dense")
    study = run(open_cell(SHARED, tuner=Tuner.GRID))
    assert [(str(trial.state), trial.reason) for trial in study.view.trials] == [("completed", "")] * 2
