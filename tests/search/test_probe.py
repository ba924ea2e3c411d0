"""What is found out before the first trial: the space, the metrics, and every fault that can be seen."""

import random
from typing import Any

import numpy as np
import pytest

from tunemagic.errors import CellError, OptionError, SpaceError, TrialError, TuneError
from tunemagic.events import Direction
from tunemagic.request import Objective, TuneRequest, ValKind, ValSplit
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.search.probe import Discovery, discover

COMPILE = 'model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)\n'
MODEL = 'model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])\n'
CELL = 'rate = hp.Float("rate", 0.1, 0.5)\n' + MODEL + COMPILE
NAMES = ValSplit(kind=ValKind.NAMES, names=("xv", "yv"))


def probe(source: str, namespace: dict[str, Any], objective: Objective | None = None, **options: Any) -> Discovery:
    data = resolve_data(TuneRequest(**options), namespace, seed=0)
    return discover(read_cell(source, namespace, first_line=2, data_names=data.names), data, objective)


def fault(source: str, namespace: dict[str, Any], *more: Any, **options: Any) -> TuneError:
    with pytest.raises(TuneError) as caught:
        probe(source, namespace, *more, **options)
    return caught.value


def test_a_cell_without_faults_gives_space_objective_and_size(namespace: dict[str, Any]) -> None:
    found = probe('units = 8  #@tune int(4, 16, step=4)\nflag = hp.Boolean("flag")\n' + MODEL + COMPILE, namespace)
    assert [(p.name, p.describe(), p.default) for p in found.space.parameters] == [
        ("units", "4 … 16 step 4", 8),
        ("flag", "False | True", False),
    ]
    assert (found.objective, found.direction, found.parameter_count) == ("val_loss", Direction.MIN, 650)


@pytest.mark.parametrize(
    ("objective", "direction"),
    [
        (Objective(name="val_accuracy"), Direction.MAX),
        (Objective(name="loss"), Direction.MIN),
        (Objective(name="val_loss", direction=Direction.MAX), Direction.MAX),
    ],
)
def test_the_objective_is_one_of_the_logged_metrics(
    objective: Objective, direction: Direction, namespace: dict[str, Any]
) -> None:
    found = probe(CELL, namespace, objective)
    assert (found.objective, found.direction) == (objective.name, direction)


def test_a_misspelt_objective_is_answered_with_the_names_and_the_nearest_one(namespace: dict[str, Any]) -> None:
    error = fault(CELL, namespace, Objective(name="val_acuracy", direction=Direction.MAX))
    assert isinstance(error, OptionError)
    assert str(error) == (
        "--objective val_acuracy: expected one of accuracy, loss, val_accuracy, val_loss. Did you mean val_accuracy? "
        "Metrics are named in model.compile."
    )
    assert str(fault(CELL, namespace, Objective(name="zzz"))) == (
        "--objective zzz: expected one of accuracy, loss, val_accuracy, val_loss. Metrics are named in model.compile."
    )


def test_a_metric_of_the_users_own_needs_a_direction(namespace: dict[str, Any]) -> None:
    source = "def profit(y, p): return keras.ops.mean(p)\n" + CELL.replace('["accuracy"]', "[profit]")
    error = fault(source, namespace, Objective(name="val_profit"))
    assert isinstance(error, OptionError)
    assert str(error) == (
        "--objective val_profit: Keras does not say whether smaller or larger is better; "
        "write val_profit:min or val_profit:max."
    )
    stated = probe(source, namespace, Objective(name="val_profit", direction=Direction.MIN))
    assert stated.direction is Direction.MIN


def test_a_model_that_is_not_compiled_is_refused(namespace: dict[str, Any]) -> None:
    error = fault(CELL.replace(COMPILE, ""), namespace)
    assert isinstance(error, CellError)
    assert str(error) == (
        "the model is not compiled; expected model.compile(optimizer, loss, metrics=[...]) in the cell."
    )


def test_a_model_that_does_not_fit_the_data_is_refused_with_both_shapes(namespace: dict[str, Any]) -> None:
    error = fault(CELL.replace("(64,)", "(32,)"), namespace)
    assert isinstance(error, TrialError)
    assert str(error).startswith(
        "the model does not fit the data (x_train (80, 64) float32, y_train (80,) int64; validation: 16 samples, "
        "shuffled and stratified): ValueError: "
    )
    assert str(error).endswith(
        "expected axis -1 of input shape to have value 32, but received input with shape (8, 64)"
    )


def test_targets_that_do_not_fit_the_loss_are_refused(namespace: dict[str, Any]) -> None:
    namespace["y_train"] = np.array([f"digit {label}" for label in namespace["y_train"]])
    assert str(fault(CELL, namespace)).startswith("the model does not fit the data (")


def test_validation_data_of_another_shape_is_refused(namespace: dict[str, Any]) -> None:
    namespace |= {"xv": np.zeros((4, 32), "float32"), "yv": np.zeros(4, "int64")}
    text = str(fault(CELL, namespace, val=NAMES))
    assert text.endswith("expected axis -1 of input shape to have value 64, but received input with shape (4, 32)")


