"""A training state holds all that training needs to go on, and nothing else is ever read from one."""

import io
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.errors import StorageError
from tunemagic.search.job import Ending, Report, StateTaken, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.state import (
    Best,
    RunResult,
    Snapshot,
    TrainingState,
    restore_model,
    snapshot_of,
    state_from_bytes,
    state_to_bytes,
)
from tunemagic.search.train import run_job

CELL = """
model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(8, "relu"),
    keras.layers.BatchNormalization(),
    keras.layers.Dropout(0.3),
    keras.layers.Dense(10, "softmax"),
])
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
batch_size = 16
"""
EVERY_EPOCH = {"state_seconds": 0.0}


def run(job: TrialJob) -> tuple[TrialOutcome, list[Report]]:
    reports: list[Report] = []
    return run_job(job, reports.append, StopFlag()), reports


def states_of(reports: list[Report]) -> list[StateTaken]:
    return [report for report in reports if isinstance(report, StateTaken)]


def epochs_of(reports: list[Report]) -> list[Any]:
    return [(report.run, report.epoch, report.logs) for report in reports if isinstance(report, ev.EpochEnded)]


def snapshot(epoch: int = 2) -> Snapshot:
    return Snapshot(
        epoch=epoch,
        weights=[np.arange(6, dtype="float32").reshape(2, 3), np.zeros(3, "float32")],
        optimizer=[np.array(7, "int64"), np.array(0.5, "float32")],
        random=[np.array([1, 2], "uint32")],
        callbacks=({"wait": 1.0, "best": 0.25}, {}),
    )


def as_plain(value: Any) -> Any:
    """Nested lists and numbers, so that whole states can be compared."""
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.tolist())
    if hasattr(value, "__dataclass_fields__"):
        return {name: as_plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, (list, tuple)):
        return [as_plain(item) for item in value]
    return value


# -- bytes -------------------------------------------------------------------------------------------


def test_a_state_comes_back_as_it_was() -> None:
    best = Best(score=0.5, epoch=1, metrics={"loss": 0.5, "odd": None}, weights=[np.ones(2, "float32")])
    state = TrainingState(
        run=3,
        now=snapshot(),
        best=best,
        finished=(RunResult(score=0.1, best_epoch=2, metrics={"loss": 0.1}),) * 2,
        winner=best,
        winner_run=2,
        ends=(snapshot(4), snapshot(5)),
    )
    assert as_plain(state_from_bytes(state_to_bytes(state))) == as_plain(state)
    first = TrainingState(run=1, now=snapshot(), best=None)
    assert as_plain(state_from_bytes(state_to_bytes(first))) == as_plain(first)


def test_no_part_of_a_state_is_pickled() -> None:
    data = state_to_bytes(TrainingState(run=1, now=snapshot(), best=None))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04 cut off", b"\x93NUMPY"])
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(StorageError, match="can't be read"):
        state_from_bytes(data)


def test_a_cut_off_state_is_refused() -> None:
    data = state_to_bytes(TrainingState(run=1, now=snapshot(), best=None))
    with pytest.raises(StorageError, match="can't be read"):
        state_from_bytes(data[: len(data) // 2])


def test_a_pickled_array_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, header=np.array([{"version": 1}], dtype=object))
    with pytest.raises(StorageError, match="can't be read"):
        state_from_bytes(buffer.getvalue())


def test_a_state_of_another_version_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, header=np.frombuffer(b'{"version": 99}', dtype="uint8"))
    with pytest.raises(StorageError, match="has version 99; expected 1"):
        state_from_bytes(buffer.getvalue())


# -- models ------------------------------------------------------------------------------------------


def small_model(units: int = 3, dtype: str = "float32") -> Any:
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units, dtype=dtype), keras.layers.Dropout(0.5, seed=1)]
    )
    model.compile("adam", "mse")
    return model


