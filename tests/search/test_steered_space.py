"""Values to try and other ranges are checked before they are written down; the cell's own ranges are not forgotten."""

import dataclasses

import pytest

from tunemagic import events as ev
from tunemagic.errors import SpaceError
from tunemagic.search.hyperparameters import hyperparameters_of, new_hyperparameters, space_of
from tunemagic.search.steered_space import (
    cell_definitions,
    changed_space,
    kept_space,
    key_of_parameter,
    values_to_try,
)
from tunemagic.space import Kind, SearchSpace


def cell_space(**changes):
    hp = new_hyperparameters()
    hp.Int("units", 32, 256, step=32)
    hp.Float("lr", changes.get("lr", 1e-4), 1e-1, sampling="log", default=1e-2)
    hp.Choice("optimizer", ["sgd", "adam"])
    with hp.conditional_scope("optimizer", ["sgd"]):
        hp.Float("momentum", 0.0, 0.9)
    hp.Boolean("norm")
    hp.Choice("batch", [16, 32])
    hp.Int("deep", 1, 64, sampling="log", step=2)
    return space_of(hp)


SPACE = cell_space()
HUGE = 10**5000  # neither a float nor to be shown
CELL = {key_of_parameter(p): p for p in SPACE.parameters}
DEFAULTS = {"units": 32, "lr": 0.01, "optimizer": "sgd", "momentum": 0.0, "norm": False, "batch": 16, "deep": 1}


def changed(space=SPACE, **changes):
    return changed_space(space, CELL, **{"ranges": {}, "fixed": {}, "choices": {}, **changes})


def parameter(space, name):
    return next(p for p in space.parameters if p.name == name)


# -- values to try -----------------------------------------------------------------------------------


def test_what_is_left_out_has_its_default_and_inactive_parameters_are_left_out():
    assert values_to_try(SPACE, {"units": 64}) == {**DEFAULTS, "units": 64}
    adam = {key: value for key, value in DEFAULTS.items() if key != "momentum"} | {"optimizer": "adam"}
    assert values_to_try(SPACE, {"optimizer": "adam"}) == adam


def test_values_take_the_type_of_their_parameter():
    point = values_to_try(SPACE, {"units": 64.0, "lr": 0.1, "batch": "32", "norm": "True", "momentum": 0})
    assert [(type(point[name]), point[name]) for name in ("units", "batch", "norm", "momentum")] == [
        (int, 64),
        (int, 32),
        (bool, True),
        (float, 0.0),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"unit": 3},
            "'unit' is no hyperparameter of this study; expected one of units, lr, optimizer, momentum, norm, batch, "
            "deep. Did you mean units?",
        ),
        (
            {"units": 999},
            "units: expected a value in 32 … 256 step 32; received 999. `%tune space --range` widens the range.",
        ),
        ({"units": "many"}, "units: expected a whole number; received 'many'."),
        ({"units": True}, "units: expected a whole number; received True."),
        ({"units": 64.5}, "units: expected a whole number; received 64.5."),
        ({"lr": float("nan")}, "lr: expected a number; received nan."),
        ({"units": float("inf")}, "units: expected a whole number; received inf."),
        ({"units": HUGE}, "units: expected a whole number of at most 9.22337e+18; received a larger one."),
        ({"lr": -HUGE}, "lr: expected a number of at most 9.22337e+18; received a larger one."),
        ({"batch": HUGE}, "batch: expected a number of at most 9.22337e+18; received a larger one."),
        ({"optimizer": "lion"}, "optimizer: expected one of sgd, adam; received 'lion'."),
        ({"batch": True}, "batch: expected one of 16, 32; received True."),
        (
            {"momentum": 0.5, "optimizer": "adam"},
            "momentum: is used only when optimizer is sgd; received units=32, lr=0.01, optimizer=adam, norm=False, "
            "batch=16, deep=1.",
        ),
    ],
)
def test_values_that_the_space_does_not_have_are_refused(values, message):
    with pytest.raises(SpaceError) as caught:
        values_to_try(SPACE, values)
    assert str(caught.value) == message


# -- other ranges ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "name", "described", "default"),
    [
        ({"ranges": {"lr": (1e-5, 1e-3)}}, "lr", "1e-05 … 0.001 log", 1e-3),
        ({"ranges": {"units": (50, 200)}}, "units", "64 … 192 step 32", 64),
        ({"ranges": {"units": (32, 512)}}, "units", "32 … 512 step 32", 32),
        ({"ranges": {"deep": (3, 128)}}, "deep", "4 … 128 step 2 log", 4),
        ({"fixed": {"units": 100}}, "units", "100 … 100 step 32", 100),
        ({"fixed": {"norm": True}}, "norm", "True", True),
        ({"fixed": {"optimizer": "adam"}}, "optimizer", "adam", "adam"),
        ({"choices": {"batch": ["32"]}}, "batch", "32", 32),
    ],
)
def test_ranges_are_narrowed_widened_and_fixed(changes, name, described, default):
    space = changed(**changes)
    found = parameter(space, name)
    assert (found.describe(), found.default) == (described, default)
    assert [p for p in space.parameters if p.name != name] == [p for p in SPACE.parameters if p.name != name]
    assert space_of(hyperparameters_of(space)) == space  # Keras Tuner can hold it


