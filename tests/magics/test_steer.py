"""The verbs that steer a running search, with the real engine."""

import contextlib
import re
import signal
import threading

import pytest

from tests.magics.test_verbs import LONG, epochs_of, threading_event
from tunemagic import events as ev
from tunemagic.errors import OptionError, StudyError
from tunemagic.journal import read_journal
from tunemagic.trial import StudyState, replay


@pytest.fixture
def running(tune, shell):
    """A study whose first trial never ends by itself."""
    tune(f"digits {LONG}")
    study = shell.user_ns["study"]
    epochs_of(study, 1)
    return study


@pytest.fixture
def ended(tune, shell, quick_cell):
    """A study of one trial that has ended."""
    tune("digits -n 1 --epochs 1 --tuner random --view none", quick_cell)
    return shell.user_ns["study"]


def test_pause_try_space_budget_and_resume_steer_a_search_that_its_journal_tells_again(notebook, tune, running):
    said = notebook("%tune pause").out
    assert said.startswith("digits: trial 1/500 · no score yet · ")
    assert "elapsed · paused" in said
    assert (running.running, running.view.state) == (True, StudyState.PAUSED)
    assert notebook("%tune try units=12").out == "digits: next comes units=12\n"
    assert notebook("%tune").texts[0].splitlines()[2].split("  ")[2] == "0/500 · 1 waiting"
    assert notebook("%tune pause").out.endswith(" · 1 waiting\n")
    shown = notebook("%tune space --range units=8:16").texts[0]
    assert "units           8 … 16 step 4  8" in shown
    assert "the next proposals lie in the new range" in shown
    out = notebook("%tune budget digits -n 3").out
    assert out == "digits: the search ends after 3 trials; 1 trial at a time.\n"
    assert tune(f"digits {LONG}").err == ""  # the same cell joins what waits
    assert running.view.state is StudyState.PAUSED

    resumed = notebook("%tune resume digits").out
    assert resumed.startswith("digits: trial 1/3 · ")
    for number in (1, 2, 3):
        assert threading_event(running, lambda n=number: len(running.view.trials) == n).wait(60)
        epochs_of_trial(running, number)
        notebook("%tune skip")
    assert running.wait(60)
    view = running.view
    assert [trial.values["units"] for trial in view.trials][1] == 12
    assert view.trials[1].why == "you asked for it"
    assert view.trials[2].values["units"] in (8, 12, 16)
    assert view.end_message == "all 3 trials done"
    assert replay(read_journal(running.directory).events) == view


def epochs_of_trial(study, number):
    """Wait until this trial has ended an epoch."""
    assert threading_event(study, lambda: study.view.trial(number).epochs_done > 0).wait(60)


def test_a_paused_study_takes_no_options_to_go_on(notebook, running):
    notebook("%tune pause")
    error = notebook("%tune resume digits -n 9").error
    assert error.startswith("study digits is paused and goes on as it is; received options. ")
    assert running.view.state is StudyState.PAUSED


def test_resume_of_a_running_study_returns_at_once_and_takes_no_options(notebook, running):
    said = "digits is running already; `%tune budget digits -n 3` changes its limits.\n"
    assert notebook("%tune resume digits").out == said
    assert notebook("%tune resume").out == said
    assert notebook("%tune resume digits --max-trials 3").error == (
        "study digits is running already; received options. Change its limits with `%tune budget digits -n 3`."
    )
    assert (running.running, running.view.max_trials) == (True, 500)


def test_what_needs_a_paused_study_to_end_says_how_it_goes_on(notebook, running):
    notebook("%tune pause")
    reason = "study digits is paused; `%tune resume digits` goes on with it, `%tune stop digits` ends it."
    for line in ("%tune best", "%tune best --verify 2", "%tflite"):
        assert notebook(line).error == reason
    for name in ("best_trial", "best_values", "best_model"):
        with pytest.raises(StudyError, match=re.escape(reason)):
            getattr(running, name)
    running.stop()
    with contextlib.suppress(StudyError):  # there may be no score
        running.best_trial  # noqa: B018 - a stop ends a pause too, so this waits for it
    assert not running.running


