"""What fit returned is diagnosed, and other things are refused."""

from types import SimpleNamespace

import numpy as np
import pytest

import tunemagic
from tunemagic.checkup import is_history
from tunemagic.errors import DataError

OVERFITTING = {
    "loss": [2.0, 1.0, 0.5, 0.1],
    "accuracy": [0.4, 0.7, 0.9, 1.0],
    "val_loss": [1.9, 1.2, 1.4, 1.9],
    "val_accuracy": [0.4, 0.6, 0.6, 0.6],
}


def test_a_dict_of_curves_gets_its_verdict():
    [finding] = tunemagic.diagnose(OVERFITTING)
    assert finding["verdict"] == "overfit"


def test_curves_may_be_arrays():
    curves = {name: np.array(curve) for name, curve in OVERFITTING.items()}
    assert [each["verdict"] for each in tunemagic.diagnose(curves)] == ["overfit"]


def test_with_data_a_leak_is_found():
    x, y = np.random.default_rng(0).normal(size=(100, 3)), np.arange(100) % 4
    [finding] = tunemagic.diagnose(OVERFITTING, data=(x, y), val=(x[:20], y[:20]))
    assert (finding["verdict"], finding["evidence"]["percent"]) == ("leak_suspected_duplicates", 100)


def test_healthy_curves_have_no_finding():
    healthy = {"loss": [1.0, 0.2, 0.1, 0.1], "val_loss": [1.0, 0.2, 0.12, 0.11]}
    found = tunemagic.diagnose(healthy, classes=3)
    assert list(found) == []
    assert repr(found) == "Nothing stands out: the model looks healthy."


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        (
            {"loss": [2.0, 1.0], "val_loss": [2.0, 1.1]},
            "Too early to say: There are values of only 2 epochs; trends show",
        ),
        ({"loss": [2.0]}, "Too early to say: There are values of only 1 epoch; trends show from 4 epochs on."),
        ({"loss": [1.0, 0.2, 0.1, 0.1]}, "No validation values: Fewer than two epochs have validation values"),
        ({"my_score": [1.0, 0.2, 0.1, 0.1]}, "Nothing to judge by: There is neither a loss nor an accuracy"),
    ],
    ids=["two epochs", "one epoch", "no validation", "no loss"],
)
def test_what_is_missing_for_a_verdict_is_said_instead_of_healthy(curves, said):
    assert repr(tunemagic.diagnose(curves, classes=3)).startswith(said)


def test_a_fitted_model_is_taken_like_what_fit_returned():
    model = SimpleNamespace(history=SimpleNamespace(history=OVERFITTING, model=None))
    assert is_history(model)
    assert list(tunemagic.diagnose(model)) == list(tunemagic.diagnose(OVERFITTING))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"data": np.ones((9, 2))}, "received data without targets; expected both, x and y, or a dataset."),
        ({"data": (np.ones((9, 2)), np.ones(9)), "val": np.ones((3, 2))}, "received val without targets"),
        ({"val": (np.ones((3, 2)), np.ones(3))}, "received val without data; expected both"),
    ],
    ids=["data", "val", "val alone"],
)
def test_half_of_the_data_is_refused(given, error):
    with pytest.raises(DataError, match=error):
        tunemagic.diagnose(OVERFITTING, **given)


@pytest.mark.parametrize(
    "value", [None, 3, "loss", [1.0, 2.0], {}, {"loss": []}, {"loss": "abc"}, {"loss": [object()]}, {1: [2.0]}]
)
def test_what_is_no_history_is_refused(value):
    assert not is_history(value)
    with pytest.raises(DataError, match="expected what fit returned, a fitted model, or a dict of lists"):
        tunemagic.diagnose(value)
