"""A model is explained on held-out data: columns by shuffling them, images and series by gradients."""

from typing import Any

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

import tunemagic
from tunemagic.analysis.columns import columns_info
from tunemagic.analysis.explanation import AttributionInfo, ColumnsInfo, ExplanationKind, Layout, columns_text
from tunemagic.errors import DataError, OptionError
from tunemagic.explainer import explain_model


@pytest.fixture(scope="module")
def wine() -> Any:
    """Held-out wines as a table with their kinds, z-scored, and a logistic regression that knows the others."""
    from sklearn.datasets import load_wine
    from sklearn.model_selection import train_test_split

    data = load_wine(as_frame=True)
    x, x_test, y, y_test = train_test_split(data.data, data.target, stratify=data.target, random_state=0)
    mean, deviation = x.mean(), x.std()
    regression = LogisticRegression().fit(((x - mean) / deviation).to_numpy(), y)
    return (x_test - mean) / deviation, y_test, regression


def linear_model(regression: LogisticRegression) -> Any:
    """The Keras model that answers exactly as the regression does."""
    import keras

    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3, "softmax")], name="wines")
    model.set_weights([regression.coef_.T, regression.intercept_])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_columns_are_those_of_scikit_learn_on_the_same_model(wine: Any) -> None:
    x, y, regression = wine
    picture = tunemagic.explain(linear_model(regression), data=(x, y), seed=3)
    info: ColumnsInfo = picture.info
    expected = permutation_importance(regression, x.to_numpy(), y, n_repeats=10, random_state=3)
    order = np.argsort(-expected.importances_mean, kind="stable")
    assert [bar.name for bar in info.bars] == [x.columns[column] for column in order]
    assert [bar.mean for bar in info.bars] == pytest.approx(expected.importances_mean[order])
    assert [bar.spread for bar in info.bars] == pytest.approx(expected.importances_std[order])
    assert (info.model, info.score, info.rows, info.repeats, info.hidden) == ("wines", "accuracy", 45, 10, 0)
    assert info.value == pytest.approx(regression.score(x.to_numpy(), y))
    assert repr(picture).startswith(f"Shuffling a column makes accuracy ({info.value:.4g} on 45 rows) worse by: ")
    assert f"{info.bars[0].name} " in repr(picture)
    assert picture._repr_png_()[0].startswith(b"\x89PNG")


def test_an_error_that_rises_counts_as_worse(wine: Any) -> None:
    import keras

    x = wine[0].to_numpy()
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(1)])
    model.set_weights([np.eye(13)[:, :1], np.zeros(1)])
    model.compile("sgd", "mse")
    info = explain_model(model, x, x[:, 0], repeats=3)
    assert isinstance(info, ColumnsInfo)
    assert (info.score, info.value) == ("loss", pytest.approx(0, abs=1e-12))
    assert info.bars[0].name == "0"
    assert info.bars[0].mean > 1
    assert {bar.mean for bar in info.bars[1:]} == {0.0}


def test_a_chosen_row_of_a_table_is_explained_by_its_columns(wine: Any) -> None:
    x, y, regression = wine
    info = explain_model(linear_model(regression), x, y, samples=2)
    assert (info.layout, info.names) == (Layout.COLUMNS, tuple(x.columns))
    [sample] = info.samples
    kind = int(regression.predict(x.to_numpy()[2:3])[0])
    assert (sample.row, sample.shape, sample.truth) == (2, (13,), str(y.iloc[2]))
    assert sample.answer.startswith(f"{kind} (0.")
    assert sum(sample.parts) == pytest.approx(sample.change, abs=0.01 * abs(sample.change))
    assert tunemagic.explain(linear_model(regression), data=(x, y), samples=[2, 5], lang="zh").png


@pytest.mark.parametrize(
    ("shape", "layout", "parts"),
    [
        ((8, 8, 1), Layout.IMAGE, 64),
        ((8, 8, 3), Layout.IMAGE, 64),
        ((8, 8), Layout.IMAGE, 64),
        ((12, 1), Layout.SERIES, 12),
        ((6, 4), Layout.SERIES, 24),
        ((30,), Layout.SERIES, 30),
        ((4,), Layout.COLUMNS, 4),
    ],
)
@pytest.mark.parametrize("how", ["gradients", "saliency"])
def test_images_and_series_are_drawn_as_what_they_are(
    shape: tuple[int, ...], layout: Layout, parts: int, how: str
) -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(20, *shape)).astype("float32")
    picture = tunemagic.explain(model, how, data=x)
    answers = model.predict(x, verbose=0).argmax(axis=1)
    different = sorted(np.unique(answers, return_index=True)[1].tolist())
    assert [sample.row for sample in picture.info.samples] == different
    assert (picture.info.layout, picture.kind) == (layout, how)
    assert {len(sample.parts) for sample in picture.info.samples} == {parts}
    assert {sample.truth for sample in picture.info.samples} == {""}
    assert picture.png.startswith(b"\x89PNG")


