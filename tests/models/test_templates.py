"""The templates: what they take, what they build, what they search."""

import pickle

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

import tunemagic
from tunemagic import models, prep
from tunemagic.errors import DataError, OptionError, StudyChangedError
from tunemagic.models.templates import TemplateName
from tunemagic.search.hyperparameters import new_hyperparameters, space_of

RNG = np.random.default_rng(0)
CLASSES = np.arange(24) % 3
COLUMNS, IMAGES, COLOURS = RNG.normal(5, 9, (24, 6)), RNG.integers(0, 17, (24, 8, 8)), RNG.random((24, 9, 8, 3))
STEPS, SERIES = RNG.normal(size=(24, 12)), RNG.normal(size=(24, 12, 2))
TEXTS = np.array(["a good film", "bad", "so so, really"] * 8)
PAIRS, RATINGS = np.stack([np.arange(24) % 5, np.arange(24) % 7], axis=1), np.arange(24) % 4 + 1.5

PREPARE = (
    "Encode and fill the columns first: from tunemagic import prep; prepared = prep.recipe(missing='mean').fit(x); "
    "x = prepared.transform(x), and the same of held-out rows."
)
TAKEN = {
    "linear": [(COLUMNS, CLASSES), (IMAGES, CLASSES)],
    "dense": [(COLUMNS, CLASSES % 2), (IMAGES, np.eye(3)[CLASSES]), (SERIES, RNG.random((24, 2)))],
    "cnn": [(IMAGES, CLASSES), (COLOURS, CLASSES)],
    "conv1d": [(STEPS, CLASSES), (SERIES, RATINGS)],
    "rnn": [(STEPS, CLASSES), (SERIES, RATINGS)],
    "autoencoder": [(COLUMNS, None), (IMAGES, None), (IMAGES, IMAGES / 2)],
    "text": [(TEXTS, CLASSES), (TEXTS.astype(object), CLASSES % 2)],
    "recommender": [(PAIRS, RATINGS), (PAIRS, CLASSES % 2)],
}
CASES = [(name, *data) for name, cases in TAKEN.items() for data in cases]


def built(template, **values):
    """The model for the default values but these."""
    hp = keras_tuner.HyperParameters()
    hp.values = values
    return template(hp)


@pytest.mark.parametrize(("name", "x", "y"), CASES, ids=[f"{name}-{np.shape(x)}" for name, x, _ in CASES])
def test_a_template_takes_raw_samples_and_answers_in_the_targets_shape(name, x, y):
    template = models.template(name)(x, y)
    model = built(template)
    model.run_eagerly = True  # tracing a graph for two batches takes longer
    template.adapt(model, x, x if y is None else y)
    target = x if y is None else np.asarray(y)

    logs = model.evaluate(x.astype(object) if x.dtype.kind == "U" else x, target, verbose=0, return_dict=True)

    assert sorted(logs) == (["accuracy", "loss"] if template.head.classifies else ["loss", "mae"])
    assert np.isfinite(list(logs.values())).all()
    one_each = template.head.one_hot or not template.head.classifies
    assert model.output_shape[1:] == (target.shape[1:] or (1,) if one_each else (template.head.units,))


def test_every_template_is_a_function_of_the_module():
    assert [models.template(name) is getattr(models, name) for name in TemplateName] == [True] * 8
    assert list(TAKEN) == list(TemplateName)


@pytest.mark.parametrize("name", TemplateName)
def test_a_template_travels_without_the_data(name):
    template = models.template(name)(*TAKEN[name][0])
    sent = pickle.dumps(template)
    assert len(sent) < 5000
    assert pickle.loads(sent) == template


# -- the space ---------------------------------------------------------------------------------------


def searched(template):
    hp = new_hyperparameters()
    template(hp)
    template.fit_arguments(hp)
    return {each.name: each for each in space_of(hp).parameters}


def test_the_strength_of_a_penalty_is_searched_only_where_there_is_one():
    found = searched(models.dense(COLUMNS, CLASSES))
    assert list(found) == [
        "layers", "units", "connection", "activation", "normalisation", "dropout", "penalty", "strength",
        "optimizer", "learning_rate", "batch_size",
    ]  # fmt: skip
    [condition] = found["strength"].conditions
    assert (condition.parent, condition.values) == ("penalty", ("l1", "l2"))


