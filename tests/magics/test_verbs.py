"""The verbs that act on trials and on tables, with the real engine."""

import json

import numpy as np
import pytest

LONG = "-n 500 --epochs 5000 --tuner random --pruner none --background --view none"


def epochs_of(study, count):
    """Wait until the first trial of a running study has ended this many epochs."""
    seen = threading_event(study, lambda: study.view.trials and study.view.trials[0].epochs_done >= count)
    assert seen.wait(60)


def threading_event(study, holds):
    """An event that is set when ``holds()`` is true after one of the study's events."""
    import threading

    event = threading.Event()

    def look(_):
        if holds():
            event.set()

    study.subscribe(look)
    look(None)
    return event


@pytest.fixture
def study(tune, shell):
    """A finished study of two trials."""
    assert tune("digits -n 2 --epochs 2 --tuner random --view none").err == ""
    return shell.user_ns["study"]


@pytest.fixture
def table(tmp_path):
    """A file of learning curves: eight configurations of three epochs."""
    path = tmp_path / "curves.jsonl"
    rows = [{"values": {"units": units}, "curves": {"val_loss": [1.0, 0.5, 1 / units]}} for units in range(4, 36, 4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# -- why ---------------------------------------------------------------------------------------------


def test_why_says_what_happened_in_a_trial(notebook, study):
    (text,) = notebook("%tune why 2").texts
    lines = text.splitlines()
    assert lines[0] == "digits: trial 2"
    labels = [line.split("  ")[0] for line in lines[2:]]
    assert labels[:2] == ["state", "score"]
    assert {"values", "proposed as", "trained", "trained by", "epochs"} <= set(labels)


def test_why_names_the_users_line_of_a_failed_trial(notebook, tune, cell):
    body = f"{cell}if units > 4:\n    raise ValueError('<b>too many</b>')\n"
    tune("broken -n 3 --epochs 1 --tuner grid --view none", body)
    shown = notebook("%tune why 2 broken").outputs[0].data
    assert "line 8: raise ValueError('<b>too many</b>')" in shown["text/plain"]
    assert "ValueError: <b>too many</b>" in shown["text/plain"]
    assert "&lt;b&gt;too many&lt;/b&gt;" in shown["text/html"]
    assert "<b>" not in shown["text/html"]


def test_why_shows_what_a_worker_printed(notebook, tune, cell):
    tune("talking -n 1 --epochs 1 -w 1 --view none", f"{cell}print('hello from the trial')\n")
    assert "hello from the trial" in notebook("%tune why 1 talking").texts[0]


def test_why_takes_the_study_that_runs(notebook, tune, shell, study):
    tune(f"other {LONG}")
    epochs_of(shell.user_ns["study"], 1)
    notebook("%tune status digits")
    assert notebook("%tune why 1").texts[0].startswith("other: trial 1\n")


def test_a_trial_that_is_not_there_is_told(notebook, study):
    assert notebook("%tune why 9").error == "study digits has 2 trials; received 9."


def test_a_study_with_a_single_trial_is_told_as_such(notebook, tune):
    tune("digits -n 1 --epochs 1 --view none")
    assert notebook("%tune why 2").error == "study digits has 1 trial; received 2."


# -- stop, status, skip ------------------------------------------------------------------------------


def test_stop_and_status_mean_the_same_study(notebook, tune, shell, study):
    tune(f"running {LONG}")
    running = shell.user_ns["study"]
    tune("later -n 1 --epochs 1 --view none")
    status = notebook("%tune status")
    assert status.texts[0].startswith("running: trial 1/500")
    assert notebook("%tune stop").out.startswith("running: ")
    assert not running.running
    assert notebook("%tune status").texts[0].startswith("later: ")


def test_skip_ends_the_running_trial_with_its_best_epoch_and_the_study_goes_on(notebook, tune, shell):
    tune(f"digits {LONG}")
    running = shell.user_ns["study"]
    epochs_of(running, 2)
    second = threading_event(running, lambda: len(running.view.trials) > 1)
    assert notebook("%tune skip 1").out == "digits: trial 1 ends with its best epoch so far.\n"
    assert second.wait(60)
    first = running.view.trials[0]
    assert (str(first.state), first.score is not None) == ("stopped", True)
    assert running.running


def test_skip_without_a_number_means_the_trial_that_runs(notebook, tune, shell):
    tune(f"digits {LONG}")
    running = shell.user_ns["study"]
    epochs_of(running, 1)
    second = threading_event(running, lambda: len(running.view.trials) > 1)
    assert notebook("%tune skip digits").out == "digits: trial 1 ends with its best epoch so far.\n"
    assert second.wait(60)


def test_only_running_trials_can_be_skipped(notebook, tune, shell, study):
    assert notebook("%tune skip").error == "study digits: no trial runs now, so there is none to skip."
    assert notebook("%tune skip 1 digits").error == "study digits: no trial runs now, so there is none to skip."
    tune(f"running {LONG}")
    epochs_of(shell.user_ns["study"], 1)
    assert notebook("%tune skip 7").error == "study running: trial 7 does not run; running now: 1."


# -- replay ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tuner", ["random", "grid", "tpe", "hyperband", "bohb"])
def test_a_strategy_runs_on_a_table_of_curves(notebook, shell, table, tuner):
    cell = notebook(f"%tune run --replay {table} --tuner {tuner} -n 6 --seed 3 played")
    assert cell.err == ""
    view = shell.user_ns["study"].view
    assert (view.study, view.executor, view.strategy, view.ended_trials) == ("played", "replay", tuner, 6)
    assert all(trial.metrics["val_loss"] >= 1 / 32 for trial in view.trials)
    assert "text/html" in cell.outputs[-1].data


def test_a_replay_is_shown_listed_and_gone_on_with_like_a_study(notebook, shell, table):
    notebook(f"%tune run --replay {table} --tuner random -n 2 played --view none")
    assert notebook("%tune").texts[0].splitlines()[2].split()[:3] == ["played", "finished", "2/2"]
    assert notebook("%tune best").texts[0].startswith("played: best val_loss ")
    notebook(f"%tune run --replay {table} --tuner random -n 4 played --view none")
    assert shell.user_ns["study"].view.ended_trials == 4


def test_a_replay_of_another_kernel_says_how_to_go_on(notebook, shell, table):
    notebook(f"%tune run --replay {table} --tuner random -n 2 played --view none")
    shell.run_line_magic("unload_ext", "tunemagic")
    shell.run_line_magic("load_ext", "tunemagic")
    assert notebook("%tune resume played -n 4").error == (
        "study played replays a table; go on with `%tune run --replay TABLE played`."
    )
    assert notebook(f"%tune run --replay {table} --tuner random -n 4 played --view none").err == ""
    assert shell.user_ns["study"].view.ended_trials == 4


def test_a_malformed_table_is_told_with_its_line(notebook, tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text('{"values": {"a": 1}, "curves": {"val_loss": [1]}}\n{"values": 3}\n', encoding="utf-8")
    error = notebook(f"%tune run --replay {path}").error
    assert error.startswith(f"{path}, line 2: ")
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_that_is_not_there_names_those_that_are(notebook):
    assert notebook("%tune run --replay nothere").error.startswith("--replay: there is no table 'nothere'; expected ")


def test_run_without_a_study_says_what_it_does(notebook, tmp_path):
    error = notebook("%tune run").error
    assert "runs a study's last cell again" in error
    assert "`%tune run --replay TABLE`" in error
    assert list(tmp_path.iterdir()) == []


# -- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("--workers 99", "--workers 99: this machine has "),
        ("--folds 99", "--folds 99: "),
        ("--cluster nothere", "--cluster: received 'nothere'; expected a scheduler's address such as "),
        ("--measure keras", "--measure: keras is a module; expected a function "),
        ("--objective val_loss --objective speed", "--objective speed: expected one of "),
        ("--objective val_loss --objective accuracy:up", "--objective: received 'accuracy:up'; expected min or max"),
    ],
)
def test_what_can_not_be_done_is_told_in_one_line_and_nothing_is_written(tune, tmp_path, line, start):
    workers = "" if "--workers" in line else "-w auto"
    assert tune(f"--epochs 1 -n 2 {workers} {line}").error.startswith(start)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "x_train"])
