"""%tune compress in a real shell: a study's best model, a model in a variable, faults in one line."""

import numpy as np
import pytest

from tunemagic.export.compress.kernels import kernels_of, zero_share
from tunemagic.study import Study

CELL = """
units = hp.Int("units", 8, 16, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
batch_size = 32
"""


@pytest.fixture
def study(notebook, tune, shell) -> Study:
    """A finished study of one trial."""
    assert tune("digits -n 1 --epochs 2 --tuner random --objective val_accuracy --view none", CELL).err == ""
    return shell.user_ns["study"]


def test_a_studys_best_model_is_compressed_on_its_own_data(notebook, study, shell):
    before = [weight.copy() for weight in study.best_model.get_weights()]
    cell = notebook("%tune compress digits --slim 0.5 --prune 0.5 --epochs 1 -o small")
    assert cell.err == ""
    small = shell.user_ns["small"]
    assert [zero_share(kernel.values) for kernel in kernels_of(small)] == [0.5, 0.5]
    assert small.layers[0].units == study.best_model.layers[0].units // 2
    assert all(map(np.array_equal, before, study.best_model.get_weights()))
    [table] = cell.texts
    assert [line.split("  ")[0] for line in table.splitlines()[2:5]] == [
        "before",
        "slimmed by 50% of the units",
        "pruned to 50% zeros in each layer",
    ]
    assert table.endswith("The model is in small.")
    assert "accuracy" in table
    assert cell.out == "In Python: small = study.compress(slim=0.5, prune=0.5, epochs=1).model\n"
    shell.user_ns["study"] = "another"
    assert notebook("%tune compress digits --slim 0.001 --epochs 0").out == (
        "In Python: small = STUDY.compress(slim=0.001, epochs=0).model"
        "  # STUDY: the study that `%%tune digits -o STUDY` on its cell gives\n"
    )


def test_classes_count_in_the_compression_as_they_did_in_the_study(notebook, tune, shell):
    cell = CELL + "class_weight = {label: 0.0 for label in range(10)}"
    assert tune("weighted -n 1 --epochs 1 --tuner random --objective val_accuracy --view none", cell).err == ""
    study = shell.user_ns["study"]
    small = study.compress(clip=100.0, epochs=1).model
    assert all(map(np.array_equal, small.get_weights(), study.best_model.get_weights()))


def test_a_model_in_a_variable_is_compressed_with_or_without_data(notebook, shell, branched):
    shell.user_ns["net"] = branched
    cell = notebook("%tune compress net --cluster 4 --clip 99% --lang zh")
    assert cell.err == ""
    assert "small" not in shell.user_ns
    assert "每个权重张量聚类为 4 个值" in cell.texts[0]
    assert cell.out == (
        "Python 写法：from tunemagic.export import compress; "
        "small = compress.compress(net, compress.Steps(cluster=4, clip_percentile=99.0)).model\n"
    )
    line = "--prune 0.9 --scope global --data x_train,y_train --val x_train,y_train --epochs 0 -o n2"
    cell = notebook(f"%tune compress net {line}")
    assert cell.err == ""
    kernels = np.concatenate([kernel.values.ravel() for kernel in kernels_of(shell.user_ns.pop("n2"))])
    assert np.count_nonzero(kernels == 0) == round(0.9 * kernels.size)
    assert notebook(cell.out.removeprefix("In Python: ")).err == ""
    assert "n2" in shell.user_ns


TUNED = """
from tunemagic.export import compress
start = keras.Input((64,))
model = keras.Sequential([start, keras.layers.Dense(16, "relu"), keras.layers.Dense(10, "softmax")])
model = compress.with_rounding(model)
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
callbacks = [compress.Pruning(hp.Choice("sparsity", [0.25, 0.75]), begin=0.5, end=0.9)]
batch_size = 32
"""


def test_sparsity_is_tuned_and_the_best_model_has_it_and_rounds(notebook, tune, shell):
    assert tune("digits -n 2 --epochs 2 --tuner grid --objective val_accuracy --view none", TUNED).err == ""
    study = shell.user_ns["study"]
    assert {trial.values["sparsity"] for trial in study.view.trials} == {0.25, 0.75}
    model, wanted = study.best_model, study.best_values["sparsity"]
    assert [zero_share(kernel.values) for kernel in kernels_of(model)] == [wanted, wanted]
    assert type(model.layers[2]).__name__ == "QuantizedDense"
    assert model.evaluate(shell.user_ns["x_train"], shell.user_ns["y_train"], verbose=0)[1] > 0.1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "compress: expected at least one of slim, clip, prune, cluster and qat; received none."),
        ("--prune 80", "prune: expected a share from 0 to below 1; received 80.0. Did you mean 0.8?"),
        ("--cluster 1", "clusters: expected a whole number from 2 to 256; received 1."),
        ("--clip -1", "limit: expected a magnitude above 0; received -1.0."),
        ("--clip much", "--clip: received 'much'; expected a magnitude or a percentile, as in 0.5 or 99%."),
        ("--qat", "%tune compress: expected data to train on; add --data x_train,y_train."),
        ("--prune 0.5 --data x_train", "--data: received x_train; expected two variables, as in x_train,y_train."),
        ("--prune 0.5 --data x,y_train", "%tune compress: there is no variable 'x' in the notebook."),
        ("--prune 0.5 --epochs -1 --data x_train,y_train", "epochs: expected a whole number from 0 on; received -1."),
        ("--slim 0.5 --data x_train,y_train", "joins 2 branches"),
    ],
)
def test_faults_are_told_in_one_line(notebook, shell, branched, line, message):
    shell.user_ns["net"] = branched
    assert message in notebook(f"%tune compress net {line}").error


@pytest.fixture(scope="module")
def branched():
    import keras

    start = keras.Input((64,))
    wide = keras.layers.Dense(16, "relu")(start)
    both = keras.layers.Add()([wide, keras.layers.Dense(16)(wide)])
    model = keras.Model(start, keras.layers.Dense(10, "softmax")(both))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def test_what_is_neither_a_model_nor_a_study_is_refused(notebook):
    assert notebook("%tune compress x_train --prune 0.5").error.startswith("%tune compress: x_train holds a ndarray")
    assert "no study in this kernel" in notebook("%tune compress --prune 0.5").error
