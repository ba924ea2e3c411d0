"""Every spelling of a cell gives the same thing; nothing leaks out of a trial; faults name the user's lines."""

import textwrap
import traceback
from typing import Any

import pytest

from tunemagic.errors import CellError
from tunemagic.search.cell import CellProgram, TrialSetup, program_from_builder, read_cell
from tunemagic.search.faults import user_frame
from tunemagic.search.hyperparameters import new_hyperparameters

PLAIN = """
units = hp.Int("units", 4, 32, step=4)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""
ANNOTATED = """
units = 4  #@tune int(4, 32, step=4)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""
FUNCTION = """
def build(hp):
    model = keras.Sequential([keras.Input((64,))])
    model.add(keras.layers.Dense(hp.Int("units", 4, 32, step=4)))
    model.add(keras.layers.Dense(10, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
"""
ANNOTATED_FUNCTION = """
def build(hp):
    units = 4  #@tune int(4, 32, step=4)
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
"""
HYPERMODEL = """
import keras_tuner as kt
from keras import layers

class MyHyperModel(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((64,))])
        model.add(layers.Dense(hp.Int("units", 4, 32, step=4)))
        model.add(layers.Dense(10, activation="softmax"))
        model.compile("adam", "sparse_categorical_crossentropy")
        return model
"""
OWN_FIT = """
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)
"""
WITH_ARGUMENTS = (
    HYPERMODEL.replace("    def build", "    def __init__(self, classes):\n"
                       "        super().__init__()\n        self.classes = classes\n\n    def build")
    .replace("layers.Dense(10", "layers.Dense(self.classes")
)  # fmt: skip


def read(source: str, namespace: dict[str, Any], **options: Any) -> CellProgram:
    return read_cell(textwrap.dedent(source), namespace, first_line=2, **options)


def run(source: str, namespace: dict[str, Any], values: dict[str, Any] | None = None, **options: Any) -> TrialSetup:
    """Run the cell with these values of its hyperparameters."""
    hp = new_hyperparameters()
    hp.values = dict(values or {})
    return read(source, namespace, **options).run(hp)


def fault(source: str, namespace: dict[str, Any], **options: Any) -> CellError:
    with pytest.raises(CellError) as caught:
        run(source, namespace, **options)
    return caught.value


# -- spellings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        PLAIN,
        ANNOTATED,
        FUNCTION,
        ANNOTATED_FUNCTION,
        HYPERMODEL,
        HYPERMODEL + OWN_FIT,
        HYPERMODEL + "\nhypermodel = MyHyperModel()\n",
        WITH_ARGUMENTS + "\nhypermodel = MyHyperModel(classes=10)\n",
        PLAIN.replace("model", "net"),
        FUNCTION.replace("def build", "def make_model"),
        FUNCTION.replace("def build", "def make_model") + "\nmodel = make_model(hp)\n",
        FUNCTION + "\nother = lambda hp: None\n",
    ],
)
def test_each_spelling_builds_the_model_for_the_values_of_the_trial(source: str, namespace: dict[str, Any]) -> None:
    for units in (4, 12):
        setup = run(source, namespace, {"units": units})
        assert [layer.units for layer in setup.model.layers] == [units, 10]
        assert setup.model.compiled
        assert (setup.fit, setup.data) == ({}, {})


BASE = """
base = keras.Sequential([keras.Input((64,)), keras.layers.Dense(3)])
head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
"""


@pytest.mark.parametrize(
    "source",
    [
        "from keras_tuner import HyperModel\n" + FUNCTION,
        "from keras_tuner import HyperModel\n" + PLAIN,
        HYPERMODEL + "from keras_tuner import HyperModel\n",
        "import keras_tuner\n" + FUNCTION + "hp = keras_tuner.HyperParameters()\nbuild(hp).summary(print_fn=str)\n",
        "import keras_tuner\nhp = keras_tuner.HyperParameters()\n" + PLAIN,
        HYPERMODEL + "class Better(MyHyperModel):\n    pass\n",
        HYPERMODEL + "hypermodel = tuned = MyHyperModel()\n",
        BASE + FUNCTION,
        BASE + FUNCTION.replace("def build", "def build_model"),
        BASE + HYPERMODEL,
        FUNCTION.replace("def build", "def model"),
        FUNCTION.replace("(hp)", "(hp, depth=1, *more, scale=2.0, **options)"),
        "import functools\n"
        + FUNCTION.replace("build(hp)", "make(depth, hp)")
        + "build = functools.partial(make, 1)\n",
        "def block(hp, x):\n    return x\n" + FUNCTION.replace("def build", "def make"),
        "def make(hp):\n    return 1\n" + PLAIN.replace("model", "net"),
        "def fill(hp):\n    global model\n"
        + PLAIN.replace("\n", "\n    ").replace("    units", "    units", 1)
        + "\nfill(hp)\n",
        "found = [model := None]\n" + PLAIN,
    ],
)
def test_what_stands_beside_the_model_does_not_confuse(source: str, namespace: dict[str, Any]) -> None:
    setup = run(source, {**namespace, "model": "stale"}, {"units": 12})
    assert [layer.units for layer in setup.model.layers] == [12, 10]
    assert setup.fit == {}


