"""What is learned from the training part: numbers against scikit-learn, reports, and what can't be prepared."""

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.ndimage
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from tunemagic import datasets, prep
from tunemagic.errors import DataError

NAN = float("nan")


@pytest.fixture(scope="module")
def wine() -> tuple[Any, Any, Any]:
    """Training rows, other rows, targets of the training rows."""
    x, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x = x[order].astype(np.float32)
    return x[:120], x[120:], y[order][:120]


@pytest.fixture(scope="module")
def gappy(wine: tuple[Any, Any, Any]) -> tuple[Any, Any]:
    gaps = np.random.default_rng(1)
    return tuple(np.where(gaps.random(part.shape) < 0.1, np.float32("nan"), part) for part in wine[:2])  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "scaler"), [("minmax", MinMaxScaler()), ("zscore", StandardScaler()), ("robust", RobustScaler())]
)
def test_scaling_is_scikit_learns_on_the_training_part(wine: Any, name: str, scaler: Any) -> None:
    train, held, y = wine
    prepared = prep.recipe(scaler=name).fit(train, y)
    scaler.fit(train.astype(np.float64))
    for part in (train, held):
        np.testing.assert_allclose(prepared.transform(part), scaler.transform(part), rtol=1e-4, atol=1e-5)


def test_mean_normalisation_is_the_distance_from_the_mean_in_ranges(wine: Any) -> None:
    train, held, _ = wine
    expected = (held - train.mean(axis=0)) / (train.max(axis=0) - train.min(axis=0))
    np.testing.assert_allclose(prep.recipe(scaler="mean").fit(train).transform(held), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("missing", "strategy"),
    [("mean", "mean"), ("median", "median"), ("mode", "most_frequent"), ("constant", "constant")],
)
def test_gaps_are_filled_as_by_scikit_learn(gappy: Any, missing: str, strategy: str) -> None:
    train, held = gappy
    prepared = prep.recipe(scaler="none", missing=missing, fill=-7.0).fit(train)
    imputer = SimpleImputer(strategy=strategy, fill_value=-7.0).fit(train)
    np.testing.assert_allclose(prepared.transform(held), imputer.transform(held), rtol=1e-6)


def test_gaps_count_for_the_scaler_as_what_is_filled_in(gappy: Any) -> None:
    train, held = gappy
    imputer = SimpleImputer(strategy="median").fit(train)
    scaler = StandardScaler().fit(imputer.transform(train).astype(np.float64))
    prepared = prep.recipe(scaler="zscore", missing="median").fit(train)
    expected = scaler.transform(imputer.transform(held))
    np.testing.assert_allclose(prepared.transform(held), expected, rtol=1e-4, atol=1e-5)


def test_rows_and_columns_with_gaps_are_dropped_in_training(gappy: Any, wine: Any) -> None:
    train, held, y = gappy[0], gappy[1], wine[2]
    whole = ~np.isnan(train).any(axis=1)
    prepared = prep.recipe(missing="drop_rows").fit(train, y)
    x_left, y_left = prepared.rows(train, y)
    np.testing.assert_array_equal(x_left, train[whole])
    np.testing.assert_array_equal(y_left, y[whole])
    assert (prepared.report.rows, prepared.report.left) == (120, int(whole.sum()))
    dropped = f"{120 - whole.sum()} rows dropped in training; filled with the mean elsewhere"
    assert prepared.report.done["missing"] == dropped
    # A deployed model can't drop a row: it fills in the mean of those that were trained on.
    filled = np.where(np.isnan(held), train[whole].mean(axis=0), held)
    scaled = StandardScaler().fit(train[whole].astype(np.float64)).transform(filled)
    np.testing.assert_allclose(prepared.transform(held), scaled, rtol=1e-4, atol=1e-5)

    two = np.where(np.arange(13) < 11, wine[0], train)
    columns = prep.recipe(scaler="none", missing="drop_columns").fit(two)
    np.testing.assert_array_equal(columns.transform(wine[1]), wine[1][:, :11])
    assert columns.rows(two).shape == (120, 13)  # still raw


