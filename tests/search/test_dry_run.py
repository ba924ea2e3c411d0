"""What a search would cost, from training on a few batches with real Keras."""

from collections.abc import Callable
from typing import Any

import pytest

from tunemagic.errors import TrialError
from tunemagic.events import Direction, EpochEnded
from tunemagic.request import Tuner
from tunemagic.search.cell import read_cell
from tunemagic.search.data import data_from_arrays
from tunemagic.search.dry_run import epoch_share, warm_up
from tunemagic.search.executors.base import Executor
from tunemagic.search.executors.inline import InlineExecutor
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import TrialJob, Work


class Recording(InlineExecutor):
    """The executor in the kernel, which remembers what it was given and what it reported."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[TrialJob] = []
        self.epochs = 0
        self.closed = False

    def submit(self, job: TrialJob) -> None:
        self.jobs.append(job)
        super().submit(job)

    def next_report(self, timeout: float) -> Any:
        report = super().next_report(timeout)
        self.epochs += isinstance(report, EpochEnded)
        return report

    def close(self) -> None:
        self.closed = True
        super().close()


@pytest.fixture
def executor() -> Recording:
    return Recording()


@pytest.fixture
def work_of(namespace: dict[str, Any], some_digits: Any) -> Callable[..., Work]:
    def work_of(source: str, **more: Any) -> Work:
        data = data_from_arrays(*some_digits, None, seed=0)
        program = read_cell(source, {**namespace, "x": some_digits[0], "y": some_digits[1]}, data_names=("x", "y"))
        return Work(program=program, data=data, objective="val_loss", direction=Direction.MIN, **more)

    return work_of


def run(work: Work, executor: Recording, **more: Any) -> Any:
    def make(single: Work) -> tuple[Executor, str]:
        return executor, "because"

    return warm_up(work, new_hyperparameters(), make, **{"epochs": 10, "seed": 3, **more})


def test_one_trial_on_few_batches_tells_what_a_whole_one_costs(
    work_of: Callable[..., Work], executor: Recording, cell: str
) -> None:
    cost = run(work_of(cell.replace("batch_size = 80", "batch_size = 4")), executor)
    assert (cost.epochs, cost.from_cell, cost.all_batches) == (10, False, 16)  # of 80 digits 64 are trained on
    assert (cost.executor, cost.executor_reason, cost.workers) == ("inline", "because", 1)
    assert 4 <= cost.batches <= 16
    assert cost.first_seconds >= 0.0
    assert cost.training_seconds(10) == pytest.approx(cost.first_seconds + 10 * cost.epoch_seconds)
    assert executor.closed
    assert executor.jobs[0].batches == 4
    assert executor.epochs == 3 * len(executor.jobs)


def test_the_cells_own_epochs_count(work_of: Callable[..., Work], executor: Recording, cell: str) -> None:
    cost = run(work_of(f"{cell}\nepochs = 7"), executor)
    assert (cost.epochs, cost.from_cell) == (7, True)


def test_limits_repeats_and_folds_do_not_touch_the_warm_up(
    work_of: Callable[..., Work], executor: Recording, cell: str
) -> None:
    work = work_of(cell.replace("batch_size = 80", "batch_size = 4"), repeats=3, folds=4, max_params=1)
    cost = run(work, executor)
    assert cost.all_batches == 15  # three quarters of 80 digits in batches of 4
    single = executor.jobs[0].work
    assert (single.repeats, single.folds, single.max_params) == (1, 0, None)


def test_what_the_cell_makes_of_the_data_is_cut_as_well(
    work_of: Callable[..., Work], executor: Recording, cell: str
) -> None:
    source = f"x = x.reshape(-1, 8, 8)\n{cell}".replace(
        "keras.Input((64,))", "keras.Input((8, 8)), keras.layers.Flatten()"
    )
    cost = run(work_of(source.replace("batch_size = 80", "batch_size = 8")), executor)
    assert cost.all_batches == 8


def test_a_trial_that_fails_names_the_users_line(work_of: Callable[..., Work], executor: Recording, cell: str) -> None:
    source = f"{cell}\ncallbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: 1 / 0)]"
    with pytest.raises(TrialError) as caught:
        run(work_of(source), executor)
    assert str(caught.value) == "the warm-up trial failed: line 7: ZeroDivisionError: division by zero"
    assert caught.value.line == 7
    assert executor.closed


def test_a_dataset_of_unknown_size_has_no_estimate(namespace: dict[str, Any], executor: Recording, cell: str) -> None:
    import tensorflow as tf

    from tunemagic.search.data import TrainingData

    digits = tf.data.Dataset.from_tensor_slices((namespace["x_train"], namespace["y_train"])).batch(8)
    unknown = digits.filter(lambda x, y: True)
    data = TrainingData(x=unknown, y=None, val_x=unknown, val_y=None, names=("d",), val_names=("v",))
    program = read_cell(cell, namespace)
    cost = run(Work(program=program, data=data, objective="val_loss", direction=Direction.MIN), executor)
    assert (cost.epoch_seconds, cost.all_batches, cost.training_seconds(3)) == (None, None, None)


@pytest.mark.parametrize("tuner", [tuner for tuner in Tuner if tuner not in (Tuner.HYPERBAND, Tuner.BOHB)])
def test_most_strategies_train_every_epoch(tuner: Tuner) -> None:
    assert epoch_share(tuner, 27) == 1.0


def test_hyperbands_trials_are_shorter_by_what_its_brackets_say() -> None:
    # Brackets for 9 epochs: 9 for 1 epoch, 3 on to 3, 1 on to 9; 5 for 3 epochs, 2 on to 9; 3 for 9.
    trials = (9 + 3 + 1) + (5 + 2) + 3
    epochs = (9 * 1 + 3 * 2 + 1 * 6) + (5 * 3 + 2 * 6) + 3 * 9
    assert epoch_share(Tuner.HYPERBAND, 9) == pytest.approx(epochs / (9 * trials))
    assert epoch_share(Tuner.BOHB, 9) == epoch_share(Tuner.HYPERBAND, 9)
    assert epoch_share(Tuner.HYPERBAND, 1) == 1.0


@pytest.mark.parametrize("epochs", [2, 5, 10, 27, 81])
def test_the_brackets_are_keras_tuners(epochs: int) -> None:
    from keras_tuner.oracles import HyperbandOracle

    oracle = HyperbandOracle(objective="val_loss", max_epochs=epochs, factor=3, hyperband_iterations=1)
    trials = trained = 0
    for bracket in range(oracle._get_num_brackets()):
        before = 0
        for rung in range(oracle._get_num_rounds(bracket)):
            size, until = oracle._get_size(bracket, rung), oracle._get_epochs(bracket, rung)
            trials, trained, before = trials + size, trained + size * (until - before), until
    assert epoch_share(Tuner.HYPERBAND, epochs) == pytest.approx(trained / (trials * epochs))
