"""One study with real training: it ends, stops, fails and goes on without losing what was finished."""

import json
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.errors import StorageError, StudyBusyError, StudyError
from tunemagic.events import Direction
from tunemagic.journal import Journal, read_journal
from tunemagic.request import Objective, Tuner
from tunemagic.study import Study
from tunemagic.trial import StudyState, TrialState, replay

LONG = 1_000_000  # epochs that no test waits for
PATIENCE = 120.0  # seconds until a test gives up; the end is awaited, not slept for

CALLS = """
class Calls(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        call(epoch)
callbacks = [Calls()]
"""


def run(study: Study) -> Study:
    study.start()
    assert study.wait(PATIENCE)
    assert not study.running
    return study


def states(study: Study) -> list[str]:
    return [str(trial.state) for trial in study.view.trials]


def on_disk(study: Study) -> Any:
    """The view that another process would compute."""
    return replay(read_journal(study.directory).events)


# -- the normal course -------------------------------------------------------------------------------


def test_a_study_runs_to_its_end_and_gives_the_best_model(open_cell: Any) -> None:
    study = open_cell(max_trials=3, epochs=2)
    assert (study.running, study.view.state) == (False, StudyState.RUNNING)
    run(study)
    view = study.view
    assert (view.state, view.end_message, states(study)) == (
        StudyState.FINISHED,
        "all 3 trials done",
        ["completed"] * 3,
    )
    best = study.best_trial
    assert best.score == min(trial.score for trial in view.trials)
    assert study.best_values == best.values
    model = study.best_model
    assert model.layers[0].units == best.values["units"]
    assert model.evaluate(study.data.val_x, study.data.val_y, verbose=0)[0] == pytest.approx(best.score, rel=1e-5)
    assert study.best_model is model
    assert repr(study) == f"<Study s: finished, 3 trials, best val_loss {best.score:.6g} (trial {best.number})>"
    assert on_disk(study) == view


def test_the_same_cell_gives_the_same_trials_again(open_cell: Any, tmp_path: Path) -> None:
    from tunemagic.studybook import StudyBook

    first = run(open_cell(epochs=2)).view
    again = StudyBook(tmp_path / "again")
    second = run(open_cell(book=again, epochs=2)).view
    again.close()
    assert [(t.values, t.curves, t.score) for t in first.trials] == [
        (t.values, t.curves, t.score) for t in second.trials
    ]


def test_the_table_of_trials_has_a_row_for_each(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell)
    assert list(study.trials.columns) == ["state", "val_loss", "best_epoch", "units", "seconds", "reason"]
    assert len(study.trials) == 0
    table = run(study).trials
    assert list(table.index) == [1, 2]
    assert list(table["units"]) == [trial.values["units"] for trial in study.view.trials]
    assert list(table["val_loss"]) == [trial.score for trial in study.view.trials]
    assert (list(table["state"]), list(table["reason"])) == (["completed"] * 2, [""] * 2)


def test_several_runs_of_a_trial_have_columns_of_their_own(open_cell: Any) -> None:
    study = run(open_cell(repeats=2))
    table = study.trials
    assert list(table.columns) == ["state", "val_loss", "spread", "scores", "best_epoch", "units", "seconds", "reason"]
    assert [len(scores) for scores in table["scores"]] == [2, 2]
    assert list(table["scores"]) == [trial.scores for trial in study.view.trials]
    assert list(table["spread"]) == [statistics.stdev(scores) for scores in table["scores"]]
    assert list(table["val_loss"]) == pytest.approx([statistics.fmean(scores) for scores in table["scores"]])


def test_each_further_objective_has_a_column(open_cell: Any, quick_cell: str) -> None:
    parameters = Objective(name="parameters", direction=Direction.MIN)
    table = run(open_cell(quick_cell, objectives=(parameters,))).trials
    assert list(table.columns) == ["state", "val_loss", "parameters", "best_epoch", "units", "seconds", "reason"]
    assert list(table["parameters"]) == [65 * units + 10 * units + 10 for units in table["units"]]
    assert list(table["val_loss"]) == [1 / units for units in table["units"]]


def test_listeners_hear_every_event_in_order_until_they_leave(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, max_trials=1)
    heard: list[ev.Event] = []
    leave = study.subscribe(heard.append)
    run(study)
    assert heard == study.events_after(1)
    assert [event.seq for event in heard] == list(range(2, len(heard) + 2))
    leave()
    study.record(ev.StudyNoted(text="later"))
    assert heard == study.events_after(1)[:-1]
    assert study.events_after(len(heard) + 1)[0].text == "later"