def test_what_can_not_be_explained_is_told_in_one_line(wine: Any) -> None:
    import keras

    x, y, regression = wine
    model = linear_model(regression)
    pictures = np.zeros((5, 8, 8, 1))
    image_model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    coder = keras.Sequential([keras.Input((13,)), keras.layers.Dense(13)])
    a, b = keras.Input((3,)), keras.Input((3,))
    two = keras.Model([a, b], keras.layers.Add()([a, b]))

    def said(cls: type[Exception], *arguments: Any, **options: Any) -> str:
        with pytest.raises(cls) as raised:
            explain_model(*arguments, **options)
        return str(raised.value)

    assert said(OptionError, model, x, y, how="lime") == (
        "how: expected one of permutation, gradients, saliency; received 'lime'."
    )
    assert said(DataError, image_model, pictures, np.zeros(5), how="permutation") == (
        "permutation shuffles the columns of a table; received samples of shape (8, 8, 1). "
        "Use --how gradients for images and series."
    )
    assert said(DataError, model, x, None) == (
        "explain: permutation compares scores, so it needs targets: data=(x, y), --data x,y."
    )
    assert said(OptionError, model, x, y, samples=45) == "explain: there is no sample 45; expected a row from 0 to 44."
    for samples, odd in (([1.5], "1.5"), (True, "True"), ("3", "'3'")):
        assert said(OptionError, model, x, y, samples=samples) == (
            f"samples: received {odd}; expected row numbers, such as 3 or [0, 3]."
        )
    assert said(OptionError, model, x, y, repeats=2.5) == ("repeats: expected a whole number, 1 or more; received 2.5.")
    assert said(DataError, model, x, y, samples=1, baseline="x") == (
        "baseline: expected one number or a sample of numbers; received 'x'."
    )
    assert said(DataError, model, x, y, samples=1, baseline=float("nan")) == (
        "baseline: expected finite numbers; received NaN or infinity."
    )
    assert said(OptionError, model, x, y, columns="abcd") == (
        "columns: expected a list of names; received the text 'abcd'."
    )
    assert said(DataError, model, x, y.astype(str)) == (
        "y: received texts (type <U1); expected numbers, as the model was trained on. Encode them the same way."
    )
    assert explain_model(model, x, y, samples=np.int64(2)) == explain_model(model, x, y, samples=[2])
    assert said(OptionError, model, x, y, samples=range(9)) == "explain: received 9 samples; expected 1 to 8."
    assert said(OptionError, model, x, y, repeats=0) == "repeats: expected a whole number, 1 or more; received 0."
    assert said(DataError, model, x, y[:9]) == (
        "numbers of samples differ: x has 45, y has 9; expected one target for each sample."
    )
    assert said(DataError, model, x, y, columns=["a"]) == "explain: received 1 names for 13 columns."
    assert said(DataError, model, x, y, samples=0, baseline=np.zeros(3)) == (
        "baseline: expected one number or a sample's shape, (13,); received (3,)."
    )
    assert said(DataError, coder, x, x, samples=0) == (
        f"explain: {coder.name} answers with numbers of shape (13,); expected classes or one number."
    )
    assert said(DataError, model, x, y + 7) == (
        "explain: the targets don't fit the model: the model has 3 classes, so labels 0 to 2 were expected; received "
        "labels from 7 to 9."
    )
    assert said(DataError, two, x, y) == f"explain: {two.name} has 2 inputs; expected a model with one."
    assert said(DataError, model, np.array(["a", "b"]), None) == (
        "explain: received texts; expected columns, series or images of numbers: words have no gradient, and no "
        "columns to shuffle."
    )
    assert said(DataError, model, np.zeros(3), None) == (
        "explain: expected rows of numbers; received float64 of shape (3,)."
    )
    assert said(DataError, regression, x, y) == "explain: expected a Keras model; received LogisticRegression."