def test_what_was_narrowed_can_be_widened_again():
    narrow = changed(ranges={"units": (64, 96)}, fixed={"norm": True, "lr": 0.05}, choices={"optimizer": ["adam"]})
    assert parameter(narrow, "norm").kind is Kind.FIXED
    wide = changed(
        narrow,
        ranges={"units": (32, 256), "lr": (1e-4, 1e-1)},
        choices={"norm": [False, True], "optimizer": ["sgd", "adam"]},
    )
    assert wide == SPACE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ranges": {"rate": (0, 1)}}, "'rate' is no hyperparameter of this study; expected one of units, lr, "),
        ({"ranges": {"lr": (1, 0.1)}}, "lr: the range 1 … 0.1 is empty; expected low <= high. Swap them."),
        ({"ranges": {"lr": (0, 1)}}, "lr: log sampling needs low > 0; received low=0.0."),
        ({"ranges": {"deep": (0, 4)}}, "deep: log sampling needs low > 0; received low=0."),
        ({"ranges": {"lr": (0.1,)}}, "lr: expected a low and a high end, as in 1e-4:1e-2; received (0.1,)."),
        ({"ranges": {"lr": "ab"}}, "lr: expected a low and a high end, as in 1e-4:1e-2; received 'ab'."),
        ({"ranges": {"lr": ("a", 1)}}, "lr: expected a number; received 'a'."),
        (
            {"ranges": {"units": (40, 60)}},
            "units: the range 40 … 60 holds none of its steps; expected at least one, such as 32 or 64.",
        ),
        (
            {"ranges": {"optimizer": (1, 2)}},
            "optimizer: a range needs numbers; expected some of its choices sgd, adam. Use --choices.",
        ),
        (
            {"ranges": {"units": (1, HUGE)}},
            "units: expected a whole number of at most 9.22337e+18; received a larger one.",
        ),
        ({"fixed": {"units": 64.5}}, "units: expected a whole number; received 64.5."),
        ({"choices": {"optimizer": []}}, "optimizer: expected at least one of sgd, adam; received []."),
        ({"choices": {"optimizer": ["lion"]}}, "optimizer: expected one of sgd, adam; received 'lion'."),
        (
            {"choices": {"lr": [0.1]}},
            "lr: its values are 0.0001 … 0.1 log; choose some with --range or --fix.",
        ),
        (
            {"ranges": {"lr": (0.1, 1)}, "fixed": {"lr": 0.1}},
            "lr: received more than one change; expected a range, a value or choices.",
        ),
    ],
)
def test_changes_that_can_not_be_are_refused(changes, message):
    with pytest.raises(SpaceError) as caught:
        changed(**changes)
    assert str(caught.value).startswith(message)


# -- a cell that goes on -----------------------------------------------------------------------------


def started(space):
    event = ev.StudyStarted(
        study="s",
        session="one",
        space=space.to_json(),
        objective="val_loss",
        direction=ev.Direction.MIN,
        strategy="random",
        seed=0,
        max_trials=None,
        minutes=None,
        epochs=1,
        keep=1,
        max_failures=1,
        code="",
        data="",
        fingerprint={},
        versions={},
    )
    return event


def test_the_cells_definitions_are_known_through_everything_the_user_and_the_trials_change():
    narrow = changed(ranges={"units": (64, 96)})
    named = SearchSpace((*narrow.parameters, dataclasses.replace(SPACE.parameters[0], name="units_1")))
    events = [
        started(SPACE),
        ev.SpaceChanged(space=narrow.to_json(), reason="", asked=True),
        ev.SpaceChanged(space=named.to_json(), reason="the cell named new hyperparameters: units_1"),
    ]
    definitions = cell_definitions(events)
    assert list(definitions.values()) == [*SPACE.parameters, named.parameters[-1]]


def test_the_same_cell_does_not_undo_what_the_user_has_changed():
    narrow = changed(ranges={"units": (64, 96)})
    assert kept_space(SPACE, narrow, CELL, same=True) == narrow
    assert kept_space(SPACE, narrow, CELL, same=False) == narrow


def test_a_range_that_was_edited_in_the_cell_counts_and_only_that():
    narrow = changed(ranges={"units": (64, 96), "lr": (1e-3, 1e-2)})
    space = kept_space(cell_space(lr=1e-6), narrow, CELL, same=False)
    assert parameter(space, "lr").low == 1e-6
    assert parameter(space, "units").high == 96