def test_gaps_in_time_are_filled_from_rows_before_and_between_steps() -> None:
    table = np.array([[NAN, 0], [1, NAN], [NAN, 1], [3, NAN], [NAN, 3]], np.float32)
    prepared = prep.recipe(scaler="none", missing="interpolate").fit(table)
    # Rows of a table: from the past only, as a later row may validate or be what is to be forecast.
    np.testing.assert_array_equal(prepared.rows(table), [[NAN, 0], [1, 0], [1, 1], [3, 1], [3, 3]])
    np.testing.assert_allclose(prepared.transform(table)[0], [2, 0])  # no past: the mean
    series = np.array([[[0], [NAN], [2], [NAN]], [[5], [5], [NAN], [8]]], np.float32)
    steps = prep.recipe(scaler="none", missing="interpolate").fit(series)
    np.testing.assert_array_equal(steps.encode(series)[..., 0], [[0, 1, 2, 2], [5, 5, 6.5, 8]])


@pytest.mark.parametrize("rule", ["iqr", "zscore"])
def test_outliers_are_clipped_or_their_rows_dropped(wine: Any, rule: str) -> None:
    train, held, y = wine
    if rule == "iqr":
        first, third = np.percentile(train, [25, 75], axis=0)
        low, high = first - 1.5 * (third - first), third + 1.5 * (third - first)
    else:
        mean, spread = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
        low, high = mean - 3 * spread, mean + 3 * spread
    clipped = prep.recipe(scaler="none", outliers=f"clip_{rule}").fit(train, y)
    np.testing.assert_allclose(clipped.transform(held), np.clip(held, low, high), rtol=1e-5)
    outside = (train < low) | (train > high)
    assert sum(clipped.report.outliers.values()) == outside.sum() > 0
    dropped = prep.recipe(outliers=f"drop_{rule}").fit(train, y)
    x_left, y_left = dropped.rows(train, y)
    np.testing.assert_array_equal(x_left, train[~outside.any(axis=1)])
    np.testing.assert_array_equal(y_left, y[~outside.any(axis=1)])


def test_noise_of_signals_is_filtered_as_by_scipy() -> None:
    signals = np.random.default_rng(0).normal(size=(20, 30, 1)).astype(np.float32)
    prepared = prep.recipe(outliers="median_filter").fit(signals)
    expected = scipy.ndimage.median_filter(signals, size=(1, 3, 1), mode="nearest")
    scaled = StandardScaler().fit_transform(expected.reshape(-1, 1).astype(np.float64))
    np.testing.assert_allclose(prepared.transform(signals).reshape(-1, 1), scaled, atol=1e-5)


def test_columns_that_are_left_out_drop_no_rows() -> None:
    x = np.random.default_rng(0).uniform(size=(100, 4))
    x[0, 0] = NAN  # dropped for its gap
    x[1:20, 0] = 1000
    x[:, 3] = np.arange(100) == 50  # constant without its outlier
    prepared = prep.recipe(missing="drop_columns", outliers="drop_zscore").fit(x)
    assert [column.dropped for column in prepared.columns] == ["missing values", "", "", "constant"]
    assert (len(prepared.rows(x)), prepared.report.left, prepared.report.outliers) == (100, 100, {})


def test_numbers_of_many_digits_are_told_apart() -> None:
    x = np.column_stack([20_000_000 + np.arange(10), np.arange(10) % 2])
    for rows in (x, pd.DataFrame(x, columns=["id", "a"])):
        prepared = prep.recipe(duplicates="drop").fit(rows)
        assert (prepared.report.duplicates, len(prepared.rows(rows))) == (0, 10)


def test_the_codes_of_categories_are_no_part_of_the_statistics_over_all_values() -> None:
    table = pd.DataFrame({"a": [100.0, 300.0] * 3, "b": ["x", "y", "z"] * 2})
    prepared = prep.recipe(per="all", encoding="ordinal").fit(table)
    assert [(column.shift, column.scale) for column in prepared.columns] == [(200.0, 100.0)] * 2
    codes = prep.recipe(per="all", encoding="ordinal", scaler="minmax").fit(table[["b"]])
    np.testing.assert_allclose(codes.transform(table)[:3, 0], [0, 0.5, 1])


