"""The form writes a cell that the magic reads as what the fields say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from tunemagic.errors import TuneError
from tunemagic.events import Direction
from tunemagic.i18n import ENGLISH, Language, catalogue
from tunemagic.magics.form import check_cell, first_values, form_cell, last_model_cell, read_tune_cell, source_in
from tunemagic.request import Objective, Tuner, TuneRequest, ValKind, ValSplit
from tunemagic.search.finding import find_tunables
from tunemagic.search.ranges import Range, Word
from tunemagic.widgets.form import TuneForm
from tunemagic.widgets.form_cell import FormValues, RangeTexts, Validation, write_cell
from tunemagic.widgets.form_data import DataChoice, data_choices, guess
from tunemagic.widgets.form_rows import RangeRows

CODE = """\
units = 64  #@tune int(32, 128, step=32)
rate = hp.Float("rate", 1e-4, 1e-2, sampling="log")
model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy", "mae"])"""
UNITS = Range(word=Word.INT, default=64, low=32, high=128, step=32)
RATE = Range(word=Word.LOG, default=1e-4, low=1e-4, high=1e-2)
ACTIVATION = Range(word=Word.CHOICE, default="relu", choices=("relu", "gelu", "elu", "tanh"))


def read(values: FormValues) -> tuple[TuneRequest, dict[str, Range]]:
    """What the magic makes of the form's cell: the request, and the space by the body's own words."""
    cell = write_cell(values)
    request, _ = read_tune_cell(cell, {}, {})
    body = cell.partition("\n")[2]
    return request, {one.name: one.range for one in find_tunables(body) if one.searched}


@st.composite
def filled(draw) -> tuple[FormValues, TuneRequest, dict[str, Range]]:
    """Fields, and the request and space that they must mean."""
    fields: dict = {"code": CODE}
    asked: dict = {}
    if draw(st.booleans()):
        fields["name"] = asked["name"] = draw(st.from_regex(r"[a-zäß0-9][a-z0-9 _.-]{0,8}[a-z0-9]", fullmatch=True))
    if draw(st.booleans()):
        fields["x"], fields["y"] = draw(st.sampled_from([("images", "labels"), ("größe", "y"), ("train_ds", "")]))
        asked["data"] = tuple(filter(None, (fields["x"], fields["y"])))
    match draw(st.sampled_from(Validation)):
        case Validation.SHARE:
            share = draw(st.sampled_from(["", "0.1", ".5"]))
            fields["share"] = share
            if share:
                asked["val"] = ValSplit(kind=ValKind.FRACTION, fraction=float(share))
        case Validation.LAST:
            fields |= {"validation": Validation.LAST, "share": "0.25"}
            asked["val"] = ValSplit(kind=ValKind.LAST, fraction=0.25)
        case Validation.DATA:
            fields |= {"validation": Validation.DATA, "x_val": "xv", "y_val": "yv"}
            asked["val"] = ValSplit(kind=ValKind.NAMES, names=("xv", "yv"))
        case Validation.FOLDS:
            fields |= {"validation": Validation.FOLDS, "share": "4"}
            asked["folds"] = 4
    metric = draw(st.sampled_from(["", "val_loss", "val_accuracy", "my 'metric':max"]))
    fields["objective"] = metric
    if metric not in ("", "val_loss"):
        name, _, direction = metric.partition(":")
        asked["objective"] = Objective(name=name, direction=Direction(direction) if direction else None)
    asked["tuner"] = tuner = draw(st.sampled_from(Tuner))
    fields["tuner"] = str(tuner)
    for field, key, kind in (("trials", "max_trials", int), ("minutes", "minutes", float), ("epochs", "epochs", int)):
        number = draw(st.none() | st.integers(1, 500).map(kind))
        if number is not None:
            fields[field], asked[key] = f" {number} ", number
    if draw(st.booleans()):
        fields["more"] = "--seed 3  -w 0"
        asked |= {"seed": 3, "workers": 0}
    ranges = {
        "units": draw(st.sampled_from([None, UNITS, Range(word=Word.CHOICE, default=8, choices=(8, 9))])),
        "rate": draw(st.sampled_from([None, RATE, Range(word=Word.FLOAT, default=0.5, low=0.25, high=1.0, step=0.25)])),
        "activation": draw(st.sampled_from([None, ACTIVATION])),
    }
    fields["ranges"] = ranges
    space = {name: wanted for name, wanted in ranges.items() if wanted is not None}
    return FormValues(**fields), TuneRequest(**asked), space


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(filled())
def test_the_written_cell_reads_back_as_what_the_fields_say(made: tuple) -> None:
    values, request, space = made
    assert read(values) == (request, space)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(filled())
