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


def view(asked="val_loss", val="", **more):
    marks = {"--objective": asked, "--val": val, "--tuner": "grid"}
    common = {"study": "digits", "code": "model = 1", "strategy": "grid", "epochs": 4, "seed": 7, "keep": 2}
    return StudyView(**{**common, "max_failures": 5, "objective": "val_loss", "fingerprint": marks, **more})


COMMON = {"tuner": Tuner.GRID, "epochs": 4, "repeats": 1, "seed": 7, "keep": 2, "max_failures": 5}


@pytest.mark.parametrize(
    ("text", "names", "wanted"),
    [
        ("val_loss", ["val_loss"], {}),
        ("f1:max", ["f1"], {"objective": Objective(name="f1", direction=Direction.MAX), "objectives": ()}),
        ("val_accuracy:", ["val_accuracy"], {"objective": Objective(name="val_accuracy"), "objectives": ()}),
        (
            "my f1:max parameters: a:b:min",
            ["my f1", "parameters", "a:b"],
            {
                "objective": Objective(name="my f1", direction=Direction.MAX),
                "objectives": (Objective(name="parameters"), Objective(name="a:b", direction=Direction.MIN)),
            },
        ),
    ],
)
def test_a_journal_tells_the_objectives_that_were_asked_for(text, names, wanted):
    first, *others = names
    further = tuple((name, Direction.MIN) for name in others)
    made = view(text, objective=first, objectives=further)
    assert cell_from_journal(made).given == {**COMMON, **wanted}


def test_a_journal_tells_the_strategy_that_was_asked_for_not_the_one_that_was_chosen():
    marks = {"--tuner": "auto", "--objective": "val_loss"}
    given = cell_from_journal(view(strategy="tpe", repeats=3, folds=5, fingerprint=marks)).given
    assert given == {**COMMON, "tuner": Tuner.AUTO, "repeats": 3, "folds": 5}


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