def test_best_of_a_running_study_says_that_it_waits_and_an_interrupt_only_gives_that_up(notebook, running):
    timer = threading.Timer(0.5, signal.raise_signal, (signal.SIGINT,))
    running.subscribe(lambda event: timer.is_alive() or timer.ident or timer.start())
    cell = notebook("%tune best")
    assert cell.out == "digits: waiting for the search; Interrupt only gives up waiting.\n"
    assert cell.err == "UsageError: interrupted. A study that runs goes on; `%tune stop` ends it.\n"
    assert running.running


def test_stop_ends_a_paused_study(notebook, running):
    notebook("%tune pause")
    assert notebook("%tune stop").out.startswith("digits: 1/500 trials, stopped · ")
    assert str(running.view.trials[0].state) == "stopped"


def test_the_space_is_shown_without_options(notebook, ended):
    lines = notebook("%tune space").texts[0].splitlines()
    assert lines[0] == "digits: the search space now"
    assert lines[2].split() == ["units", "4", "…", "32", "step", "4", "4"]


def test_values_given_to_a_study_that_has_ended_run_when_it_goes_on(notebook, ended, shell, tune, quick_cell):
    out = notebook("%tune try units=20").out
    assert out == "digits: next comes units=20. It runs when the study goes on: %tune resume digits\n"
    tune("digits -n 1 --epochs 1 --tuner random --view none", quick_cell)  # the cell as it was
    assert [trial.values["units"] for trial in ended.view.trials] == [4, 20]
    assert (ended.view.max_trials, ended.view.queued) == (2, ())
    # And then nothing is left for it.
    assert tune("digits -n 1 --epochs 1 --tuner random --view none", quick_cell).err == ""
    assert len(ended.view.trials) == 2


def test_a_study_is_resumed_up_to_the_limit_that_it_has_by_now_unless_the_line_says_another(notebook, ended):
    notebook("%tune try units=20")
    notebook("%tune resume digits --view none")
    assert (len(ended.view.trials), ended.view.max_trials) == (2, 2)
    assert notebook("%tune resume digits --view none").err == ""  # its cell has said 1
    assert notebook("%tune resume digits -n 1").error == (
        "study digits has 2 trials, so --max-trials 1 leaves none to run. Give a larger number."
    )
    notebook("%tune resume digits -n 3 --view none")
    assert (len(ended.view.trials), ended.view.max_trials) == (3, 3)


def test_a_value_to_try_says_its_place_and_whether_it_was_tried_or_waits_already(notebook, ended):
    later = ". It runs when the study goes on: %tune resume digits\n"
    assert notebook("%tune try units=4").out == f"digits: next comes units=4; trial 1 had the same values{later}"
    off = "units=17 is not on the step of 4.\n"
    assert notebook("%tune try units=17").out == f"digits: after 1 other comes units=17{later}{off}"
    waits = "; the same values wait already"
    assert notebook("%tune try units=17").out == f"digits: after 2 others comes units=17{waits}{later}{off}"
    assert notebook("%tune").texts[0].splitlines()[2].split("  ")[2] == "1/1 · 3 waiting"


def test_a_name_under_a_condition_that_no_trial_has_met_is_not_known_yet(notebook, tune, quick_cell):
    body = quick_cell.replace(
        "units = ", 'if hp.Int("units", 4, 32, step=4) > 99: hp.Int("deeper", 1, 2)\n        units = '
    )
    assert tune("digits -n 1 --epochs 1 --tuner random --view none", body).err == ""
    for line in ("try deeper=1", "space --fix deeper=1"):
        assert notebook(f"%tune {line}").error == (
            "'deeper' is not known yet: a name under a condition appears when a trial meets it, and none has; "
            "known: units."
        )


def test_a_changed_space_shows_what_the_cell_says_and_goes_back_to_it(notebook, ended):
    shown = notebook("%tune space --range units=7:17").texts[0].splitlines()
    assert shown[2].split() == ["units", "8", "…", "16", "step", "4", "8", "4", "…", "32", "step", "4"]
    assert shown[-2:] == ["units: 7 became 8: the step is 4.", "units: 17 became 16: the step is 4."]
    assert notebook("%tune space --fix units=17").texts[0].endswith("\nunits=17 is not on the step of 4.")
    reset = notebook("%tune space digits --reset").texts[0].splitlines()
    assert reset[1].split() == ["hyperparameter", "values", "default"]
    assert reset[2].split() == ["units", "4", "…", "32", "step", "4", "4"]
    ended.narrow(fixed={"units": 8})
    assert ended.narrow(reset=True)
    assert ended.view.space == ended.cell_space