def test_names_of_fit_that_are_modules_or_functions_stay_where_they_are(namespace: dict[str, Any]) -> None:
    source = "from keras import callbacks\ndef epochs(): return 3\nclass class_weight: pass\nbatch_size = 8\n"
    assert run(source + PLAIN, namespace).fit == {"batch_size": 8}


def test_a_hypermodel_declares_its_hyperparameters_first(namespace: dict[str, Any]) -> None:
    source = HYPERMODEL + "\n    def declare_hyperparameters(self, hp):\n        hp.Int('depth', 1, 3)\n"
    hp = new_hyperparameters()
    read(source, namespace).run(hp)
    assert list(hp.values) == ["depth", "units"]


def test_a_fault_inside_a_hypermodels_constructor_comes_through(namespace: dict[str, Any]) -> None:
    source = HYPERMODEL + "    def __init__(self):\n        super().__init__()\n        self.size = 1 + 'a'\n"
    with pytest.raises(TypeError, match="unsupported operand"):
        run(source, namespace)


def test_only_a_hypermodel_with_its_own_fit_trains_itself(namespace: dict[str, Any]) -> None:
    assert run(HYPERMODEL, namespace).fit_method is None
    assert run(FUNCTION, namespace).fit_method is None
    own = run(HYPERMODEL + OWN_FIT, namespace).fit_method
    assert own is not None
    assert own.__qualname__ == "MyHyperModel.fit"


def test_annotations_and_hp_calls_can_be_mixed(namespace: dict[str, Any]) -> None:
    source = """
    units = 8  #@tune int(4, 32)
    act = hp.Choice("act", ["relu", "tanh"])
    net = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(units, act),
        keras.layers.Dropout(rate=0.25),  #@tune float(0, 0.5)
    ])
    net.compile(loss="mse")
    batch_size = 16  #@tune choice(16, 32)
    """
    setup = run(source, namespace, {"units": 5, "act": "tanh", "rate": 0.5, "batch_size": 32})
    dense, dropout = setup.model.layers
    assert (dense.units, dense.activation.__name__, dropout.rate) == (5, "tanh", 0.5)
    assert setup.fit == {"batch_size": 32}


def test_the_cell_as_shown_with_hp_calls_means_the_same(namespace: dict[str, Any]) -> None:
    program = read(ANNOTATED, namespace)
    assert program.source == ANNOTATED
    assert program.code == ANNOTATED.replace(
        "units = 4  #@tune int(4, 32, step=4)", "units = hp.Int('units', 4, 32, step=4, default=4)"
    )
    assert [layer.units for layer in run(program.code, namespace, {"units": 12}).model.layers] == [12, 10]


def test_names_of_fit_go_to_fit_and_other_names_do_not(namespace: dict[str, Any]) -> None:
    source = PLAIN + (
        "batch_size = 8\nepochs = 3\ncallbacks = [keras.callbacks.EarlyStopping()]\nclass_weight = {0: 2.0}\n"
        "sample_weight = [1.0] * 80\nverbose = 2\nshuffle = False\n"
    )
    fit = run(source, namespace).fit
    assert [type(callback).__name__ for callback in fit.pop("callbacks")] == ["EarlyStopping"]
    weights = [1.0] * 80
    assert fit == {"batch_size": 8, "epochs": 3, "class_weight": {0: 2.0}, "sample_weight": weights}


def test_names_of_fit_from_the_notebook_do_not_count(namespace: dict[str, Any]) -> None:
    assert run(PLAIN, {**namespace, "batch_size": 8, "epochs": 99}).fit == {}


def test_a_build_function_of_the_python_api_is_a_program_too(namespace: dict[str, Any]) -> None:
    made: dict[str, Any] = dict(namespace)
    exec(FUNCTION + HYPERMODEL + OWN_FIT, made)
    for builder in (made["build"], made["MyHyperModel"], made["MyHyperModel"]()):
        hp = new_hyperparameters()
        hp.values = {"units": 12}
        assert [layer.units for layer in program_from_builder(builder).run(hp).model.layers] == [12, 10]


