"""Steering one study with real training: pauses that survive a kill, values and ranges of the user's."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.errors import OptionError, SpaceError, StudyBusyError, StudyError
from tunemagic.request import Tuner
from tunemagic.study import Study
from tunemagic.studybook import StudyBook, needs_run
from tunemagic.trial import StudyState, TrialState

LONG = 1_000_000  # epochs that no test waits for
PATIENCE = 120.0  # seconds until a test gives up


def run(study: Study) -> Study:
    study.start()
    assert study.wait(PATIENCE)
    return study


def units(study: Study) -> list[Any]:
    return [trial.values["units"] for trial in study.view.trials]


# -- pauses ------------------------------------------------------------------------------------------


def test_a_paused_trial_is_on_disk_waits_and_goes_on_where_it_was(open_cell: Any) -> None:
    study = open_cell(epochs=40, max_trials=1, workers=0)
    saved = []

    def steer(event: ev.Event) -> None:
        if isinstance(event, ev.EpochEnded) and event.epoch == 3:
            study.pause()  # by the loop's own thread: it is done a moment later
        if isinstance(event, ev.TrialStateSaved):
            saved.append((study.view.state, event.epoch))
            study.resume()

    study.subscribe(steer)
    run(study)
    (trial,) = study.view.trials
    assert [state for state, _ in saved] == [StudyState.PAUSED]
    assert saved[0][1] >= 3
    assert (trial.state, trial.attempt, trial.epochs_done) == (TrialState.COMPLETED, 1, 40)
    assert study.view.state is StudyState.FINISHED


KILLED = """
import os, signal, sys
from pathlib import Path
import keras
import numpy as np
from tunemagic import events as ev
from tunemagic.request import TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.studybook import StudyBook

folder, cell, arrays = Path(sys.argv[1]), sys.argv[2], np.load(sys.argv[3])
namespace = {"__name__": "__main__", "keras": keras, "x_train": arrays["x"], "y_train": arrays["y"]}
request = TuneRequest(name="s", max_trials=1, epochs=1_000_000, workers=0)
data = resolve_data(request, namespace, seed=0)
program = read_cell(cell, namespace, first_line=2, data_names=(*data.names, *data.val_names))
study = StudyBook(folder).open(request, program, data, sources=program.sources)

def steer(event):
    if isinstance(event, ev.EpochEnded) and event.epoch == 2:
        study.pause()
    if isinstance(event, ev.TrialStateSaved):
        study.try_(units=20)
    if isinstance(event, ev.TrialQueued):
        os.kill(os.getpid(), signal.SIGKILL)

