"""Optimizers by name are Keras' own, and full batches make plain gradient descent."""

from typing import Any

import keras
import numpy as np
import pytest

from tunemagic import models
from tunemagic.errors import OptionError


def test_every_name_gives_keras_optimizer_with_its_numbers() -> None:
    made = {name: models.optimizer(name) for name in models.OPTIMIZERS}
    assert {name: (type(each).__name__, float(each.learning_rate)) for name, each in made.items()} == {
        "gd": ("SGD", pytest.approx(0.1)),
        "sgd": ("SGD", pytest.approx(0.1)),
        "momentum": ("SGD", pytest.approx(0.01)),
        "adam": ("Adam", pytest.approx(0.001)),
        "adamw": ("AdamW", pytest.approx(0.001)),
        "rmsprop": ("RMSprop", pytest.approx(0.001)),
    }
    assert [made[name].momentum for name in ("gd", "sgd", "momentum")] == [0.0, 0.0, 0.9]
    assert models.optimizer("momentum", 0.2, momentum=0.5, nesterov=True, clipnorm=1.0).get_config().items() >= {
        ("momentum", 0.5), ("nesterov", True), ("clipnorm", 1.0),
    }  # fmt: skip


def test_gradient_descent_over_the_full_batch_takes_the_step_of_the_gradient() -> None:
    x, y = np.random.default_rng(0).normal(size=(50, 3)).astype("float32"), np.arange(50, dtype="float32")[:, None]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    models.compile(model, "gd", learning_rate=0.05, loss="mse")
    (before,) = model.get_weights()
    model.fit(x, y, batch_size=models.full_batch(x), epochs=1, verbose=0)
    gradient = 2 * x.T @ (x @ before - y) / len(x)
    np.testing.assert_allclose(model.get_weights()[0], before - 0.05 * gradient, rtol=1e-4)
    assert int(model.optimizer.iterations) == 1


def test_compile_takes_a_name_or_an_optimizer_and_gives_the_model_back() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    assert models.compile(model, "rmsprop", learning_rate=0.01, loss="mse", metrics=["mae"]) is model
    assert (type(model.optimizer).__name__, model.loss) == ("RMSprop", "mse")
    own = keras.optimizers.Nadam(0.3)
    assert models.compile(model, own, loss="mae").optimizer is own
    for options in ({"learning_rate": 0.1}, {"schedule": "cosine"}, {"steps": 3}, {"clipnorm": 1.0}):
        with pytest.raises(OptionError, match=f"{next(iter(options))}: received beside an optimizer that is made alre"):
            models.compile(model, own, loss="mae", **options)


def test_kfac_takes_a_schedule_and_hessian_free_does_not() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    models.compile(model, "kfac", learning_rate=0.2, schedule="cosine", steps=4, loss="mse")
    assert float(model.optimizer.learning_rate) == pytest.approx(0.2)
    model.fit(np.ones((2, 3)), np.ones((2, 1)), epochs=2, verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    with pytest.raises(OptionError, match="hessian_free: received schedule='cosine'; it finds the length of each ste"):
        models.compile(model, "hessian_free", schedule="cosine", loss="mse")


def test_templates_search_no_batch_size_for_gradient_descent() -> None:
    import keras_tuner

    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    template = models.linear(x, y, optimizer=["gd", "sgd"])
    for name, given in (("gd", {}), ("sgd", {"batch_size": 32})):
        hp = keras_tuner.HyperParameters()
        hp.values["optimizer"] = name
        assert template.fit_arguments(hp) == given
    assert models.linear(x, y, optimizer="gd").fit_arguments(keras_tuner.HyperParameters()) == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.optimizer("adan"), r"received 'adan'; expected one of gd, sgd, .* Did you mean adam\?"),
        (lambda: models.optimizer("adam", -1.0), "rate: received -1.0; expected a number above 0"),
        (lambda: models.optimizer("adam", bogus=1), "optimizer 'adam': .*bogus"),
        (
            lambda: models.optimizer("sgd", models.schedule("cosine", 0.1, steps=3), schedule="cosine"),
            "received a schedule as rate and schedule='cosine'; expected one of them",
        ),
    ],
)
def test_what_is_no_optimizer_is_refused_at_once(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "begin", "end"),
    [
        (
            lambda: models.compile(keras.Sequential(), "adam", shedule="cosine"),
            "optimizer 'adam': received shedule=; expected one of learning_rate, loss, metrics, schedule, steps, ",
            " Did you mean schedule?",
        ),
        (
            lambda: models.optimizer("sgd", momentun=0.9),
            "optimizer 'sgd': received momentun=; expected one of rate, schedule, steps, momentum, ",
            " Did you mean momentum?",
        ),
        (
            lambda: models.compile(keras.Sequential(), "kfac", dampin=0.1),
            "kfac: unknown option dampin; expected some of ",
            " Did you mean damping?",
        ),
    ],
)
def test_a_misspelt_option_is_told_the_near_one(make: Any, begin: str, end: str) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    said = str(caught.value)
    assert (said[: len(begin)], said[-len(end) :]) == (begin, end)