def test_no_step_of_a_signal_is_left_out() -> None:
    signals = np.random.default_rng(0).normal(size=(20, 10, 1)).astype(np.float32)
    signals[:, :3] = 0  # as before a signal begins
    prepared = prep.recipe(scaler="minmax", per="all", outliers="median_filter").fit(signals)
    smooth = scipy.ndimage.median_filter(signals, size=(1, 3, 1), mode="nearest")
    expected = (smooth - smooth.min()) / np.ptp(smooth)
    np.testing.assert_allclose(prepared.transform(signals), expected, rtol=1e-5, atol=1e-6)


def test_repeated_rows_are_dropped_once_their_targets_agree() -> None:
    x, y = np.array([[1, 2], [1, 2], [1, 2], [3, NAN], [3, NAN]], np.float32), np.array([0, 0, 1, 1, 1])
    prepared = prep.recipe(duplicates="drop").fit(x, y)
    assert prepared.report.duplicates == 2
    np.testing.assert_array_equal(prepared.rows(x, y)[1], [0, 1, 1])


def test_statistics_over_all_values_suit_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8)).astype(np.uint8)
    images[:, 0] = 0  # border pixels are constant
    prepared = prep.recipe(scaler="minmax", per="all").fit(images)
    np.testing.assert_allclose(prepared.transform(images), images / 255.0, rtol=1e-6)


@pytest.fixture
def penguins() -> Any:
    return pd.DataFrame(
        {
            "island": ["Biscoe", "Dream", None, "Biscoe", "Torgersen", "Dream"],
            "mass": [3.5, 4.0, 5.5, None, 4.5, 4.0],
            "sex": pd.Categorical(["f", "m", "m", "f", None, "m"]),
            "year": [2007, 2008, 2009, 2007, 2008, 2009],
            "same": [1, 1, 1, 1, 1, 1],
            "sure": [True, False, True, True, False, False],
        }
    )


def test_a_table_of_mixed_columns_becomes_a_raw_matrix(penguins: Any) -> None:
    prepared = prep.recipe(scaler="none", categories="year").fit(penguins)
    new = penguins.iloc[[0, 2]].assign(island=["Atlantis", "Dream"], more=1)[["more", *penguins.columns[::-1]]]
    np.testing.assert_array_equal(
        prepared.encode(new), np.array([[-1, 3.5, 0, 0, 1, 1], [1, 5.5, 1, 2, 1, 1]], np.float32)
    )
    assert np.isnan(prepared.encode(penguins)).sum() == 3
    assert prepared.names == (
        "mass", "sure", "island=Biscoe", "island=Dream", "island=Torgersen", "sex=f", "sex=m",
        "year=2007", "year=2008", "year=2009",
    )  # fmt: skip


def test_one_hot_columns_are_scikit_learns_and_unknown_categories_all_zeros(penguins: Any) -> None:
    prepared = prep.recipe(scaler="none").fit(penguins)
    filled = penguins[["island", "sex"]].astype(object).fillna({"island": "Biscoe", "sex": "m"})
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(filled)
    new = pd.concat([penguins, penguins.iloc[:1].assign(island="Atlantis")])
    expected = encoder.transform(pd.concat([filled, pd.DataFrame({"island": ["Atlantis"], "sex": ["f"]})]))
    np.testing.assert_array_equal(prepared.transform(new)[:, 3:], expected)


def test_ordinal_categories_are_numbers_in_sorted_order(penguins: Any) -> None:
    prepared = prep.recipe(scaler="none", encoding="ordinal").fit(penguins[["island"]])
    new = pd.DataFrame({"island": ["Torgersen", "Biscoe", None, "Atlantis"]})
    np.testing.assert_array_equal(prepared.transform(new)[:, 0], [2, 0, 0, -1])


def test_a_matrix_that_was_encoded_before_keeps_its_categories(penguins: Any) -> None:
    first = prep.recipe().fit(penguins)
    again = prep.recipe(scaler="minmax").fit(first.encode(penguins), like=first)
    assert again.source == first.source
    np.testing.assert_array_equal(
        again.transform(penguins), prep.recipe(scaler="minmax").fit(penguins).transform(penguins)
    )