def test_an_ended_study_that_was_closed_gives_its_folder_free_and_still_shows(open_cell: Any, quick_cell: str) -> None:
    study = run(open_cell(quick_cell, max_trials=1))
    study.close()
    study.close()
    Journal(study.directory).close()
    assert study.best_model is not None
    with pytest.raises(StudyBusyError, match="study s was closed"):
        study.start()


def test_without_a_score_there_is_no_best_model(open_cell: Any) -> None:
    study = open_cell()
    for wanted in ("best_trial", "best_values", "best_model"):
        with pytest.raises(StudyError) as caught:
            getattr(study, wanted)
        assert str(caught.value) == "study s has no trial with a score yet."
    assert repr(study) == "<Study s: running, 0 trials, no score yet>"


# -- one start at a time -----------------------------------------------------------------------------


def test_a_study_that_runs_can_not_be_started_again(open_cell: Any, cell: str, namespace: dict[str, Any]) -> None:
    go_on = threading.Event()
    namespace["call"] = lambda epoch: go_on.wait(PATIENCE)
    study = open_cell(cell + CALLS, max_trials=1)
    study.start()
    with pytest.raises(StudyBusyError) as caught:
        study.start()
    assert str(caught.value) == "study s is running already. Wait for it, or stop it with `%tune stop`."
    go_on.set()
    assert study.wait(PATIENCE)
    assert states(study) == ["completed"]


def test_of_many_threads_that_start_it_at_once_one_does(open_cell: Any, quick_cell: str) -> None:
    study = open_cell(quick_cell, max_trials=1)
    gate = threading.Barrier(8)
    results: list[str] = []

    def start() -> None:
        gate.wait()
        try:
            study.start()
            results.append("started")
        except StudyBusyError:
            results.append("busy")

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert study.wait(PATIENCE)
    assert sorted(results) == ["busy"] * 7 + ["started"]
    assert len([event for event in study.events_after(0) if isinstance(event, ev.TrialStarted)]) == 1


def test_a_study_that_is_closed_while_it_starts_stops(open_cell: Any, cell: str) -> None:
    class Closed(Study):
        """Another thread closes it between the checks and the making of a search."""

        @property
        def running(self) -> bool:
            if not closing.is_alive() and not told.is_set():
                closing.start()
                assert told.wait(PATIENCE)
            return super().running

        def stop(self) -> None:
            super().stop()
            told.set()

    study, told = open_cell(cell, epochs=LONG, max_trials=1, workers=0), threading.Event()
    closing = threading.Thread(target=study.close)
    study.__class__ = Closed
    study.start()
    closing.join(10)
    ended = not closing.is_alive()
    study.stop()  # or the test would not end
    closing.join(PATIENCE)
    assert ended
    assert study.view.state is StudyState.STOPPED


# -- stopping ----------------------------------------------------------------------------------------


def test_a_stop_within_a_trial_keeps_everything_and_the_study_can_go_on(
    open_cell: Any, cell: str, namespace: dict[str, Any]
) -> None:
    source = cell + "epochs = steps[0]\n" + CALLS
    namespace |= {"steps": [1], "call": lambda epoch: None}
    study = open_cell(source, max_trials=3, workers=0)  # the cell shares the list with the test

    def second_trial_is_long(event: ev.Event) -> None:
        if isinstance(event, ev.TrialFinished):
            namespace["steps"][0] = LONG
        if isinstance(event, ev.EpochEnded) and event.trial == 2 and event.epoch == 2:
            study.stop()

    leave = study.subscribe(second_trial_is_long)
    run(study)
    leave()
    view = study.view
    assert (view.state, view.end_message) == (StudyState.STOPPED, "stopped after 2 trials")
    assert states(study) == ["completed", "stopped"]
    stopped = view.trials[1]
    assert stopped.reason == "you stopped the study"
    assert stopped.score == min(value for value in stopped.curves["val_loss"])
    assert study.best_model.layers[0].units == study.best_values["units"]
    study.stop()
    assert on_disk(study) == study.view

    namespace["steps"][0] = 1
    again = open_cell(source, max_trials=3, workers=0)
    assert again is study
    assert states(run(again)) == ["completed", "stopped", "completed"]
    assert again.view.state is StudyState.FINISHED


