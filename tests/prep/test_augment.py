"""Augmentation changes samples while a model trains, and at no other time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tunemagic
from tunemagic import datasets
from tunemagic.errors import DataError, OptionError
from tunemagic.export.infer import infer_model, keras_outputs, walk_layers
from tunemagic.prep import augment

layers = keras.layers
EVERYTHING = {"rotate": 0.1, "shift": 0.1, "flip": "both", "crop": (24, 20), "zoom": 0.1, "noise": 0.1}
EVERYTHING_OF_SERIES = {"jitter": 2.5, "scale": 0.1, "window": 0.3}


@pytest.fixture(scope="module")
def digits():
    """60 real images (60, 28, 28, 1) from 0 to 1, and their labels."""
    data = datasets.load("mnist300")
    return data.x[:60] / 255, data.y[:60]


@pytest.fixture(scope="module")
def trained(digits):
    """A model with all augmentations of images in front, trained for one epoch."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            augment.images(**EVERYTHING),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*digits, verbose=0)
    return model


@pytest.fixture
def walks():
    """Series (30, 40, 2): random walks."""
    return np.random.default_rng(0).normal(size=(30, 40, 2)).cumsum(axis=1).astype("float32")


def changed(layer, x):
    return np.asarray(layer(x, training=True))


def unchanged(layer, x):
    return np.asarray(layer(x))


@pytest.mark.parametrize(
    "change",
    [{"rotate": 0.1}, {"shift": 0.2}, {"flip": "horizontal"}, {"flip": "vertical"}, {"zoom": 0.3}, {"noise": 3}],
)
def test_each_change_acts_in_training_only_and_is_the_same_for_the_same_seed(digits, change):
    x = digits[0]
    first, again, other = (augment.images(**change, seed=seed) for seed in (5, 5, 6))
    once = changed(first, x)
    assert once.shape == x.shape
    assert not np.allclose(once, x, atol=1e-3)
    np.testing.assert_array_equal(changed(again, x), once)
    assert not np.array_equal(changed(other, x), once)
    np.testing.assert_array_equal(unchanged(first, x), x)


def test_a_crop_is_a_part_of_the_image_and_the_middle_outside_training(digits):
    x = digits[0]
    layer = augment.images(crop=(24, 20), seed=1)
    parts = [x[:, row : row + 24, column : column + 20] for row in range(5) for column in range(9)]
    assert any(np.array_equal(changed(layer, x), part) for part in parts)
    np.testing.assert_array_equal(unchanged(layer, x), x[:, 2:26, 4:24])
    assert unchanged(augment.images(crop=20), x).shape == (60, 20, 20, 1)


