"""%tune explain in a real shell: a study's best model, a model in a variable, faults in one line."""

import pytest

from tunemagic.study import Study

# A few columns, so that shuffling each of them ten times takes little time.
CELL = """
units = hp.Int("units", 4, 32, step=4)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
batch_size = 80
"""


@pytest.fixture
def study(notebook, tune, shell) -> Study:
    """A finished study of two trials, of one row of each digit's pixels."""
    notebook("x_train = x_train[:, 24:32]")
    assert tune("digits -n 2 --epochs 2 --tuner random --objective val_accuracy --view none", CELL).err == ""
    return shell.user_ns["study"]


def test_a_study_is_explained_on_its_validation_part(notebook, study, tmp_path):
    cell = notebook("%tune explain digits -o columns.png")
    [picture] = cell.outputs
    sentence, saved = cell.out.splitlines()
    assert picture.data["text/plain"] == sentence
    assert sentence == repr(study.explain())
    assert "accuracy" in sentence
    assert "on 16 rows" in sentence
    assert saved == "Written to columns.png"
    assert (tmp_path / "columns.png").read_bytes() == picture.data["image/png"]


def test_rows_other_data_and_names_can_be_asked_for(notebook, shell, study):
    notebook("import pandas as pd\nnames = [f'pixel {n}' for n in range(8)]\nframe = pd.DataFrame(x_train)")
    cell = notebook("%tune explain --data x_train,y_train --sample 3 --sample 5 --columns names --lang zh")
    assert cell.out == "digits：第 3, 5 行的回答由什么支持（朱红）、由什么反对（蓝），按积分梯度计算。\n"
    cell = notebook("%tune explain study --how saliency --sample 0 --columns frame")
    assert cell.out == (
        "digits: what the answer to row 0 reacts to most, by its gradient times each column's standard deviation.\n"
    )


def test_a_model_in_a_variable_is_explained_on_given_data(notebook, study, shell):
    notebook("net = study.best_model")
    cell = notebook("%tune explain net --data x_train,y_train")
    assert cell.err == ""
    assert "on 80 rows" in cell.out
    assert notebook("%tune explain net").error == (
        "%tune explain: a model that was not tuned here needs data; add --data x_test,y_test."
    )
    assert notebook("%tune explain x_train").error == (
        "%tune explain: 'x_train' is a ndarray; expected a study, or a variable with a Keras model."
    )
    assert notebook("%tune explain net --data x_test,y_test").error == (
        "%tune explain: there is no variable 'x_test' in the notebook."
    )


def test_a_study_of_folds_asks_for_data(notebook, tune):
    assert tune("folded -n 1 --epochs 1 --folds 2 --view none").err == ""
    assert notebook("%tune explain folded").error == (
        "study folded has no validation part of its own (--folds); give data to explain on: --data x_test,y_test."
    )


def test_names_of_a_table_stand_beside_the_bars(notebook, shell, tune):
    notebook("import pandas as pd\nx_train = pd.DataFrame(x_train, columns=[f'pixel {n}' for n in range(64)])")
    assert tune("table -n 1 --epochs 2 --view none").err == ""
    info = shell.user_ns["study"].explain(repeats=2).info
    assert {bar.name for bar in info.bars} <= {f"pixel {n}" for n in range(64)}
    assert (len(info.bars), info.hidden, info.score) == (20, 44, "loss")
