"""How a data set is split, and what is said of a split that can't be made."""

import numpy as np
import pandas as pd
import pytest

from tunemagic.datasets import Dataset, Task, load
from tunemagic.datasets.dataset import with_card
from tunemagic.errors import DataError, OptionError


def made(x, y, **facts) -> Dataset:
    facts = {"task": Task.MULTICLASS, "classes": ("a", "b", "c"), **facts}
    return with_card("made", x, y, licence="", source="", note="", **facts)


def test_each_class_keeps_its_share():
    x_train, x_test, y_train, y_test = load("penguins").split()
    assert (len(x_train), len(x_test)) == (275, 69)
    assert np.bincount(y_train).tolist() == [122, 54, 99]
    assert np.bincount(y_test).tolist() == [30, 14, 25]
    assert isinstance(x_train, pd.DataFrame)
    assert sorted([*x_train.index, *x_test.index]) == list(range(344))


def test_the_seed_decides_which_rows_are_drawn():
    wine = load("wine")
    first, again, other = (wine.split(np.float32(0.5), seed=np.int64(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_the_own_test_part_is_taken_and_stays_out_of_a_share():
    data = load("mnist1d")
    assert [part is own for part, own in zip(data.split(), (data.x, data.x_test, data.y, data.y_test), strict=True)]
    x_train, x_val, y_train, y_val = data.split(0.25)
    assert (x_train.shape, x_val.shape, y_train.shape, y_val.shape) == ((3000, 40), (1000, 40), (3000,), (1000,))
    own = {row.tobytes() for row in data.x_test}
    assert not own & {row.tobytes() for row in x_val}


def test_the_last_part_of_a_series_is_for_testing():
    weather = load("weather")
    x_train, x_test, y_train, y_test = weather.split(0.1)
    assert x_train.index[-1] < x_test.index[0]
    assert (len(x_train), len(x_test), len(y_train), len(y_test)) == (7834, 871, 7834, 871)
    assert np.concatenate([y_train, y_test]).tolist() == weather.y.tolist()


def test_numbers_and_texts_are_split_too():
    assert [part.shape for part in load("diabetes").split(0.25)] == [(331, 10), (111, 10), (331,), (111,)]
    texts = load("reviews_zh").split()
    assert [part.shape for part in texts] == [(28098,), (7025,), (28098,), (7025,)]
    assert np.bincount(texts[3]).tolist() == [3715, 3310]


@pytest.mark.parametrize("test", [0, 1, -0.1, 20, True, "0.2", float("nan")])
def test_a_share_is_between_0_and_1(test):
    with pytest.raises(OptionError, match=r"^test=.*: expected a share between 0 and 1, as in test=0\.2\.$"):
        load("wine").split(test)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None, True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(OptionError, match=r"^seed=.*: expected a whole number from 0 to 4294967295, as in seed=0\.$"):
        load("wine").split(seed=seed)


def test_a_part_without_room_for_all_classes_is_refused():
    message = r"^wine: 177 rows to train on and 1 to test on; expected 3 or more in each part, one for each class\."
    with pytest.raises(DataError, match=message):
        load("wine").split(0.001)


def test_a_class_of_one_row_is_named():
    with pytest.raises(DataError, match=r"^made: class 'c' has a single row; expected 2 or more"):
        made(np.zeros((9, 1)), np.array([0] * 4 + [1] * 4 + [2])).split(0.5)


def test_a_series_of_one_row_is_refused():
    with pytest.raises(DataError, match=r"^made: 0 rows to train on and 1 to test on"):
        made(np.zeros((1, 1)), np.zeros(1), task=Task.SERIES, classes=()).split()
