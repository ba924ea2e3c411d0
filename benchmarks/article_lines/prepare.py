"""Section 3.1: cleaning, scaling, augmentation."""

from __future__ import annotations

import keras
import numpy as np
import scipy.ndimage
from sklearn import preprocessing

from article_lines.common import Array, digits, largest, wine
from article_lines.line import Section
from tunemagic import datasets, prep

__all__ = ["PREPARE"]

PREPARE = Section("3.1")


@PREPARE.line("去除缺失值", "remove missing values")
def _missing_values() -> str:
    data = datasets.load("penguins")
    prepared = prep.recipe(missing="drop_rows").fit(data.x, data.y)
    x, y = prepared.rows(data.x, data.y)
    kept = data.x.notna().all(axis=1).to_numpy()
    assert len(x) == len(y) == kept.sum(), f"{len(x)} rows; pandas keeps {kept.sum()}"
    assert (y == data.y[kept]).all()
    return f"penguins: {len(data.x)} rows, {len(x)} kept; pandas' notna keeps the same"


@PREPARE.line("噪声", "remove noise")
def _noise() -> str:
    waves = datasets.load("mnist1d").x[:200, :, None]
    filtered = prep.recipe(scaler="none", outliers="median_filter").fit(waves).transform(waves)
    expected = scipy.ndimage.median_filter(waves, size=(1, 3, 1), mode="nearest")
    off = largest(filtered, expected)
    assert off < 1e-6, f"off SciPy's median filter by {off:.1e}"
    x = wine()[0]
    clipped = prep.recipe(scaler="none", outliers="clip_iqr").fit(x).transform(x)
    low, high = np.percentile(x, [25, 75], axis=0)
    bound = largest(clipped, np.clip(x, low - 1.5 * (high - low), high + 1.5 * (high - low)))
    assert bound < 1e-5, f"off NumPy's limits by {bound:.1e}"
    return f"median filter {off:.1e} off SciPy's, outliers clipped {bound:.1e} off NumPy's limits"


def _scaled(scaler: str, expected: Array) -> str:
    x_train, x_test, _, _ = wine()
    off = largest(prep.recipe(scaler=scaler).fit(x_train).transform(x_test), expected)
    assert off < 1e-5, f"off the reference by {off:.1e}"
    return f"wine's test part, learned from the training part: {off:.1e} off"


@PREPARE.line("最大-最小归一化", "min-max scaling")
def _minmax() -> str:
    x_train, x_test, _, _ = wine()
    return _scaled("minmax", preprocessing.MinMaxScaler().fit(x_train).transform(x_test)) + " scikit-learn's"


@PREPARE.line("Z-分数归一化", "z-score scaling")
def _zscore() -> str:
    x_train, x_test, _, _ = wine()
    return _scaled("zscore", preprocessing.StandardScaler().fit(x_train).transform(x_test)) + " scikit-learn's"


@PREPARE.line("均值归一化", "mean normalisation")
def _mean() -> str:
    x_train, x_test, _, _ = wine()
    expected = (x_test - x_train.mean(axis=0)) / np.ptp(x_train, axis=0)
    return _scaled("mean", expected) + " NumPy's"


@PREPARE.line("标准差归一化", "scaling by the deviation, in front of a model")
def _deviation() -> str:
    x_train, x_test, y_train, _ = wine()
    keras.utils.set_random_seed(0)
    body = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3, "softmax")])
    scaler = preprocessing.StandardScaler().fit(x_train)
    wrapped = prep.recipe(scaler="zscore").fit(x_train, y_train).wrap(body)
    off = largest(wrapped.predict(x_test, verbose=0), body.predict(scaler.transform(x_test), verbose=0))
    assert off < 1e-4, f"off the scaled rows' answer by {off:.1e}"
    return f"a wrapped model takes raw rows: {off:.1e} off the bare one on scikit-learn's scaled rows"


def _images() -> Array:
    return digits()[0][:64].reshape(-1, 8, 8, 1)


@PREPARE.line("旋转", "augment by rotation")
def _rotation() -> str:
    images = _images()
    layers = prep.augment.images(rotate=0.1, seed=3)
    turned = np.asarray(layers(images, training=True))
    again = np.asarray(prep.augment.images(rotate=0.1, seed=3)(images, training=True))
    assert (turned == again).all(), "another result with the same seed"
    assert (np.asarray(layers(images, training=False)) == images).all(), "active at inference"
    angles = np.linspace(-36, 36, 73)  # rotate=0.1 is up to a tenth of a whole turn
    nearest = []
    for image, found in zip(images[..., 0], turned[..., 0], strict=True):
        inner = slice(1, 7)  # what comes in at the edges is another matter
        turns = [scipy.ndimage.rotate(image, angle, reshape=False, order=1) for angle in angles]
        off = [float(np.abs(each - found)[inner, inner].mean()) for each in turns]
        nearest.append((min(off), abs(angles[int(np.argmin(off))])))
    off, angle = float(np.median([each for each, _ in nearest])), float(np.median([each for _, each in nearest]))
    assert off < 0.2, f"the nearest of SciPy's turns is off by {off:.2f} of 16"
    assert 5 < angle < 31, f"turned by {angle:.0f} degrees"
    return f"turned by {angle:.0f} degrees (median), {off:.2f} of 16 off SciPy's turn; unchanged at inference"


@PREPARE.line("翻转", "augment by flips")
def _flips() -> str:
    images = _images()
    flipped = np.asarray(prep.augment.images(flip="horizontal", seed=1)(images, training=True))
    mirrored = np.array([(each == image[:, ::-1]).all() for each, image in zip(flipped, images, strict=True)])
    kept = np.array([(each == image).all() for each, image in zip(flipped, images, strict=True)])
    assert (mirrored | kept).all(), "an image is neither itself nor NumPy's mirror image"
    assert 0.25 < mirrored.mean() < 0.75, f"{mirrored.mean():.0%} mirrored"
    return f"{mirrored.mean():.0%} of the images are NumPy's mirror image, all others unchanged"


@PREPARE.line("裁剪", "augment by crops")
def _crops() -> str:
    images = _images()
    cropped = np.asarray(prep.augment.images(crop=6, seed=1)(images, training=True))
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (6, 6), axis=(1, 2))
    inside = [
        any((window == each[..., 0]).all() for window in block.reshape(-1, 6, 6))
        for each, block in zip(cropped, windows, strict=True)
    ]
    assert cropped.shape == (64, 6, 6, 1), f"shape {cropped.shape}"
    assert all(inside), f"{len(inside) - sum(inside)} crops are no window of their image"
    return "each of 64 crops of 6 x 6 is a window of its image"
