"""The magics with the real engine, real Keras and real digits."""

import textwrap

import pytest

from tunemagic.study import Study

CELL = """
import keras
units = hp.Int("units", 8, 32, step=8)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16.0).astype("float32")[:300], found.target[:300]


@pytest.fixture
def notebook(notebook, shell, digits):
    """A loaded extension, 300 digits as x_train and y_train, and a way to run cells."""
    shell.user_ns["x_train"], shell.user_ns["y_train"] = digits
    return notebook


def tune(line, body=CELL):
    return f"%%tune {line}\n{textwrap.dedent(body)}"


def test_a_cell_gives_a_study_with_a_usable_best_model(notebook, shell, digits):
    shell.user_ns["model"] = mine = object()
    cell = notebook(tune("digits -n 2 --epochs 1 --seed 3"))
    assert cell.err == ""
    study = shell.user_ns["study"]
    assert isinstance(study, Study)
    assert study.name == "digits"
    assert study.best_model.predict(digits[0][:5], verbose=0).shape == (5, 10)
    assert shell.user_ns["model"] is mine
    assert "text/html" in cell.outputs[-1].data
    assert "digits" in cell.texts[-1]


def test_running_the_same_cell_again_shows_the_record_without_new_trials(notebook, shell):
    source = tune("digits -n 2 --epochs 1")
    notebook(source)
    before = shell.user_ns["study"].view
    cell = notebook(source)
    assert cell.err == ""
    assert shell.user_ns["study"].view.trials == before.trials
    assert len(cell.outputs) == 1


def test_a_larger_limit_goes_on_with_the_study(notebook, shell):
    notebook(tune("digits -n 1 --epochs 1"))
    notebook(tune("digits -n 2 --epochs 1"))
    assert len(shell.user_ns["study"].view.trials) == 2


def test_a_changed_cell_asks_for_new_or_resume(notebook, shell):
    notebook(tune("digits -n 1 --epochs 1"))
    before = shell.user_ns["study"].view
    error = notebook(tune("digits -n 1 --epochs 1", CELL + "\nextra = 1\n")).error
    assert "the cell changed" in error
    assert "--resume" in error
    assert "--new" in error
    assert shell.user_ns["study"].view == before


def test_new_starts_afresh(notebook, shell):
    notebook(tune("digits -n 2 --epochs 1"))
    first = shell.user_ns["study"]
    notebook(tune("digits -n 1 --epochs 1 --new"))
    assert shell.user_ns["study"] is not first
    assert len(shell.user_ns["study"].view.trials) == 1


def test_out_names_the_variable_and_a_users_own_study_is_kept(notebook, shell):
    shell.user_ns["study"] = "my own"
    notebook(tune("digits -n 1 --epochs 1 -o found"))
    assert shell.user_ns["study"] == "my own"
    assert shell.user_ns["found"].name == "digits"


def test_a_variable_is_one_token_of_the_line(notebook, shell):
    shell.user_ns["text"] = "a --max-trials 999"
    shell.user_ns["number"] = 1
    notebook(tune("{text} -n {number} --epochs 1"))
    study = shell.user_ns["study"]
    assert study.name == "a --max-trials 999"
    assert study.view.max_trials == 1


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("--max-tri 3", "unknown option. Did you mean --max-trials?"),
        ("--tuner baysian", "Did you mean bayesian?"),
        ("'open", "no closing quotation"),
        ("../../x", "study name: received '../../x'"),
        ("/etc/x", "study name: received '/etc/x'"),
        ("'<img src=x onerror=alert(1)>'", "study name: received '<img"),
        ("x" * 300, "study name: received"),
        ("$", "study name: received '$'"),
        ("{bad}", "study name: received 'a\\nb'"),
        ("--data nope", "nope"),
        ("--data x_trai,y_train", "x_train"),
        ("--objective val_acc", "val_accuracy"),
        ("--new --resume", "exclude each other"),
        ("nothere --resume", "there is no study named 'nothere'"),
        ("--workers 99", "this machine has"),
        ("--measure nope", "the notebook has no function"),
        ("--cluster nope", "expected a scheduler's address such as tcp://10.0.0.1:8786"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_written(notebook, shell, tmp_path, line, part):
    shell.user_ns["bad"] = "a\nb"
    cell = notebook(tune(f"--epochs 1 {line}"))
    assert part in cell.error
    assert not cell.result.success
    assert list(tmp_path.iterdir()) == []
    assert "study" not in shell.user_ns


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("   \n", "the cell is empty"),
        ("x = 1", "no Keras model found: the cell assigns x (int)."),
        ("model = 3", "model"),
        ("model = (", "line 2"),
        ("units = hp.Int('a', 1, 2)", "model"),
        ("1/0", "line 2"),
        ("import sys\nsys.exit()", "line 3"),
    ],
)
def test_a_faulty_cell_is_told_in_one_line_and_nothing_is_written(notebook, tmp_path, body, part):
    assert part in notebook(f"%%tune --epochs 1\n{body}\n").error
    assert list(tmp_path.iterdir()) == []


def test_a_line_of_old_keras_is_told_with_what_replaces_it(notebook, tmp_path):
    body = (
        "from keras.models import Sequential\n"
        "from keras.optimizers import Adam\n"
        "model = Sequential([keras.layers.Dense(hp.Int('neurons', 4, 8)), keras.layers.Dense(10, 'softmax')])\n"
        "model.compile(Adam(lr=0.001), 'sparse_categorical_crossentropy')\n"
    )
    assert notebook(f"%%tune --epochs 1\n{body}").error == (
        "line 5: ValueError: Argument(s) not recognized: {'lr': 0.001} (Keras 3: learning_rate= in place of lr=) "
        "[model.compile(Adam(lr=0.001), 'sparse_categorical_crossentropy')]"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_named_with_its_option(notebook, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    notebook("%config TuneMagics.directory = 'file'")
    error = notebook(tune("digits -n 1 --epochs 1")).error
    assert "file" in error
    assert "TuneMagics.directory" in error


def test_help_is_printed_and_nothing_is_done(notebook, tmp_path):
    cell = notebook(tune("-h", "raise RuntimeError"))
    assert cell.err == ""
    assert cell.out.startswith("::\n\n  %%tune [-h] [--new]")
    assert list(tmp_path.iterdir()) == []


def test_a_question_mark_shows_the_help(notebook):
    assert "--max-trials N" in notebook("%%tune?").out
    assert "--quant none|dynamic|float16|int8|int16x8|int4|mixed|all|best]" in notebook("%tflite?").out


def test_background_returns_at_once_and_stop_keeps_what_was_found(notebook, shell):
    cell = notebook(tune("digits -n 500 --epochs 500 --background --view none"))
    assert cell.err == ""
    study = shell.user_ns["study"]
    assert study.running
    stopped = notebook("%tune stop")
    assert stopped.err == ""
    assert stopped.out.startswith("digits: ")
    assert "/500 trials, stopped" in stopped.out
    assert not study.running


def test_defaults_are_configured(notebook, shell):
    notebook("%config TuneMagics.max_trials = 1\n%config TuneMagics.epochs = 1\n%config TuneMagics.tuner = 'grid'")
    notebook(tune("digits"))
    view = shell.user_ns["study"].view
    assert (view.max_trials, view.epochs, view.strategy) == (1, 1, "grid")


def test_verbs_act_on_a_study(notebook, shell):
    notebook(tune("digits -n 2 --epochs 1"))
    study = shell.user_ns["study"]
    assert notebook("%tune").texts[0].splitlines()[2].split()[:3] == ["digits", "finished", "2/2"]
    assert notebook("%tune status digits").texts == notebook("%tune show").texts
    best = notebook("%tune best -o winner")
    assert best.texts[0].startswith("digits: best val_loss ")
    assert shell.user_ns["winner"] is study.best_model
    code = notebook("%tune show --code digits")
    assert 'hp.Int("units", 8, 32, step=8)' in code.out
    assert notebook("%tune stop").out.startswith("digits: 2/2 trials, finished")


def test_run_and_resume_take_new_limits(notebook, shell):
    notebook(tune("digits -n 1 --epochs 1"))
    notebook("%tune run digits -n 2")
    assert len(shell.user_ns["study"].view.trials) == 2
    notebook("%tune resume -n 3")
    assert len(shell.user_ns["study"].view.trials) == 3


def test_a_study_of_another_kernel_is_listed_shown_and_resumed(notebook, shell, tmp_path):
    notebook(tune("digits -n 1 --epochs 1 --val 0.25"))
    shell.run_line_magic("unload_ext", "tunemagic")
    shell.run_line_magic("load_ext", "tunemagic")
    assert "digits" in notebook("%tune").texts[0]
    assert notebook("%tune show digits").err == ""
    assert "hp.Int" in notebook("%tune show digits --code").out
    assert notebook("%tune resume digits -n 2").err == ""
    assert len(shell.user_ns["study"].view.trials) == 2


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (
            "%tune stat",
            "check, explain, compress, demo, export, compare, why, lr, form, plot. Did you mean %tune status?",
        ),
        ("%tune status", "no study in this kernel yet"),
        ("%tune show nothere", "no study named 'nothere'"),
        ("%tune status ../x", "study name: received '../x'"),
        ("%tune best --new", "unknown option"),
    ],
)
def test_a_wrong_verb_is_told_in_one_line(notebook, tmp_path, line, part):
    assert part in notebook(line).error
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_study_does_not_hide_the_others(notebook, tmp_path):
    notebook(tune("digits -n 1 --epochs 1 --view none"))
    lines = (tmp_path / ".tunemagic" / "digits" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    damaged = tmp_path / ".tunemagic" / "damaged"
    damaged.mkdir()
    (damaged / "journal.jsonl").write_bytes(b"".join([lines[0], b"not an event\n", *lines[2:]]))
    (tmp_path / ".tunemagic" / "renamed").mkdir()
    (tmp_path / ".tunemagic" / "renamed" / "journal.jsonl").write_bytes(b"".join(lines))
    (text,) = notebook("%tune").texts
    title, _, *rows, fault = text.splitlines()
    assert title == "2 studies"
    assert [row.split()[:3] for row in rows] == [["digits", "finished", "1/1"], ["renamed", "finished", "1/1"]]
    assert fault.startswith("damaged: ")


def test_a_study_whose_trials_all_fail_shows_its_record_and_fails_its_cell(notebook, shell):
    body = (
        CELL
        + """
class Bomb(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        raise ValueError("no luck")
callbacks = [Bomb()]
"""
    )
    cell = notebook(tune("digits --epochs 1", body))
    assert "text/html" in cell.outputs[-1].data
    (line,) = cell.err.splitlines()
    assert line.startswith("UsageError: study digits found no model: ")
    assert "no luck" in cell.texts[-1]
    assert str(shell.user_ns["study"].view.state) == "failed"


def test_an_empty_book_is_an_empty_table(notebook):
    assert notebook("%tune").texts == ["0 studies\nstudy  state  trials  best  time  tuner"]