def test_options_fix_choose_and_bound():
    build = models.dense(COLUMNS, CLASSES, layers=3, units=[8, 16], dropout=(0.1, 0.3), penalty="l2", batch_size=64)
    found = searched(build)
    assert {"layers", "penalty", "batch_size"} & set(found) == set()
    assert found["units"].choices == (8, 16)
    assert (found["dropout"].low, found["dropout"].high, found["dropout"].default) == (0.1, 0.3, 0.1)
    assert found["strength"].conditions == ()
    assert build.fit_arguments(keras_tuner.HyperParameters()) == {"batch_size": 64}
    dense = [layer for layer in built(build).layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [8, 8, 8, 3]
    assert [type(layer.kernel_regularizer).__name__ for layer in dense] == ["L2", "L2", "L2", "NoneType"]


def test_a_penalty_that_is_ruled_out_leaves_no_strength_to_search():
    assert "strength" not in searched(models.linear(COLUMNS, CLASSES, penalty="none"))


def test_a_second_order_optimizer_has_a_learning_rate_only_where_one_is_given():
    both = searched(models.dense(COLUMNS, CLASSES, optimizer=["adam", "kfac"]))
    [condition] = both["learning_rate"].conditions
    assert (condition.parent, condition.values) == ("optimizer", ("adam",))
    assert "learning_rate" not in searched(models.dense(COLUMNS, CLASSES, optimizer="hessian_free"))
    assert (
        searched(models.dense(COLUMNS, CLASSES, optimizer="kfac", learning_rate=(0.1, 1.0)))["learning_rate"].low == 0.1
    )


def test_templates_train_by_second_order_too():
    build = models.dense(IMAGES, CLASSES, optimizer="hessian_free")
    model = built(build)
    build.adapt(model, IMAGES, CLASSES)
    losses = model.fit(IMAGES, CLASSES, batch_size=24, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"layer": 3},
            "models.linear: received layer=; expected one of penalty, strength, optimizer, learning_rate, batch_size.",
        ),
        (
            {"optimizer": "adm"},
            "optimizer: received 'adm'; expected one of gd, sgd, momentum, adam, adamw, rmsprop, hessian_free, kfac. "
            "Did you mean adam?",
        ),
        (
            {"learning_rate": (1.0, 0.1)},
            "learning_rate: received (1.0, 0.1); expected (low, high), a list or one value.",
        ),
        ({"batch_size": [None]}, "batch_size: received [None]; expected numbers or texts."),
        ({"batch_size": 0}, "batch_size: received 0; expected whole numbers from 1 on."),
        ({"batch_size": [32, 64.0]}, "batch_size: received [32, 64.0]; expected whole numbers from 1 on."),
        ({"batch_size": True}, "batch_size: received True; expected whole numbers from 1 on."),
        ({"learning_rate": 0}, "learning_rate: received 0; expected numbers above 0."),
        ({"learning_rate": (0.0, 0.1)}, "learning_rate: received (0.0, 0.1); expected numbers above 0."),
        ({"strength": "much"}, "strength: received 'much'; expected numbers above 0."),
    ],
)  # fmt: skip
def test_an_option_that_can_not_be_searched_is_told(options, message):
    with pytest.raises(OptionError) as caught:
        models.linear(COLUMNS, CLASSES, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": -5}, "units: received -5; expected whole numbers from 1 on."),
        ({"layers": 2.5}, "layers: received 2.5; expected whole numbers from 1 on."),
        ({"layers": (0, 2)}, "layers: received (0, 2); expected whole numbers from 1 on."),
        ({"dropout": 1.5}, "dropout: received 1.5; expected 0 or more and less than 1."),
        ({"dropout": (0.2, 1.0)}, "dropout: received (0.2, 1.0); expected 0 or more and less than 1."),
    ],
)
def test_what_no_layer_can_be_built_with_is_told(options, message):
    with pytest.raises(OptionError) as caught:
        models.dense(COLUMNS, CLASSES, **options)
    assert str(caught.value) == message


def test_skip_connections_add_what_went_in():
    plain, skip = (built(models.dense(COLUMNS, CLASSES, connection=each, layers=3)) for each in ("dense", "skip"))
    added = [[type(layer).__name__ for layer in model.layers].count("Add") for model in (plain, skip)]
    assert added == [0, 2]


def test_the_repr_lists_what_is_searched():
    lines = repr(models.linear(COLUMNS, CLASSES, batch_size=32)).splitlines()
    assert lines[0] == "models.linear: raw samples (6,) -> 3 classes (softmax)"
    assert [line.split()[0] for line in lines[1:]] == [
        "penalty",
        "strength",
        "optimizer",
        "learning_rate",
        "batch_size",
    ]
    assert lines[2].endswith("if penalty is l1 or l2")
    assert lines[-1].split() == ["batch_size", "=", "32"]


