"""Training by curvature through Keras' own fit: losses fall, and everything around fit goes on working."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import tunemagic
from tunemagic.errors import OptionError
from tunemagic.models import second_order
from tunemagic.search.state import restore_model, snapshot_of

DIGITS = load_digits()
X = (DIGITS.data / 16).astype(np.float32)[:512]
Y = DIGITS.target[:512]
CLASSES = "sparse_categorical_crossentropy"


def dense(units: int = 32) -> Any:
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(units, "relu"),
        keras.layers.Dense(10, "softmax"),
    ])  # fmt: skip


def autoencoder() -> Any:
    keras.utils.set_random_seed(0)
    widths = (48, 12, 48)
    return keras.Sequential(
        [
            keras.Input((64,)),
            *(keras.layers.Dense(units, "relu") for units in widths),
            keras.layers.Dense(64, "sigmoid"),
        ]
    )


def compiled(optimizer: str, model: Any = None, **options: Any) -> Any:
    options = {"loss": CLASSES, "seed": 7, **options}
    return second_order.compile_second_order(dense() if model is None else model, optimizer, **options)


@pytest.mark.parametrize("optimizer", ["hessian_free", "kfac"])
@pytest.mark.parametrize(
    ("make", "targets", "loss", "least"), [(dense, Y, CLASSES, 5), (autoencoder, X, "mse", 2)], ids=["dense", "auto"]
)
def test_the_loss_falls_in_every_epoch(optimizer: str, make: Any, targets: Any, loss: str, least: float) -> None:
    model = compiled(optimizer, make(), loss=loss)
    losses = model.fit(X, targets, epochs=6, batch_size=64, verbose=0).history["loss"]
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))
    assert losses[-1] < losses[0] / least


def test_an_epoch_of_hessian_free_is_one_update_and_tells_the_loss_after_it() -> None:
    model = compiled("hessian_free", metrics=["accuracy"])
    history = model.fit(X, Y, epochs=3, batch_size=100, validation_data=(X[:50], Y[:50]), verbose=0).history
    loss, accuracy = model.evaluate(X, Y, verbose=0)
    assert int(model.optimizer.iterations) == 3
    assert history["loss"][-1] == pytest.approx(loss, rel=1e-4)
    assert history["accuracy"][-1] == pytest.approx(accuracy)
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.parametrize("optimizer", ["hessian_free", "kfac"])
def test_a_training_state_is_taken_up_where_it_was_left(optimizer: str) -> None:
    def one_more(model: Any) -> Any:
        model.fit(X, Y, batch_size=512, shuffle=False, verbose=0)
        return model

    through = one_more(compiled(optimizer, dense(8), seed=None))
    kept = snapshot_of(through, 1)
    again = compiled(optimizer, dense(8), seed=None)  # the same, since dense sets Keras' seed
    restore_model(again, kept)
    for first, second in zip(one_more(through).get_weights(), one_more(again).get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["hessian_free", "kfac"])
def test_a_trained_model_is_saved_as_an_ordinary_one(optimizer: str, tmp_path: Path) -> None:
    model = compiled(optimizer, dense(8))
    model.fit(X, Y, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (type(loaded), loaded.compiled) == (keras.Sequential, False)
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)


@pytest.mark.parametrize("optimizer", ["hessian_free", "kfac"])
def test_a_compiled_model_is_cloned_without_its_training(optimizer: str) -> None:
    model = compiled(optimizer, dense(8))
    clone = keras.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    with pytest.raises(ValueError, match="No loss to compute"):
        clone.fit(X, Y, verbose=0)


def test_a_model_compiled_anew_trains_as_it_is_told_then() -> None:
    model = compiled("hessian_free", dense(8))
    model.fit(X, Y, epochs=1, verbose=0)
    model.compile("sgd", loss=CLASSES)
    model.fit(X, Y, epochs=1, batch_size=128, verbose=0)
    assert int(model.optimizer.iterations) == 4
    compiled("kfac", model)
    model.fit(X, Y, epochs=1, batch_size=128, verbose=0)
    assert (model.optimizer.name, int(model.optimizer.iterations)) == ("kfac", 4)


def test_kfac_trains_convolutions_behind_dropout_at_the_rate_that_callbacks_set() -> None:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((64,)), layers.Reshape((8, 8, 1)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dropout(0.1), layers.Dense(10, "softmax"),
    ])  # fmt: skip
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 * (epoch + 1))
    history = compiled("kfac", model).fit(X, Y, epochs=4, callbacks=[rates], verbose=0).history
    assert history["learning_rate"] == pytest.approx([0.01, 0.02, 0.03, 0.04])
    assert history["loss"][3] < history["loss"][0] / 4


@pytest.mark.parametrize("optimizer", ["hessian_free", "kfac"])
def test_datasets_and_weights_are_taken(optimizer: str) -> None:
    model = compiled(optimizer, dense(8))
    weights = np.where(Y == 3, 5.0, 1.0)
    data = tf.data.Dataset.from_tensor_slices((X, Y, weights)).batch(256)
    model.fit(data, epochs=2, verbose=0)
    assert int(model.optimizer.iterations) == 4
    losses = model.fit(X, Y, epochs=2, batch_size=512, class_weight={3: 5.0}, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_a_model_that_waits_for_its_first_batch_is_trained() -> None:
    for optimizer in second_order.NAMES:
        model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(10, "softmax")])
        losses = compiled(optimizer, model).fit(X, Y, epochs=2, batch_size=64, verbose=0).history["loss"]
        assert losses[1] < losses[0]


def test_hessian_free_trains_loops_of_known_length_and_leaves_their_config() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((8, 8)), keras.layers.Bidirectional(keras.layers.SimpleRNN(4)), keras.layers.Dense(10, "softmax")
    ])  # fmt: skip
    losses = (
        compiled("hessian_free", model).fit(X[:128].reshape(-1, 8, 8), Y[:128], epochs=3, verbose=0).history["loss"]
    )
    assert losses[2] < losses[1] < losses[0]
    assert not model.layers[0].forward_layer.unroll


@pytest.mark.parametrize("optimizer", ["hessian_free", "kfac"])
def test_the_rate_of_a_second_order_optimizer_is_not_tested_as_if_it_were_another_one(optimizer: str) -> None:
    with pytest.raises(OptionError, match=f"the optimizer {optimizer} is of second order"):
        tunemagic.lr_range(compiled(optimizer, dense(8)), data=(X, Y))
