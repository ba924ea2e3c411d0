"""The script holds the user's own cell with the winner's values, and builds the study's model from it."""

import re

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.infer import keras_outputs

PLAIN = """
units = hp.Int("units", 4, 32, step=4)   # how wide
x_train = x_train - x_train.mean(axis=0)
note = \"\"\"two
lines\"\"\"
model = keras.Sequential([keras.Input((64,)), layers.Dense(units, hp.Choice("act", ["relu", "tanh"])),
                          layers.Dense(10)])
model.compile(keras.optimizers.Adam(hp.Float("lr", 1e-3, 1e-1)), keras.losses.SparseCategoricalCrossentropy(True),
              metrics=["accuracy"])
batch_size = hp.Choice("batch_size", [32, 64])
callbacks = keras.callbacks.EarlyStopping(patience=2)
"""
ANNOTATED = """
units = 16  #@tune int(4, 32)
model = keras.Sequential([keras.Input((64,)), layers.Dense(units, "relu"), layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
BUILDER = """
import keras_tuner as kt

def build(hp: kt.HyperParameters):
    x = inputs = keras.Input((64,))
    for i in range(hp.Int("depth", 1, 3)):
        x = block(hp, x, i)
    if hp.Choice("opt", ["adam", "sgd"]) == "adam":
        with hp.conditional_scope("opt", ["adam"]):
            optimizer = keras.optimizers.Adam(hp.Float("adam_rate", 1e-4, 1e-2))
    else:
        with hp.conditional_scope("opt", ["sgd"]):
            optimizer = keras.optimizers.SGD(hp.Float("sgd_rate", 1e-3, 1e-1))
    model = keras.Model(inputs, keras.layers.Dense(10, "softmax")(x))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""
BLOCK = """
ACT = "relu"

def block(hp, x, i):
    return keras.layers.Dense(hp.Int(f"units_{i}", 8, 32, step=8), activation=ACT)(x)
"""
HYPERMODEL = """
import keras_tuner

class Digits(keras_tuner.HyperModel):
    def build(self, hp):
        hidden = layers.Dense(hp.Int("units", 4, 32))
        model = keras.Sequential([keras.Input((64,)), hidden, layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch", [16, 32]), **kwargs)
"""


def built(names, draft):
    """What ``make`` gives, compared with the study's model under its weights."""
    data = names["load"](names["DATA"])
    model, fit = names["make"](data)
    model.set_weights(draft.model.get_weights())
    np.testing.assert_allclose(keras_outputs(model, draft.x), keras_outputs(draft.model, draft.x), atol=1e-6)
    assert type(model.optimizer) is type(draft.model.optimizer)
    assert float(model.optimizer.learning_rate) == pytest.approx(float(draft.model.optimizer.learning_rate))
    return data, fit


def body(text):
    """The lines of ``make``."""
    return text[text.index("def make") : text.index("class BestEpoch")].strip().split("\n")


def test_a_plain_cell_keeps_its_words_and_its_data(winner, scripted, notebook):
    won = winner(PLAIN, units=12, act="tanh", lr=0.02, batch_size=64)
    names, text, draft = scripted(won)
    data, fit = built(names, draft)
    assert body(text)[2:6] == [
        '    x_train = np.concatenate([data["x_train"], data["x_val"]])',
        "    # The cell with the values of trial 3.",
        "    units = 12   # how wide",
        "    x_train = x_train - x_train.mean(axis=0)",
    ]
    assert 'lines"""' in body(text)  # not moved: the blanks would become part of it
    np.testing.assert_allclose(data["x_train"], won.data.x, atol=1e-6)
    np.testing.assert_array_equal(data["y_val"], won.data.val_y)
    assert fit["batch_size"] == 64
    assert isinstance(fit["callbacks"], keras.callbacks.EarlyStopping)
    assert (names["EPOCHS"], names["SEED"], names["OBJECTIVE"]) == (4, 11, "val_accuracy")
    model, best = names["train"](names["load"](names["DATA"]), epochs=3, verbose=0)
    scores = model.evaluate(data["x_val"], data["y_val"], verbose=0, return_dict=True)
    assert scores["accuracy"] == pytest.approx(best.score)
    assert draft.warnings == ()


