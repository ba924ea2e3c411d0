"""The verbs that judge: check, compare, why and best --verify, with the real engine in a real shell."""

import re
import signal

import pytest

from tunemagic import events as ev


@pytest.fixture
def study(tune, shell):
    """A finished study of three trials of three epochs."""
    assert tune("digits -n 3 --epochs 3 --tuner random --objective val_accuracy --view none").err == ""
    return shell.user_ns["study"]


def test_check_shows_findings_as_text_and_page_in_the_asked_language(notebook, study):
    cell = notebook("%tune check digits")
    text = cell.outputs[0].data["text/plain"]
    assert text == study.diagnose().text()
    assert cell.outputs[0].data["text/html"] == study.diagnose().html()
    assert notebook("%tune check").texts == [text]
    assert notebook("%tune check study").texts == [text]
    assert any("\u4e00" <= char <= "\u9fff" for char in notebook("%tune check digits --lang zh").texts[0])


def test_check_takes_what_fit_returned(notebook, shell):
    notebook("h = {'loss': [2.0, 1.0, float('nan')], 'val_loss': [2.0, 1.0, 1.0]}")
    assert notebook("%tune check h").texts[0].startswith("Diverged: The training loss blew up in epoch 3")
    notebook(
        "model = keras.Sequential([keras.layers.Dense(10, 'softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "fitted = model.fit(x_train, y_train, validation_split=0.2, verbose=0)"
    )
    leak = notebook("%tune check fitted --data x_train,y_train --val x_train,y_train").texts[0]
    assert leak.startswith("Leak suspected: same samples in both parts: 80 of 80 validation samples (100 %)")


def test_check_looks_at_data_alone_when_it_names_no_training(notebook, shell):
    alone = notebook("%tune check --data x_train,y_train").texts[0]
    assert alone.startswith("Constant columns: 11 of 64 columns hold one value only: x_train[:, 0], x_train[:, 8],")
    notebook("import numpy as np\nx_new, y_new = np.concatenate([x_train[:5] + 1, x_train[:5]]), y_train[:10]")
    leak = notebook("%tune check --data x_train,y_train --val x_new,y_new")
    assert leak.texts[0].startswith(
        "Leak: same samples in both parts: 5 of 10 validation samples (50 %) are trained on too"
    )
    assert leak.outputs[0].data["text/html"].startswith("<p><strong>Leak: same samples in both parts</strong>")
    chinese = notebook("%tune check --data x_train --val x_new --lang zh").texts[0]
    assert chinese.startswith("数据泄漏：两部分含有相同样本")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "check --val x_train,y_train",
            "%tune check: received --val without --data; expected both, as in --data x_train,y_train.",
        ),
        (
            "check --data x_train,h",
            "h is a dict; expected an array or a table with a row for each sample.",
        ),
        ("check --data x_train,y", "%tune check: there is no variable 'y' in the notebook."),
        (
            "check nothing_like_it",
            "%tune check: 'nothing_like_it' is no study and no variable; expected a study, or a variable with what fit "
            "returned.",
        ),
        (
            "check x_train",
            "%tune check: 'x_train' is a ndarray; expected a study, or a variable with what fit returned.",
        ),
        ("check h --data z", "%tune check: there is no variable 'z' in the notebook."),
    ],
)
def test_check_refuses_what_is_no_training(notebook, shell, line, error):
    shell.user_ns["h"] = {"loss": [1.0, 0.5]}
    assert notebook(f"%tune {line}").error == error


def test_compare_shows_a_table_and_both_curves_and_refuses_other_numbers(notebook, study):
    cell = notebook("%tune compare 1 2")
    lines = cell.texts[0].splitlines()
    assert lines[0] == "digits: trials 1 and 2"
    assert lines[1].split("  ")[0] == "what differs"
    assert any(line.startswith("units") for line in lines)
    assert lines[-1].startswith("How much of that is luck is not known")
    assert cell.outputs[1].data["image/png"]
    assert (
        notebook("%tune compare 1 1").error
        == "received trial 1 twice; expected the numbers of two trials of study digits."
    )
    assert notebook("%tune compare 1 9").error == "study digits has 3 trials; received 9."


def test_best_test_scores_the_best_model_on_a_part_of_its_own(notebook, shell, study):
    notebook(
        "from sklearn.datasets import load_digits\n"
        "x_test, y_test = (load_digits().data[-90:] / 16).astype('float32'), load_digits().target[-90:]"
    )
    cell = notebook("%tune best digits --test x_test,y_test")
    assert cell.err == ""
    info = study.test(shell.user_ns["x_test"], shell.user_ns["y_test"])
    lines = cell.texts[1].splitlines()
    assert lines[0] == f"digits, trial {info.trial}: accuracy on data that the search has never seen"
    assert lines[1].split() == ["part", "samples", "score", "95", "%", "interval"]
    assert lines[2].split()[:2] == ["validation", "16"]
    assert lines[3].split()[:2] == ["test", "90"]
    assert "<td>test</td><td>90</td>" in cell.outputs[1].data["text/html"]
    faulty = notebook("%tune best --test x_test")
    assert faulty.err.endswith("the test part needs targets: test(x_test, y_test), --test x_test,y_test.\n")
    assert faulty.outputs == []  # what is wrong comes before any table
    assert "测试集" in notebook("%tune best --test x_test,y_test --lang zh").texts[1]


def test_best_verify_says_whether_the_gain_is_noise(notebook, study):
    one = notebook("%tune best --verify 1")
    assert (one.err, one.outputs) == (
        "UsageError: received 1 repeats; expected 2 or more, since one score has no spread.\n",
        [],
    )
    cell = notebook("%tune best --verify 2")
    assert cell.err == ""
    lines = cell.out.splitlines()
    assert re.fullmatch(r"digits: \d trainings from other seeds, of trials? .*; about [\d.]+ s in all", lines[0])
    count = int(lines[0].split()[1])
    assert [line.split(": trial")[0] for line in lines[1:]] == [f"{done} of {count}" for done in range(1, count + 1)]
    table = cell.texts[1].splitlines()
    assert table[0] == "digits: val_accuracy of 2 trainings from other seeds"
    assert [row.split()[1] for row in table[2:3]] == ["best"]
    assert all("the noise of" in line or "no gain" in line for line in table if line.startswith("Trial "))
    compared = notebook("%tune compare 1 2").texts[0].splitlines()[-1]
    assert compared.startswith(("That is inside the noise", "That is more than noise"))
    assert "trained again" in notebook(f"%tune why {study.best_trial.number}").texts[0]


def test_an_interrupt_of_best_verify_says_what_is_kept(notebook, study):
    def press(event):
        if isinstance(event, ev.TrialVerified):
            signal.raise_signal(signal.SIGINT)

    end = study.subscribe(press)
    cell = notebook("%tune best --verify 2")
    end()
    best = study.view.best
    kept = f"the new scores of trial {best} are kept. The study itself is as it was."
    assert re.fullmatch(rf"UsageError: interrupted after 2 of \d trainings; {kept}\n", cell.err)
    assert len(study.view.best_trial.verified) == 2
