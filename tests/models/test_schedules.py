"""Schedules by name give the rates that Keras, torch and their definitions give."""

from typing import Any

import keras
import numpy as np
import pytest
import torch

from tunemagic import models
from tunemagic.errors import DataError, OptionError
from tunemagic.models import BatchSchedule

STEPS = 20


def rates(name: str, count: int = STEPS, **options: Any) -> list[float]:
    made = models.schedule(name, 0.1, steps=STEPS, **options)
    return [made if isinstance(made, float) else float(made(step)) for step in range(count)]


def test_every_name_makes_a_schedule_that_never_exceeds_its_rate() -> None:
    highest = {name: max(rates(name, STEPS + 5)) for name in models.SCHEDULES}
    assert highest == pytest.approx(dict.fromkeys(models.SCHEDULES, 0.1), rel=1e-6)


def test_the_shapes_are_what_their_names_say() -> None:
    assert rates("constant") == rates("plateau") == [0.1] * STEPS
    assert rates("step", at=(0.5,), factor=0.1) == pytest.approx([0.1] * 10 + [0.01] * 10)
    assert rates("exponential", STEPS + 1, end=0.01)[-1] == pytest.approx(0.001)
    assert rates("cosine", STEPS + 1)[10::10] == pytest.approx([0.05, 0.0], abs=1e-8)
    assert rates("warmup", share=0.2)[:5] == pytest.approx([0.0, 0.025, 0.05, 0.075, 0.1])
    assert rates("warmup", STEPS + 1, end=0.1)[-1] == pytest.approx(0.01)


@pytest.mark.parametrize("steps", [10, 57])
def test_one_cycle_gives_the_rates_of_torch(steps: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps, cycle_momentum=False)
    theirs = []
    for _ in range(steps):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step() if len(theirs) < steps else None
    ours = models.schedule("1cycle", 0.1, steps=steps)
    np.testing.assert_allclose([float(ours(step)) for step in range(steps)], theirs, rtol=1e-4, atol=1e-9)
    assert float(ours(steps + 5)) == pytest.approx(theirs[-1], rel=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", models.SCHEDULES)
def test_trainings_of_a_few_steps_have_finite_rates(name: str, steps: int) -> None:
    made = models.schedule(name, 0.1, steps=steps)
    found = [made if isinstance(made, float) else float(made(step)) for step in range(steps + 1)]
    assert all(0 <= rate <= 0.1 + 1e-6 for rate in found)


@pytest.mark.parametrize("name", [name for name in models.SCHEDULES if name not in ("constant", "plateau")])
def test_a_saved_schedule_gives_the_same_rates(name: str) -> None:
    made = models.schedule(name, 0.1, steps=STEPS)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert [float(again(step)) for step in range(STEPS)] == [float(made(step)) for step in range(STEPS)]


def test_a_model_with_one_cycle_is_saved_and_loaded(tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    models.compile(model, "sgd", learning_rate=0.1, schedule="1cycle", steps=8, loss="mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    loaded.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    np.testing.assert_allclose(loaded.get_weights()[0], model.get_weights()[0], rtol=1e-6)


def test_fit_alone_refuses_a_schedule_that_knows_no_steps() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    models.compile(model, "sgd", schedule="cosine", loss="mse")
    with pytest.raises(OptionError, match=r"'cosine' does not know how many steps there are; expected steps="):
        model.fit(np.ones((4, 3)), np.ones(4), verbose=0)


def test_only_plateau_needs_callbacks() -> None:
    assert [models.schedule_callbacks(name) for name in models.SCHEDULES if name != "plateau"] == [[]] * 6
    (callback,) = models.schedule_callbacks("plateau", monitor="loss", factor=0.5, patience=2, min_lr=1e-5)
    assert isinstance(callback, keras.callbacks.ReduceLROnPlateau)
    assert (callback.monitor, callback.factor, callback.patience, callback.min_lr) == ("loss", 0.5, 2, 1e-5)


def test_total_steps_counts_partial_batches_and_growing_ones() -> None:
    assert models.total_steps(100, epochs=3) == 3 * 4
    assert models.total_steps(np.zeros((100, 2)), epochs=3, batch_size=50) == 3 * 2
    assert models.total_steps([np.zeros((10, 2))], epochs=3, batch_size=BatchSchedule([(0, 4), (1, 10)])) == 3 + 1 + 1
    assert models.total_steps(np.int64(100), epochs=np.int64(3), batch_size=np.int32(50)) == 3 * 2
    assert models.full_batch({"a": np.zeros((7, 2)), "b": np.zeros(7)}) == 7


def test_numbers_of_numpy_are_numbers() -> None:
    assert BatchSchedule([(0, np.int64(32)), (np.int64(5), 64)]) == BatchSchedule([(0, 32), (5, 64)])
    made = models.schedule("cosine", np.float32(0.5), steps=np.int64(4))
    assert [float(made(step)) for step in range(5)] == pytest.approx(
        [float(models.schedule("cosine", 0.5, steps=4)(step)) for step in range(5)]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.schedule("cosin", 0.1), r"received 'cosin'; expected one of const.* Did you mean cosine\?"),
        (lambda: models.schedule("cosine", 0.0), r"rate: received 0.0; expected a number above 0."),
        (lambda: models.schedule("cosine", 0.1, steps=0), r"steps: received 0; expected the number of batches"),
        (lambda: models.schedule("cosine", 0.1, stop=1), r"received the option 'stop'; expected end."),
        (lambda: models.schedule("constant", 0.1, end=1), r"received the option 'end'; it has no options."),
        (lambda: models.schedule("step", 0.1, at=(0.7, 0.2)), r"at: received \(0.7, 0.2\); expected growing shares"),
        (lambda: models.schedule("warmup", 0.1, share=2), r"share: received 2; expected a share from 0 to below 1"),
        (lambda: models.total_steps(10, epochs=0), r"epochs: received 0; expected a whole number, at least 1."),
        (lambda: models.total_steps(10, epochs=2.0), r"epochs: received 2.0; expected a whole number, at least 1."),
        (lambda: models.total_steps(10, epochs=1, batch_size="32"), r"batch_size: received '32'; expected a whole"),
        (lambda: models.schedule("step", 0.1, at=0.5), r"at: received 0.5; expected growing shares"),
        (lambda: models.schedule("cosine", True), r"rate: received True; expected a number above 0."),
        (lambda: BatchSchedule(32), r"received 32; expected pairs"),
        (lambda: BatchSchedule([32, 64]), r"received \[32, 64\]; expected pairs"),
        (lambda: BatchSchedule({0: 32}), r"received \{0: 32\}; expected pairs"),
        (lambda: BatchSchedule([(0, True)]), r"received \[\(0, True\)\]; expected pairs"),
        (lambda: BatchSchedule([(1, 32)]), r"received \[\(1, 32\)\]; expected pairs \(epoch, batch size\) from"),
        (lambda: BatchSchedule([(0, 32), (0, 64)]), r"expected pairs"),
        (lambda: BatchSchedule([]), r"expected pairs"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_at_once(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make()


def test_data_without_rows_has_no_full_batch() -> None:
    with pytest.raises(DataError, match="received a generator; expected an array, whose rows can be counted"):
        models.full_batch(number for number in range(3))