def test_columns_of_numbers_and_texts_are_read_as_asked() -> None:
    table = pd.DataFrame({"a": [1, "2", "?", 4.5], "b": ["1", "2", "3", None]})
    with pytest.raises(DataError, match=r"column 'a' is mixed: 3 numbers and 1 other values, such as '\?'"):
        prep.recipe().fit(table)
    numbers = prep.recipe(scaler="none", mixed="numbers").fit(table)
    np.testing.assert_array_equal(numbers.encode(table), np.array([[1, 1], [2, 2], [NAN, 3], [4.5, NAN]], np.float32))
    assert set(numbers.report.mixed) == {"a", "b"}
    texts = prep.recipe(scaler="none", mixed="text").fit(table)
    assert texts.names == ("b", "a=1", "a=2", "a=4.5", "a=?")
    same = prep.recipe(scaler="none", mixed="text").fit(pd.DataFrame({"a": [1, 1.0, "1", "x"]}))
    assert same.names == ("a=1", "a=x")
    np.testing.assert_array_equal(same.encode(pd.DataFrame({"a": ["1", 1.0, True, "x"]}))[:, 0], [0, 0, -1, 1])


def test_the_report_says_what_was_found_and_done(penguins: Any) -> None:
    report = prep.recipe(missing="median").fit(penguins, np.arange(6)).report
    assert (report.missing, report.constant, report.categories) == (
        {"island": 1, "mass": 1, "sex": 1}, ("same",), {"island": 3, "sex": 2},
    )  # fmt: skip
    assert dict((name, done) for name, _, done in report.lines() if done) == {
        "missing": "filled with the median; categories with the commonest",
        "outliers": "kept",
        "constant": "left out",
        "categories": "one column for each",
        "scaling": "zscore: (x - mean) / deviation, for each column",
    }
    assert "3 values in 3 columns: island 1, mass 1, sex 1" in repr(report)


@pytest.mark.parametrize(
    ("missing", "done"),
    [
        ("mean", "filled with the commonest"),
        ("constant", "filled with none"),
        ("interpolate", "filled with the commonest"),
        ("drop_rows", "1 row dropped in training; filled with the commonest elsewhere"),
        ("drop_columns", "columns left out"),
    ],
)
def test_the_report_says_that_categories_get_the_commonest(missing: str, done: str) -> None:
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", None]})
    assert prep.recipe(missing=missing).fit(table).report.done["missing"] == done


def test_robust_scales_by_the_range_where_the_middle_half_is_one_value() -> None:
    x = np.column_stack([np.where(np.arange(20) % 10 == 0, 1e6, 0), np.arange(20.0)])
    prepared = prep.recipe(scaler="robust").fit(x)
    assert [(column.shift, column.scale) for column in prepared.columns] == [(0, 1e6), (9.5, 9.5)]
    assert prepared.report.done["scaling"] == (
        "robust: (x - median) / interquartile range, for each column; by the range, their middle half being one "
        "value: column 0"
    )


def test_names_of_columns_are_escaped_in_html() -> None:
    report = prep.recipe().fit(pd.DataFrame({"<b>": [1.0, NAN, 3.0]})).report
    assert "&lt;b&gt; 1" in report._repr_html_()
    assert "<b>" not in report._repr_html_()


def test_what_was_learned_is_json(penguins: Any) -> None:
    told = json.loads(prep.recipe().fit(penguins).to_json())
    assert told["recipe"]["scaler"] == "zscore"
    assert (told["raw_shape"], told["shape"]) == ([6], [8])
    island = told["columns"][0]
    assert (island["name"], island["categories"], island["fill"]) == ("island", ["Biscoe", "Dream", "Torgersen"], 0.0)