def test_numbers_of_numpy_are_taken_and_saved(digits, tmp_path):
    options = {"rotate": np.float32(0.1), "noise": np.float64(1), "crop": np.int64(20), "seed": np.int64(1)}
    model = keras.Sequential([keras.Input((28, 28, 1)), augment.images(**options)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(changed(loaded, digits[0]), changed(model, digits[0]))


def test_a_model_can_have_several_augmentations(digits, walks):
    for make, x in ((augment.images, digits[0]), (augment.series, walks)):
        model = keras.Sequential([keras.Input(x.shape[1:]), make(), make(), layers.Flatten()])
        assert model(x, training=True).shape == (len(x), np.prod(x.shape[1:]))


def test_strengths_of_zero_change_nothing(digits, walks):
    np.testing.assert_array_equal(changed(augment.images(), digits[0]), digits[0])
    np.testing.assert_array_equal(changed(augment.series(), walks), walks)


def test_images_of_whole_numbers_become_floats():
    x = np.arange(3 * 8 * 8, dtype="uint8").reshape(3, 8, 8, 1)
    assert changed(augment.images(shift=0.2), x).dtype == "float32"
    np.testing.assert_array_equal(unchanged(augment.images(shift=0.2), x), x.astype("float32"))


def test_a_model_answers_the_same_each_time_however_it_is_asked(trained, digits, tmp_path):
    x = digits[0]
    expected = trained.predict(x, verbose=0)
    for _ in range(2):
        np.testing.assert_allclose(trained(x), expected, atol=1e-6)
    # Keras' own export does not say training=False to the layers.
    trained.export(tmp_path / "plain", verbose=False)
    infer_model(trained, x=x).export(tmp_path / "stripped", verbose=False)
    for folder in ("plain", "stripped"):
        served = tf.saved_model.load(tmp_path / folder)
        for _ in range(2):
            np.testing.assert_allclose(served.serve(x), expected, atol=1e-6)


def test_nothing_of_augmentation_is_left_in_the_exported_model(trained):
    clone = infer_model(trained)
    assert [type(layer).__name__ for layer in walk_layers(clone)] == [
        "Sequential",
        "Conv2D",
        "Flatten",
        "Dense",
        "Identity",
        "CenterCrop",
    ]


def test_the_converted_file_agrees_with_the_model_and_needs_nothing_of_the_notebook(trained, digits, tmp_path):
    [export] = tunemagic.tflite(trained, "none", data=digits, path=tmp_path / "digits.tflite")
    assert (export.verdict, export.agreement) == ("verified", 1.0)
    assert "traced in this kernel" not in export.message


def test_a_saved_model_is_loaded_with_its_augmentation(trained, digits, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(keras_outputs(loaded, digits[0]), keras_outputs(trained, digits[0]), atol=1e-6)
    assert not np.allclose(changed(loaded, digits[0]), unchanged(loaded, digits[0]), atol=1e-3)


def test_keras_own_random_crop_is_left_out_of_exports_too(digits):
    # Outside training it leaves images of any size as they are.
    inner = [layers.RandomCrop(20, 20), layers.CenterCrop(20, 20), layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((28, 28, 1)), *inner])
    clone = infer_model(model, x=digits[0])
    assert "RandomCrop" not in [type(layer).__name__ for layer in walk_layers(clone)]


def test_trials_with_augmentation_train_in_whole_epochs_and_share_their_graph(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def build(hp):
        model = keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                augment.images(rotate=0.05, shift=0.1, zoom=0.1, seed=3),
                layers.Flatten(),
                layers.Dense(10, "softmax"),
            ]
        )
        rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        return model

    def search():
        return tunemagic.tune(build, data=digits, max_trials=2, epochs=1, tuner="random", workers=0, new=True)

    study = search()
    first, second = study.view.trials
    assert first.trainer.startswith("whole epochs in one graph call")
    assert second.trainer == f"whole epochs in one graph call; structure reused from trial {first.number}"
    # The same seeds give the same changes, so the same curves.
    assert [each.curves for each in search().view.trials] == [each.curves for each in study.view.trials]


# -- series ------------------------------------------------------------------------------------------


def test_jitter_adds_noise_of_the_given_deviation(walks):
    noise = changed(augment.series(jitter=2.5), walks) - walks
    assert noise.std() == pytest.approx(2.5, rel=0.1)
    assert abs(noise.mean()) < 0.2


def test_scale_multiplies_each_channel_of_a_series_by_one_factor(walks):
    factors = changed(augment.series(scale=0.2), walks) / walks
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1], factors.shape), rtol=1e-4)
    assert factors[:, 0].std() == pytest.approx(0.2, rel=0.3)


def test_a_window_of_a_straight_line_is_a_straight_line_of_fewer_steps():
    line = np.tile(np.arange(50, dtype="float32"), (20, 1))
    seen = changed(augment.series(window=0.4), line)
    slopes = np.diff(seen)
    np.testing.assert_allclose(slopes, np.broadcast_to(slopes[:, :1], slopes.shape), atol=1e-4)
    assert 0.6 <= slopes.min() < slopes.max() <= 1
    assert seen.min() >= 0
    assert seen.max() <= 49


