"""A trial's size and speed on its device: what is refused before training, and what becomes of the values."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tunemagic.errors import ExportError, OptionError
from tunemagic.events import Direction
from tunemagic.request import Objective
from tunemagic.search.device import above_limit
from tunemagic.search.job import Ending, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.probe import discover
from tunemagic.search.train import run_job

VALUES = {"size_kb": 34.216, "latency_ms": 0.02}
DROPOUT = """
rate = hp.Float("rate", 0.3, 0.5)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dropout(rate), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
UNBUILT = DROPOUT.replace("keras.Input((64,)), ", "")


class Gauge:
    """Says what it was told to say, after taking random numbers and names for itself."""

    def __init__(self, values: dict[str, float], then: Callable[[], None] = lambda: None) -> None:
        self.values = values
        self.then = then
        self.seen: list[tuple[bool, tuple[int, ...], dict[str, Any]]] = []

    def __call__(self, model: Any, inputs: Any, about: Any, stop: Any) -> dict[str, float]:
        import random

        import keras

        random.random()
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.seen.append((model.built, inputs.shape, dict(about)))
        self.then()
        return self.values


def run(job: TrialJob, stop: StopFlag | None = None) -> TrialOutcome:
    return run_job(job, lambda report: None, stop or StopFlag())


def fails() -> None:
    raise ExportError("operation tf.Tan has no TF Lite form.")


def crashes() -> None:
    raise ZeroDivisionError("no")


@pytest.mark.parametrize("cell", [DROPOUT, UNBUILT], ids=["built", "unbuilt"])
def test_values_of_the_device_stand_among_the_metrics_and_change_nothing_else(cell: str, make_job: Any) -> None:
    gauge = Gauge(VALUES)
    plain = run(make_job(cell))
    gauged = run(make_job(cell, {"rate": 0.3, "tuner/epochs": 3}, gauge=gauge))
    assert gauged.metrics == {**plain.metrics, **VALUES}
    assert gauged.weights == plain.weights
    assert gauge.seen == [(True, (64, 64), {"trial": 1, "values": {"rate": 0.3}})]


def test_a_trial_is_measured_once_for_all_of_its_runs(make_job: Any) -> None:
    gauge = Gauge(VALUES)
    assert run(make_job(DROPOUT, gauge=gauge, repeats=2, folds=2, epochs=1)).metrics["size_kb"] == 34.216
    assert len(gauge.seen) == 1


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_kb": 30.0}, "34.2 kB > --max-kb 30"),
        ({"max_kb": 34.21}, "34.22 kB > --max-kb 34.21"),
        ({"max_kb": 35.0, "max_ms": 0.0125}, "0.02 ms > --max-ms 0.0125"),
    ],
)
def test_a_model_above_a_limit_is_not_trained(limits: dict[str, float], reason: str, make_job: Any) -> None:
    outcome = run(make_job(DROPOUT, gauge=Gauge(VALUES), **limits))
    assert (outcome.ending, outcome.reason, outcome.metrics) == (Ending.SKIPPED, reason, {})


def test_a_model_at_its_limits_is_trained() -> None:
    assert above_limit({"size_kb": 30.0, "latency_ms": 0.5}, max_kb=30.0, max_ms=0.5) == ""


@pytest.mark.parametrize(
    ("then", "values", "reason"),
    [
        (
            fails,
            VALUES,
            "TrialError: the model can't be measured as a TF Lite file: operation tf.Tan has no TF Lite form.",
        ),
        (crashes, VALUES, "TrialError: the model can't be measured as a TF Lite file: ZeroDivisionError: no"),
        (
            lambda: None,
            {"size_kb": float("nan")},
            "TrialError: measuring the model as a TF Lite file gave nan for size_kb.",
        ),
    ],
    ids=["refused", "crashed", "not a number"],
)
def test_a_model_that_cant_be_measured_fails_its_trial(
    then: Callable[[], None], values: dict[str, float], reason: str, make_job: Any
) -> None:
    outcome = run(make_job(DROPOUT, gauge=Gauge(values, then)))
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, reason)


def test_a_stop_while_it_is_measured_is_no_failure(make_job: Any) -> None:
    stop = StopFlag()

    def stopped() -> None:
        stop.set()
        raise ExportError("the conversion was stopped.")

    outcome = run(make_job(DROPOUT, gauge=Gauge(VALUES, stopped)), stop)
    assert (outcome.ending, outcome.score) == (Ending.STOPPED, None)


def test_what_is_trained_again_is_not_measured_again(make_job: Any) -> None:
    work = make_job(gauge=Gauge(VALUES), max_kb=1.0, max_ms=1.0, max_params=1, repeats=3).work
    again = work.only_training()
    assert (again.gauge, again.max_kb, again.max_ms, again.max_params, again.repeats) == (None, None, None, None, 1)
    assert replace(again, data=work.data) == replace(
        work, gauge=None, max_kb=None, max_ms=None, max_params=None, repeats=1, state_seconds=again.state_seconds
    )


# -- objectives ------------------------------------------------------------------------------------


def found(work: Any, first: str, *others: str) -> Any:
    further = [Objective(name=name) for name in others]
    return discover(work.program, work.data, Objective(name=first), further, None, ("size_kb", "latency_ms"))


def test_smaller_and_faster_is_better(make_job: Any) -> None:
    objectives = found(make_job().work, "val_accuracy", "size_kb", "latency_ms").objectives
    assert objectives == (("size_kb", Direction.MIN), ("latency_ms", Direction.MIN))


def test_what_is_measured_once_cant_choose_the_best_epoch(make_job: Any) -> None:
    with pytest.raises(OptionError, match="--objective size_kb: is measured once in a trial") as caught:
        found(make_job().work, "size_kb")
    assert "as in --objective val_loss --objective size_kb." in str(caught.value)


def test_the_gauge_of_a_search_travels() -> None:
    from tunemagic.export.measure import gauge_for
    from tunemagic.request import QuantMode

    gauge = gauge_for(QuantMode.INT8, {"study": "digits"})
    assert pickle.loads(pickle.dumps(gauge)) == gauge != gauge_for(QuantMode.NONE, {"study": "digits"})
    assert gauge_for(None, {}) is None
