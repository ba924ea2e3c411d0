"""``%tune lr`` suggests a learning rate and writes it into the cell, for every sort of source."""

import html

import keras
import pytest
from ipywidgets.widgets.widget import _instances

from tunemagic.magics.form import last_compiled_cell

PLAIN = """
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=16, epochs=1, verbose=0)
"""
TUNED = """%%tune digits --data x_train,y_train -n 1 --epochs 1 --view none
rate = hp.Float("rate", 1e-5, 1e-1, sampling="log")
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.SGD(rate, 0.9), "sparse_categorical_crossentropy")
"""
SUGGESTED = "Suggested learning rate: "


def rate_in(shown):
    assert shown.err == ""
    first, *others = shown.out.splitlines()
    assert first.startswith(SUGGESTED)
    return first.removeprefix(SUGGESTED).split()[0], others


def remembered(shell, *sources):
    """Let the notebook have run these cells."""
    shell.user_ns["In"] = ["", *sources]


def test_the_latest_cell_is_tested_and_its_literal_changed(notebook, shell):
    remembered(shell, PLAIN, "x = 1")
    rate, others = rate_in(notebook("%tune lr"))
    line = f'model.compile(keras.optimizers.Adam({rate}), "sparse_categorical_crossentropy", metrics=["accuracy"])'
    assert others[-1] == f"Line 3 of the cell with it: {line}"
    assert 1e-4 < float(rate) < 1
    assert "model" not in shell.user_ns


def test_cells_that_compile_no_model_are_passed_over_and_the_one_taken_is_told(notebook, shell):
    plan = "model = keras.Sequential([keras.layers.Dense(10)])"
    remembered(shell, PLAIN, plan, "import re; p = re.compile('a')", "keras.Model.summary(model)")
    _, others = rate_in(notebook("%tune lr"))
    assert "Tested: the model of cell [1]." in others
    remembered(shell, PLAIN, PLAIN.replace("Adam", "Adamm"))
    shown = notebook("%tune lr")
    assert shown.out == "Tested: the model of cell [2].\n"
    assert "Adamm" in shown.err


def test_a_template_searches_round_the_suggestion(notebook, shell):
    cell = "from tunemagic import models\n\nbuild = models.dense(x_train, y_train, units=8)\n"
    remembered(shell, PLAIN, f"%%tune small\n{cell}")
    _, others = rate_in(notebook("%tune lr"))
    assert others[-2] == "Tested: the model of cell [2]."
    assert others[-1].startswith(
        "Line 4 of the cell with it: build = models.dense(x_train, y_train, units=8, learning_rate=("
    )
    shell.user_ns["text"] = cell.replace("units=8", "learning_rate=[0.001, 0.01]")
    rate, others = rate_in(notebook("%tune lr text"))
    assert others[-1].endswith(f"write it yourself: models.dense(..., learning_rate={rate})")


def test_a_tune_cell_gets_a_range_round_the_suggestion(notebook, shell):
    remembered(shell, TUNED)
    rate, others = rate_in(notebook("%tune lr"))
    low, high = float(rate) / 10, float(rate) * 10
    assert others[-1].startswith('Line 2 of the cell with it: rate = hp.Float("rate", ')
    assert others[-1].endswith(f'sampling="log", default={rate})')
    found_low, found_high = map(float, others[-1].split('"rate", ')[1].split(", sampling")[0].split(", "))
    assert found_low == pytest.approx(low, rel=0.06)
    assert found_high <= high * 1.06


@pytest.mark.parametrize("cell", [TUNED, PLAIN], ids=["tuned", "plain"])
def test_the_button_inserts_the_changed_cell(notebook, shell, monkeypatch, cell):
    monkeypatch.setattr(shell, "kernel", object(), raising=False)  # of a notebook, which shows widgets
    remembered(shell, cell)
    shown = notebook("%tune lr")
    picture, view = (output.data for output in shown.outputs)
    assert set(picture) == {"text/plain", "image/png"}
    use = _instances[view["application/vnd.jupyter.widget-view+json"]["model_id"]]
    use.button.click()  # no page is there to insert it, so it is shown
    offered = html.unescape(use.children[1].value).split("<pre>")[1].split("</pre>")[0]
    lines, before = offered.strip("\n").splitlines(), cell.strip("\n").splitlines()
    if cell is TUNED:  # as a search of its own, beside the one that it came from
        assert lines.pop(0).startswith("%%tune digits-lr ")
        before.pop(0)
    [changed] = [line for line, other in zip(lines, before, strict=True) if line != other]
    assert f"of the cell with it: {changed}\n" in shown.out


def test_a_study_is_tested_by_its_cell(notebook, shell):
    assert notebook(TUNED).err == ""
    remembered(shell)
    by_name, others = rate_in(notebook("%tune lr digits"))
    assert "hp.Float" in others[-1]
    assert rate_in(notebook("%tune lr study"))[0] == by_name
    assert rate_in(notebook("%tune lr"))[0] == by_name


def test_a_model_stays_what_it_was(notebook, shell):
    notebook(PLAIN.replace("model.fit", "history = model.fit"))
    model = shell.user_ns["model"]
    weights, steps = model.get_weights(), int(model.optimizer.iterations)
    optimizer, rate = model.optimizer, float(model.optimizer.learning_rate)
    _, others = rate_in(notebook("%tune lr model --batch-size 8 --steps 60"))
    assert not any(line.startswith("Line") for line in others)
    assert (model.optimizer is optimizer, float(optimizer.learning_rate), int(optimizer.iterations)) == (
        True,
        rate,
        steps,
    )
    assert all((one == other).all() for one, other in zip(weights, model.get_weights(), strict=True))


def test_a_build_function_is_tested_with_its_defaults(notebook):
    body = "".join(f"    {line}\n" for line in PLAIN.strip().splitlines()[:2])
    notebook(f"def build(hp):\n{body}    return model\n")
    rate_in(notebook("%tune lr build"))


def test_a_text_in_chinese(notebook, shell):
    remembered(shell, PLAIN)
    shown = notebook("%tune lr --lang zh")
    assert shown.out.startswith("建议学习率：")
    assert "采用后单元格第 3 行：model.compile(" in shown.out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lr nothing", "%tune lr: 'nothing' is no study and no variable; expected a study, or a variable with a"),
        ("lr x_train", "%tune lr: 'x_train' holds a ndarray; expected a study, or a variable with a compiled Keras"),
        ("lr loose", "the model is not compiled; expected one with an optimizer and a loss."),
        ("lr cell --steps 5", "steps: received 5; expected a whole number, at least 20."),
        ("lr cell --low 1 --high 0.1", "rates: received 1 to 0.1; expected 0 < lowest < highest."),
        ("lr cell --data x_train,nothing", "--data: there is no variable 'nothing' in the notebook."),
        ("lr faulty", "line 1: NameError: name 'units' is not defined"),
        ("lr timed", "the cell begins with %%time; expected a plain cell, or one with %%tune."),
    ],
)
def test_what_cant_be_tested_is_told_in_one_line(notebook, shell, line, message):
    shell.user_ns |= {
        "loose": keras.Sequential([keras.layers.Dense(10)]),
        "cell": PLAIN,
        "faulty": "model = keras.Sequential([keras.layers.Dense(units)])\n",
        "timed": "%%time\n" + PLAIN,
    }
    remembered(shell)
    assert message in notebook(f"%tune {line}").error


def test_nothing_is_tested_where_there_is_nothing(notebook, shell):
    remembered(shell, "x = 1")
    assert last_compiled_cell(shell.user_ns["In"]) is None
    assert "no study" in notebook("%tune lr").error