GAPS = np.array([[1, NAN], [2, NAN], [3, NAN]])
ROWS = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("options", "x", "message"),
    [
        ({"constant": "keep"}, [[1, 2], [1, 3]], "scaler='zscore': column 0 can't be scaled, having one value only; "
         "use constant='drop' or scaler='none'."),
        ({}, [[1, 1], [1, 1]], "all 2 columns are left out (constant); expected at least one to stay."),
        ({}, np.zeros((4, 3, 3)), "scaler='zscore': column 0, column 1, column 2 can't be scaled, having one value "
         "only; use per='all' or scaler='none'."),
        ({"missing": "none"}, GAPS, "3 missing values are left in column 1; expected none with missing='none'. Use "
         "missing='mean', 'median', 'mode', 'drop_rows' or 'drop_columns'."),
        ({"missing": "drop_rows", "constant": "drop"}, [[NAN, 1], [2, NAN]], "all 2 training rows would be dropped (2 "
         "for missing values); expected some to stay. Fill the gaps, as with missing='mean', drop_columns, or clip."),
        ({}, np.arange(3.0), "expected a table, or an array (row, column); received shape (3,). Use x[:, None] for a "
         "single column."),
        ({}, pd.DataFrame([[1, 2]], columns=[1, "1"]), "expected columns of different names; received 1, 1."),
        ({}, np.zeros((0, 3)), "expected at least one row and one column; received shape (0, 3)."),
        ({}, [[1, np.inf], [2, 3]], "expected finite numbers or NaN; received 1 infinite values. Replace them by NaN."),
        ({}, pd.DataFrame({"when": pd.to_datetime(["2020-01-01"])}), "column 'when' holds dates; expected numbers or "
         "categories. Derive numbers first."),
        ({}, pd.DataFrame({"name": [f"n{i}" for i in range(90)]}), "column 'name' has 90 different values in 90 rows; "
         "expected categories. Leave it out, or turn it into numbers."),
        ({"categories": "sexx"}, pd.DataFrame({"sex": ["m", "f"]}), "categories: there is no column 'sexx' among sex. "
         "Did you mean sex?"),
        ({"missing": "drop_columns"}, np.full((4, 3, 3), NAN), "missing='drop_columns' is for "
         "tables; received rows of shape (3, 3). Use 'interpolate' or 'mean'."),
        ({"constant": "keep"}, [[1, NAN], [2, NAN]], "there is no value at all in column 1; leave that out."),
        ({}, pd.Series([1.0, 2.0]), "expected a table, or an array (row, column); received shape (2,). Use "
         "x.to_frame() for a single column."),
        ({}, pd.DataFrame({"day": [datetime.date(2020, 1, 1)]}), "column 'day' holds date values; expected numbers or "
         "categories. Derive numbers first."),
        ({}, pd.DataFrame({"day": pd.period_range("2020", periods=3)}), "column 'day' holds Period values; expected "
         "numbers or categories. Derive numbers first."),
        ({"mixed": "text"}, pd.DataFrame({"some": [[1], [2]]}), "column 'some' holds list values; expected numbers or "
         "categories. Derive numbers first."),
        ({"outliers": "median_filter"}, [[1, 2, 3], [2, 3, 4]], "outliers='median_filter': expected signals (row, "
         "step, channel) of at least 3 steps; received rows of shape (3,). Use x[..., None] for signals (row, step), "
         "clip_iqr for tables."),
    ],
)  # fmt: skip
def test_what_cant_be_prepared_is_said_in_one_line(options: dict[str, Any], x: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        prep.recipe(**options).fit(x)
    assert str(caught.value) == message


def test_a_dataset_is_refused_though_it_does_not_know_its_length() -> None:
    import tensorflow as tf

    with pytest.raises(DataError, match="received a dataset; expected a table or an array"):
        prep.recipe().fit(tf.data.Dataset.from_tensor_slices(ROWS).filter(lambda row: True))


def test_rows_that_dont_fit_are_refused(penguins: Any) -> None:
    prepared = prep.recipe().fit(ROWS)
    for call in (lambda: prepared.encode(np.zeros((2, 3))), lambda: prepared.rows(ROWS, [1, 2])):
        with pytest.raises(DataError, match="expected"):
            call()
    with pytest.raises(DataError, match="expected at least one row; received a table of shape"):
        prep.recipe().fit(penguins).transform(penguins[:0])
    with pytest.raises(DataError, match="expected columns of different names; received island"):
        prep.recipe().fit(penguins).encode(pd.concat([penguins, penguins], axis=1))
    with pytest.raises(DataError, match="expected 6 targets, one for each row; received 5"):
        prep.recipe().fit(ROWS, np.arange(5))
    with pytest.raises(DataError, match="the table has no column mass; expected the columns of the training part"):
        prep.recipe().fit(penguins).encode(penguins.drop(columns="mass"))


def test_a_report_on_images_tells_their_shape():
    report = prep.recipe(per="all", scaler="minmax").fit(datasets.load("mnist300").x[:20]).report
    assert report.lines()[0] == ("rows", "20 rows, each of shape (28, 28, 1)", "")