def test_a_cluster_that_is_none_is_told_and_the_record_says_so_too(tune, shell, address):
    cell = tune(f"--epochs 1 -n 2 --cluster {address} -w auto")
    (line,) = cell.err.splitlines()
    assert line.startswith("UsageError: --cluster")
    assert "text/html" in cell.outputs[-1].data
    assert str(shell.user_ns["study"].view.end_reason) == "error"


def test_a_wrong_name_after_hp_is_told_with_the_line(tune, cell):
    assert tune("--epochs 1", cell.replace("hp.Int", "hp.Imt")).error == (
        "line 3: hp has no Imt; expected hp.Int, hp.Float, hp.Choice or hp.Boolean. Did you mean hp.Int? "
        '[units = hp.Imt("units", 4, 32, step=4)]'
    )


def test_nan_in_the_data_is_told_with_the_failure(tune, shell):
    shell.user_ns["x_train"][[3, 5, 7], 1] = np.nan
    cell = tune("spoilt --epochs 1 -n 5 --view text")
    assert "x_train has 3 NaN values" in cell.err
    assert "loss became nan in epoch 1" in cell.err


def test_a_space_of_one_point_is_one_trial(tune, cell, shell):
    source = cell.replace('hp.Int("units", 4, 32, step=4)', 'hp.Choice("units", [8])')
    assert tune("one --epochs 1 -n 5 --view none", source).err == ""
    view = shell.user_ns["study"].view
    assert (view.ended_trials, str(view.end_reason)) == (1, "exhausted")


def test_a_grid_over_a_range_without_steps_says_how_many_points_it_takes(tune, cell, shell):
    tune("grid --epochs 1 -n 2 --tuner grid --view none", f'rate = hp.Float("rate", 0.0, 0.5)\n{cell}')
    notes = " ".join(shell.user_ns["study"].view.notes)
    assert "grid: rate (0 … 0.5) has no step, so the grid takes 11 of its values" in notes


def test_limits_that_no_trial_meets_end_the_study_with_the_reason(tune, cell, shell):
    source = cell.replace("4, 32, step=4", "4, 400")
    error = tune("small --epochs 1 -n 500 --tuner random --max-params 10 --view none", source).error
    assert error.startswith("study small found no model: ")
    assert "--max-params 10" in error
    assert str(shell.user_ns["study"].view.end_reason) == "limits"
