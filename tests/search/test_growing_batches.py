"""A BatchSchedule trains each epoch with its own batch size, in graphs of whole epochs and by plain fit."""

import textwrap
from typing import Any

import keras
import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.models import BatchSchedule
from tunemagic.search.feed import feed_of
from tunemagic.search.fused import Epochs, fit_epochs
from tunemagic.search.job import Ending, StopFlag
from tunemagic.search.seeds import own_names
from tunemagic.search.train import run_job
from tunemagic.search.watch import Watch

GROWING = BatchSchedule([(0, 8), (1, 20), (3, 64)])
CELL = """
from tunemagic import models
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
batch_size = models.BatchSchedule([(0, 8), (2, 32)])
"""


def model_of(seed: int = 3) -> Any:
    with own_names():
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(10, "softmax")])
        model.compile(keras.optimizers.SGD(0.1, 0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Calls(keras.callbacks.Callback):
    """Not one of Keras' own, so that its trial is trained by plain fit."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.steps = 0
        self.told: dict[str, Any] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.seen.append("train")
        self.told = dict(self.params)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(f"epoch {epoch} after {self.steps} steps")

    def on_train_end(self, logs: Any = None) -> None:
        self.seen.append("end")


def test_growing_batches_in_graphs_are_what_one_fit_after_the_other_gives(
    some_digits: tuple[Any, Any], make_job: Any
) -> None:
    x, y = some_digits[0][:60], some_digits[1][:60]
    held = (some_digits[0][60:], some_digits[1][60:])
    plain = model_of()
    losses: list[float] = []
    for begin, end, size in ((0, 1, 8), (1, 3, 20), (3, 4, 64)):
        options = {"batch_size": size, "initial_epoch": begin, "epochs": end, "shuffle": False, "verbose": 0}
        losses += plain.fit(x, y, validation_data=held, **options).history["val_loss"]
    arguments = {"x": x, "y": y, "validation_data": held, "epochs": 4, "batch_size": GROWING}
    feed = feed_of(arguments, None)
    fused = model_of()
    watch = Watch(make_job(), lambda report: None, StopFlag(), lambda watch: b"")
    fit_epochs(Epochs(fused, feed.specs), feed, arguments, watch, lambda epoch: np.arange(60))
    np.testing.assert_allclose(fused.history.history["val_loss"], losses, rtol=1e-5)
    for one, other in zip(fused.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert int(fused.optimizer.iterations) == 8 + 3 + 3 + 1


def epochs_of(source: str, make_job: Any, namespace: dict[str, Any]) -> tuple[Any, list[Any]]:
    reports: list[Any] = []
    outcome = run_job(make_job(source, {}, epochs=3), reports.append, StopFlag())
    return outcome, [report for report in reports if isinstance(report, ev.EpochEnded)]


def test_a_cell_may_assign_a_batch_schedule(make_job: Any, namespace: dict[str, Any]) -> None:
    outcome, epochs = epochs_of(CELL, make_job, namespace)
    assert outcome.trainer.startswith("whole epochs in one graph call")
    assert (outcome.ending, len(epochs)) == (Ending.FINISHED, 3)


@pytest.mark.parametrize(("line", "steps"), [("", 1), ("batch_size = 16", 4)])
def test_gradient_descent_takes_all_samples_unless_the_cell_says_else(
    line: str, steps: int, make_job: Any, namespace: dict[str, Any]
) -> None:
    calls = namespace["calls"] = Calls()
    source = """
    from tunemagic import models
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    models.compile(model, "gd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    callbacks = [calls]
    """
    outcome, _ = epochs_of(textwrap.dedent(source) + line, make_job, namespace)
    assert (outcome.ending, calls.steps) == (Ending.FINISHED, 3 * steps)


def test_plain_fit_takes_growing_batches_as_one_training(make_job: Any, namespace: dict[str, Any]) -> None:
    calls = namespace["calls"] = Calls()
    rows = round(len(namespace["x_train"]) * 0.8)
    outcome, epochs = epochs_of(CELL + "callbacks = [calls]\n", make_job, namespace)
    assert outcome.trainer == "plain fit: the callback Calls may need every batch"
    assert (outcome.ending, len(epochs)) == (Ending.FINISHED, 3)
    small, large = -(-rows // 8), -(-rows // 32)
    steps = (small, 2 * small, 2 * small + large)
    assert calls.told == {"verbose": 0, "epochs": 3, "steps": small}
    assert calls.seen == ["train", *(f"epoch {n} after {count} steps" for n, count in enumerate(steps)), "end"]


def test_plain_fit_that_is_stopped_early_takes_no_further_batch_size(make_job: Any, namespace: dict[str, Any]) -> None:
    namespace["calls"] = Calls()
    early = 'callbacks = [calls, keras.callbacks.EarlyStopping("loss", patience=0, mode="max")]\n'
    outcome, epochs = epochs_of(CELL + early, make_job, namespace)
    assert (outcome.ending, len(epochs)) == (Ending.FINISHED, 2)


def test_a_hypermodel_with_a_fit_of_its_own_takes_no_batch_schedule(make_job: Any, namespace: dict[str, Any]) -> None:
    source = """
    import keras_tuner
    from tunemagic import models
    class Own(keras_tuner.HyperModel):
        def build(self, hp):
            model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
            model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model
        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, **kwargs)
    batch_size = models.BatchSchedule([(0, 8), (2, 32)])
    """
    outcome, _ = epochs_of(source, make_job, namespace)
    assert outcome.reason == (
        "CellError: batch_size is a BatchSchedule; expected a number, since the HyperModel has a fit of its own."
    )


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 5, [(0, 1, 8), (1, 3, 20), (3, 5, 64)]), (2, 3, [(2, 3, 20)]), (4, 4, []), (0, 1, [(0, 1, 8)])],
)
def test_spans_are_the_epochs_of_one_batch_size(first: int, last: int, expected: list[tuple[int, int, int]]) -> None:
    assert GROWING.spans(first, last) == expected