def test_series_are_changed_in_training_only_and_exported_as_they_are(walks):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((40, 2)), augment.series(**EVERYTHING_OF_SERIES), layers.Conv1D(4, 3), layers.Flatten()]
    )
    model.compile("adam", "mse")
    model.fit(walks, np.zeros((30, 152)), verbose=0)
    expected = model.predict(walks, verbose=0)
    np.testing.assert_allclose(model(walks), expected, atol=1e-4)
    clone = infer_model(model, x=walks)
    assert [type(layer).__name__ for layer in walk_layers(clone)] == ["Identity", "Conv1D", "Flatten"]
    once = [changed(augment.series(**EVERYTHING_OF_SERIES, seed=seed), walks) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(once[0], once[1])
    assert not np.array_equal(once[0], once[2])


# -- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (augment.images, {"rotate": 0.6}, "rotate: received 0.6; expected a share from 0 to 0.5."),
        (augment.images, {"shift": 1}, "shift: received 1; expected a share from 0 up to, but not including, 1."),
        (augment.images, {"zoom": -0.1}, "zoom: received -0.1; expected a share from 0 up to, but not including, 1."),
        (augment.images, {"noise": -1}, "noise: received -1; expected a deviation of 0 or more."),
        (augment.images, {"noise": float("nan")}, "noise: received nan; expected a number."),
        (augment.images, {"shift": True}, "shift: received True; expected a number."),
        (
            augment.images,
            {"flip": "horizontl"},
            "flip: received 'horizontl'; expected one of none, horizontal, vertical, both. Did you mean horizontal?",
        ),
        (augment.images, {"crop": (24, 0)}, "crop: received (24, 0); expected pixels, as in 24 or (24, 20)."),
        (augment.images, {"crop": True}, "crop: received True; expected pixels, as in 24 or (24, 20)."),
        (augment.images, {"seed": None}, "seed: received None; expected a whole number of 0 or more."),
        (augment.images, {"crop": 0.9}, "crop: received 0.9; expected pixels, as in 24 or (24, 20)."),
        (augment.images, {"seed": -1}, "seed: received -1; expected a whole number of 0 or more."),
        (augment.series, {"seed": 0.5}, "seed: received 0.5; expected a whole number of 0 or more."),
        (augment.series, {"window": 1.0}, "window: received 1; expected a share from 0 up to, but not including, 1."),
        (augment.series, {"scale": "much"}, "scale: received 'much'; expected a number."),
    ],
)
def test_a_strength_out_of_its_range_is_refused(make, options, message):
    with pytest.raises(OptionError) as caught:
        make(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "options", "shape", "message"),
    [
        (
            augment.images,
            {"rotate": 0.1},
            (28, 28),
            "augment.images: received samples of shape (28, 28); expected (height, width, channels). Add a channel to "
            "grey images: x[..., None].",
        ),
        (
            augment.images,
            {"crop": (28, 40)},
            (28, 32, 3),
            "augment.images: received crop=(28, 40) for images of 28 x 32 pixels; expected a part of them.",
        ),
        (
            augment.series,
            {"jitter": 0.1},
            (28, 28, 1),
            "augment.series: received samples of shape (28, 28, 1); expected (steps,) or (steps, channels).",
        ),
    ],
)
def test_samples_that_do_not_fit_are_refused_when_the_model_is_built(make, options, shape, message):
    with pytest.raises(DataError) as caught:
        keras.Sequential([keras.Input(shape), make(**options), layers.Flatten()])
    assert str(caught.value) == message


def test_a_misspelt_option_is_told_the_near_one():
    with pytest.raises(OptionError) as caught:
        augment.images(rotation=0.1)
    assert str(caught.value) == (
        "augment.images: received rotation=; expected one of rotate, shift, flip, crop, zoom, noise, seed. "
        "Did you mean rotate?"
    )
    with pytest.raises(OptionError) as caught:
        augment.series(windw=0.1)
    assert str(caught.value) == (
        "augment.series: received windw=; expected one of jitter, scale, window, seed. Did you mean window?"
    )