def test_a_model_gets_back_weights_optimizer_and_random_states() -> None:
    model = small_model()
    model.fit(np.ones((8, 4)), np.ones((8, 3)), epochs=2, verbose=0)
    taken = snapshot_of(model, 2)
    other = small_model()
    restore_model(other, taken)
    again = snapshot_of(other, 2)
    assert as_plain(again) == as_plain(taken)
    assert int(other.optimizer.iterations) == 2


def test_number_types_unknown_to_numpy_come_back() -> None:
    model = small_model(dtype="bfloat16")
    model.optimizer.build(model.trainable_variables)
    state = state_from_bytes(state_to_bytes(TrainingState(run=1, now=snapshot_of(model, 1), best=None)))
    other = small_model(dtype="bfloat16")
    restore_model(other, state.now)
    assert [str(weight.dtype) for weight in other.weights] == ["bfloat16", "bfloat16"]
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one.astype("float32"), two.astype("float32"))


def test_a_state_of_another_model_is_refused_and_changes_nothing() -> None:
    model = small_model(5)
    before = model.get_weights()
    with pytest.raises(StorageError, match="does not fit the model"):
        restore_model(model, snapshot_of(small_model(), 1))
    assert all(np.array_equal(one, two) for one, two in zip(before, model.get_weights(), strict=True))


# -- trials ------------------------------------------------------------------------------------------


def test_a_trial_cut_off_goes_on_as_if_it_had_not_been(make_job: Any) -> None:
    whole, reports = run(make_job(CELL, epochs=5, **EVERY_EPOCH))
    assert [(state.run, state.epoch) for state in states_of(reports)] == [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]
    for state in states_of(reports)[1:4]:
        resumed, later = run(make_job(CELL, epochs=5, state=state.state, attempt=2))
        assert epochs_of(later) == epochs_of(reports)[state.epoch :]
        assert (resumed.score, resumed.best_epoch, resumed.metrics) == (whole.score, whole.best_epoch, whole.metrics)
        assert resumed.weights == whole.weights


def test_the_best_epoch_may_lie_before_the_interruption(make_job: Any) -> None:
    spoilt_later = "callbacks = keras.callbacks.LearningRateScheduler(lambda epoch: 0.03 if epoch < 2 else 9.0)\n"
    whole, reports = run(make_job(CELL + spoilt_later, epochs=4, **EVERY_EPOCH))
    assert whole.best_epoch == 2
    resumed, _ = run(make_job(CELL + spoilt_later, epochs=4, state=states_of(reports)[2].state))
    assert (resumed.best_epoch, resumed.score, resumed.weights) == (2, whole.score, whole.weights)


def test_a_callback_remembers_how_long_it_has_waited(make_job: Any) -> None:
    stopping = 'callbacks = keras.callbacks.EarlyStopping("loss", mode="max", patience=3)\n'
    _, reports = run(make_job(CELL + stopping, epochs=9, **EVERY_EPOCH))
    assert len(epochs_of(reports)) == 4
    _, later = run(make_job(CELL + stopping, epochs=9, state=states_of(reports)[1].state))
    assert [epoch for _, epoch, _ in epochs_of(later)] == [3, 4]


def test_a_plain_fit_goes_on_too(make_job: Any) -> None:
    plain = CELL.replace("metrics=", "run_eagerly=True, metrics=")
    _, reports = run(make_job(plain, epochs=3, **EVERY_EPOCH))
    state = states_of(reports)[1]
    outcome, later = run(make_job(plain, epochs=3, state=state.state))
    assert outcome.trainer == "plain fit: the model runs eagerly"
    assert [epoch for _, epoch, _ in epochs_of(later)] == [3]
    assert outcome.best_epoch is not None


