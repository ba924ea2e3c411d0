"""What can't be trained by curvature is refused in one line, before anything is trained."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic.errors import ModelError, OptionError
from tunemagic.models.second_order import compile_second_order

L = keras.layers


def chain(*layers: Any, shape: tuple[int | None, ...] = (8,), head: str | None = "softmax") -> Any:
    return keras.Sequential([keras.Input(shape), *layers, L.Dense(3, head)], name="net")


def branched() -> Any:
    inputs = keras.Input((8,))
    return keras.Model(inputs, L.Dense(3, "softmax")(L.Add()([L.Dense(4)(inputs), L.Dense(4)(inputs)])), name="net")


def shared() -> Any:
    inputs, layer = keras.Input((8,)), L.Dense(8)
    return keras.Model(inputs, L.Dense(3, "softmax")(layer(layer(inputs))), name="net")


def two_outputs() -> Any:
    inputs = keras.Input((8,))
    return keras.Model(inputs, [L.Dense(3, "softmax")(inputs), L.Dense(3, "softmax")(inputs)], name="net")


def subclassed() -> Any:
    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="net")
            self.dense = L.Dense(3, "softmax")

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model(np.zeros((1, 8), np.float32))
    return model


def stateful() -> Any:
    inputs = keras.Input(batch_shape=(4, 5, 2))
    return keras.Model(inputs, L.Dense(3, "softmax")(L.GRU(2, stateful=True)(inputs)), name="net")


def frozen() -> Any:
    model = chain()
    model.trainable = False
    return model


BOTH = ("hessian_free", "kfac")
REFUSED: list[tuple[tuple[str, ...], Callable[[], Any], str]] = [
    (BOTH, lambda: chain(L.BatchNormalization()), "changes its statistics while it trains"),
    (BOTH, lambda: chain(L.Dense(4, kernel_constraint="non_neg")), "has a constraint"),
    (BOTH, lambda: chain(L.Dense(4, kernel_regularizer=keras.regularizers.OrthogonalRegularizer())), "L1 or L2"),
    (BOTH, lambda: chain(L.Dense(4, activity_regularizer="l2")), "adds a loss of its activity"),
    (BOTH, lambda: chain(L.Dense(4, dtype="mixed_float16")), "computes in mixed_float16"),
    (BOTH, lambda: chain(L.Embedding(9, 2, mask_zero=True), L.Flatten()), "masks steps"),
    (BOTH, two_outputs, "it has 2 outputs"),
    (BOTH, subclassed, "is a subclassed model"),
    (BOTH, frozen, "it has no trainable weights"),
    (BOTH, lambda: chain(head="relu"), "expected a last layer with activation 'softmax'"),
    (("hessian_free",), lambda: chain(L.Dropout(0.2)), "makes the loss random"),
    (("hessian_free",), lambda: chain(L.GaussianNoise(0.2)), "makes the loss random"),
    (("hessian_free",), lambda: chain(L.LSTM(2), shape=(None, 2)), "loops over any number of steps"),
    (("hessian_free",), lambda: chain(L.LSTM(2), shape=(65, 2)), "loops over 65 steps"),
    (("hessian_free",), stateful, "keeps states"),
    (("kfac",), branched, "is no layer of a single chain"),
    (("kfac",), shared, "it uses a layer twice"),
    (("kfac",), lambda: chain(L.LSTM(2), shape=(5, 2)), "expected Dense and Conv2D layers only"),
    (("kfac",), lambda: chain(L.LayerNormalization()), "expected Dense and Conv2D layers only"),
    (("kfac",), lambda: chain(shape=(5000,)), "its factor would have 5,001 rows"),
]


@pytest.mark.parametrize(
    ("optimizer", "make", "why"),
    [pytest.param(name, make, why, id=f"{name}: {why}") for names, make, why in REFUSED for name in names],
)
def test_a_model_is_refused_when_it_is_compiled(optimizer: str, make: Callable[[], Any], why: str) -> None:
    loss = "sparse_categorical_crossentropy"
    with pytest.raises(ModelError) as refused:
        compile_second_order(make(), optimizer, loss=loss)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        ("mae", "its curvature is not known"),
        (lambda y, z: keras.ops.mean((y - z) ** 2), "its curvature is not known"),
        (keras.losses.CategoricalCrossentropy(reduction="sum"), "expected reduction='sum_over_batch_size'"),
        (keras.losses.SparseCategoricalCrossentropy(ignore_class=0), "axis and ignore_class"),
        ("binary_crossentropy", "expected a last layer with activation 'sigmoid'"),
        ("entropy", "is not a loss of Keras"),
    ],
)
def test_a_loss_without_a_known_curvature_is_refused(loss: Any, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        compile_second_order(chain(), "kfac", loss=loss)


@pytest.mark.parametrize("optimizer", BOTH)
def test_a_model_without_weights_yet_is_refused_before_its_first_step(optimizer: str) -> None:
    model = keras.Sequential([L.Dense(4), L.BatchNormalization(), L.Dense(3, "softmax")])
    compile_second_order(model, optimizer, loss="sparse_categorical_crossentropy")
    with pytest.raises(ModelError, match="changes its statistics"):
        model.fit(np.zeros((4, 8), np.float32), np.zeros(4, int), verbose=0)
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("optimizer", "options", "why"),
    [
        ("kfac", {"clipnorm": 1.0}, "unknown option clipnorm; .*gradients are not clipped"),
        ("hessian_free", {"momentum": 0.9}, "unknown option momentum; expected some of damping, cg_steps"),
        ("kfac", {"damping": 0.0}, "damping: expected a number above 0"),
        ("kfac", {"momentum": 1.0}, "momentum: expected 0 or more and less than 1"),
        ("kfac", {"damping": "a"}, "damping: expected a number above 0; received 'a'"),
        ("kfac", {"decay": "a"}, "decay: expected 0 or more and less than 1; received 'a'"),
        ("kfac", {"inverse_every": 0}, "inverse_every: expected a whole number of at least 1; received 0"),
        ("kfac", {"kl_clip": True}, "kl_clip: expected a number above 0, or None for no bound; received True"),
        ("kfac", {"learning_rate": "fast"}, "learning_rate: expected a number above 0"),
        ("kfac", {"kl_clip": -1.0}, "kl_clip: expected a number above 0"),
        ("kfac", {"learning_rate": 0.0}, "learning_rate: expected a number above 0"),
        ("hessian_free", {"damping": -1.0}, "damping: expected a number above 0"),
        ("hessian_free", {"damping": np.inf}, "damping: expected a number above 0; received inf"),
        ("hessian_free", {"cg_steps": 2.5}, "cg_steps: expected a whole number of at least 1; received 2.5"),
    ],
)
def test_options_are_checked(optimizer: str, options: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionError, match=why):
        compile_second_order(chain(), optimizer, loss="sparse_categorical_crossentropy", **options)


@pytest.mark.parametrize("optimizer", BOTH)
def test_a_negative_sample_weight_is_refused(optimizer: str) -> None:
    model = chain()
    compile_second_order(model, optimizer, loss="sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(tf.errors.InvalidArgumentError, match="sample weights: expected 0 or more"):
        model.fit(
            np.ones((4, 8), np.float32), np.zeros(4, int), sample_weight=np.array([1.0, 1.0, -1.0, 1.0]), verbose=0
        )
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("optimizer", BOTH)
def test_a_layer_that_is_frozen_once_compiled_stays_as_it_is(optimizer: str) -> None:
    model = chain(L.Dense(4))
    compile_second_order(model, optimizer, loss="sparse_categorical_crossentropy")
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(np.ones((4, 8), np.float32), np.zeros(4, int), verbose=0)
    same = [bool((now == then).all()) for now, then in zip(model.get_weights(), before, strict=True)]
    assert same == [True, True, False, False]


def test_a_layer_that_is_frozen_between_steps_of_kfac_asks_for_compiling() -> None:
    model = chain(L.Dense(4))
    compile_second_order(model, "kfac", loss="sparse_categorical_crossentropy")
    x, y = np.ones((4, 8), np.float32), np.zeros(4, int)
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    model.make_train_function(force=True)
    with pytest.raises(ModelError, match="Compile it again"):
        model.fit(x, y, verbose=0)


def test_what_is_frozen_or_turned_off_is_no_hindrance() -> None:
    normalised = L.BatchNormalization(trainable=False)
    for optimizer in BOTH:
        model = chain(normalised, L.Dropout(0.0))
        compile_second_order(model, optimizer, loss="sparse_categorical_crossentropy")
        model.fit(np.ones((4, 8), np.float32), np.zeros(4, int), verbose=0)
        assert int(model.optimizer.iterations) == 1
