"""``%tune run --model``: a search of a ready-made model, without a cell."""

import numpy as np
import pytest

from tunemagic.magics.lines import given_options, tune_parser
from tunemagic.magics.ready import cell_text
from tunemagic.magics.tokens import split_line

LINE = "--epochs 1 --tuner random --view none"


def test_a_ready_made_model_is_searched_and_its_cell_is_printed(notebook, shell):
    cell = notebook(f"%tune run --model linear digits --max-trials 2 {LINE} --objective val_accuracy")
    study = shell.user_ns["study"]
    assert cell.err == ""
    assert cell.out == (
        "%%tune digits --tuner random --objective val_accuracy --max-trials 2 --epochs 1 --view none\n"
        "from tunemagic import models\n\nbuild = models.linear(x_train, y_train)\n"
    )
    assert (study.name, len(study.view.ranking())) == ("digits", 2)
    assert "batch_size" in study.best_values
    assert study.best_model.predict(shell.user_ns["x_train"], verbose=0).shape == (80, 10)


@pytest.mark.parametrize(
    ("target", "objective"), [("y_train", "val_accuracy"), ("numbers", "val_mae"), ("y_train", "val_loss")]
)
def test_penalties_do_not_count_against_a_model_unless_that_is_asked(notebook, shell, target, objective):
    shell.user_ns["numbers"] = np.linspace(0, 1, 80)
    asked = "--objective val_loss" if objective == "val_loss" else ""
    cell = notebook(f"%tune run --model linear digits -n 1 {LINE} --data x_train,{target} {asked}")
    assert f"--objective {objective} " in cell.out.splitlines()[0]
    assert shell.user_ns["study"].view.objective == objective


def test_the_printed_cell_is_the_same_study(notebook, shell):
    printed = notebook(f"%tune run --model linear digits -n 1 {LINE}").out
    first = shell.user_ns["study"]
    assert notebook(printed).err == ""
    assert shell.user_ns["study"] is first
    assert len(first.view.trials) == 1


def test_another_kernel_goes_on_with_it_from_the_journal(notebook, shell, namespace):
    notebook(f"%tune run --model linear digits -n 1 {LINE}")
    notebook("%reload_ext tunemagic")
    assert notebook("%tune resume digits -n 2 --view none").err == ""
    assert len(shell.user_ns["study"].view.ranking()) == 2


def test_the_autoencoder_needs_no_target(notebook, shell):
    cell = notebook(f"%tune run --model autoencoder ae -n 1 {LINE}")
    assert cell.err == ""
    assert "--data x_train,x_train" in cell.out
    assert cell.out.endswith("build = models.autoencoder(x_train)\n")
    assert shell.user_ns["study"].best_model.output_shape == (None, 64)


def test_the_autoencoder_is_judged_by_named_inputs_too(notebook, shell):
    shell.user_ns["x_val"] = shell.user_ns["x_train"][:20]
    cell = notebook(f"%tune run --model autoencoder ae -n 1 {LINE} --data x_train --val x_val")
    assert cell.err == ""
    assert "--data x_train,x_train --val x_val,x_val" in cell.out
    assert shell.user_ns["study"].view.best_trial.score is not None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "--model cn",
            "--model: received 'cn'; expected linear, dense, cnn, conv1d, rnn, autoencoder, text or recommender. "
            "Did you mean cnn?",
        ),
        (
            "--model cnn",
            "models.cnn: received x of shape (80, 64); expected images (rows, height, width[, channels]). "
            "Try linear or dense for columns, conv1d or rnn for series.",
        ),
        (
            "--model dense --data x_train",
            "--model dense: x_train has no target beside it; expected two arrays, as in --data x_train,y_train.",
        ),
        (
            "--model dense --replay mnist1d",
            "--replay and --model exclude each other: a table's curves are fixed, nothing is trained.",
        ),
        ("--model dense --data x_train,labels", "y: every row is 1; expected at least two classes or values."),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(notebook, shell, tmp_path, line, message):
    shell.user_ns["labels"] = np.ones(80, int)
    assert notebook(f"%tune run {line}").error == message
    assert not (tmp_path / ".tunemagic").exists()


@pytest.mark.parametrize(
    "line",
    [
        "",
        "'a name' --new --seed 3 -o found --val x_val,y_val --data x,y -n 5",
        "--objective val_loss --objective my:max --minutes 2.5 --val last:0.25 --background --lang zh",
        "--tuner tpe --pruner none --folds 3 --repeats 2 -w 0 --memory-gb 1.5 --keep 2 --measure size --max-params 9 "
        "--max-kb 30 --max-ms 0.5 --quant int8",
    ],
)
def test_a_written_line_means_what_was_given(line):
    given = given_options(tune_parser(), split_line(line, {}))
    first, body = cell_text(tune_parser(), given, "body\n").split("\n", 1)
    assert given_options(tune_parser(), split_line(first.removeprefix("%%tune"), {})) == given
    assert body == "body\n"