def test_the_time_limit_ends_a_study(open_cell: Any, cell: str) -> None:
    study = run(open_cell(cell + f"epochs = {LONG}\n", max_trials=None, minutes=0.002))
    assert (study.view.state, study.view.end_reason) == (StudyState.FINISHED, ev.EndReason.TIME)
    assert set(states(study)) <= {"stopped"}


def test_an_extended_bayesian_study_keeps_the_length_of_its_random_start(open_cell: Any, quick_cell: str) -> None:
    source = quick_cell.replace("4, 32, step=4", "4, 400")
    for trials in (9, 40):
        study = run(open_cell(source, tuner=Tuner.BAYESIAN, max_trials=trials, workers=0))
    assert [trial.why for trial in study.view.trials] == [
        "your default values",
        "random start 2 of 3",
        "random start 3 of 3",
        *["best guess of the Gaussian process"] * 37,
    ]


def test_a_grid_ends_when_every_combination_was_tried(open_cell: Any, quick_cell: str) -> None:
    source = quick_cell.replace('hp.Int("units", 4, 32, step=4)', 'hp.Choice("units", [4, 8])') + 'hp.Boolean("flag")\n'
    study = run(open_cell(source, tuner=Tuner.GRID, max_trials=None))
    assert study.view.end_message == "every combination was tried (4 trials)"
    assert len({tuple(trial.values.items()) for trial in study.view.trials}) == 4


# -- failing trials ----------------------------------------------------------------------------------


def test_failing_trials_end_the_study_and_it_goes_on_once_the_fault_is_gone(
    open_cell: Any, cell: str, namespace: dict[str, Any]
) -> None:
    faults = namespace["faults"] = ["no memory left for units"]
    source = cell + "if units != 4 and faults:\n    raise ValueError(faults[0])\n"
    study = run(open_cell(source, max_trials=10, max_failures=2))
    view = study.view
    assert (view.state, view.end_reason) == (StudyState.FAILED, ev.EndReason.FAILURES)
    assert states(study) == ["completed", "failed", "failed"]
    failed = view.trials[2]
    assert (failed.error, failed.reason) == ("ValueError", "ValueError: no memory left for units")
    assert (failed.line, failed.source) == (8, "raise ValueError(faults[0])")
    assert view.end_message == (
        "2 trials failed in a row; the last one: ValueError: no memory left for units "
        "(line 8: raise ValueError(faults[0]))"
    )
    assert study.best_model.layers[0].units == 4

    faults.clear()
    again = run(open_cell(source, max_trials=5, max_failures=2))
    assert states(again) == ["completed", "failed", "failed", "completed", "completed"]
    assert again.view.state is StudyState.FINISHED


@pytest.mark.parametrize("fault", ["raise SystemExit(3)", "raise MemoryError", "call(1 / 0)"])
def test_a_study_of_which_every_trial_fails_in_fit_is_never_left_running(
    fault: str, open_cell: Any, cell: str, namespace: dict[str, Any]
) -> None:
    namespace["call"] = lambda epoch: None
    study = run(open_cell(cell + CALLS.replace("call(epoch)", fault), max_trials=9, max_failures=1))
    assert (study.view.state, states(study)) == (StudyState.FAILED, ["failed"])
    assert (study.view.trials[0].line, study.view.trials[0].source) == (10, fault)
    with pytest.raises(StudyError, match="no trial with a score yet"):
        study.best_model  # noqa: B018


def test_diverged_trials_are_failures_and_never_the_best(open_cell: Any, cell: str) -> None:
    source = cell.replace("0.03", "0.03 if units == 4 else float('nan')")
    study = run(open_cell(source, max_trials=2))
    assert states(study) == ["completed", "failed"]
    assert study.view.trials[1].error == "diverged"
    assert (study.view.best, study.best_values) == (1, {"units": 4})
    assert b"NaN" not in (study.directory / "journal.jsonl").read_bytes()


def test_gaps_in_the_data_are_the_verdict_on_trials_that_they_spoil(
    open_cell: Any, cell: str, namespace: dict[str, Any]
) -> None:
    x = np.array(namespace["x_train"], "float32")
    x[5, :2] = np.nan
    namespace["x_train"] = x
    study = run(open_cell(cell, max_trials=1, max_failures=1))
    found = study.diagnose()[0]
    assert (found["verdict"], found["evidence"]) == (
        "missing_values",
        {"gaps": 2, "gap_rows": 1, "rows": len(x) - study.data.val_rows.size},
    )