def test_tables_speak_the_language_that_the_line_asks_for(notebook, ended):
    for line in ("--lang zh", "--lang=zh", "space --lang zh", "space digits --lang zh"):
        assert any("\u4e00" <= char <= "\u9fff" for char in notebook(f"%tune {line}").texts[0])
    changed = notebook("%tune space digits --fix units=8 --lang zh").texts[0]
    assert any("\u4e00" <= char <= "\u9fff" for char in changed.splitlines()[-1])  # what it means for the strategy


def test_in_python_nothing_to_change_and_nothing_to_try_are_refused_as_in_lines(ended):
    with pytest.raises(OptionError, match=r"^space: received nothing to change; expected ranges, fixed, choices or "):
        ended.narrow()
    with pytest.raises(OptionError, match=r"^try: received no values; expected some, as in units=128"):
        ended.try_()


def test_a_space_narrowed_after_the_end_is_searched_when_the_cell_goes_on(notebook, ended, tune, quick_cell):
    notebook("%tune space --range units=40:48")
    tune("digits -n 3 --epochs 1 --tuner random --view none", quick_cell)
    values = [trial.values["units"] for trial in ended.view.trials]
    assert values[0] == 4
    assert set(values[1:]) < {40, 44, 48}
    # The cell says 4 to 32, and trains what it is given.
    assert all(trial.score == 1 / trial.values["units"] for trial in ended.view.trials)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("try unit=12", "'unit' is no hyperparameter of this study; expected one of units. Did you mean units?"),
        (
            "try units=999",
            "units: expected a value in 4 … 32 step 4; received 999. `%tune space --range` widens the range.",
        ),
        ("try units=relu", "units: expected a whole number; received 'relu'."),
        ("try units", "%tune try: received no values; expected some, as in units=128."),
        ("try", "%tune try: expected NAME=VALUE after it. %tune try -h lists all options."),
        ("try units=1 units=2", "%tune try: received units twice; expected each name once."),
        ("try units = 64", "NAME=VALUE: received '='; expected NAME=VALUE with no blanks around =, as in units=64."),
        (
            "try units= 64",
            "NAME=VALUE: received 'units='; expected NAME=VALUE with no blanks around =, as in units=64.",
        ),
        ("try units:64", "NAME=VALUE: received 'units:64'; expected NAME=VALUE, as in units=64."),
        ("space --range units=9:5", "units: the range 9 … 5 is empty; expected low <= high. Swap them."),
        ("space --range units=9", "--range: received '9'; expected two numbers, as in 1e-4:1e-2."),
        ("space --fix units", "--fix: received 'units'; expected name=value, as in units=128."),
        ("space --choices units=4,8", "units: its values are 4 … 32 step 4; choose some with --range or --fix."),
        (
            "space --range units=5:7",
            "units: the range 5 … 7 holds none of its steps; expected at least one, such as 4 or 8.",
        ),
        ("budget", "budget: received nothing to change; expected max_trials, minutes or workers."),
        ("budget -n 0", "max_trials: expected a whole number of at least 1; received 0."),
        (
            "budget -n 9",
            "study digits is finished: its budget can't be changed. `%tune resume digits -n 9` goes on with another "
            "one.",
        ),
        ("pause", "study digits is finished: there is nothing to pause."),
        ("pause nothere", "no study named 'nothere' in "),
    ],
)
def test_what_can_not_be_is_told_in_one_line_and_changes_nothing(notebook, ended, line, error):
    before = ended.events_after(0)
    assert notebook(f"%tune {line}").error.startswith(error)
    assert ended.events_after(0) == before


def test_more_workers_are_refused_where_trials_run_in_the_kernel(notebook, running):
    assert notebook("%tune budget -w 2").error == (
        "workers: received 2; these trials run in the kernel, one at a time. Stop the study and resume it with "
        "--workers 2."
    )
    assert [event for event in running.events_after(0) if isinstance(event, ev.ExecutorChosen)][1:] == []


def test_chosen_trials_are_a_table_in_python(ended):
    ended.try_(units=8)
    ended.start()
    assert ended.wait(60)
    assert len(ended.selected) == 0
    ended.select([2])
    assert list(ended.selected["units"]) == [8]
    with pytest.raises(StudyError, match=r"^study digits has 2 trials; received 9\.$"):
        ended.select([1, 9])
    assert list(ended.selected.index) == [2]