@pytest.mark.parametrize(
    ("cell", "values", "expected"),
    [
        (ANNOTATED, {"units": 9}, "    units = 9"),
        (BUILDER, {"depth": 2, "units_0": 24, "units_1": 8, "opt": "adam", "adam_rate": 0.003}, "    def build():"),
        (HYPERMODEL, {"units": 7, "batch": 32}, "    class Digits:"),
    ],
    ids=["annotated", "builder", "hypermodel"],
)
def test_each_spelling_of_a_cell_becomes_plain_keras(winner, scripted, notebook, cell, values, expected):
    notebook.define(BLOCK)
    names, text, draft = scripted(winner(cell, **values))
    _, fit = built(names, draft)
    assert expected in body(text)
    assert "hp" not in text.replace("shape", "")
    if cell is BUILDER:
        assert "VALUES[f'units_{i}']" in text
        assert names["VALUES"] == values
        assert "            optimizer = keras.optimizers.SGD(0.001)" in body(text)
    if cell is HYPERMODEL:
        assert "batch_size=32" in text
        names["train"](names["load"](names["DATA"]), epochs=1, verbose=0)
    else:
        assert fit == {}


def test_names_of_the_notebook_that_the_script_has_too_stay_the_notebook_s(winner, scripted, notebook):
    notebook.define("EPOCHS = 7\ndef train():\n    return EPOCHS\n")
    cell = ANNOTATED + "epochs = train()\nscale = scale * 2\n"
    notebook.namespace["scale"] = 3
    names, text, draft = scripted(winner(cell, units=9))
    built(names, draft)
    assert (names["EPOCHS"], names["EPOCHS_"], names["train"]()) == (7, 7, 7)
    assert "def make(data, scale=scale):" in text
    assert names["train_"](names["load"](names["DATA"]), epochs=1, verbose=0)[1].epoch == 1


def test_a_fold_trains_and_validates_on_its_own_rows(winner, scripted):
    won = winner(ANNOTATED, folds=4, units=9)
    names, _, draft = scripted(won)
    data, _ = built(names, draft)
    np.testing.assert_array_equal(data["x_val"], won.data.x[won.fold.val_rows])
    assert "The study's score is the mean of 4 trainings; this is one of them." in names["__doc__"] + draft.text


def test_what_is_no_source_is_named_and_the_model_written_instead(winner, scripted, notebook):
    notebook.define(
        "def outer():\n    k = 2\n    def inner(n):\n        return k * n\n    return inner\ndouble = outer()\n"
    )
    notebook.namespace["table"] = np.ones((64, 9))
    for line, why in [
        ("units = double(units) // 2", "double is a function that holds on to variables of another one"),
        ("units = units + 0 * table.shape[0]", r"table is a numpy.ndarray of shape \(64, 9\)"),
        ("def f():\n    global g\n    g = 1\nf()", "a function of the cell writes to g by `global`"),
        ("models.SCHEDULES", "models is tunemagic.models, which a script does without"),
        ("other = hp", "line 9 uses hp otherwise than for a value"),
    ]:
        cell = ANNOTATED.replace("model = ", f"{line}\nmodel = ", 1)
        names, text, draft = scripted(winner(cell, units=9))
        built(names, draft)
        assert draft.warnings[0].startswith("written from the model's layers, not from the cell: ")
        assert re.search(why, draft.warnings[0]), draft.warnings
        assert '        keras.layers.Dense(9, activation="relu"),' in body(text)


def test_what_can_be_had_in_no_way_is_refused_with_both_reasons(winner, notebook):
    from tunemagic.script.draft import draft_of_study

    class Own(keras.callbacks.Callback):
        pass

    notebook.namespace["own"] = Own()
    won = winner(ANNOTATED + "callbacks = [own]\n", units=9)
    with pytest.raises(
        ExportError, match=r"^code: the cell can't be written as a script, since own is a .*Own; nor can "
    ):
        draft_of_study(won, "digits")
    notebook.namespace["x_train"] = np.zeros((80, 400_000), "float64")
    with pytest.raises(ExportError, match="the data has 244 MB; expected at most 200 MB"):
        draft_of_study(winner(ANNOTATED.replace("(64,)", "(400_000,)"), units=4), "digits")
