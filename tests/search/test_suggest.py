"""An ordinary cell becomes a %%tune cell: it computes the same without the magic and is a space with it."""

from __future__ import annotations

import ast
import re

import pytest

from tunemagic.errors import CellError, SpaceError
from tunemagic.search.annotations import rewrite_annotations
from tunemagic.search.finding import find_tunables
from tunemagic.search.placeholder import Placeholder
from tunemagic.search.ranges import Range, Word, range_of_annotation, range_of_call
from tunemagic.search.suggest import cell_facts, split_magic, suggest_cell
from tunemagic.search.tunables import Origin, write_tunables

PLAIN = """\
# digits, größer
hidden = 64  # wide
n_layers = 2
norm = True
model = keras.Sequential()
for i in range(n_layers):
    model.add(layers.Dense(hidden, activation="relu"))
    if norm: model.add(layers.BatchNormalization()); model.add(layers.Dropout(.5))
model.add(layers.Dense(10, "softmax"))
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""
PLAIN_TUNED = """\
%%tune --objective val_accuracy
# digits, größer
hidden = 64  #@tune int(16, 256, step=16)  # wide
n_layers = 2  #@tune int(1, 4)
norm = True  #@tune bool
model = keras.Sequential()
for i in range(n_layers):
    activation = "relu"  #@tune choice("relu", "gelu", "elu", "tanh")
    model.add(layers.Dense(hidden, activation=activation))
    dropout = .5  #@tune float(0.0, 0.6)
    if norm: model.add(layers.BatchNormalization()); model.add(layers.Dropout(dropout))
model.add(layers.Dense(10, "softmax"))
learning_rate = 1e-3  #@tune log(0.0001, 0.01)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
    loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""
# Other ways to write a model.
CELLS = {
    "sequential list": """
model = keras.Sequential([
    layers.Conv2D(32, 3, activation="relu"), layers.Dropout(rate=0.25),
    layers.Conv2D(filters=64, kernel_size=(3, 3), activation="relu"),
    layers.Dense(units=128, activation="relu"), layers.Dense(10, activation="softmax")])
model.compile("adam", "mse")
""",
    "functional": """
inputs = keras.Input((8,)); x = layers.Dense(32, "tanh")(inputs)
if deep:
    x = layers.Dense(24, "tanh")(x)
elif wide: x = layers.Dense(48)(x)
else: x = layers.LSTM(16, dropout=0.1)(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
""",
    "function": """
@decorated(layers.Dense(12))
def make(units, *rest):
    '''Nothing.'''
    model = keras.Sequential([layers.Dense(units), layers.Dense(33, "relu"), layers.Dense(2)])
    model.compile(optimizer="rmsprop", loss=keras.losses.MSE)
    return model

model = make(16)
batch_size = 32
""",
    "taken names": """
units = load(3)
learning_rate = [1e-3]
model = keras.Sequential([layers.Dense(20), layers.Dense(2)])
model.compile(keras.optimizers.AdamW(2e-4, weight_decay=1e-4), "mse")
text = f"{layers.Dense(5)} ü"; lines = '''
x = layers.Dense(7)'''; last = layers.Dense(1)
""",
    "penalties": """
model = keras.Sequential([layers.Dense(9, kernel_regularizer=keras.regularizers.L2(1e-4)), layers.GaussianNoise(0.1)])
model.add(layers.Embedding(1000, 16)); model.add(layers.MultiHeadAttention(num_heads=4, key_dim=32))
model.add(layers.Dense(1))
model.compile("sgd", "mse")
""",
}


class Recorder:
    """Stands for keras and layers: everything on it can be called, and calls are noted with their arguments."""

    def __init__(self, calls: list, name: str) -> None:
        self._calls = calls
        self._name = name

    def __getattr__(self, name: str) -> Recorder:
        return Recorder(self._calls, f"{self._name}.{name}")

    def __call__(self, *args, **keywords):
        self._calls.append((self._name, re.sub(" at 0x[0-9a-f]+", "", repr(args)), repr(keywords)))
        return Recorder(self._calls, f"{self._name}()")

    def __repr__(self) -> str:
        return self._name


def run(code: str, hp: object = None) -> list:
    """The calls that a cell makes."""
    calls: list = []
    namespace = {name: Recorder(calls, name) for name in ("keras", "layers", "load", "decorated")}
    exec(code, {**namespace, "deep": False, "wide": True, "hp": hp})
    return calls


def test_literals_get_ranges_and_those_in_calls_a_line_of_their_own() -> None:
    assert suggest_cell(PLAIN) == PLAIN_TUNED


@pytest.mark.parametrize("cell", [PLAIN, *CELLS.values()], ids=["loop", *CELLS])
def test_a_suggested_cell_computes_the_same_and_is_a_space(cell: str) -> None:
    magic, _, body = split_magic(suggest_cell(cell))
    assert magic == "tune"
    assert run(body) == run(cell)
    hp = Placeholder()
    assert run(rewrite_annotations(body, ast.parse(body), 2), hp) == run(cell)
    written = find_tunables(body)
    assert set(hp.values) <= {tunable.name for tunable in written}
    assert [tunable.origin for tunable in written] == [Origin.ANNOTATED] * len(written)
    assert hp.values


def test_the_models_answer_keeps_its_size() -> None:
    found = {tunable.name: tunable.range.default for tunable in find_tunables(CELLS["functional"])}
    assert found["units"] == 32
    assert 1 not in found.values()
    classes = (
        "classes = units = 10\nmodel = keras.Sequential([layers.Dense(classes)])\nunits_3 = 9\nlayers.Dense(units_3)"
    )
    assert find_tunables(classes) == ()


