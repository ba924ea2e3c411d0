"""The range test notes a loss for each rate and leaves the model as it was."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic import models
from tunemagic.errors import OptionError
from tunemagic.search import lr_range
from tunemagic.search.cell import TrialSetup
from tunemagic.search.data import TrainingData, data_from_arrays
from tunemagic.search.lr_range import RangeTest, range_test


def model_of(optimizer: Any = None, **compiled: Any) -> Any:
    keras.utils.set_random_seed(3)
    hidden = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.2)]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10, "softmax")])
    model.compile(optimizer or keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", **compiled)
    return model


def plain_model() -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def data(some_digits: tuple[Any, Any]) -> TrainingData:
    return data_from_arrays(*some_digits, None, seed=0)


def run(model: Any, data: TrainingData, **more: Any) -> RangeTest:
    return range_test(TrialSetup(model, more.pop("fit", {"batch_size": 16})), data, **{"steps": 30, **more})


def state_of(model: Any) -> list[Any]:
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def assert_unchanged(model: Any, before: list[Any]) -> None:
    after = state_of(model)
    assert len(after) == len(before)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_the_rates_grow_by_one_factor_and_each_has_its_loss(data: TrainingData) -> None:
    found = run(plain_model(), data, lowest_rate=1e-5, highest_rate=1.0)
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e5) / 29, rtol=1e-6)
    assert (found.rates[0], found.highest_rate, found.batch_size) == (1e-5, 1.0, 16)
    assert len(found.losses) == len(found.smoothed) == len(found.rates)
    assert found.smoothed[0] == pytest.approx(found.losses[0])
    assert min(found.smoothed) < found.smoothed[0]


def test_the_losses_are_those_of_plain_training_at_these_rates(data: TrainingData) -> None:
    model = plain_model()
    weights = model.get_weights()
    whole = {"batch_size": len(data.x)}
    found = run(model, data, fit=whole, steps=20, lowest_rate=0.01, highest_rate=0.5)
    expected = []
    model.set_weights(weights)
    for rate in found.rates:
        model.optimizer.learning_rate = rate
        expected.append(model.fit(data.x, data.y, verbose=0, **whole).history["loss"][0])
    np.testing.assert_allclose(found.losses, expected, rtol=1e-5)


def test_the_same_seed_gives_the_same_test(data: TrainingData) -> None:
    model = plain_model()
    first, again, other = (run(model, data, seed=seed) for seed in (5, 5, 6))
    assert first == again != other


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(models.schedule("1cycle", 0.1, steps=9), momentum=0.9),
        lambda: models.optimizer("adamw", schedule="cosine"),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    ],
    ids=["schedule", "schedule without steps", "scaled"],
)
def test_a_model_that_was_tested_is_what_it_was(optimizer: Any, data: TrainingData) -> None:
    model = model_of(optimizer(), metrics=["accuracy"])
    its, before = model.optimizer, state_of(model)
    assert len(run(model, data).rates) > 10
    assert model.optimizer is its
    assert_unchanged(model, before)


def test_a_model_trains_on_after_its_test_as_if_there_had_been_none(data: TrainingData) -> None:
    def trained(*, between: bool) -> Any:
        model = model_of(keras.optimizers.SGD(models.schedule("cosine", 0.1, steps=12), momentum=0.9))
        options = {"batch_size": 16, "shuffle": False, "verbose": 0}
        model.fit(data.x, data.y, **options)
        if between:
            run(model, data)
        model.fit(data.x, data.y, **options)
        return model.get_weights()

    for one, other in zip(trained(between=True), trained(between=False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_an_interrupt_in_the_middle_leaves_the_model_as_it_was(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of()
    its, before = model.optimizer, state_of(model)
    steps = []
    step = lr_range._loss_of_step

    def interrupted(*arguments: Any) -> float:
        if len(steps) == 7:
            raise KeyboardInterrupt
        steps.append(step(*arguments))
        return steps[-1]

    monkeypatch.setattr(lr_range, "_loss_of_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(model, data)
    assert len(steps) == 7
    assert model.optimizer is its
    assert_unchanged(model, before)


def test_it_ends_where_the_loss_explodes(data: TrainingData) -> None:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    found = run(model, data, steps=60, highest_rate=1e4)
    assert found.diverged
    assert len(found.rates) < 60
    assert found.rates[-1] < found.highest_rate == 1e4
    assert np.isfinite(found.losses).all()


def test_weights_of_samples_and_classes_count(data: TrainingData) -> None:
    nothing = {"batch_size": 16, "class_weight": dict.fromkeys(range(10), 0.0)}
    assert set(run(plain_model(), data, fit=nothing).losses) == {0.0}
    half = {"batch_size": 16, "sample_weight": np.full(80, 0.5)}
    model = plain_model()
    plain, weighted = run(model, data), run(model, data, fit=half)
    assert weighted.losses[0] == pytest.approx(plain.losses[0] / 2, rel=1e-5)


def test_a_dataset_is_taken_in_its_own_batches(some_digits: tuple[Any, Any]) -> None:
    batches = tf.data.Dataset.from_tensor_slices(some_digits).batch(16)
    data = TrainingData(x=batches, y=None, val_x=batches, val_y=None, names=("train",))
    found = run(plain_model(), data)
    assert (len(found.rates) > 10, found.batch_size) == (True, None)


def test_a_template_learns_its_scales_before_and_unlearns_them_after() -> None:
    import keras_tuner

    x = np.random.default_rng(0).normal(1000, 100, size=(60, 4)).astype("float32")
    y = (x @ np.arange(4) * 1000).astype("float32")
    data = data_from_arrays(x, y, None, seed=0)
    template = models.linear(x, y)
    keras.utils.set_random_seed(0)
    model = template(keras_tuner.HyperParameters())
    before = state_of(model)
    found = range_test(TrialSetup(model, adapt=template.adapt), data, steps=30)
    assert_unchanged(model, before)
    template.adapt(model, data.x, data.y)
    assert found == range_test(TrialSetup(model), data, steps=30)
    assert found.losses[0] < 10 * y.var()


@pytest.mark.parametrize("name", models.SECOND_ORDER)
def test_an_optimizer_of_second_order_is_refused(name: str, data: TrainingData) -> None:
    model = models.compile(plain_model(), name, loss="sparse_categorical_crossentropy")
    with pytest.raises(OptionError, match=f"the optimizer {name} is of second order; expected one of Keras'"):
        run(model, data)