def test_a_builder_of_the_python_api_knows_its_text_its_file_and_what_it_uses(namespace: dict[str, Any]) -> None:
    made: dict[str, Any] = dict(namespace)
    exec(compile("size = 4\n" + FUNCTION.replace("4, 32", "size, 32") + HYPERMODEL, "<my script>", "exec"), made)
    program = program_from_builder(made["build"])
    assert (program.filename, program.sources) == ("<my script>", {"size": "4"})
    for builder in (made["MyHyperModel"], made["MyHyperModel"]()):
        assert program_from_builder(builder).filename == "<my script>"


def test_what_builds_nothing_is_refused() -> None:
    with pytest.raises(CellError) as caught:
        program_from_builder([1, 2])
    assert str(caught.value) == "expected a function build(hp) or a HyperModel; received list."


# -- the notebook's variables ------------------------------------------------------------------------


def test_nothing_of_a_trial_leaks_into_the_notebook(namespace: dict[str, Any]) -> None:
    namespace |= {"hp": "mine", "counter": 1, "settings": {"a": 1}, "__annotations__": {"old": int}}
    before = dict(namespace)
    source = (
        "import math as maths\nrate: float = 0.5\nglobal_rate = [rate for _ in range(3)]\ncounter += 1\n"
        "def bump():\n    global counter, fresh\n    counter += 1\n    fresh = counter\nbump()\nassert fresh == 3\n"
        "for index in range(2): pass\nwith open('/dev/null') as file: pass\n"
    )
    run(source + PLAIN, namespace)
    assert list(namespace) == list(before)
    assert all(namespace[name] is before[name] for name in before)
    assert namespace["__annotations__"] == {"old": int}


def test_trials_do_not_see_each_other(namespace: dict[str, Any]) -> None:
    program = read("seen = 'stale' in globals()\nstale = 1\nbatch_size = 2 if seen else 1\n" + PLAIN, namespace)
    assert [program.run(new_hyperparameters()).fit for _ in range(2)] == [{"batch_size": 1}] * 2


def test_functions_and_comprehensions_of_the_body_see_its_names(namespace: dict[str, Any]) -> None:
    source = "width = 3\ndef twice(): return 2 * width\nbatch_size = sum(width for _ in range(twice()))\n"
    assert run(source + PLAIN, namespace).fit == {"batch_size": 18}


def test_the_cell_sees_the_notebook_as_it_is_when_a_trial_runs(namespace: dict[str, Any]) -> None:
    namespace["size"] = 8
    program = read("batch_size = size\n" + PLAIN, namespace)
    namespace["size"] = 9
    assert program.run(new_hyperparameters()).fit == {"batch_size": 9}


def test_a_model_left_from_an_earlier_cell_does_not_count(namespace: dict[str, Any]) -> None:
    stale = run(PLAIN, namespace).model
    error = fault('units = hp.Int("units", 4, 32)', {**namespace, "model": stale, "net": stale})
    assert str(error) == (
        "no Keras model found: the cell assigns units (int). Assign the model to `model`, or write def build(hp)."
    )


def test_data_names_assigned_anew_are_told_and_the_notebooks_stay(namespace: dict[str, Any]) -> None:
    x_train = namespace["x_train"]
    source = "x_train = x_train / 2\nmean = x_train.mean()\n" + PLAIN
    setup = run(source, namespace, data_names=("x_train", "y_train"))
    assert list(setup.data) == ["x_train"]
    assert (setup.data["x_train"] == x_train / 2).all()
    assert namespace["x_train"] is x_train


@pytest.mark.parametrize(
    "change",
    ["x_train /= 2", "x_train[0, 0] = 9", "x_train.sort()", "y_train[:] = 0", "x_train.clip(0, 1, out=x_train)"],
)
def test_changing_the_data_in_place_fails_in_the_users_line(change: str, namespace: dict[str, Any]) -> None:
    before = namespace["x_train"].copy()
    program = read("import keras\n" + change + PLAIN, namespace, data_names=("x_train", "y_train"))
    with pytest.raises(ValueError, match="read-only") as caught:
        program.run(new_hyperparameters())
    assert user_frame(caught.value, program.filename) == (3, change)
    assert (namespace["x_train"] == before).all()
    assert namespace["x_train"].flags.writeable