@pytest.mark.parametrize("from_parent", [False, True])
def test_a_plain_fit_of_a_model_that_its_first_batch_builds_goes_on_too(from_parent: bool, make_job: Any) -> None:
    late = CELL.replace("    keras.Input((64,)),\n", "") + "callbacks = keras.callbacks.LambdaCallback()\n"
    parent, reports = run(make_job(late, epochs=2, keep_state=True, **EVERY_EPOCH))
    following = {"initial_epoch": 2, "fixed_epochs": True, "from_parent": True, "state": parent.state}
    own = {"state": states_of(reports)[1].state, "attempt": 2}
    outcome, later = run(make_job(late, epochs=3, **(following if from_parent else own)))
    assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")
    assert outcome.trainer == "plain fit: the callback LambdaCallback may need every batch"
    assert [epoch for _, epoch, _ in epochs_of(later)] == [3]


def test_a_state_is_due_after_so_many_seconds_only(make_job: Any) -> None:
    assert states_of(run(make_job(CELL, epochs=2))[1]) == []


def test_a_trial_whose_state_does_not_fit_fails(make_job: Any) -> None:
    _, reports = run(make_job(CELL, epochs=1, **EVERY_EPOCH))
    outcome, _ = run(make_job(CELL.replace("Dense(8", "Dense(9"), state=states_of(reports)[0].state))
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "StorageError")
    assert "the saved training state does not fit the model" in outcome.reason
    outcome, _ = run(make_job(CELL, state=b"nothing of the sort"))
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "StorageError")


def test_a_trial_that_follows_another_keeps_its_optimizer_and_counts_its_own_best(make_job: Any) -> None:
    whole, reports = run(make_job(CELL, epochs=4))
    parent, _ = run(make_job(CELL, epochs=2, keep_state=True))
    assert (parent.state_run, parent.state_epoch) == (1, 2)
    child, later = run(
        make_job(CELL, epochs=4, initial_epoch=2, fixed_epochs=True, state=parent.state, from_parent=True)
    )
    assert epochs_of(later) == epochs_of(reports)[2:]  # as if it had never ended, Adam's moments included
    assert child.best_epoch in (3, 4)
    assert whole.score is not None


# -- runs --------------------------------------------------------------------------------------------


def test_repeats_are_cut_off_and_go_on_in_their_run(make_job: Any) -> None:
    whole, reports = run(make_job(CELL, epochs=2, repeats=3, **EVERY_EPOCH))
    assert [(state.run, state.epoch) for state in states_of(reports)] == [(r, e) for r in (1, 2, 3) for e in (1, 2)]
    state = states_of(reports)[2]
    resumed, later = run(make_job(CELL, epochs=2, repeats=3, state=state.state))
    assert epochs_of(later) == epochs_of(reports)[3:]
    assert (resumed.score, resumed.best_epoch, resumed.metrics, resumed.weights) == (
        whole.score,
        whole.best_epoch,
        whole.metrics,
        whole.weights,
    )


def test_every_run_of_a_trial_that_follows_another_goes_on(make_job: Any) -> None:
    _, reports = run(make_job(CELL, epochs=3, repeats=2))
    parent, _ = run(make_job(CELL, epochs=2, repeats=2, keep_state=True))
    following = {"initial_epoch": 2, "fixed_epochs": True, "from_parent": True, "state": parent.state}
    _, later = run(make_job(CELL, epochs=3, repeats=2, **following))
    assert epochs_of(later) == [epoch for epoch in epochs_of(reports) if epoch[1] == 3]


def test_a_state_with_another_number_of_runs_is_refused(make_job: Any) -> None:
    parent, _ = run(make_job(CELL, epochs=1, repeats=2, keep_state=True))
    outcome, _ = run(make_job(CELL, epochs=2, state=parent.state, from_parent=True))
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "StorageError")
    assert "is of run 2; expected one of a trial with 1" in outcome.reason


def test_states_are_small_files(make_job: Any, tmp_path: Path) -> None:
    _, reports = run(make_job(CELL, epochs=1, **EVERY_EPOCH))
    weights = sum(array.nbytes for array in snapshot_of(small_model(), 0).weights)
    assert weights < len(states_of(reports)[0].state) < 100_000
