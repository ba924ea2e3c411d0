"""Studies judge their trials: findings at the end, verification by real trainings."""

import threading

import pytest

from tunemagic import events as ev
from tunemagic.analysis.verification import VerifiedRole
from tunemagic.errors import OptionError, StudyBusyError, StudyError, TrialError
from tunemagic.search.executors.inline import InlineExecutor

# An input column is the target, which only a look at the data can tell.
LEAK = """
import numpy as np
units = hp.Int("units", 4, 32, step=4)
x_train = np.column_stack([x_train, y_train]).astype("float32")
model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
batch_size = 80
"""


def finished(study):
    study.start()
    assert study.wait(60)
    return study


def types(study):
    return [type(event).__name__ for event in study.events_after(0)]


def test_the_findings_are_recorded_before_the_end_and_replay_gives_the_same(open_cell):
    from tunemagic.trial import replay

    study = finished(open_cell(LEAK, epochs=2, workers=0))
    assert types(study)[-2:] == ["StudyDiagnosed", "StudyEnded"]
    assert study.view.findings[0]["verdict"] == "leak_suspected_feature"
    assert study.view.findings[0]["evidence"] == {"column": 64}
    assert replay(study.events_after(0)).findings == study.view.findings
    assert list(study.diagnose()) == list(study.view.findings)


def test_of_a_study_with_one_value_a_trial_it_is_said_that_nothing_is_known(open_cell, quick_cell):
    study = finished(open_cell(quick_cell, workers=0))
    finding = study.diagnose()[0]
    assert (finding["verdict"], finding["evidence"]) == ("too_early", {"count": 1, "needed": 4})


def test_before_the_first_epoch_nothing_is_called_healthy(open_cell, quick_cell):
    study = open_cell(quick_cell, workers=0)
    assert repr(study.diagnose()) == f"{study.name}: no epoch has ended yet, so there is nothing to look at."


def test_a_model_that_can_not_be_built_once_more_is_judged_by_its_curves(open_cell, namespace, cell):
    namespace["broken"] = []
    study = open_cell(cell + "\nif broken: raise ValueError('it broke')\n", workers=0, epochs=2)
    ends = (ev.TrialFinished, ev.TrialPruned)
    study.subscribe(lambda event: namespace["broken"].append(1) if isinstance(event, ends) and event.trial == 2 else 0)
    finished(study)
    assert study.view.end_reason is ev.EndReason.TRIALS
    assert list(study.diagnose()) == list(study.view.findings)


def test_a_resumed_study_begins_without_findings(open_cell):
    finished(open_cell(LEAK, epochs=2, workers=0))
    again = open_cell(LEAK, epochs=2, workers=0, max_trials=3)
    assert again.view.findings == ()
    assert finished(again).view.findings[0]["verdict"] == "leak_suspected_feature"


def test_a_remedys_cell_has_the_options_of_the_request_and_a_free_name(open_cell):
    study = open_cell(epochs=6, max_trials=1, workers=0, max_params=90_000)
    (study.directory.parent / "s-more-epochs").mkdir()
    codes = [each["action"]["args"]["code"] for each in finished(study).view.findings[0]["remedies"] if each["action"]]
    line = codes[0].splitlines()[0]
    assert line.startswith("%%tune s-more-epochs-2 ")
    assert line.endswith("--epochs 12 --data x_train,y_train --max-params 90000 --workers 0")


def test_a_study_that_is_stopped_is_diagnosed_by_its_curves_alone(open_cell):
    study = open_cell(LEAK, epochs=500, max_trials=1, workers=0)
    ended = []
    study.subscribe(lambda event: (ended.append(event), study.stop()) if isinstance(event, ev.EpochEnded) else None)
    finished(study)
    assert [each["verdict"] for each in study.view.findings if each["trial"]] in (
        [],
        ["still_improving"],
        ["too_early"],
    )


class Isolated(InlineExecutor):
    """Trains as workers do, as far as a study can tell."""

    kind = "process"