study.subscribe(steer)
study.start()
study.wait()
"""


@pytest.mark.slow
def test_a_study_that_is_killed_in_a_pause_goes_on_from_there(
    open_cell: Any, cell: str, namespace: dict[str, Any], tmp_path: Path
) -> None:
    np.savez(tmp_path / "arrays.npz", x=namespace["x_train"], y=namespace["y_train"])
    script = [sys.executable, "-c", KILLED, str(tmp_path / "studies"), cell, str(tmp_path / "arrays.npz")]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr[-2000:]
    other = StudyBook(tmp_path / "studies")
    shown = other.get("s")
    assert (shown.view.state, shown.view.queued) == (StudyState.INTERRUPTED, ({"units": 20},))
    epoch = shown.view.trial(1).state_epoch
    assert epoch >= 2
    other.close()

    study = open_cell(cell, epochs=LONG, max_trials=1, workers=0)
    assert needs_run(study)
    study.subscribe(lambda event: study.skip() if isinstance(event, ev.EpochEnded) else None)
    run(study)
    first, second = study.view.trials
    assert (first.attempt, first.resumed_epoch) == (2, epoch)
    assert (second.values, second.why) == ({"units": 20}, "you asked for it")


# -- another space -----------------------------------------------------------------------------------


def test_a_space_that_was_changed_stays_so_in_the_next_kernel_and_gives_models_beyond_the_cells_ranges(
    open_cell: Any, quick_cell: str, book: StudyBook
) -> None:
    study = run(open_cell(quick_cell, workers=0, max_trials=1, tuner=Tuner.RANDOM))
    assert study.narrow(ranges={"units": (40, 60)}) == (
        "the next proposals lie in the new range; 0 of 1 trials so far do as well"
    )
    study.close()
    again = StudyBook(book.root)
    study = run(open_cell(quick_cell, workers=0, book=again, max_trials=3, tuner=Tuner.RANDOM))
    assert all(40 <= value <= 60 for value in units(study)[1:])
    assert study.best_model.layers[0].units == max(units(study))
    assert not [event for event in study.events_after(0) if isinstance(event, ev.SpaceChanged) and not event.asked]
    again.close()


def test_a_range_that_the_cell_changes_wins_and_the_others_stay_as_the_user_wants_them(
    open_cell: Any, quick_cell: str
) -> None:
    source = quick_cell.replace("units = ", 'hp.Float("rate", 0.0, 1.0)\n        units = ')
    study = run(open_cell(source, workers=0, max_trials=1, tuner=Tuner.RANDOM))
    study.narrow(ranges={"units": (40, 60)}, fixed={"rate": 3.0})
    edited = source.replace("4, 32, step=4", "4, 64, step=4")
    run(open_cell(edited, workers=0, max_trials=3, tuner=Tuner.RANDOM, resume=True))
    described = {parameter.name: parameter.describe() for parameter in study.view.space.parameters}
    assert described == {"rate": "3 … 3", "units": "4 … 64 step 4"}
    assert [trial.values["rate"] for trial in study.view.trials] == [0.0, 3.0, 3.0]


def test_values_that_are_fixed_reach_every_kind_of_parameter_in_the_cell(open_cell: Any, quick_cell: str) -> None:
    source = quick_cell.replace(
        "units = ",
        """hp.Choice("act", ["relu", "tanh"])
        norm = hp.Boolean("norm")
        assert hp.get("act") != "tanh" or norm is True
        if norm:
            hp.Int("deep", 1, 3)
        units = """,
    )
    study = run(open_cell(source, workers=0, max_trials=1, tuner=Tuner.RANDOM))
    study.narrow(fixed={"norm": True, "units": 50}, choices={"act": ["tanh"]})
    run(open_cell(source, workers=0, max_trials=3, tuner=Tuner.RANDOM))
    assert [str(trial.state) for trial in study.view.trials] == ["completed"] * 3
    assert [trial.values["norm"] for trial in study.view.trials] == [False, True, True]
    assert study.best_values["units"] == 50
    assert study.best_model.layers[0].units == 50


def test_of_changes_that_come_together_none_is_lost_also_when_a_trial_names_a_hyperparameter_meanwhile(
    open_cell: Any, quick_cell: str
) -> None:
    source = quick_cell.replace("units = ", 'hp.Choice("act", ["relu", "tanh"])\n        units = ')
    source = source.replace("return 1", 'hp.Float("rate", 0.0, 1.0)\n        return 1')
    study = open_cell(source, workers=0, max_trials=3, tuner=Tuner.RANDOM)

    def narrow(event: ev.Event) -> None:
        if isinstance(event, ev.TrialStarted) and event.trial == 1:
            study.narrow(ranges={"units": (40, 60)})
            study.narrow(choices={"act": ["tanh"]})

    study.subscribe(narrow)
    run(study)
    described = {parameter.name: parameter.describe() for parameter in study.view.space.parameters}
    assert described == {"act": "tanh", "units": "40 … 60 step 4", "rate": "0 … 1"}
    assert all(40 <= value <= 60 for value in units(study)[1:])


def test_a_space_that_is_changed_while_the_search_starts_is_searched_and_stays(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, workers=0, max_trials=3, tuner=Tuner.RANDOM)
    make_executor, said = study.make_executor, []
    other = threading.Thread(target=lambda: said.append(study.narrow(ranges={"units": (40, 60)})))

    def make(work: Any, view: Any) -> Any:
        other.start()
        other.join(0.1)  # it waits for the search
        return make_executor(work, view)

    study.make_executor = make
    run(study)
    other.join(PATIENCE)
    assert said == ["the next proposals lie in the new range; 0 of 0 trials so far do as well"]
    assert all(40 <= value <= 60 for value in units(study))
    (space,) = [event.space for event in study.events_after(0) if isinstance(event, ev.SpaceChanged)]
    assert study.view.space.to_json() == space


def test_what_is_asked_of_a_search_that_can_not_start_is_not_waited_for(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, workers=0)
    said: list[str] = []

    def pause() -> None:
        with pytest.raises(StudyError) as caught:
            study.pause()
        said.append(str(caught.value))

    other = threading.Thread(target=pause)

    def make(work: Any, view: Any) -> Any:
        other.start()
        other.join(0.1)
        raise OptionError("no workers today.")

    study.make_executor = make
    with pytest.raises(OptionError, match=r"^no workers today\.$"):
        study.start()
    other.join(PATIENCE)
    assert said == ["study s is failed: there is nothing to pause."]


# -- another budget ----------------------------------------------------------------------------------


def test_a_budget_that_was_changed_is_not_undone_when_the_same_cell_runs_again(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, workers=0, max_trials=2)
    leave = study.subscribe(
        lambda event: study.set_budget(max_trials=4) if isinstance(event, ev.TrialStarted) else None
    )
    run(study)
    leave()
    assert (study.view.max_trials, len(study.view.trials)) == (4, 4)
    assert not needs_run(open_cell(quick_cell, workers=0, max_trials=2))
    assert needs_run(open_cell(quick_cell, workers=0, max_trials=6))  # the cell asks for something else now
    assert len(run(study).view.trials) == 6


def test_a_limit_that_is_asked_for_when_going_on_counts_also_when_it_is_that_of_the_cell(
    open_cell: Any, quick_cell: str
) -> None:
    study = open_cell(quick_cell, workers=0, max_trials=5)
    leave = study.subscribe(
        lambda event: study.set_budget(max_trials=2) if isinstance(event, ev.TrialStarted) else None
    )
    run(study)
    leave()
    assert len(study.view.trials) == 2
    assert not needs_run(open_cell(quick_cell, workers=0, max_trials=5))
    again = open_cell(quick_cell, workers=0, max_trials=5, resume=True)
    assert needs_run(again)
    assert (len(run(again).view.trials), study.view.max_trials) == (5, 5)


# -- what can't be -----------------------------------------------------------------------------------


def test_what_needs_a_running_search_says_so(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, workers=0, max_trials=1)
    with pytest.raises(StudyError, match=r"^study s has not started: there is nothing to pause\.$"):
        study.pause()
    run(study)
    with pytest.raises(StudyError) as caught:
        study.resume()
    assert str(caught.value) == (
        "study s is finished: there is no pause to end. Run its cell again, or `%tune resume s`, to go on."
    )
    with pytest.raises(StudyError, match=r"^study s is finished: its budget can't be changed\. "):
        study.set_budget(max_trials=9)
    for budget in ({}, {"max_trials": 0}, {"minutes": 0}, {"minutes": True}, {"minutes": 10**400}, {"workers": True}):
        with pytest.raises(OptionError):
            study.set_budget(**budget)


def test_a_search_that_is_just_ending_says_so(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, workers=0, max_trials=1)
    said: list[str] = []

    def pause(event: ev.Event) -> None:
        if isinstance(event, ev.StudyEnded):
            with pytest.raises(StudyError) as caught:
                study.pause()
            said.append(str(caught.value))

    study.subscribe(pause)
    run(study)
    assert said == ["study s is ending: there is nothing to pause."]


def test_nothing_is_written_of_what_is_refused(open_cell: Any, quick_cell: str) -> None:
    study = run(open_cell(quick_cell, workers=0, max_trials=1))
    before = study.events_after(0)
    for refused in (
        lambda: study.try_(units=999),
        lambda: study.try_(unit=8),
        lambda: study.narrow(ranges={"units": (9, 11)}),
        lambda: study.narrow(fixed={"unit": 8}),
    ):
        with pytest.raises(SpaceError):
            refused()
    assert study.events_after(0) == before
    study.close()
    for refused in (lambda: study.try_(units=8), lambda: study.narrow(fixed={"units": 8})):
        with pytest.raises(StudyBusyError, match=r"^study s was closed$"):
            refused()