# -- processes that die ------------------------------------------------------------------------------

KILLED = """
        import os, pathlib, signal
        units = model.layers[0].units
        attempts = pathlib.Path(folder, f"units {units}")
        attempts.open("a").write("x")
        attempt = len(attempts.read_text())
        print(f"units {units}, attempt {attempt}", flush=True)
        if units == 4 and attempt <= deaths:
            os.kill(os.getpid(), signal.SIGKILL)
"""
DIED = "its worker was killed; the memory may have run out (SIGKILL)"
AGAIN = f"trial 1: {DIED}; it is tried once more"


@pytest.fixture
def killed(open_cell: Any, quick_cell: str, namespace: dict[str, Any], tmp_path: Path) -> Callable[[int], Study]:
    """A study of two trials in a worker, which the first trial kills in so many attempts."""

    def killed(deaths: int) -> Study:
        namespace.update(folder=str(tmp_path), deaths=deaths)
        return run(open_cell(quick_cell.replace("\n        return 1", f"{KILLED}        return 1"), workers=1))

    return killed


def test_a_trial_whose_process_dies_in_each_attempt_fails_and_the_next_one_completes(
    killed: Callable[[int], Study],
) -> None:
    study = killed(9)
    first, second = study.view.trials
    assert (first.state, first.attempt, first.error, first.reason) == (TrialState.FAILED, 2, "SIGKILL", DIED)
    assert (second.state, second.attempt) == (TrialState.COMPLETED, 1)
    assert (study.view.state, study.view.notes) == (StudyState.FINISHED, (AGAIN,))
    assert study.log(1).splitlines() == ["units 4, attempt 1", "-- attempt 2 --", "units 4, attempt 2"]
    assert study.log(2).splitlines() == [f"units {second.values['units']}, attempt 1"]
    assert on_disk(study) == study.view


def test_a_trial_whose_process_died_once_completes_in_its_second_attempt(killed: Callable[[int], Study]) -> None:
    study = killed(1)
    first, second = study.view.trials
    assert (first.state, first.attempt, first.score) == (TrialState.COMPLETED, 2, 0.25)
    assert (second.state, second.attempt) == (TrialState.COMPLETED, 1)
    assert (study.view.state, study.view.notes) == (StudyState.FINISHED, (AGAIN,))
    assert study.log(1).splitlines() == ["units 4, attempt 1", "-- attempt 2 --", "units 4, attempt 2"]


# -- weights -----------------------------------------------------------------------------------------


def damage(study: Study, number: int) -> None:
    file = study.view.trial(number).weights
    path = study.directory / file.file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_best_file_is_passed_over_with_a_note(open_cell: Any, quick_cell: str) -> None:
    study = run(open_cell(quick_cell, max_trials=3))
    first, second, third = study.view.ranking()
    damage(study, first.number)
    (study.directory / second.weights.file).unlink()
    assert study.best_model.layers[0].units == third.values["units"]
    assert study.view.notes == (
        f"trial {first.number} is passed over: weights file {study.directory / first.weights.file} was altered: its "
        "SHA-256 is not the one in the journal.",
        f"trial {second.number} is passed over: weights file {study.directory / second.weights.file} can't be read: "
        "No such file or directory.",
    )
    assert on_disk(study).notes == study.view.notes


def test_without_any_usable_file_the_error_says_what_to_do(open_cell: Any, quick_cell: str) -> None:
    study = run(open_cell(quick_cell, max_trials=1))
    damage(study, 1)
    with pytest.raises(StudyError) as caught:
        study.best_model  # noqa: B018
    assert str(caught.value) == "study s has no weights on disk that can be used. Run it again with --new."


def test_weights_that_were_not_kept_are_named(open_cell: Any, quick_cell: str) -> None:
    study = run(open_cell(quick_cell, max_trials=3, keep=1))
    kept = study.best_trial.number
    assert [path.name for path in study.directory.glob("*.weights.h5")] == [f"trial-{kept:04d}-1.weights.h5"]
    dropped = next(trial.number for trial in study.view.trials if trial.number != kept)
    with pytest.raises(StorageError) as caught:
        study.build_model(dropped)
    assert str(caught.value) == f"the weights of trial {dropped} were not kept. Raise --keep to keep more."


