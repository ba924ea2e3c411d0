"""Leaks and faults in data are found with their numbers, and honest data is left in peace."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from tunemagic import datasets, prep
from tunemagic.errors import DataError
from tunemagic.i18n import Language, catalogue
from tunemagic.prep.findings import DataVerdict

TABLES = {"wine": load_wine, "cancer": load_breast_cancer, "diabetes": load_diabetes, "iris": load_iris}
SCALERS = {"zscore": StandardScaler, "minmax": MinMaxScaler}
SEEDS = range(5)
WINE_X, WINE_Y = load_wine(return_X_y=True)


def table(name):
    return TABLES[name](return_X_y=True)


def split(x, y, seed=0, share=0.2):
    """x_train, y_train, x_val, y_val."""
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=share, random_state=seed)
    return x_train, y_train, x_val, y_val


def found(*data):
    return prep.check(*data).verdicts


# -- honest data -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("scaler", [None, *SCALERS])
def test_an_honest_split_of_a_real_table_has_no_findings(name, scaler):
    x, y = table(name)
    assert found(x, y) == ()
    for seed in SEEDS:
        x_train, y_train, x_val, y_val = split(x, y, seed)
        if scaler:
            fitted = SCALERS[scaler]().fit(x_train)
            x_train, x_val = fitted.transform(x_train), fitted.transform(x_val)
        assert found(x_train.astype("float32"), y_train, x_val.astype("float32"), y_val) == ()


@pytest.mark.parametrize("name", ["digits", "mnist300", "mnist1d", "penguins", "weather"])
def test_the_data_sets_that_come_along_have_no_leak(name):
    x_train, x_test, y_train, y_test = datasets.load(name).split()
    x_train, y_train, x_test, y_test = x_train[:5000], y_train[:5000], x_test[:2000], y_test[:2000]
    assert prep.check(x_train, y_train, x_test, y_test).leaks == ()


@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(30, 300),
    columns=st.integers(1, 6),
    kind=st.sampled_from(["normal", "uniform", "coarse", "signs", "shares", "percent", "line"]),
    target=st.sampled_from(["classes", "signs", "numbers", "noisy"]),
)
def test_no_honest_split_of_random_data_is_called_a_leak(seed, rows, columns, kind, target):
    random = np.random.default_rng(seed)
    x = {
        "normal": lambda: random.normal(size=(rows, columns)),
        "uniform": lambda: random.random((rows, columns)),
        "coarse": lambda: random.integers(0, 4, (rows, columns)).astype(float),
        "signs": lambda: random.choice([-1.0, 1.0], (rows, columns)),
        "shares": lambda: random.integers(0, 21, (rows, columns)) / 20,
        "percent": lambda: (random.integers(0, 101, (rows, columns)) / 100).astype("float32"),
        "line": lambda: np.linspace(0, 1, rows)[:, None] * np.ones(columns),
    }[kind]()
    y = {
        "classes": lambda: random.integers(0, 3, rows),
        "signs": lambda: random.choice([-1.0, 1.0], rows),
        "numbers": lambda: random.normal(size=rows),
        "noisy": lambda: x[:, 0] + random.normal(size=rows),
    }[target]()
    report = prep.check(*split(x, y, seed))
    assert report.leaks == ()
    assert set(report.verdicts) & {"repeated", "target_scaled", "conflicts"} == set()


def test_an_earlier_value_of_the_target_is_an_honest_input():
    wave = np.sin(np.arange(400) / 5) + np.random.default_rng(0).normal(0, 0.1, 400)
    windows = np.lib.stride_tricks.sliding_window_view(wave[:-1], 12)
    assert found(windows[:300, :, None], wave[12:312], windows[320:, :, None], wave[332:]) == ()
    daily = np.tile(np.random.default_rng(1).random(24), 15)  # repeats: an earlier value is a later one too
    assert found(daily[:-23, None], daily[23:]) == ()


# -- leaks -------------------------------------------------------------------------------------------


def test_samples_in_both_parts_are_counted_with_an_example():
    x_train, y_train, x_val, y_val = split(WINE_X, WINE_Y)
    x_val = np.concatenate([x_val, x_train[[7, 3, 5]]])
    y_val = np.concatenate([y_val, y_train[[7, 3, 5]]])
    report = prep.check(x_train.astype("float32"), y_train, x_val, y_val)
    assert report.verdicts == ("duplicates",)
    numbers = {"duplicates": 3, "of": 39, "percent": 7.7, "row": 36, "twin": 7}
    assert report["duplicates"].numbers == numbers
    assert report.leaks == report.findings
    assert report.to_json() == {
        "rows": 142,
        "held_out": 39,
        "findings": [
            {
                "verdict": "duplicates",
                "evidence": numbers,
                "remedies": [{"id": "drop_duplicates"}, {"id": "split_by_group"}],
            }
        ],
    }
    assert repr(report).splitlines() == [
        "Leak: same samples in both parts: 3 of 39 validation samples (7.7 %) are trained on too, so the validation "
        "score is too good. For example, validation row 36 is training row 7 (counted from 0).",
        "  1. Drop duplicates before the data is split",
        "  2. Keep samples of the same person, place or recording in one part",
    ]


def test_texts_and_tables_with_mixed_columns_are_compared_as_well():
    texts = np.array(["good", "bad", "so so", "fine"] * 10 + [f"review {n}" for n in range(60)])
    labels = np.arange(100) % 2
    assert found(texts, labels) == ("repeated",)
    assert found(texts[40:], labels[40:], texts[38:50], labels[38:50]) == ("duplicates",)
    frame = pd.DataFrame({"name": [f"n{n}" for n in range(60)], "size": np.arange(60)})
    other = frame[["size", "name"]][3:60].astype({"size": "float32"})  # in another order, of another type
    assert prep.check(frame[:50], None, other)["duplicates"].numbers["duplicates"] == 47
    frame["size"] = frame["size"].astype(float)
    frame.loc[4, "size"] = np.nan
    report = prep.check(frame[:50], None, frame[3:60])
    assert report.verdicts == ("duplicates", "missing")
    assert report["duplicates"].numbers["duplicates"] == 47
    assert report["missing"].numbers == {"values": 2, "rows": 2, "of": 107, "columns": "size"}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("scaler", SCALERS)
def test_a_scaler_fitted_before_the_split_is_told(name, scaler):
    x, y = table(name)
    x = SCALERS[scaler]().fit_transform(x).astype("float32")
    told = [found(*split(x, y, seed)) for seed in SEEDS]
    # Where the training part has both ends of each column, min-max is the same for it.
    assert set(told) <= {(f"{scaler}_before_split",), ()}
    assert told.count(()) <= (2 if scaler == "minmax" else 0)


def test_the_articles_own_preparation_is_told_in_full():
    # Its section 4.1 scales the whole table, the target included, and splits afterwards.
    features, target = load_breast_cancer(return_X_y=True)
    table = StandardScaler().fit_transform(np.column_stack([features, target]))
    report = prep.check(*split(table[:, :-1], table[:, -1]))
    assert report.verdicts == ("zscore_before_split", "target_scaled")
    assert report["zscore_before_split"].numbers["columns"] == 30
    assert report["target_scaled"].text().startswith("The target has 2 values only, -1.298, 0.7706, as a scaler")
    assert found(table[:, :-1], table[:, -1]) == ("target_scaled",)


@pytest.mark.parametrize("scaler", SCALERS)
def test_gaps_do_not_hide_a_scaler_fitted_before_the_split(scaler):
    x = np.random.default_rng(0).normal(5, 3, (300, 4))
    x[5] = np.nan
    x = SCALERS[scaler]().fit_transform(x)
    assert found(x[:200], None, x[200:]) == (f"{scaler}_before_split", "missing")


def test_rounded_columns_and_those_of_few_values_tell_of_their_scaler_too():
    rounded = np.random.default_rng(0).normal(5, 3, (300, 4)).round()
    for x in (rounded, datasets.load("digits").x.reshape(-1, 64)):
        half = len(x) // 2
        leaking, honest = (MinMaxScaler().fit(seen).transform(x) for seen in (x, x[:half]))
        assert "minmax_before_split" in found(leaking[:half], None, leaking[half:])
        assert prep.check(honest[:half], None, honest[half:]).leaks == ()


def test_classes_that_went_through_min_max_are_told():
    table = MinMaxScaler().fit_transform(np.column_stack([WINE_X, WINE_Y]))
    report = prep.check(table[:, :-1], table[:, -1])
    assert report.verdicts == ("target_scaled",)
    assert report["target_scaled"].numbers == {"values": 3, "listed": "0, 0.5, 1"}
    twenty_eighths = np.arange(178) % 29 / 28
    assert found(WINE_X, twenty_eighths) == ()


def test_pandas_own_way_to_scale_is_told_too_and_so_are_images():
    frame = load_wine(as_frame=True).data
    scaled = (frame - frame.mean()) / frame.std()
    assert found(*split(scaled, WINE_Y)) == ("zscore_before_split",)
    images = datasets.load("mnist300").x
    images = (images - images.mean()) / images.std()
    assert found(images[:200], None, images[200:]) == ("zscore_before_split",)


@pytest.mark.parametrize("columns", [1, 2])
def test_copies_of_measurements_are_told_however_few_columns_there_are(columns):
    x = np.random.default_rng(0).normal(size=(200, columns))
    assert prep.check(x, None, x[:50])["duplicates"].numbers["duplicates"] == 50
    rounded = np.random.default_rng(0).integers(0, 2000, (375, 1))  # a tenth are equal by chance
    assert found(rounded[:300], None, rounded[300:]) == ()


@pytest.mark.parametrize(("one", "other"), [("float64", "float32"), ("float32", "int16"), ("int32", "float64")])
def test_tables_are_compared_column_by_column_whatever_their_types(one, other):
    frame = pd.DataFrame({"a": np.arange(60), "b": np.random.default_rng(0).permutation(60), "c": ["p", "q"] * 30})
    frame["third"] = frame["a"] / (3 if "int" not in one + other else 1)
    numbers = ["a", "b", "third"]
    held_out = frame[30:].astype(dict.fromkeys(numbers, other)).astype({"a": "int64"})
    report = prep.check(frame.astype(dict.fromkeys(numbers, one)), None, held_out)
    assert report["duplicates"].numbers["duplicates"] == 30


LABELS = np.where(np.arange(100) < 5, "rare", "usual")


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.tolist(),
        LABELS.astype(object),
        pd.Series(LABELS),
        pd.Series(LABELS, dtype=object),
        pd.Series(LABELS, dtype="category"),
        pd.Categorical(LABELS),
        pd.DataFrame({"label": LABELS}),
    ],
    ids=["str", "list", "object", "Series", "object Series", "category Series", "Categorical", "DataFrame"],
)
def test_texts_are_classes_in_whatever_they_come(labels):
    x = np.random.default_rng(0).normal(size=(100, 2))
    assert found(x, labels) == ("imbalance",)
    table = pd.DataFrame(x).assign(code=(LABELS == "rare") * 7)
    assert prep.check(table, labels)["target_column"].numbers == {"column": "code"}


def test_a_target_with_gaps_is_told_as_missing_only():
    x = np.random.default_rng(0).normal(size=(100, 2))
    for labels in (pd.Series(LABELS).mask(np.arange(100) == 9), pd.Series([None, *[0, 1] * 49, 2.0], dtype=object)):
        report = prep.check(x, labels)
        assert report.verdicts == ("missing_target",)
        assert report["missing_target"].numbers == {"rows": 1, "of": 100}


def test_a_column_of_two_texts_for_a_target_of_two_numbers_is_told():
    y = np.arange(178) % 2
    table = pd.DataFrame(WINE_X).assign(kind=np.where(y, "M", "B"))
    assert prep.check(table, y)["target_column"].numbers == {"column": "kind"}


def test_the_target_is_not_looked_for_among_pixels():
    y = np.arange(60) % 2
    images = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype="uint8")
    images[:, 0, 0] = y
    assert found(images, y) == ()
    assert found(images.reshape(60, 64), y) == ("target_column",)


@pytest.mark.parametrize(
    "make", [lambda y: y, lambda y: 5 - 2.0 * y, lambda y: np.array([4.0, 9.0, 1.0])[y]], ids=["itself", "line", "code"]
)
def test_an_input_that_is_the_target_is_named(make):
    x = np.column_stack([WINE_X, make(WINE_Y)])
    report = prep.check(*split(x, WINE_Y))
    assert report.verdicts == ("target_column",)
    assert report["target_column"].numbers == {"column": "x_train[:, 13]"}


def test_the_target_of_a_later_row_is_told_with_its_distance():
    series = np.random.default_rng(0).normal(size=300).cumsum()
    x = np.column_stack([np.roll(series, 1), np.roll(series, -2)])[:290]
    report = prep.check(pd.DataFrame(x, columns=["before", "after"]), series[:290])
    assert report.verdicts == ("target_future",)
    assert report["target_future"].numbers == {"column": "after", "shift": 2}


# -- faults ------------------------------------------------------------------------------------------


def test_labels_that_contradict_each_other_are_told():
    x, y = np.concatenate([WINE_X, WINE_X[:2]]), np.concatenate([WINE_Y, [2, 0]])
    report = prep.check(x, y)
    assert report.verdicts == ("conflicts",)
    assert report["conflicts"].numbers == {
        "samples": 1,
        "rows": 2,
        "of": 180,
        "row": 0,
        "label": "0",
        "twin": 178,
        "other": "2",
    }


def test_classes_that_are_rare_unseen_or_the_only_one_are_told():
    y = np.where(np.arange(178) < 5, "rare", "usual")
    rare = prep.check(WINE_X, y)
    assert found(WINE_X, pd.Series(y)) == found(WINE_X, pd.DataFrame({"y": y})) == rare.verdicts
    assert rare.verdicts == ("imbalance",)
    assert rare["imbalance"].text().startswith("Class rare has 5 of 178 samples (2.81 %), class usual has 34.6 times")
    assert found(WINE_X, np.ones(178)) == ("one_class",)
    unseen = prep.check(WINE_X[:100], WINE_Y[:100], WINE_X[100:], WINE_Y[100:])  # sorted by class
    assert unseen["unseen_class"].numbers == {"labels": "2", "classes": 1, "count": 48, "of": 78}
    assert unseen.leaks == ()


def test_what_is_missing_infinite_or_constant_is_told():
    x, y = np.column_stack([WINE_X, np.full(178, 3.0)]), np.random.default_rng(0).normal(size=178)
    x[3, 0], x[3, 1], x[150, 1], y[9] = np.nan, np.inf, np.nan, np.nan
    report = prep.check(x[:140], y[:140], x[140:], y[140:])
    assert report.verdicts == ("missing", "missing_target", "constant")
    assert report["missing"].numbers == {
        "values": 3,
        "rows": 2,
        "of": 178,
        "columns": "x_train[:, 0], x_train[:, 1]",
    }
    assert report["missing_target"].numbers == {"rows": 1, "of": 178}
    assert report["constant"].numbers == {"columns": "x_train[:, 13]", "number": 1, "of": 14}


def test_one_of_a_thing_is_told_in_the_singular():
    x, y = np.column_stack([np.arange(10.0), np.full(10, 3.0)]), np.arange(10.0)[::-1] ** 2
    x[1, 0], y[9] = np.nan, np.nan
    assert [each.text() for each in prep.check(x, y)] == [
        "1 value is missing or infinite, in 1 of 10 rows. Column: x_train[:, 0].",
        "1 of 10 targets is missing or infinite.",
        "1 of 2 columns holds one value only: x_train[:, 1]. A model can't learn from it.",
    ]
    torn = prep.check(np.vstack([WINE_X, WINE_X[:1]]), np.append(WINE_Y, 2))
    unseen = prep.check(WINE_X[:130], WINE_Y[:130], WINE_X[130:131], WINE_Y[130:131])
    assert [each.text() for each in (*torn, *unseen)] == [
        "1 sample has more than one label, in 2 of 179 rows. For example, row 0 is 0 and row 178 is 2 "
        "(counted from 0).",
        "One of 1 validation samples has a label that no training sample has: 2.",
    ]


# -- the report and bad input ------------------------------------------------------------------------


def test_a_report_escapes_names_and_speaks_chinese():
    frame = pd.DataFrame({"<b>&": np.ones(30), "ok": np.arange(30.0)})
    report = prep.check(frame, np.arange(30) % 2)
    assert "<b>&" in repr(report)
    page = report._repr_html_()
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert report.text(catalogue(Language.CHINESE)).splitlines()[0].startswith("常数列")
    with pytest.raises(KeyError):
        report["duplicates"]


def test_a_report_without_findings_says_what_was_looked_at():
    assert repr(prep.check(*split(WINE_X, WINE_Y))) == "Nothing stands out in 142 training and 36 validation samples."
    assert prep.check(WINE_X, WINE_Y).html() == "<p>Nothing stands out in 178 samples.</p>"
    assert len(prep.check(WINE_X)) == 0


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("verdict", DataVerdict)
def test_each_verdict_has_texts_and_remedies_in_both_languages(verdict, language):
    finding, texts = prep.DataFinding(verdict, {}), catalogue(language)
    assert finding.title(texts) != f"check.{verdict}.title"
    assert finding.text(texts) != f"check.{verdict}.text"
    assert finding.steps(texts) != ()
    assert not any(step.startswith("remedy.") for step in finding.steps(texts))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            (WINE_X, WINE_Y[:100]),
            "numbers of samples differ: x_train has 178, y_train has 100; expected one target for each sample.",
        ),
        ((WINE_X[:0], None), "x_train has no rows (shape (0, 13)); expected at least one sample."),
        (
            (WINE_X, None, WINE_X[:, 1:]),
            "x_train has samples of shape (13,), x_val of (12,); expected the same shape in both parts.",
        ),
        (([[1, 2], [3]], None), "x_train: its rows differ in length; expected an array of one shape."),
        (
            (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), None),
            "x_train has several columns 'a'; expected columns of different names.",
        ),
        (
            (pd.DataFrame({"a": [[1, 2], [3]]}), None),
            "x_train: column 'a' holds lists; expected numbers or texts.",
        ),
        (
            (pd.DataFrame({"a": [1.0]}), None, pd.DataFrame({"b": [1.0]})),
            "x_val has no column 'a', x_train does; expected the same columns.",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(data, message):
    with pytest.raises(DataError) as caught:
        prep.check(*data)
    assert str(caught.value) == message


def test_a_dataset_is_refused():
    import tensorflow as tf

    with pytest.raises(DataError, match="x_train is a dataset; expected an array or a table"):
        prep.check(tf.data.Dataset.from_tensor_slices(WINE_X))
