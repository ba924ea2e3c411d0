"""The inference clone answers as the model does, and holds nothing that only training needs."""

import random
import warnings

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.compress.copying import copy_model
from tunemagic.export.compress.quantizing import plain_model, with_rounding
from tunemagic.export.infer import check_same_outputs, infer_model, keras_outputs, recurrent_loops, walk_layers

layers = keras.layers


def kinds(model):
    return [type(layer).__name__ for layer in walk_layers(model)]


def test_augmentation_noise_and_dropout_become_identity_and_normalization_becomes_rescaling(augmented, images):
    x = images[1] * 16
    clone = infer_model(augmented, x=x)
    assert kinds(clone) == [
        "Rescaling",
        "Identity",
        "Identity",
        "Identity",
        "Conv2D",
        "BatchNormalization",
        "Identity",
        "Flatten",
        "Dense",
    ]
    np.testing.assert_allclose(keras_outputs(clone, x), keras_outputs(augmented, x), atol=1e-5)


def test_short_recurrent_layers_are_unrolled_inside_wrappers_too_and_long_ones_are_not():
    model = keras.Sequential(
        [
            keras.Input((80, 3)),
            layers.LSTM(4, return_sequences=True, name="long"),
            layers.AveragePooling1D(4),
            layers.Bidirectional(layers.GRU(3, return_sequences=True)),
            layers.SimpleRNN(2),
        ]
    )
    x = np.random.default_rng(0).random((5, 80, 3)).astype("float32")
    assert recurrent_loops(infer_model(model, x=x)) == ["long"]
    assert len(recurrent_loops(infer_model(model, x=x, unroll=False))) == 4
    assert len(recurrent_loops(model)) == 4


def test_nested_and_shared_models_are_cloned_with_their_weights_and_a_strange_loss_does_no_harm():
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(4, "relu"), layers.Dropout(0.5)], name="inner")
    start = keras.Input((6,))
    both = keras.ops.concatenate([inner(start), inner(start * 2)])
    model = keras.Model(start, layers.Dense(2, activation=lambda z: z + 1)(both))
    model.compile("adam", loss=lambda y, p: (y - p) ** 2)
    x = np.random.default_rng(0).random((9, 6)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone = infer_model(model, x=x)
    assert sum(isinstance(layer, layers.Dense) for layer in walk_layers(clone)) == 2
    np.testing.assert_array_equal(keras_outputs(clone, x), keras_outputs(model, x))


def test_the_model_and_the_random_generators_are_left_alone(augmented, images):
    weights = [weight.copy() for weight in augmented.get_weights()]
    nodes = [len(layer._inbound_nodes) for layer in augmented.layers]
    random.seed(5)
    np.random.seed(5)
    infer_model(augmented, x=images[1][:8] * 16)
    drawn = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    assert drawn == (random.random(), np.random.random())
    assert [len(layer._inbound_nodes) for layer in augmented.layers] == nodes
    assert augmented.compiled
    for before, after in zip(weights, augmented.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_integer_images_still_become_floats_where_augmentation_was():
    model = keras.Sequential([keras.Input((4, 4, 1), dtype="uint8"), layers.RandomFlip(), layers.Conv2D(2, 3)])
    x = np.random.default_rng(0).integers(0, 255, (5, 4, 4, 1), dtype="uint8")
    np.testing.assert_array_equal(keras_outputs(infer_model(model, x=x), x), keras_outputs(model, x))


class Own(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=(1,), initializer="random_normal")

    def call(self, x):
        return x * self.scale


@pytest.mark.parametrize("copy", [infer_model, copy_model])
def test_a_copy_draws_none_of_the_notebooks_numbers_so_other_threads_may_draw_meanwhile(copy, monkeypatch):
    plain = [
        keras.Input((4,)),
        layers.Embedding(9, 4),
        layers.Bidirectional(layers.LSTM(3, dropout=0.1, return_sequences=True)),
        layers.Conv1D(3, 2),
        keras.Sequential([keras.Input((3, 3)), layers.Dropout(0.5), layers.GaussianNoise(0.1)]),
        layers.Flatten(),
        layers.Dense(2, kernel_initializer=keras.initializers.Orthogonal()),
    ]
    model, own = keras.Sequential(plain), keras.Sequential([keras.Input((2,)), Own()])
    rounding = keras.Sequential([keras.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])
    before = random.getstate()
    copy(own)
    assert random.getstate() == before

    def drawn(*_):
        raise AssertionError

    for name in ("random.randint", "random.setstate", "numpy.random.set_state"):
        monkeypatch.setattr(name, drawn)
    if copy is copy_model:
        plain_model(with_rounding(rounding))
    assert [weight.tolist() for weight in copy(model).get_weights()] == [
        weight.tolist() for weight in model.get_weights()
    ]


def test_half_precision_becomes_float32():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="mixed_float16")])
    clone = infer_model(model, x=np.random.default_rng(0).random((5, 4)).astype("float32"))
    assert clone.layers[0].compute_dtype == "float32"


def test_a_normalization_with_far_off_means_is_kept_because_folding_would_round():
    scaling = layers.Normalization(mean=[1e6], variance=[1.0])
    model = keras.Sequential([keras.Input((1,)), scaling])
    x = np.float32(1e6) + np.arange(5, dtype="float32")[:, None]
    clone = infer_model(model, x=x)
    assert kinds(clone) == ["Normalization"]
    np.testing.assert_array_equal(keras_outputs(clone, x)[:, 0], [0, 1, 2, 3, 4])


class Subclassed(keras.Model):
    def __init__(self, noise=0.0):
        super().__init__()
        self.dense, self.noise = layers.Dense(2), noise

    def call(self, x):
        return self.dense(x) + self.noise * keras.random.normal((1, 2))


def test_a_subclassed_model_is_taken_as_it_is_with_a_warning():
    model, x = Subclassed(), np.ones((4, 3), "float32")
    model(x)
    with pytest.warns(UserWarning, match="exported as it is.*Subclassed is a subclassed model"):
        assert infer_model(model, x=x) is model


@pytest.mark.filterwarnings("ignore:.*exported as it is")
def test_a_model_that_is_random_outside_training_is_refused():
    model, x = Subclassed(noise=1.0), np.ones((4, 3), "float32")
    model(x)
    with pytest.raises(
        ExportError, match=r"two calls on the same data differ by .* Make call\(\) honour training=False"
    ):
        infer_model(model, x=x)


def test_what_can_not_be_exported_is_said_in_one_line():
    x = np.ones((4, 3), "float32")
    start = keras.Input((3,))
    two = keras.Model(start, [layers.Dense(2)(start), layers.Dense(1)(start)])
    stateful = keras.Sequential([keras.Input(batch_shape=(4, 5, 3)), layers.LSTM(2, stateful=True, name="memory")])
    for model, text in [
        (3, "expected a Keras model; received int."),
        (keras.Sequential([layers.Dense(2)]), "the model has no weights yet"),
        (two, "expected a model with one output; received 2"),
        (stateful, "memory: stateful=True makes each answer depend on the calls before it"),
    ]:
        with pytest.raises(ExportError) as caught:
            infer_model(model, x=x)
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_copy_with_other_weights_is_noticed(dense, digits):
    other = keras.models.clone_model(dense)
    with pytest.raises(ExportError, match="its simplified copy differs from the model by"):
        check_same_outputs("dense", keras_outputs(dense, digits.x_held), other, digits.x_held)
