"""Defaults that the user configures, as fields of a request."""

import pytest
from traitlets import TraitError
from traitlets.config import Config

from tunemagic.errors import OptionError
from tunemagic.magics.lines import request_from
from tunemagic.magics.tune import TuneMagics
from tunemagic.request import Objective, Pruner, Tuner, TuneRequest, ValKind, ValSplit, ViewKind


@pytest.fixture
def magics(shell):
    return TuneMagics(shell)


def test_without_configuration_a_request_is_what_nothing_said_means(magics):
    assert request_from({}, magics.request_defaults()) == TuneRequest()


@pytest.mark.parametrize(
    ("trait", "value", "field"),
    [
        ("tuner", "tpe", {"tuner": Tuner.TPE}),
        ("pruner", "asha", {"pruner": Pruner.ASHA}),
        ("objective", "f1:max", {"objective": Objective(name="f1", direction="max")}),
        ("max_trials", 50, {"max_trials": 50}),
        ("minutes", 1.5, {"minutes": 1.5}),
        ("epochs", 3, {"epochs": 3}),
        ("repeats", 3, {"repeats": 3}),
        ("seed", 7, {"seed": 7}),
        ("val", "last:0.3", {"val": ValSplit(kind=ValKind.LAST, fraction=0.3)}),
        ("workers", 2, {"workers": 2}),
        ("workers", 0, {"workers": 0}),
        ("workers", "auto", {}),
        ("cluster", "tcp://10.0.0.1:8786", {"cluster": "tcp://10.0.0.1:8786"}),
        ("memory_gb", 4.0, {"memory_gb": 4.0}),
        ("max_params", 10_000, {"max_params": 10_000}),
        ("max_kb", 30.5, {"max_kb": 30.5}),
        ("max_ms", 0.5, {"max_ms": 0.5}),
        ("keep", 1, {"keep": 1}),
        ("max_failures", 9, {"max_failures": 9}),
        ("background", True, {"background": True}),
        ("view", "text", {"view": ViewKind.TEXT}),
    ],
)
def test_each_default_can_be_configured(shell, trait, value, field):
    shell.config.TuneMagics = Config({trait: value})
    try:
        assert request_from({}, TuneMagics(shell).request_defaults()) == TuneRequest(**field)
    finally:
        shell.config.pop("TuneMagics")


@pytest.mark.parametrize(
    ("trait", "value"), [("tuner", "best"), ("pruner", "yes"), ("workers", "many"), ("epochs", "a")]
)
def test_a_default_that_is_none_of_the_choices_is_refused_when_it_is_set(magics, trait, value):
    with pytest.raises(TraitError):
        setattr(magics, trait, value)


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("objective", "a:up", "%config TuneMagics.objective: received 'a:up'; expected min or max after the colon."),
        (
            "val",
            "first:1",
            "%config TuneMagics.val: received 'first:1'; expected 0.2, last:0.2, or names of variables as in "
            "x_val,y_val.",
        ),
    ],
)
def test_a_default_that_can_not_be_read_is_named(magics, trait, value, message):
    setattr(magics, trait, value)
    with pytest.raises(OptionError) as caught:
        magics.request_defaults()
    assert str(caught.value) == message


@pytest.mark.parametrize(("trait", "value", "option"), [("workers", -1, "--workers"), ("repeats", 0, "--repeats")])
def test_a_default_out_of_range_is_told_like_the_option(magics, trait, value, option):
    setattr(magics, trait, value)
    with pytest.raises(OptionError, match=f"^{option}: expected a whole number of at least "):
        request_from({}, magics.request_defaults())