def test_what_the_cell_makes_of_the_data_is_what_counts(namespace: dict[str, Any]) -> None:
    flat = CELL.replace("[keras.Input((64,))", "[keras.Input((8, 8)), keras.layers.Flatten()")
    assert probe("x_train = x_train.reshape(-1, 8, 8)\n" + flat, namespace).parameter_count == 650


def test_a_dataset_is_looked_at_too(namespace: dict[str, Any]) -> None:
    import tensorflow as tf

    pairs = tf.data.Dataset.from_tensor_slices((namespace["x_train"], namespace["y_train"]))
    namespace["digits"] = pairs.batch(8)
    found = probe(CELL, namespace, data=("digits",), val=ValSplit(kind=ValKind.NAMES, names=("digits",)))
    assert found.parameter_count == 650


def test_hyperparameters_in_conditional_scopes_are_found(namespace: dict[str, Any]) -> None:
    source = """
kind = hp.Choice("kind", ["plain", "deep", "wide"])
with hp.conditional_scope("kind", ["deep"]):
    if kind == "deep":
        layers = hp.Int("layers", 1, 3)
        with hp.conditional_scope("layers", [2]):
            if layers == 2:
                hp.Float("rate", 0.0, 0.5)
with hp.conditional_scope("kind", ["wide"]):
    if kind == "wide":
        hp.Int("units", 64, 128)
"""
    found = probe(source + MODEL + COMPILE, namespace)
    assert {p.name: [(c.parent, c.values) for c in p.conditions] for p in found.space.parameters} == {
        "kind": [],
        "layers": [("kind", ("deep",))],
        "rate": [("kind", ("deep",)), ("layers", (2,))],
        "units": [("kind", ("wide",))],
    }


def test_a_cell_that_opens_scopes_without_end_is_refused(namespace: dict[str, Any]) -> None:
    source = """
kind = hp.Choice("kind", list(range(99)))
for number in range(99):
    with hp.conditional_scope("kind", [number]):
        hp.Int(f"units_{number}", 1, 2)
model = keras.Sequential()
"""
    error = fault(source, namespace)
    assert isinstance(error, SpaceError)
    assert str(error) == "the cell opens more than 64 conditional scopes; expected fewer. Split it into studies."


def test_a_cell_without_hyperparameters_is_refused(namespace: dict[str, Any]) -> None:
    error = fault(MODEL + COMPILE, namespace)
    assert isinstance(error, SpaceError)
    assert str(error) == (
        "no hyperparameter found in the cell; expected at least one, such as "
        'units = hp.Int("units", 32, 256, step=32) or units = 64  #@tune int(32, 256).'
    )


@pytest.mark.parametrize("second", ['hp.Int("units", 1, 99)', 'hp.Float("units", 1, 9)', 'hp.Choice("units", [1])'])
def test_one_name_with_two_meanings_names_both_lines(second: str, namespace: dict[str, Any]) -> None:
    error = fault(f'hp.Int("units", 1, 9)\nhp.Int("units", 1, 9)\n\n{second}\n' + CELL, namespace)
    assert isinstance(error, SpaceError)
    kind = second.partition("(")[0].removeprefix("hp.")
    assert str(error) == (
        f"line 5: hyperparameter 'units' is defined a second time as {kind} with other settings; it was defined in "
        "line 2 as Int. Give one of them another name."
    )


def test_one_name_annotated_and_called_names_both_lines(namespace: dict[str, Any]) -> None:
    error = fault('units = 4  #@tune int(1, 9)\nhp.Int("units", 1, 9)\n' + CELL, namespace)
    assert str(error).startswith("line 3: hyperparameter 'units' is defined a second time as Int")
    assert "it was defined in line 2" in str(error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import keras\n1 / 0", "line 3: ZeroDivisionError: division by zero  [1 / 0]"),
        ("def f(v):\n    return v[9]\nf([])", "line 3: IndexError: list index out of range  [return v[9]]"),
        ("raise SystemExit(3)", "line 2: SystemExit: 3  [raise SystemExit(3)]"),
        ("import sys\nsys.exit()", "line 3: SystemExit  [sys.exit()]"),
        ("raise MemoryError", "line 2: MemoryError  [raise MemoryError]"),
        ("unknown_name", "line 2: NameError: name 'unknown_name' is not defined  [unknown_name]"),
        ("raise ValueError('a\\nb')", "line 2: ValueError: a b  [raise ValueError('a\\nb')]"),
        ("u = hp.Int('u', 1, 9)\nmodel = u", "line 3: `model` is a int; expected a Keras model."),
    ],
)
def test_an_exception_of_the_users_code_is_one_line_with_its_line(
    body: str, message: str, namespace: dict[str, Any]
) -> None:
    assert str(fault(body, namespace)) == message


def test_the_notebooks_random_numbers_are_left_alone(namespace: dict[str, Any]) -> None:
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)
    probe("import random, numpy\nrandom.random()\nnumpy.random.random()\n" + CELL, namespace)
    assert (random.random(), np.random.random()) == expected
