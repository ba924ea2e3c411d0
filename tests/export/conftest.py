"""Real digits and models trained on them; conversions that several tests look at run once."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine

from tunemagic import prep
from tunemagic.export import convert_tflite
from tunemagic.export.handover import hand_over, receive
from tunemagic.export.infer import keras_outputs
from tunemagic.request import QuantMode


class Digits:
    """1797 handwritten digits, 8 x 8, scaled to 0..1: x (sample, 64), the last 450 held out."""

    def __init__(self):
        bunch = load_digits()
        x, y = (bunch.data / 16).astype("float32"), bunch.target
        self.x, self.y, self.x_held, self.y_held = x[:1347], y[:1347], x[1347:], y[1347:]


def trained(layers, x, y, *, loss="sparse_categorical_crossentropy", metrics=("accuracy",), epochs=8):
    keras.utils.set_random_seed(7)
    model = keras.Sequential(layers)
    model.compile("adam", loss=loss, metrics=list(metrics))
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return model


@pytest.fixture(scope="session")
def train():
    return trained


@pytest.fixture(scope="session")
def digits():
    return Digits()


@pytest.fixture(scope="session")
def dense(digits):
    layers = [keras.Input((64,)), keras.layers.Dense(64, "relu"), keras.layers.Dense(10, "softmax")]
    # After fewer epochs single samples lie between two classes, and decide what 4 bits may do.
    return trained(layers, digits.x, digits.y, epochs=40)


@pytest.fixture(scope="session")
def dense_files(dense, digits, tmp_path_factory):
    """All modes of the dense model: (folder, results, results as they were called back)."""
    folder = tmp_path_factory.mktemp("dense")
    called: list = []
    results = convert_tflite(
        dense,
        list(QuantMode),
        x_eval=digits.x_held,
        y_eval=digits.y_held,
        representative=digits.x,
        directory=folder,
        stem="digits",
        trial=3,
        on_result=called.append,
    )
    return folder, results, called


@pytest.fixture(scope="session")
def images(digits):
    return digits.x.reshape(-1, 8, 8, 1), digits.x_held.reshape(-1, 8, 8, 1)


@pytest.fixture(scope="session")
def augmented(digits, images):
    """Normalization, augmentation, convolution, batch normalisation and dropout, trained on values from 0 to 16."""
    scaling = keras.layers.Normalization()
    scaling.adapt(images[0] * 16)
    layers = [
        keras.Input((8, 8, 1)),
        scaling,
        keras.layers.RandomRotation(0.05),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.GaussianNoise(0.1),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.2),
        keras.layers.Flatten(),
        keras.layers.Dense(10, "softmax"),
    ]
    return trained(layers, images[0] * 16, digits.y)


@pytest.fixture(scope="session")
def recurrent(digits):
    layers = [keras.Input((4, 16)), keras.layers.LSTM(24), keras.layers.Dense(10, "softmax")]
    return trained(layers, digits.x.reshape(-1, 4, 16), digits.y, epochs=8)


@pytest.fixture(scope="session")
def source_of(tmp_path_factory):
    """What a target's writer is given, made in this process: source_of(model, x, about={...})."""

    def make(model, x, about=None):
        folder = tmp_path_factory.mktemp("source")
        with warnings.catch_warnings():  # a model that can't be cloned is traced as it is, and says so
            warnings.simplefilter("ignore")
            hand_over(model, folder, x)
        return receive(folder, keras_outputs(model, x), x, half=False, about=about)

    return make


@pytest.fixture(scope="session")
def gaps(source_of):
    """The source of a model that fills gaps itself: wine with 5 % of the numbers and some categories missing."""
    x, y = load_wine(return_X_y=True)
    random = np.random.default_rng(0)
    table = pd.DataFrame(np.where(random.random(x.shape) < 0.05, np.nan, x), columns=load_wine().feature_names)
    table["taste"] = np.array(["dry", "sweet", "sour", None], dtype=object)[np.where(random.random(178) < 0.3, 3, y)]
    prepared = prep.recipe(missing="median", outliers="clip_iqr").fit(table, y)
    layers = [keras.Input(prepared.shape), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")]
    model = prepared.wrap(trained(layers, prepared.transform(table), y, epochs=3))
    return source_of(model, prepared.encode(table), about={"study": "wine"})