def test_a_model_whose_weights_or_answers_are_not_numbers_is_refused(wine: Any) -> None:
    x, y, regression = wine
    gappy = x.to_numpy(copy=True)
    gappy[0, 0] = np.nan
    model = linear_model(regression)
    with pytest.raises(DataError) as answers:
        explain_model(model, gappy, y)
    assert str(answers.value) == (
        "explain: wines answers with NaN or infinite numbers; expected finite ones. Fill gaps in the data as for the "
        'training: prep.recipe(missing="mean").'
    )
    model.set_weights([regression.coef_.T, np.array([np.nan, np.inf, 0])])
    with pytest.raises(DataError) as weights:
        explain_model(model, x, y)
    assert str(weights.value) == (
        "explain: wines has 2 NaN or infinite weights, so its answers say nothing. Train it again, with gaps in the "
        'data filled: prep.recipe(missing="mean").'
    )


def test_columns_that_are_looked_up_are_named_beside_their_zeros() -> None:
    import keras
    import pandas as pd

    from tunemagic import prep

    keras.utils.set_random_seed(0)
    numbers = np.random.default_rng(0).normal(size=(40, 2))
    table = pd.DataFrame({"size": numbers[:, 0], "kind": ["a", "b"] * 20, "weight": numbers[:, 1]})
    prepared = prep.recipe(encoding="onehot", scaler="zscore").fit(table)
    model = prepared.wrap(keras.Sequential([keras.Input(prepared.shape), keras.layers.Dense(1)]))
    model.compile("sgd", "mse")
    picture = tunemagic.explain(model, data=prepared.encode(table), samples=3)
    assert (picture.info.names, picture.info.unreached) == (("size", "kind", "weight"), ("kind",))
    assert repr(picture) == (
        f"{model.name}: what speaks for (vermillion) and against (blue) the answer to row 3, by integrated gradients. "
        "No gradient reaches kind (looked up as categories are, or not used), so 0 says nothing about them: "
        "--how permutation judges them too."
    )


def test_a_saliency_map_of_columns_does_not_depend_on_their_units(wine: Any) -> None:
    import keras

    x, y, regression = wine
    model = linear_model(regression)
    other = keras.models.clone_model(model)
    other.set_weights([regression.coef_.T / 1000, regression.intercept_])
    [grams] = explain_model(model, x, y, how="saliency", samples=2).samples
    [milligrams] = explain_model(other, x * 1000, y, how="saliency", samples=2).samples
    assert milligrams.parts == pytest.approx(grams.parts, rel=1e-4)
    slopes = explain_model(model, x.to_numpy(), y, how="saliency", samples=2)
    assert isinstance(slopes, AttributionInfo)
    assert slopes.unreached == ()


def test_rows_that_a_model_convolves_or_walks_through_are_series() -> None:
    import keras

    x = np.random.default_rng(0).normal(size=(6, 12)).astype("float32")
    for layer in (keras.layers.Conv1D(2, 3), keras.layers.Bidirectional(keras.layers.GRU(2))):
        inner = keras.Sequential([keras.layers.Reshape((12, 1)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
        model = keras.Sequential([keras.Input((12,)), inner])
        picture = tunemagic.explain(model, data=x)
        assert (picture.info.kind, picture.info.layout) == (ExplanationKind.GRADIENTS, Layout.SERIES)
        assert picture.figure.axes[-1].get_xlabel() == "step; colour: what it adds to the answer, from the baseline on"


def test_the_shuffles_of_many_columns_are_bounded_and_that_is_said() -> None:
    x = np.random.default_rng(0).normal(size=(1600, 500)).astype("float32")
    answered = []

    def predict(rows: Any) -> Any:
        answered.append(len(rows))
        return rows[:, :1]

    info = columns_info(
        predict,
        x,
        x[:, :1],
        lambda targets, answers: float(np.mean((targets - answers) ** 2)),
        names=[str(column) for column in range(500)],
        model="first",
        score_name="loss",
        larger_is_better=False,
    )
    assert (info.rows, info.held_rows, info.repeats, info.asked_repeats) == (1000, 1600, 4, 10)
    assert sum(answered) == pytest.approx(2_000_000, rel=0.01)
    assert columns_text(info).endswith(". To bound the time: 4 of 10 shuffles, on 1000 of 1600 rows.")