def test_a_form_opened_on_a_written_cell_writes_it_again(made: tuple) -> None:
    values, _, _ = made
    cell = write_cell(values)
    again = first_values(cell, {})
    assert read(again) == read(values)


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("trials", "many", "--max-trials: received 'many'; expected a whole number."),
        ("trials", "0", "--max-trials: expected a whole number of at least 1; received 0."),
        ("minutes", "-1", "--minutes"),
        ("epochs", "3 4", "--epochs: received '3 4'; expected a whole number."),
        ("share", "1.5", "--val: expected a fraction between 0 and 1; received 1.5. Try --val 0.2."),
        ("name", "../up", "study name: received '../up'"),
        ("name", "a\n%%bash", "study name: received 'a %%bash'"),
        ("objective", "f1:up", "--objective: received 'f1:up'; expected min or max after the colon."),
        ("more", "--seeds 1", "unknown option"),
        ("more", "'", "no closing quotation"),
        ("code", "model = (", "not valid Python"),
        ("code", "x = 1", "no Keras model"),
        ("code", "model = keras.Sequential([keras.layers.Dense(3)])", "nothing is searched"),
        ("code", "", "the cell is empty"),
        ("code", "n = 3  #@tune ind(1, 2)\nmodel = keras.Sequential()", "Did you mean int"),
    ],
)
def test_what_can_not_be_read_is_one_line_and_locks_the_buttons(field: str, text: str, message: str) -> None:
    form = TuneForm(FormValues(code=CODE), check=lambda cell: check_cell(cell, {}, {}))
    assert form.fault == ""
    getattr(form, field).value = text
    assert message in form.fault
    assert "\n" not in form.fault
    assert [button.disabled for button in form._buttons] == [True, True]
    form.close()


def test_each_change_writes_the_cell_anew_and_insert_hands_it_on() -> None:
    put: list = []
    form = TuneForm(FormValues(code=CODE), insert=lambda cell, run, failed: put.append((cell, run, failed)))
    assert form.cell.startswith("%%tune\nunits = 64  #@tune int(32, 128, step=32)\n")
    assert list(form._rows.read().items()) == [("units", UNITS), ("rate", RATE), ("activation", ACTIVATION)]
    form.tuner.value, form.trials.value = "tpe", "7"
    units = form._rows._rows["units"]
    units.fields["high"].value = "256"
    form._rows._rows["rate"].wanted.value = False
    assert form.cell.split("\n")[:3] == [
        "%%tune --tuner tpe --max-trials 7",
        "units = 64  #@tune int(32, 256, step=32)",
        "rate = 0.0001",
    ]
    form.code.value = "width = 3  #@tune int(1, 4)\n" + CODE
    assert units is form._rows._rows["units"]
    assert "units = 64  #@tune int(32, 256, step=32)" in form.cell, "what was typed stays"
    assert form.objective.options == ("val_loss", "val_accuracy", "val_mae")
    for button in form._buttons:
        button.click()
    assert [(cell, run) for cell, run, _ in put] == [(form.cell.rstrip("\n"), run) for run in (False, True)]
    put[0][2]()
    assert "Copy the text above into a new cell" in form._status.value
    units.fields["high"].value = "8"
    assert form.fault == "units: 64 lies outside 32 to 8." or form.fault.startswith("units: expected low < high")
    form._buttons[0].click()
    assert len(put) == 2
    form.close()


def test_hostile_text_stays_text() -> None:
    payload = "<img src=x onerror=alert(1)>"
    form = TuneForm(FormValues(code=f'name = "{payload}"\nmodel = (', name=payload))
    pages = [form._preview.value, form._status.value]
    form.code.value = f'hp.Choice("{payload}", ["a"])\nmodel = keras.Sequential()'
    assert payload in form.cell
    for page in [*pages, form._preview.value, form._status.value]:
        assert "<img" not in page
    form.close()


def test_the_form_speaks_chinese() -> None:
    form = TuneForm(FormValues(code=CODE), texts=catalogue(Language.CHINESE))
    assert (form.code.description, form._buttons[1].description) == ("模型代码", "运行")
    form.close()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ({"word": Word.CHOICE, "default": "relu", "choices": "relu, tanh"}, ("relu", "tanh")),
        ({"word": Word.CHOICE, "default": '"it\'s"', "choices": '"it\'s", "a, b"'}, ("it's", "a, b")),
        ({"word": Word.CHOICE, "default": "16", "choices": "16,32"}, (16, 32)),
    ],
    ids=["words", "quoted", "numbers"],
)
def test_choices_are_typed_with_or_without_quotes(typed: dict, expected: tuple) -> None:
    found = RangeTexts(**typed).read()
    assert found.choices == expected
    assert RangeTexts.of(found).read() == found


