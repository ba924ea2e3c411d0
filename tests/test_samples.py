"""How samples of every kind are shown."""

import base64
import io

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_iris

from tunemagic.errors import DataError
from tunemagic.samples import look_of, sample_info

DENSE = keras.Sequential([keras.layers.Dense(1)])
DIGITS = load_digits().data


def kind(look):
    return str(look.layout), look.height, look.width, look.channels


@pytest.mark.parametrize(
    ("x", "names", "expected"),
    [
        (DIGITS, (), ("image", 8, 8, 1)),
        (DIGITS.reshape(-1, 8, 8), (), ("image", 8, 8, 1)),
        (DIGITS.reshape(-1, 8, 8, 1), (), ("image", 8, 8, 1)),
        (np.zeros((3, 5, 7, 3)), (), ("image", 5, 7, 3)),
        (np.zeros((3, 5, 7, 2)), (), ("series", 0, 0, 0)),
        (DIGITS, tuple(map(str, range(64))), ("columns", 0, 0, 0)),
        # As many columns as a picture has pixels, but neighbours have nothing in common.
        (np.random.default_rng(1).normal(size=(50, 64)), (), ("series", 0, 0, 0)),
        (load_iris().data, ("a", "b", "c", "d"), ("columns", 0, 0, 0)),
        (np.zeros((3, 40, 2)), (), ("series", 0, 0, 0)),
    ],
    ids=["flat digits", "digits", "channel", "colours", "planes", "named", "noise", "table", "series"],
)
def test_samples_are_pictures_series_or_columns(x, names, expected):
    assert kind(look_of(x, DENSE, names)) == expected


def test_rows_that_a_model_goes_through_step_by_step_are_series():
    model = keras.Sequential([keras.layers.Reshape((64, 1)), keras.layers.Conv1D(2, 3)])
    assert kind(look_of(DIGITS, model)) == ("series", 0, 0, 0)


def test_a_picture_travels_as_png_dark_for_the_least_number():
    look = look_of(DIGITS, DENSE)
    info = sample_info(DIGITS[5], 5, look)
    data = base64.b64decode(info.picture.removeprefix("data:image/png;base64,"))
    pixels = np.asarray(Image.open(io.BytesIO(data)), np.float64)
    np.testing.assert_allclose(pixels, DIGITS[5].reshape(8, 8) / 16 * 255, atol=0.5)
    large = np.zeros((2, 300, 200, 3))
    info = sample_info(large[0], 0, look_of(large, DENSE))
    assert Image.open(io.BytesIO(base64.b64decode(info.picture.partition(",")[2]))).size == (64, 96)


def test_other_samples_travel_as_numbers():
    rows = load_iris().data
    assert sample_info(rows[0], 0, look_of(rows, DENSE, ("a", "b", "c", "d"))).values == (5.1, 3.5, 1.4, 0.2)


def test_samples_of_more_axes_are_refused():
    with pytest.raises(DataError, match="expected columns, series or images"):
        look_of(np.zeros((2, 3, 4, 5, 6)), DENSE)


def test_texts_are_refused():
    with pytest.raises(DataError, match="expected samples of numbers; received <U3"):
        look_of(np.array([["red"], ["low"]]), DENSE)