def test_a_table_changed_in_place_is_changed_for_this_trial_only(namespace: dict[str, Any]) -> None:
    import pandas as pd

    table, column = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), pd.Series([0, 1])
    namespace |= {"table": table, "column": column}
    source = "table['a'] /= 2\ntable.loc[0, 'b'] = 9.0\n" + PLAIN
    for _ in range(2):
        setup = run(source, namespace, data_names=("table", "column"))
        assert list(setup.data) == ["table"]
        assert setup.data["table"].to_dict("list") == {"a": [0.5, 1.0], "b": [9.0, 4.0]}
    assert table.to_dict("list") == {"a": [1.0, 2.0], "b": [3.0, 4.0]}


# -- faults ------------------------------------------------------------------------------------------

COMPILE = 'model.compile("adam", "mse")'
ADVICE = "Assign the model to `model`, or write def build(hp)."


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("units = 3\nact = 'relu'", f"no Keras model found: the cell assigns units (int), act (str). {ADVICE}"),
        ("print", f"no Keras model found: the cell assigns nothing. {ADVICE}"),
        ("units: int = 3", f"no Keras model found: the cell assigns units (int). {ADVICE}"),
        ("def build(x):\n    return 1", f"no Keras model found: the cell assigns build (function). {ADVICE}"),
        ("\n\nmodel = 3", "line 4: `model` is a int; expected a Keras model."),
        (
            "one = keras.Sequential()\n\ntwo = keras.Sequential()",
            "the cell makes 2 models: one (line 2), two (line 4). Assign the one to tune to `model`.",
        ),
        (
            "def one(hp): pass\ndef two(hp): pass",
            "the cell defines several functions of hp: one, two. Name the one to tune build.",
        ),
        (
            "class A:\n    def build(self, hp): pass\nclass B:\n    def build(self, hp): pass",
            "the cell defines several HyperModel classes: A, B. "
            "Assign an instance of the one to tune: hypermodel = ...",
        ),
        (
            "class A:\n    def build(self, hp): pass\na, b = A(), A()",
            "the cell defines several HyperModel instances: a, b. Assign one only.",
        ),
        ("def block(hp, x): pass", f"no Keras model found: the cell assigns block (function). {ADVICE}"),
        ("import math\nfrom math import pi", f"no Keras model found: the cell assigns pi (float). {ADVICE}"),
        (
            "def build(hp):\n    keras.Sequential()",
            "build(hp) returned NoneType; expected a Keras model (is `return model` missing?).",
        ),
        (
            WITH_ARGUMENTS,
            "MyHyperModel() fails: missing a required argument: 'classes'. "
            "Assign an instance: hypermodel = MyHyperModel(...).",
        ),
        ("x = (1,\ny = 2", "line 2: the cell is not valid Python: '(' was never closed  [x = (1,]"),
        ("import keras\nreturn 3", "line 3: the cell is not valid Python: 'return' outside function  [return 3]"),
        (
            "import keras\n!pip install x",
            "line 3: '!pip install x' is not Python; put magics and shell commands into a cell of their own.",
        ),
        ("%time x = 3", "line 2: '%time x = 3' is not Python; put magics and shell commands into a cell of their own."),
    ],
)
def test_each_fault_of_a_cell_is_said_in_one_line(source: str, message: str, namespace: dict[str, Any]) -> None:
    assert str(fault(source, namespace)) == message


def test_an_exception_of_the_users_comes_through_with_its_own_line(namespace: dict[str, Any]) -> None:
    program = read("u = 4  #@tune int(4, 8)\n\ndef f(v):\n    return v / 0\nf(u)\n", namespace)
    with pytest.raises(ZeroDivisionError) as caught:
        program.run(new_hyperparameters())
    assert user_frame(caught.value, program.filename) == (5, "return v / 0")


def test_tracebacks_quote_what_the_user_wrote_not_the_rewrite(namespace: dict[str, Any]) -> None:
    program = read("# a comment\nu = 4 / (0 * f(v=4))  #@tune int(4, 8)\n", {**namespace, "f": lambda v: 1})
    with pytest.raises(ZeroDivisionError) as caught:
        program.run(new_hyperparameters())
    text = "".join(traceback.format_exception(caught.value))
    assert f'File "{program.filename}", line 3, in <module>\n    u = 4 / (0 * f(v=4))  #@tune int(4, 8)' in text


def test_two_cells_have_names_of_their_own_in_tracebacks(namespace: dict[str, Any]) -> None:
    assert read(PLAIN, namespace).filename == read(PLAIN, namespace).filename
    assert read(PLAIN, namespace).filename != read(FUNCTION, namespace).filename


def test_reading_a_cell_runs_nothing_of_it(namespace: dict[str, Any]) -> None:
    assert read("raise SystemExit(1)", namespace).source == "raise SystemExit(1)"