# -- scales ------------------------------------------------------------------------------------------


def test_scales_are_learned_from_the_rows_that_are_trained_on(tmp_path):
    x, y = RNG.normal(100, 30, (60, 4)), RNG.normal(-5000, 70, 60)
    build = models.linear(x, y)
    study = tunemagic.tune(build, data=(x, y), max_trials=1, epochs=1, workers=0, directory=tmp_path)
    rows, model = study.data.train_rows, study.best_model
    scale = model.get_layer("scale_input")
    assert len(rows) == 48
    np.testing.assert_allclose(scale.moving_mean, x[rows].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale.moving_variance, x[rows].var(axis=0), rtol=1e-6)
    np.testing.assert_allclose(model.get_layer("scale_target").beta, [y[rows].mean()], rtol=1e-6)
    assert abs(model.predict(x, verbose=0).mean() - y.mean()) < 200
    assert study.view.trials[0].trainer.startswith("whole epochs in one graph call")
    with pytest.raises(StudyChangedError, match="the cell changed"):  # another template is another study
        tunemagic.tune(models.linear(x, y, penalty="l2"), data=(x, y), name=study.name, directory=tmp_path)


def test_each_fold_has_its_own_scales(tmp_path):
    x, y = np.arange(40.0)[:, None], np.arange(40) % 2
    study = tunemagic.tune(
        models.linear(x, y), data=(x, y), folds=2, max_trials=1, epochs=1, workers=0, directory=tmp_path
    )
    mean = float(study.best_model.get_layer("scale_input").moving_mean[0])
    assert study.view.trials[0].score is not None
    assert mean != x.mean()


def test_a_column_without_spread_stays_finite_and_a_rare_value_is_held_near():
    x = np.zeros((200, 3), "float32")
    x[0, 1], x[:, 2] = 255, np.arange(200)
    build = models.linear(x, np.arange(200) % 2)
    model = built(build)
    build.adapt(model, x, None)
    scaled = keras.Model(model.input, model.get_layer("scale_input").output)(x).numpy()
    assert np.abs(scaled).max() <= 10.001
    assert (scaled[:, 0] == 0).all()
    np.testing.assert_allclose(scaled[:, 2].std(), 1, rtol=1e-5)


# -- texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "vocabulary"),
    [
        (["A good film!", "good, bad"], ["good", "film", "bad", "a"]),
        (["Éa Ü\u3000x\u00a0y", "Éa"], ["Éa", "Ü\u3000x\u00a0y"]),  # neither lower case nor blanks beyond ASCII
        (["好看的电影。", "不好看"], ["看", "好", "的", "电", "影", "不", "。"]),
    ],
)
def test_texts_are_read_as_words_or_where_these_are_not_apart_as_characters(texts, vocabulary):
    model = built(models.text(np.array(texts * 9), np.arange(18) % 2))
    [layer] = [layer for layer in model.layers if isinstance(layer, keras.layers.TextVectorization)]
    assert layer.get_vocabulary()[2:] == vocabulary
    known = layer(np.array(texts, object)).numpy()
    assert (known != 1).all()  # nothing of them is unknown


@pytest.mark.parametrize("summary", ["average", "maximum", "conv", "gru"])
def test_each_summary_of_a_text_answers(summary):
    model = built(models.text(TEXTS, CLASSES, summary=summary))
    assert model(TEXTS.astype(object)[:2]).shape == (2, 3)


