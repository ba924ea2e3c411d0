import pytest

from tunemagic.errors import StudyError
from tunemagic.events import Direction
from tunemagic.magics.memory import CellMemory, cell_from_journal
from tunemagic.request import Objective, Tuner, ValKind, ValSplit
from tunemagic.trial import StudyView


def test_another_run_takes_the_cells_options_and_lets_new_ones_win():
    memory = CellMemory("model = 1", {"name": "a", "epochs": 3, "max_trials": 5})
    assert memory.again("digits", {"max_trials": 9}) == {"name": "digits", "epochs": 3, "max_trials": 9}


def test_options_for_one_run_are_not_repeated():
    once = {"new": True, "resume": True, "dry_run": True, "background": True, "out": "s", "view": "text"}
    assert CellMemory("", {**once, "seed": 4}).again("digits", {}) == {"name": "digits", "seed": 4}


def view(objective, val):
    return StudyView(
        study="digits",
        code="model = 1",
        strategy="grid",
        epochs=4,
        seed=7,
        keep=2,
        max_failures=5,
        fingerprint={"--objective": objective, "--val": val},
    )


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        ("val_loss", {}),
        ("f1:max", {"objective": Objective(name="f1", direction=Direction.MAX)}),
        ("val_accuracy:", {"objective": Objective(name="val_accuracy")}),
    ],
)
def test_a_journal_tells_the_objective_that_was_asked_for(objective, wanted):
    given = cell_from_journal(view(objective, "")).given
    assert given == {"tuner": Tuner.GRID, "epochs": 4, "seed": 7, "keep": 2, "max_failures": 5, **wanted}


@pytest.mark.parametrize(
    ("text", "val"),
    [
        ("fraction 0.2 ", ValSplit(kind=ValKind.FRACTION, fraction=0.2)),
        ("last 0.25 ", ValSplit(kind=ValKind.LAST, fraction=0.25)),
        ("names 0 xv,yv", ValSplit(kind=ValKind.NAMES, names=("xv", "yv"))),
    ],
)
def test_a_journal_tells_the_validation_split(text, val):
    assert cell_from_journal(view("val_loss", text)).given["val"] == val


def test_a_study_without_a_cell_says_so():
    with pytest.raises(StudyError, match=r"study digits was not made by a cell; go on with it from Python\."):
        cell_from_journal(StudyView(study="digits"))