def test_names_that_are_taken_are_passed_over() -> None:
    names = [tunable.name for tunable in find_tunables(CELLS["taken names"], taken=["units_2", "weight_decay"])]
    assert names == ["units_3", "learning_rate_2", "weight_decay_2"]


def test_lines_that_train_become_comments_and_options() -> None:
    training = (
        "history = model.fit(\n    images, labels, batch_size=32, epochs=5, validation_data=(xv, yv))\n\nprint(history)"
    )
    assert suggest_cell(PLAIN + training).split("\n")[0] == (
        "%%tune --objective val_accuracy --epochs 5 --data images,labels --val xv,yv"
    )
    assert suggest_cell(PLAIN + training).split("\n")[-6:] == [
        "batch_size = 32  #@tune choice(16, 32, 64, 128)",
        "# %%tune trains the model of each trial itself, so these lines are not needed:",
        "# history = model.fit(",
        "#     images, labels, batch_size=batch_size, epochs=5, validation_data=(xv, yv))",
        "",
        "# print(history)",
    ]
    facts = cell_facts(
        "model.compile('adam', 'mse', metrics=[keras.metrics.AUC(), f1, 'mae'])\nmodel.fit(ds, epochs=n)"
    )
    assert (facts.metrics, facts.objective, facts.data, facts.epochs) == (("auc", "mae"), "val_auc", "ds", None)
    assert cell_facts("model.fit(x[:9], y, validation_split=0.1)").val == "last:0.1"


def test_a_tune_cell_keeps_its_line_and_its_ranges() -> None:
    cell = f"%%tune digits -n 5\nrate = 0.1  #@tune float(0, 1)\n{PLAIN}"
    tuned = suggest_cell(cell)
    assert tuned.startswith("%%tune digits -n 5\nrate = 0.1  #@tune float(0, 1)\n")
    assert tuned.count("#@tune") == 7


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("x = 1\nre.compile('a')", "there is no Keras model in this cell"),
        ("", "there is no Keras model in this cell"),
        ("%%time\nmodel = keras.Sequential()", "begins with %%time"),
        ("model = (", "not valid Python"),
        ("model = keras.Sequential([layers.Dense(3)])", "no literal in this cell suggests a range"),
        (PLAIN_TUNED, "a %%tune cell already"),
    ],
)
def test_what_can_not_be_tuned_is_said_in_one_line(cell: str, message: str) -> None:
    with pytest.raises(CellError, match=message) as caught:
        suggest_cell(cell)
    assert "\n" not in str(caught.value)


MIXED = (
    'w = 3  #@tune int(1, 9)  # keep\nq = hp.Float("q", 1e-4, 1e-2, sampling="log")\nunits = 64\n'
    "model = Sequential([Dense(units), Dense(1)])\nx = hp.Int(f'u{1}', 1, 2); b = hp.Boolean('b')\n"
)


def test_ranges_are_written_anew_or_taken_out_in_every_spelling() -> None:
    found = find_tunables(MIXED)
    assert [(one.name, str(one.origin)) for one in found] == [
        ("w", "annotated"),
        ("q", "called"),
        ("units", "named"),
        ("b", "called"),
    ]
    assert write_tunables(MIXED, found, {one.name: one.range for one in found if one.searched}) == MIXED
    whole = Range(word=Word.INT, default=5, low=2, high=8)
    other = Range(word=Word.CHOICE, default=0.5, choices=(0.5, 0.25))
    assert write_tunables(MIXED, found, {"w": whole, "q": other, "units": whole, "b": None}).split("\n") == [
        "w = 5  #@tune int(2, 8)  # keep",
        'q = hp.Choice("q", [0.5, 0.25], default=0.5)',
        "units = 5  #@tune int(2, 8)",
        "model = Sequential([Dense(units), Dense(1)])",
        "x = hp.Int(f'u{1}', 1, 2); b = False",
        "",
    ]
    assert write_tunables(MIXED, found, {"w": None}).startswith("w = 3  # keep\n")


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        ("int(1, 9, step=2)", 3),
        ("float(0.0, 0.5)", 0.25),
        ("log(1e-5, 0.1, step=10)", 1e-3),
        ('choice("a", "it\'s")', "a"),
        ("choice(True, False)", True),
        ("bool", False),
    ],
)
def test_a_range_reads_back_from_both_its_texts(annotation: str, default: object) -> None:
    found = range_of_annotation(annotation, default)
    assert found is not None
    assert found.annotation() == annotation
    call = ast.parse(found.call("a b"), mode="eval").body
    assert isinstance(call, ast.Call)
    assert range_of_call(call) == ("a b", found)


@pytest.mark.parametrize(
    "fields",
    [
        {"word": Word.INT, "default": 1, "low": 3, "high": 2},
        {"word": Word.INT, "default": 1.5, "low": 1, "high": 2},
        {"word": Word.FLOAT, "default": 3, "low": 1, "high": 2},
        {"word": Word.FLOAT, "default": 1, "low": 1, "high": float("inf")},
        {"word": Word.LOG, "default": 1, "low": 0, "high": 2},
        {"word": Word.LOG, "default": 1, "low": 1, "high": 2, "step": 1},
        {"word": Word.CHOICE, "default": "a"},
        {"word": Word.CHOICE, "default": 1, "choices": (True, False)},
        {"word": Word.BOOL, "default": "True"},
    ],
)
def test_an_impossible_range_is_refused(fields: dict) -> None:
    with pytest.raises(SpaceError):
        Range(**fields)


@pytest.mark.parametrize("text", ["int(1", "int(1, 2, 3)", "other(1, 2)", "int(1, 2, size=3)", "choice(x)", "bool(1)"])
def test_an_annotation_that_does_not_hold_is_left_alone(text: str) -> None:
    assert range_of_annotation(text, 1) is None
    assert find_tunables(f"u = 1  #@tune {text}\n") == ()