# -- what doesn't fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "x", "y", "message"),
    [
        (
            "cnn", COLUMNS, CLASSES,
            "models.cnn: received x of shape (24, 6); expected images (rows, height, width[, channels]). "
            "Try linear or dense for columns, conv1d or rnn for series.",
        ),
        (
            "rnn", COLOURS, CLASSES,
            "models.rnn: received x of shape (24, 9, 8, 3); expected series (rows, steps[, features]). Try cnn.",
        ),
        (
            "dense", np.arange(24), CLASSES,
            "models.dense: received x of shape (24,); expected numbers (rows, ...). "
            "One value per sample is a column: x.reshape(-1, 1).",
        ),
        (
            "dense", TEXTS, CLASSES,
            "models.dense: received x of texts of shape (24,); expected numbers (rows, ...). Try text.",
        ),
        (
            "text", COLUMNS, CLASSES,
            "models.text: received x of shape (24, 6); expected texts (rows,). "
            "Try linear or dense for columns, conv1d or rnn for series.",
        ),
        (
            "dense", np.where(COLUMNS > 20, np.nan, COLUMNS), CLASSES,
            f"models.dense: x holds NaN or infinite values in {(COLUMNS > 20).any(axis=1).sum()} rows of 24; expected "
            f"numbers. {PREPARE}",
        ),
        (
            "linear", np.array([[1, "a"]] * 24, object), CLASSES,
            "models.linear: x holds values of type object; expected numbers. "
            f"{PREPARE}",
        ),
        (
            "autoencoder", IMAGES, CLASSES,
            "models.autoencoder: received y of shape (24,); expected that of x, (rows, 8, 8): its target is its input. "
            "Leave y out.",
        ),
        (
            "recommender", PAIRS + 0.5, RATINGS,
            "models.recommender: received x of shape (24, 2); expected whole numbers (rows, 2): user and item. "
            "Try linear or dense for columns, conv1d or rnn for series.",
        ),
        (
            "recommender", PAIRS - 1, RATINGS,
            "models.recommender: received ids from -1 to 5; expected 0 to 3 for users and 0 to 5 for items. "
            "Number them: np.unique(ids, return_inverse=True)[1].",
        ),
        (
            "recommender", PAIRS * [1, 10**9], RATINGS,
            "models.recommender: received 7 items with ids up to 6000000000; expected 0 to 6. Number them: "
            "np.unique(ids, return_inverse=True)[1], or say how many there are: items=6000000001.",
        ),
        (
            "text", np.array(["good", None, float("nan"), "bad"], object), [0, 1, 0, 1],
            "models.text: x lacks 2 texts of 4; expected one in each row. Leave those rows out, or fill them with ''.",
        ),
        ("text", np.array(["", "!"]), [0, 1], "models.text: every text of x is empty; expected words."),
    ],
)  # fmt: skip
def test_data_that_does_not_fit_is_told_with_what_does(name, x, y, message):
    with pytest.raises(DataError) as caught:
        models.template(name)(x, y)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", sorted(set(TAKEN) - {"autoencoder"}))
def test_targets_of_another_number_of_rows_are_refused(name):
    x, y = TAKEN[name][0]
    with pytest.raises(DataError) as caught:
        models.template(name)(x, y[:20])
    assert str(caught.value) == "numbers of samples differ: x has 24, y has 20; expected one target for each."


def test_the_way_that_is_named_leads_from_words_and_gaps_to_a_template():
    x = pd.DataFrame({"size": [1.0, None, 3.0] * 8, "colour": ["red", "blue", None] * 8})
    for table in (x, x[["size"]]):
        with pytest.raises(DataError, match=r"prepared\.transform\(x\)"):
            models.dense(table, CLASSES)
    prepared = prep.recipe(missing="mean").fit(x)
    assert models.dense(prepared.transform(x), CLASSES).shape == (3,)


@pytest.mark.parametrize(("name", "hint"), [("cn", " Did you mean cnn?"), (None, "")])
def test_an_unknown_template_is_told(name, hint):
    with pytest.raises(OptionError) as caught:
        models.template(name)
    assert str(caught.value) == (
        f"received template {name!r}; expected one of linear, dense, cnn, conv1d, rnn, autoencoder, text, recommender."
        f"{hint}"
    )


@pytest.mark.parametrize("option", ["vocabulary", "length"])
def test_a_count_of_words_is_a_whole_number(option):
    with pytest.raises(OptionError) as caught:
        models.text(TEXTS, CLASSES, **{option: "x"})
    assert str(caught.value) == f"{option}: received 'x'; expected a whole number from 1 on."


def test_ids_with_gaps_are_taken_where_their_number_is_said():
    model = built(models.recommender(PAIRS * 9, RATINGS, users=50, items=60))
    assert [model.get_layer(name).input_dim for name in ("user", "item")] == [50, 60]


def test_an_autoencoder_learns_its_scales_from_inputs_alone():
    build = models.autoencoder(COLUMNS)
    model = built(build)
    build.adapt(model, COLUMNS, None)
    np.testing.assert_allclose(model.get_layer("scale_target").beta, COLUMNS.mean(axis=0), rtol=1e-5)


def test_a_frame_of_truth_values_and_numbers_is_numbers():
    frame = pd.DataFrame({"old": CLASSES == 1, "size": COLUMNS[:, 0], "rooms": pd.array(CLASSES, dtype="Int64")})
    assert models.dense(frame, CLASSES).shape == (3,)