@pytest.mark.parametrize(("options", "looked"), [({"memory_gb": 8.0}, False), ({}, True)])
def test_no_model_is_built_in_the_kernel_where_the_memory_of_workers_is_limited(open_cell, options, looked):
    study = open_cell(LEAK, epochs=2, workers=1, **options)
    study.make_executor = lambda work, view: (Isolated(), "")
    finished(study)
    found = [each["verdict"] for each in study.view.findings]
    assert ("leak_suspected_feature" in found) is looked


def test_while_trials_are_trained_again_nothing_else_starts_and_a_stop_ends_it(open_cell):
    study = finished(open_cell(epochs=1, workers=0))
    refused = []

    def try_all(event):
        for ask in (study.start, lambda: study.verify(2), lambda: open_cell(epochs=1, workers=0, max_trials=5)):
            with pytest.raises(StudyBusyError) as busy:
                ask()
            refused.append(str(busy.value))
        study.stop()

    forget = study.subscribe(try_all)
    with pytest.raises(StudyError, match="training again was stopped; 1 of 2 trials got new scores, which are kept"):
        study.verify(2)
    forget()
    text = "study s is training its best values again. Wait for it, or stop it with `%tune stop`."
    assert refused == [text] * 3
    assert types(study)[-2:] == ["StudyEnded", "TrialVerified"]
    assert len(finished(open_cell(epochs=1, workers=0, max_trials=3)).view.trials) == 3


def test_closing_a_study_waits_for_what_is_trained_again(open_cell):
    study = finished(open_cell(epochs=1, workers=0))
    closing = threading.Thread(target=study.close)
    study.subscribe(lambda event: closing.start())
    with pytest.raises(StudyError, match="training again was stopped"):
        study.verify(2)
    closing.join(60)
    assert not closing.is_alive()
    assert not study.writable


def test_the_best_values_are_trained_again_from_other_seeds(open_cell):
    study = finished(open_cell(max_trials=3, epochs=2))
    before = types(study)
    weights = sorted(path.name for path in study.directory.iterdir())
    info = study.verify(2)
    assert info.rows[0].role is VerifiedRole.BEST
    assert info.rows[0].trial == study.best_trial.number
    assert all(len(row.scores) == 2 and len(set(row.scores)) == 2 for row in info.rows)
    assert len(info.gains) == len(info.rows) - 1
    assert types(study)[len(before) :] == ["TrialVerified"] * len(info.rows)
    assert study.view.trial(info.rows[0].trial).verified == info.rows[0].scores
    assert sorted(path.name for path in study.directory.iterdir()) == weights
    # The same seeds again, so that a second look tells nothing else.
    assert study.verify(2).rows == info.rows
    assert study.compare(1, 2).noise.source in ("verified", "study")


@pytest.mark.parametrize("repeats", [1, 0, -3])
def test_one_training_tells_nothing_of_noise(open_cell, repeats):
    with pytest.raises(OptionError, match="expected 2 or more, since one score has no spread"):
        open_cell().verify(repeats)


def test_nothing_can_be_verified_before_there_is_a_score(open_cell):
    with pytest.raises(StudyError, match="study s has no trial with a score yet"):
        open_cell().verify(2)


def test_a_training_that_fails_says_so_and_keeps_what_is_done(open_cell, namespace, cell):
    namespace["broken"] = []
    study = finished(open_cell(cell + "\nif broken: raise ValueError('it broke')\n", workers=0))
    namespace["broken"].append(1)
    with pytest.raises(TrialError, match="training the values again failed"):
        study.verify(2)
    assert "TrialVerified" not in types(study)


def test_why_prints_as_lines(open_cell):
    study = finished(open_cell(workers=0))
    assert repr(study.why(1)).splitlines()[0] == "state        completed after 1 of 1 epoch"
    with pytest.raises(StudyError, match="study s has 2 trials; received 3"):
        study.why(3)
