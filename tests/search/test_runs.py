"""Repeats and folds of a trial: what each run is trained on, and what they give together."""

import statistics
from typing import Any

import keras
import pytest

from tunemagic import events as ev
from tunemagic.events import Direction
from tunemagic.search.job import Ending, Report, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.train import run_job
from tunemagic.search.twins import forget_twins

CELL = """
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(10, "softmax")])
model.compile(keras.optimizers.Adam(0.03), "sparse_categorical_crossentropy", metrics=["accuracy"])
batch_size = 16
"""
PLAIN = CELL.replace("metrics=", "run_eagerly=True, metrics=")


def run(job: TrialJob, stop: StopFlag | None = None) -> tuple[TrialOutcome, list[Report]]:
    reports: list[Report] = []
    return run_job(job, reports.append, stop or StopFlag()), reports


def ended(reports: list[Report]) -> list[ev.RunEnded]:
    return [report for report in reports if isinstance(report, ev.RunEnded)]


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models whose training step was made a graph, once for each time."""
    models: list[Any] = []
    train_step = keras.Model.train_step

    def traced_step(model: Any, data: Any) -> Any:
        models.append(model)
        return train_step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", traced_step)
    forget_twins()
    return models


def test_one_run_is_not_told_as_a_run(make_job: Any) -> None:
    outcome, reports = run(make_job(CELL, epochs=2))
    assert [(type(report), report.run) for report in reports] == [(ev.EpochEnded, 1)] * 2
    assert outcome.ending is Ending.FINISHED


@pytest.mark.parametrize("cell", [CELL, PLAIN])
def test_repeats_differ_and_their_mean_counts(cell: str, make_job: Any) -> None:
    outcome, reports = run(make_job(cell, epochs=2, repeats=3))
    order = [(type(report).__name__, report.run) for report in reports]
    assert order == [(name, number) for number in (1, 2, 3) for name in ("EpochEnded", "EpochEnded", "RunEnded")]
    scores = [report.score for report in ended(reports)]
    assert len(set(scores)) == 3
    assert outcome.score == pytest.approx(statistics.fmean(scores))
    assert outcome.metrics["val_loss"] == pytest.approx(statistics.fmean(scores))
    best = min(ended(reports), key=lambda report: report.score)
    assert outcome.best_epoch == best.best_epoch


def test_the_weights_are_those_of_the_best_run(make_job: Any) -> None:
    outcome, reports = run(make_job(CELL, epochs=2, repeats=2, objective="val_accuracy", direction=Direction.MAX))
    best = max(range(2), key=lambda index: ended(reports)[index].score)
    alone, _ = run(make_job(CELL, epochs=2, objective="val_accuracy", direction=Direction.MAX))
    assert (outcome.weights == alone.weights) is (best == 0)


def test_the_first_of_several_runs_is_what_a_single_one_is(make_job: Any) -> None:
    _, single = run(make_job(CELL, epochs=2))
    _, several = run(make_job(CELL, epochs=2, repeats=2))
    assert several[:2] == single


@pytest.mark.parametrize("several", [{"repeats": 3}, {"folds": 3}, {"repeats": 2, "folds": 2}], ids=str)
def test_all_runs_of_a_trial_train_in_one_compiled_structure(
    several: dict[str, int], make_job: Any, namespace: dict[str, Any], traced: list[Any]
) -> None:
    built = namespace["built"] = []
    outcome, reports = run(make_job(CELL + "built.append(model)\n", epochs=2, **several))
    assert (outcome.ending, outcome.trainer) == (
        Ending.FINISHED,
        "whole epochs in one graph call; structure compiled for this trial",
    )
    runs = several.get("repeats", 1) * several.get("folds", 1)
    assert (len(ended(reports)), len(built), len(traced)) == (runs, runs, 1)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_trial_that_goes_on_from_another_trains_in_its_compiled_structure(
    runs: int, make_job: Any, traced: list[Any]
) -> None:
    parent, _ = run(make_job(CELL, epochs=2, fixed_epochs=True, repeats=runs, keep_state=True))
    rung = {"trial": 2, "initial_epoch": 2, "from_parent": True, "state": parent.state}
    follower, reports = run(make_job(CELL, epochs=4, fixed_epochs=True, repeats=runs, **rung))
    epochs = [(report.run, report.epoch) for report in reports if isinstance(report, ev.EpochEnded)]
    assert epochs == [(number, epoch) for number in range(1, runs + 1) for epoch in (3, 4)]
    assert follower.trainer == "whole epochs in one graph call; structure reused from trial 1"
    assert len(traced) == 1


@pytest.mark.parametrize("cell", [CELL, PLAIN])
def test_each_fold_is_held_out_once(cell: str, make_job: Any) -> None:
    # Nothing is learnt, and each sample's loss is the same whatever the seed: the mean over all of them.
    frozen = cell.replace("Adam(0.03)", "SGD(0.0)").replace('"relu"', '"relu", kernel_initializer="zeros"')
    outcome, reports = run(make_job(frozen, epochs=1, folds=4))
    assert len(ended(reports)) == 4
    assert outcome.score == pytest.approx(2.302585, rel=1e-5)


def test_both_ways_train_on_the_same_folds(make_job: Any, namespace: dict[str, Any]) -> None:
    namespace["y_train"] = namespace["y_train"].copy()
    results = {}
    for cell in (CELL, PLAIN):
        frozen = cell.replace("Adam(0.03)", "SGD(0.0)")
        results[cell] = [report.metrics for report in ended(run(make_job(frozen, epochs=1, folds=3))[1])]
    for one, other in zip(results[CELL], results[PLAIN], strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_folds_and_repeats_multiply(make_job: Any) -> None:
    _, reports = run(make_job(CELL, epochs=1, folds=2, repeats=2))
    assert [report.run for report in ended(reports)] == [1, 2, 3, 4]


def test_sample_weights_follow_the_folds(make_job: Any) -> None:
    weights = "sample_weight = [float(n) for n in range(80)]\n"
    for cell in (CELL, PLAIN):
        assert run(make_job(cell + weights, epochs=1, folds=2))[0].reason == ""


def test_more_folds_than_samples_fail_with_the_numbers(make_job: Any) -> None:
    outcome, _ = run(make_job(CELL, folds=81))
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "DataError")
    assert "--folds 81: expected at least 2 and at most 80" in outcome.reason


def test_a_stop_within_a_later_run_keeps_the_finished_ones(make_job: Any, namespace: dict[str, Any]) -> None:
    stop = namespace["stop"] = StopFlag()
    namespace["count"] = []
    cell = CELL + "count.append(1)\nif len(count) == 2: stop.set()\n"
    outcome, reports = run(make_job(cell, epochs=2, repeats=3), stop)
    assert outcome.ending is Ending.STOPPED
    assert outcome.score == ended(reports)[0].score
    assert outcome.weights is not None


# -- measures and limits -----------------------------------------------------------------------------


def test_the_number_of_weights_is_always_told(make_job: Any) -> None:
    assert run(make_job(CELL, epochs=1))[0].metrics["parameters"] == 64 * 8 + 8 + 80 + 10


def test_a_measure_sees_the_best_weights(make_job: Any) -> None:
    job = make_job(CELL, epochs=3, measure=lambda model: {"again": evaluated(model)})
    data = job.work.data

    def evaluated(model: Any) -> float:
        return float(model.evaluate(data.val_x, data.val_y, verbose=0, return_dict=True)["loss"])

    outcome, _ = run(job)
    assert outcome.metrics["again"] == pytest.approx(outcome.score, rel=1e-5)


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (lambda model: 1 / 0, "measuring the trained model failed: ZeroDivisionError: division by zero"),
        (lambda model: {"size": float("nan")}, "measuring the trained model gave nan for size; expected a number"),
        (lambda model: {"size": "large"}, "measuring the trained model failed: ValueError"),
        (lambda model: None, "measuring the trained model failed: AttributeError"),
    ],
)
def test_a_measure_that_fails_fails_the_trial(measure: Any, reason: str, make_job: Any) -> None:
    outcome, _ = run(make_job(CELL, epochs=1, measure=measure))
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "TrialError")
    assert reason in outcome.reason


def test_a_stopped_trial_is_not_measured(make_job: Any, namespace: dict[str, Any]) -> None:
    stop = namespace["stop"] = StopFlag()
    late = "callbacks = keras.callbacks.LearningRateScheduler(lambda n, rate: (n and stop.set(), rate)[1])\n"
    outcome, _ = run(make_job(CELL + late, epochs=3, measure=lambda model: 1 / 0), stop)
    assert (outcome.ending, outcome.best_epoch) == (Ending.STOPPED, 1)


@pytest.mark.parametrize("limit", [609, 610])
def test_a_model_above_the_limit_is_skipped(limit: int, make_job: Any) -> None:
    outcome, reports = run(make_job(CELL, epochs=1, max_params=limit))
    if limit == 610:
        assert outcome.ending is Ending.FINISHED
    else:
        assert (outcome.ending, outcome.reason) == (Ending.SKIPPED, "610 weights, above --max-params 609")
        assert (outcome.score, outcome.weights, reports) == (None, None, [])


def test_a_model_that_no_memory_holds_is_skipped(make_job: Any) -> None:
    outcome, _ = run(make_job(CELL.replace("Dense(8", "Dense(2_000_000_000"), max_params=1_000_000))
    assert (outcome.ending, outcome.reason) == (
        Ending.SKIPPED,
        "150,000,000,010 weights, above --max-params 1,000,000",
    )


def test_a_model_that_can_only_be_counted_when_built_is_skipped_too(make_job: Any) -> None:
    outcome, _ = run(make_job(CELL + "model.set_weights(model.get_weights())\n", max_params=100))
    assert (outcome.ending, outcome.reason) == (Ending.SKIPPED, "610 weights, above --max-params 100")