def test_hyperband_trains_its_better_trials_on(open_cell: Any) -> None:
    study = run(open_cell(tuner=Tuner.HYPERBAND, max_trials=4, epochs=3))
    followers = [trial for trial in study.view.trials if trial.parent is not None]
    assert followers
    for trial in followers:
        parent = study.view.trial(trial.parent)
        done = parent.epochs_done
        assert trial.values == parent.values
        assert trial.curves["loss"][:done] == (None,) * done
        assert trial.curves["loss"][done] < parent.curves["loss"][0]
    model = study.best_model
    score = model.evaluate(study.data.val_x, study.data.val_y, verbose=0)[0]
    assert score == pytest.approx(study.best_trial.score, rel=1e-5)


def test_rebuilding_the_best_model_leaves_the_notebooks_random_numbers_alone(open_cell: Any, quick_cell: str) -> None:
    study = run(open_cell(quick_cell, max_trials=1))
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    assert study.best_model is not None
    assert np.random.random() == expected


# -- a full disk -------------------------------------------------------------------------------------

FULL_DISK = """
import json, resource, sys
from pathlib import Path
import keras
import numpy as np
from tunemagic.journal import read_journal
from tunemagic.request import TuneRequest
from tunemagic.search.cell import read_cell
from tunemagic.search.data import resolve_data
from tunemagic.studybook import StudyBook
from tunemagic.trial import replay

CELL = '''
units = hp.Int("units", 300, 400)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(1)])
model.compile("adam", "mse", run_eagerly=True)
batch_size = 80
'''
namespace = {"keras": keras, "x_train": np.ones((80, 64), "float32"), "y_train": np.linspace(0, 1, 80)}
book = StudyBook(Path(sys.argv[1]))

def go(trials):
    request = TuneRequest(name="s", max_trials=trials, epochs=1, workers=0)
    data = resolve_data(request, namespace, seed=0)
    study = book.open(request, read_cell(CELL, namespace, first_line=2), data)
    study.start()
    study.wait()
    return study

def told(study):
    disk = replay(read_journal(study.directory).events)
    return {
        "state": study.view.state,
        "message": study.view.end_message,
        "trials": [(trial.state, trial.attempt) for trial in study.view.trials],
        "on disk": [(trial.state, trial.attempt) for trial in disk.trials],
        "best model": study.best_model.count_params() > 0,
    }

results = [told(go(1))]
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
results.append(told(go(3)))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
results.append(told(go(3)))
print("RESULTS", json.dumps(results))
"""


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_in_an_error_and_the_study_goes_on_when_there_is_room(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    before, full, after = json.loads(done.stdout.partition("RESULTS ")[2])
    complete = ["completed", 1]
    assert (before["state"], before["trials"], before["on disk"]) == ("finished", [complete], [complete])
    assert full["state"] == "failed"
    assert full["message"] == (
        f"can't write {tmp_path}/s/trial-0002-1.weights.h5: File too large. Free some space or choose another folder "
        "with `%config TuneMagics.directory`; finished trials are kept."
    )
    assert full["trials"][0] == full["on disk"][0] == complete
    assert full["best model"] is True
    assert after["state"] == "finished"
    assert after["trials"] == after["on disk"] == [complete, ["completed", 2], complete]


# -- a study read from disk --------------------------------------------------------------------------


def test_a_study_read_from_disk_can_be_looked_at_only(open_cell: Any, quick_cell: str, tmp_path: Path) -> None:
    from tunemagic.studybook import StudyBook

    study = run(open_cell(quick_cell, max_trials=1))
    study.close()
    shown = StudyBook(tmp_path / "studies").get("s")
    assert shown.view == study.view
    assert (shown.best_values, list(shown.trials["val_loss"])) == (study.best_values, list(study.trials["val_loss"]))
    reason = "study s was read from disk; `%tune resume s`, or its cell, goes on with it"
    for forbidden in (shown.start, lambda: shown.record(ev.StudyNoted(text="x"))):
        with pytest.raises(StudyBusyError) as caught:
            forbidden()
        assert str(caught.value) == reason
    with pytest.raises(StudyError) as error:
        shown.best_model  # noqa: B018
    assert str(error.value) == "study s was read from disk; `%tune resume s`, or its cell, gives its models."
