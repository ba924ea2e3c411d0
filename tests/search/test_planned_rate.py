"""A schedule that was given no number of steps gets that of the trial's own training."""

from typing import Any

import pytest

from tunemagic import events as ev
from tunemagic.search.job import Ending, StopFlag
from tunemagic.search.train import run_job
from tunemagic.search.twins import forget_twins

CELL = """
from tunemagic import models
schedule = hp.Choice("schedule", models.SCHEDULES)
rate = hp.Float("rate", 1e-4, 1.0, sampling="log", default=0.1)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile(models.optimizer("sgd", rate, schedule=schedule, steps=STEPS), "sparse_categorical_crossentropy")
batch_size = 16
callbacks = models.schedule_callbacks(schedule)
"""


def trained(make_job: Any, steps: int | None, source: str = CELL, **options: Any) -> tuple[Any, list[Any]]:
    reports: list[Any] = []
    job = make_job(source.replace("STEPS", str(steps)), options.pop("values", {"schedule": "1cycle"}), **options)
    outcome = run_job(job, reports.append, StopFlag())
    assert outcome.reason == ""
    return outcome, [report.logs["loss"] for report in reports if isinstance(report, ev.EpochEnded)]


@pytest.mark.parametrize("folds", [0, 2])
def test_the_steps_of_a_trial_are_those_of_its_training_part(
    make_job: Any, namespace: dict[str, Any], folds: int
) -> None:
    rows = len(namespace["x_train"])
    trained_on = rows // 2 if folds else round(rows * 0.8)
    counted, losses = trained(make_job, None, folds=folds)
    given, expected = trained(make_job, 3 * -(-trained_on // 16), folds=folds)
    assert (counted.ending, losses, counted.score) == (Ending.FINISHED, expected, given.score)
    assert counted.trainer.startswith("whole epochs in one graph call")


def test_every_schedule_can_be_searched(make_job: Any) -> None:
    from tunemagic.models import SCHEDULES

    outcomes = [trained(make_job, None, values={"schedule": name})[0] for name in SCHEDULES]
    assert [outcome.ending for outcome in outcomes] == [Ending.FINISHED] * len(SCHEDULES)


def test_the_same_schedule_with_other_weights_needs_no_other_graph(make_job: Any) -> None:
    forget_twins()
    first, _ = trained(make_job, None, trial=1)
    second, _ = trained(make_job, None, trial=2, seed=9)
    assert first.trainer == "whole epochs in one graph call; structure compiled for this trial"
    assert second.trainer == "whole epochs in one graph call; structure reused from trial 1"


def test_plain_fit_counts_the_steps_too(make_job: Any) -> None:
    plain = CELL.replace('"sparse_categorical_crossentropy")', '"sparse_categorical_crossentropy", run_eagerly=True)')
    outcome, losses = trained(make_job, None, plain, epochs=2)
    assert outcome.trainer == "plain fit: the model runs eagerly"
    assert (outcome.ending, len(losses)) == (Ending.FINISHED, 2)