@pytest.mark.parametrize(
    "typed",
    [
        {"word": Word.INT, "default": "3", "low": "", "high": "4"},
        {"word": Word.INT, "default": "3", "low": "a", "high": "4"},
        {"word": Word.CHOICE, "default": "1", "choices": "[1], 2"},
        {"word": Word.BOOL, "default": "maybe"},
    ],
)
def test_a_range_that_is_none_is_refused(typed: dict) -> None:
    with pytest.raises(TuneError):
        RangeTexts(**typed).read()


class Strange:
    dtype = "int"

    @property
    def shape(self):
        raise RuntimeError("lost")


def test_variables_with_data_are_found_with_their_shapes() -> None:
    import pandas as pd

    namespace = {
        "_hidden": np.zeros(3),
        "x_train": np.zeros((9, 4), "float32"),
        "y_train": np.zeros(9, int),
        "x_val": np.zeros((2, 4)),
        "y_val": np.zeros(2),
        "frame": pd.DataFrame({"a": [1, 2]}),
        "number": np.float32(3),
        "text": "x",
        "strange": Strange(),
        "kind": np.ndarray,
    }
    choices = data_choices(namespace)
    assert [choice.label for choice in choices] == [
        "x_train  (9, 4) float32",
        "y_train  (9) int64",
        "x_val  (2, 4) float64",
        "y_val  (2) float64",
        "frame  (2, 1) DataFrame",
    ]
    assert guess(choices) == ("x_train", "y_train", "x_val", "y_val")
    assert guess(()) == ("", "", "", "")
    dataset = DataChoice(name="train_ds", shape="dataset", is_dataset=True)
    assert guess([dataset, replace(dataset, name="val_ds")]) == ("train_ds", "", "val_ds", "")
    values = first_values("", namespace)
    assert (values.validation, values.x_val, values.y_val) == (Validation.DATA, "x_val", "y_val")


def test_the_form_begins_with_what_the_cell_says() -> None:
    cell = f"{CODE}\nmodel.fit(images, labels, epochs=7, validation_split=0.1)\n"
    values = first_values(cell, {})
    found = (values.x, values.y, values.epochs, values.objective, values.validation, values.share)
    assert found == ("images", "labels", "7", "val_accuracy", Validation.LAST, "0.1")
    assert "# model.fit(images" in write_cell(values)
    line = "%%tune digits --objective val_mae --objective parameters -w 2 --folds=3 --new --data a,b"
    again = first_values(f"{line}\n{CODE}", {})
    assert write_cell(again).split("\n")[0] == (
        "%%tune digits --objective val_mae --data a,b --folds 3 --objective parameters -w 2 --new"
    )
    assert first_values(f"%%tune --nonsense\n{CODE}", {}).code == CODE


def test_the_latest_cell_may_be_a_tune_cell_as_ipython_keeps_it() -> None:
    typed = f"%%tune digits --objective val_mae -n 5 --epochs 3 --val 0.1 -w 2\n{CODE}"
    kept = TransformerManager().transform_cell(typed)
    assert kept != typed
    values = first_values(last_model_cell(["", "units = 1", kept, "%tune form"]), {})
    found = (values.name, values.objective, values.trials, values.epochs, values.share, values.more)
    assert found == ("digits", "val_mae", "5", "3", "0.1", "-w 2")
    assert values.code == CODE.strip("\n")


def test_without_a_chosen_cell_the_latest_one_with_a_model_counts() -> None:
    assert last_model_cell(["", CODE, "%tune form", "%%bash\nmodel", "x = ("]) == CODE
    assert last_model_cell([]) == ""
    assert form_cell(CODE, {}).startswith("%%tune --objective val_accuracy\nunits = 64  #@tune int(32, 128, step=32)\n")
    assert source_in("text", {"text": CODE}) == CODE
    assert source_in("read", {"read": read}).startswith("def read(")
    for name in ("missing", "number"):
        with pytest.raises(TuneError, match="%tune form: "):
            source_in(name, {"number": 3})


def test_a_row_shows_the_fields_of_its_kind_only():
    tunables = find_tunables("units = 64  #@tune int(32, 128)\nact = 'relu'  #@tune choice('relu', 'tanh')")
    rows = RangeRows(ENGLISH, lambda: None)
    rows.show(tunables)

    def shown(row):
        return [field.description for field in row.children[2:] if field.layout.display != "none"]

    numbers, choices = rows.box.children
    assert (shown(numbers), shown(choices)) == (["low", "high", "step", "default"], ["choices", "default"])
    numbers.children[1].value = "choice"
    assert shown(numbers) == ["choices", "default"]
    numbers.children[1].value = "bool"
    assert shown(numbers) == ["default"]
