"""A trial ends in one outcome whatever its code does: its best epoch and the weights of that epoch, or a fault."""

import io
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunemagic import events as ev
from tunemagic.events import Direction
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.hyperparameters import new_hyperparameters
from tunemagic.search.job import Ending, Report, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.train import build_weights, fit_arguments, run_job
from tunemagic.search.twins import forget_twins

HYPERMODEL = """
import keras_tuner as kt

class MyHyperModel(kt.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Int("units", 4, 8), "relu")])
        model.add(keras.layers.Dense(10, "softmax"))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
        return model

"""


def train(job: TrialJob, stop: StopFlag | None = None) -> tuple[TrialOutcome, list[ev.EpochEnded]]:
    reports: list[Report] = []
    outcome = run_job(job, reports.append, stop or StopFlag())
    return outcome, [report for report in reports if isinstance(report, ev.EpochEnded)]


def failure(job: TrialJob) -> tuple[str, str, int | None, str | None]:
    """Error, reason, line and source of a trial that is expected to fail."""
    outcome, _ = train(job)
    assert (outcome.ending, outcome.score, outcome.weights) == (Ending.FAILED, None, None)
    return outcome.error, outcome.reason, outcome.line, outcome.source


def rebuilt(job: TrialJob, outcome: TrialOutcome, folder: Path) -> Any:
    """The trial's model with the weights that came back, as a fresh one would load them."""
    assert outcome.weights is not None
    path = folder / "trial.weights.h5"
    path.write_bytes(outcome.weights)
    hp = new_hyperparameters()
    hp.values = dict(job.hp.values)
    model = job.work.program.run(hp).model
    model.load_weights(path, objects_to_skip=[model.optimizer])
    return model


# -- scores and weights ------------------------------------------------------------------------------


def test_every_epoch_is_told_and_the_best_one_is_the_score(make_job: Any) -> None:
    job = make_job(epochs=4, objective="val_accuracy", direction=Direction.MAX)
    outcome, epochs = train(job)
    assert [(event.trial, event.attempt, event.epoch) for event in epochs] == [(1, 1, n) for n in (1, 2, 3, 4)]
    assert all(list(event.logs) == ["accuracy", "loss", "val_accuracy", "val_loss"] for event in epochs)
    scores = [event.logs["val_accuracy"] for event in epochs]
    assert outcome.ending is Ending.FINISHED
    assert outcome.score == max(score for score in scores if score is not None)
    assert outcome.best_epoch == scores.index(outcome.score) + 1
    assert outcome.metrics == {**epochs[outcome.best_epoch - 1].logs, "parameters": 310.0}


def test_the_weights_are_those_of_the_best_epoch_not_the_last(make_job: Any, cell: str, tmp_path: Path) -> None:
    spoilt_later = "callbacks = keras.callbacks.LearningRateScheduler(lambda epoch: 0.03 if epoch < 2 else 30.0)\n"
    job = make_job(cell + spoilt_later, epochs=4)
    outcome, _ = train(job)
    assert outcome.best_epoch == 2
    model = rebuilt(job, outcome, tmp_path)
    again = model.evaluate(job.work.data.val_x, job.work.data.val_y, verbose=0, return_dict=True)
    assert again["loss"] == pytest.approx(outcome.score, rel=1e-5)


def test_the_file_holds_the_model_only_and_not_the_optimizer(make_job: Any) -> None:
    import h5py

    outcome, _ = train(make_job(epochs=1))
    assert outcome.weights is not None
    with h5py.File(io.BytesIO(outcome.weights)) as file:
        assert "optimizer" not in file
        assert len(file["layers"]) == 2


def test_the_same_seed_gives_the_same_trial_and_another_one_does_not(make_job: Any) -> None:
    first = train(make_job(epochs=2))[1]
    random.random()
    np.random.random()
    assert [event.logs for event in train(make_job(epochs=2))[1]] == [event.logs for event in first]
    assert [event.logs for event in train(make_job(epochs=2, seed=8))[1]] != [event.logs for event in first]


@pytest.mark.parametrize("end", ["", "1 / 0"])
def test_the_notebooks_random_numbers_are_left_alone(end: str, make_job: Any, cell: str) -> None:
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)
    train(make_job(f"import random, numpy\nrandom.random()\nnumpy.random.random()\n{end}\n" + cell, epochs=1))
    assert (random.random(), np.random.random()) == expected


def test_a_trial_goes_on_from_its_parents_weights_and_epoch(make_job: Any) -> None:
    parent, before = train(make_job(epochs=2, keep_state=True))
    assert (parent.state_run, parent.state_epoch) == (1, 2)
    _, epochs = train(
        make_job(epochs=3, initial_epoch=2, fixed_epochs=True, state=parent.state, from_parent=True, seed=99)
    )
    assert [event.epoch for event in epochs] == [3]
    assert epochs[0].logs["loss"] < before[-1].logs["loss"]


def test_a_state_is_given_back_only_when_asked_for(make_job: Any) -> None:
    assert train(make_job(epochs=1))[0].state is None


# -- graphs that trials share ------------------------------------------------------------------------

# By turns with each value, so that a graph of another trial could be taken for this one's.
SHARED = """
value = hp.Choice("value", [0.1, 5.0])
optimizer = keras.optimizers.SGD(0.01)
loss = "mse"
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
{change}
model.compile(optimizer, loss)
batch_size = 80
"""
PLAINLY = "callbacks = keras.callbacks.LambdaCallback()\n"
LATER_STEP = """
optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.1))
optimizer.iterations.assign(int(100 * value))
"""


@pytest.mark.parametrize(
    "change",
    [
        "loss = keras.losses.Huber(delta=value)",
        "model.layers[0].kernel.regularizer = keras.regularizers.L2(value)",
        "model.layers[0].kernel.constraint = keras.constraints.MaxNorm(value)",
        "model.layers[0].kernel_regularizer = keras.regularizers.L2(value)",
        LATER_STEP,
    ],
    ids=["delta of a loss", "regularizer", "constraint", "a regularizer that came too late", "steps"],
)
def test_trials_in_turn_train_as_each_would_by_a_plain_fit(change: str, make_job: Any) -> None:
    forget_twins()
    source = SHARED.format(change=change)
    plain = {value: train(make_job(source + PLAINLY, {"value": value}))[0].score for value in (0.1, 5.0)}
    for trial, value in enumerate((0.1, 5.0, 0.1), 1):
        outcome, _ = train(make_job(source, {"value": value}, trial=trial))
        assert outcome.trainer.startswith("whole epochs in one graph call; ")
        assert outcome.score == pytest.approx(plain[value], rel=1e-5)


WORDS = """
lookup = keras.layers.StringLookup()
lookup.adapt(x_train)
model = keras.Sequential(
    [keras.Input((1,), dtype="string"), lookup, keras.layers.Embedding(11, 4), keras.layers.Flatten()]
)
model.add(keras.layers.Dense(10, "softmax"))
model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
"""


def test_a_trial_with_adapted_words_finishes(make_job: Any, namespace: dict[str, Any]) -> None:
    namespace["x_train"] = namespace["y_train"].astype(str)[:, None]
    for trial in (1, 2):
        outcome, epochs = train(make_job(WORDS, trial=trial, epochs=20))
        assert (outcome.ending, outcome.reason, len(epochs)) == (Ending.FINISHED, "", 20)
        assert outcome.score is not None
        assert outcome.score < math.log(10) / 2  # each word tells its digit


STATEFUL = """
model = keras.Sequential([keras.layers.Reshape((8, 8)), keras.layers.LSTM(4, stateful=True), keras.layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
batch_size = 16
"""


def test_a_stateful_model_that_knows_no_batch_size_before_its_first_batch_trains(make_job: Any) -> None:
    outcome, epochs = train(make_job(STATEFUL))
    assert (outcome.ending, outcome.reason, len(epochs)) == (Ending.FINISHED, "", 3)


# -- what goes to fit --------------------------------------------------------------------------------


def test_the_cells_names_go_to_fit(make_job: Any, cell: str) -> None:
    job = make_job(cell + "epochs = 5\ncallbacks = keras.callbacks.History()\nclass_weight = {0: 2.0}\n")
    arguments = fit_arguments(job, job.work.program.run(job.hp), job.work.data)
    assert arguments.pop("x") is job.work.data.x
    assert arguments.pop("y") is job.work.data.y
    assert [type(callback).__name__ for callback in arguments.pop("callbacks")] == ["History"]
    assert arguments == {
        "epochs": 5,
        "batch_size": 80,
        "class_weight": {0: 2.0},
        "validation_data": (job.work.data.val_x, job.work.data.val_y),
        "verbose": 0,
    }


def test_a_batch_size_of_0_fails_the_trial(make_job: Any, cell: str) -> None:
    error, reason, *_ = failure(make_job(cell.replace("batch_size = 80", "batch_size = 0")))
    told = "OptionError: batch_size: received 0; expected a whole number from 1 on."
    assert (error, reason) == ("OptionError", told)


def test_what_the_cell_sets_to_none_is_as_not_said(make_job: Any, cell: str) -> None:
    nothing = "epochs = None\nsample_weight = None\nclass_weight = None\ncallbacks = None\n"
    job, silent = make_job(cell + nothing), make_job(cell)
    arguments = fit_arguments(job, job.work.program.run(job.hp), silent.work.data)
    assert arguments == fit_arguments(silent, silent.work.program.run(silent.hp), silent.work.data)
    assert [event.logs for event in train(job)[1]] == [event.logs for event in train(silent)[1]]


def test_a_strategy_that_sets_the_epochs_overrules_the_cell(make_job: Any, cell: str) -> None:
    job = make_job(cell + "epochs = 5\n", epochs=2, fixed_epochs=True)
    assert [event.epoch for event in train(job)[1]] == [1, 2]


def test_sample_weights_of_the_whole_data_follow_the_split(make_job: Any, cell: str) -> None:
    job = make_job(cell + "sample_weight = [float(n) for n in range(80)]\n", epochs=1)
    arguments = fit_arguments(job, job.work.program.run(job.hp), job.work.data)
    assert list(arguments["sample_weight"]) == [float(row) for row in job.work.data.train_rows]
    assert train(job)[0].ending is Ending.FINISHED


def test_sample_weights_of_another_length_are_the_trials_fault(make_job: Any, cell: str) -> None:
    error, reason, _, _ = failure(make_job(cell + "sample_weight = [1.0] * 7\n"))
    assert error == "DataError"
    assert reason == "DataError: sample_weight has 7 values; expected 80, one for each sample of x_train."


def test_class_weights_change_the_training(make_job: Any, cell: str) -> None:
    weighted = make_job(cell + "class_weight = {digit: 0.0 for digit in range(10)}\n", epochs=2)
    losses = [event.logs["val_loss"] for event in train(weighted)[1]]
    assert losses[0] == losses[1]  # nothing is learnt when no class counts


def test_early_stopping_of_the_users_is_honoured(make_job: Any, cell: str) -> None:
    stopping = (
        'callbacks = [keras.callbacks.EarlyStopping("loss", patience=0, mode="max", restore_best_weights=True)]\n'
    )
    outcome, epochs = train(make_job(cell + stopping, epochs=9))
    assert (outcome.ending, len(epochs)) == (Ending.FINISHED, 2)


def test_data_assigned_anew_is_what_is_trained_on(make_job: Any, cell: str) -> None:
    job = make_job("x_train = x_train * 0\n" + cell.replace("Adam(0.03)", "SGD(0.0)"), epochs=1)
    outcome, _ = train(job)
    assert outcome.score == pytest.approx(math.log(10), rel=1e-5)  # all classes alike when nothing is seen


@pytest.mark.parametrize("as_dataset", [False, True])
def test_a_model_is_built_from_inputs_that_come_without_targets(
    as_dataset: bool, make_job: Any, namespace: dict[str, Any]
) -> None:
    import tensorflow as tf

    name = "inputs" if as_dataset else "x_train"
    namespace["inputs"] = tf.data.Dataset.from_tensor_slices(namespace["x_train"]).batch(40)
    val = ValSplit(kind=ValKind.NAMES, names=("inputs",)) if as_dataset else None
    job = make_job("model = keras.Sequential([keras.layers.Dense(64)])\n", request=TuneRequest(data=(name,), val=val))
    model = job.work.program.run(job.hp).model
    build_weights(model, job.work.data)
    assert [tuple(weight.shape) for weight in model.weights] == [(64, 64), (64,)]


def test_a_dataset_is_trained_on_as_it_is(make_job: Any, cell: str, namespace: dict[str, Any]) -> None:
    import tensorflow as tf

    namespace["digits"] = tf.data.Dataset.from_tensor_slices((namespace["x_train"], namespace["y_train"])).batch(40)
    request = TuneRequest(data=("digits",), val=ValSplit(kind=ValKind.NAMES, names=("digits",)))
    outcome, epochs = train(make_job(cell.replace("batch_size = 80", ""), request=request, epochs=2))
    assert (outcome.ending, len(epochs)) == (Ending.FINISHED, 2)


# -- HyperModel.fit ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fit",
    [
        # The forms in which the documentation of Keras shows it.
        """
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)
""",
        """
    def fit(self, hp, model, x, y, **kwargs):
        if hp.Boolean("normalize"):
            x = keras.layers.Normalization()(x)
        return model.fit(x, y, shuffle=hp.Boolean("shuffle"), **kwargs)
""",
        """
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, epochs=hp.Int("epochs", 3, 20), **kwargs)
""",
        """
    def fit(self, hp, model, x, y, validation_data, callbacks=None, **kwargs):
        model.fit(x, y, verbose=0, validation_data=validation_data, callbacks=callbacks, **kwargs)
""",
    ],
)
def test_a_fit_of_the_users_that_passes_the_callbacks_on_is_followed(fit: str, make_job: Any) -> None:
    outcome, epochs = train(make_job(HYPERMODEL + fit))
    assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")
    assert [event.epoch for event in epochs] == [1, 2, 3]
    assert outcome.score == min(event.logs["val_loss"] for event in epochs)


@pytest.mark.parametrize(
    ("result", "metrics"),
    [
        ("0.25", {"val_loss": 0.25}),
        ("np.float32(0.25)", {"val_loss": 0.25}),
        ('{"val_loss": 0.25, "accuracy": 1, "note": "text"}', {"val_loss": 0.25, "accuracy": 1.0}),
    ],
)
def test_a_fit_that_returns_a_number_or_metrics_counts_as_one_epoch(
    result: str, metrics: dict[str, float], make_job: Any, tmp_path: Path
) -> None:
    fit = f"    def fit(self, hp, model, x, y, **kwargs):\n        import numpy as np\n        return {result}\n"
    job = make_job(HYPERMODEL + fit)
    outcome, epochs = train(job)
    assert [(event.epoch, event.logs) for event in epochs] == [(1, metrics)]
    assert (outcome.score, outcome.best_epoch, outcome.metrics) == (0.25, 1, {**metrics, "parameters": 310.0})
    assert len(rebuilt(job, outcome, tmp_path).layers) == 2


@pytest.mark.parametrize("result", ["None", "'text'", "[1, 2]", "3j", "model.fit(x, y, verbose=0)"])
def test_a_fit_that_returns_nothing_usable_is_told_what_to_return(result: str, make_job: Any) -> None:
    fit = f"    def fit(self, hp, model, x, y, **kwargs):\n        return {result}\n"
    error, reason, _, _ = failure(make_job(HYPERMODEL + fit))
    assert error == "CellError"
    assert reason.endswith(
        "and called none of the callbacks it was given; expected it to pass callbacks to model.fit, or to return a "
        "number or a dict of metrics."
    )


def test_a_number_too_large_for_a_float_fails_the_trial(make_job: Any) -> None:
    fit = "    def fit(self, hp, model, x, y, **kwargs):\n        return 10 ** 400\n"
    error, reason, _, _ = failure(make_job(HYPERMODEL + fit))
    assert (error, reason) == ("OverflowError", "OverflowError: int too large to convert to float")


# -- faults ------------------------------------------------------------------------------------------

FAULTY = """
class Faulty(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            {fault}
callbacks = [Faulty()]
"""


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("1 / 0", "ZeroDivisionError", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(2)", "SystemExit", "SystemExit: 2"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise MemoryError('no room')", "out of memory", "MemoryError: no room"),
    ],
)
def test_a_fault_of_the_users_ends_the_trial_with_its_line(
    fault: str, error: str, reason: str, make_job: Any, cell: str
) -> None:
    assert failure(make_job(f"import keras\n\n{fault}\n" + cell)) == (error, reason, 4, fault)
    in_fit = FAULTY.format(fault=fault) + cell
    assert failure(make_job(in_fit)) == (error, reason, 6, fault)


def test_exit_is_a_fault_of_the_trial_too(make_job: Any, cell: str) -> None:
    assert failure(make_job("import sys\nsys.exit()\n" + cell)) == ("SystemExit", "SystemExit", 3, "sys.exit()")


def test_what_tensorflow_says_when_memory_is_short_is_out_of_memory(make_job: Any) -> None:
    fault = "raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating tensor')"
    error, reason, line, source = failure(make_job(f"import tensorflow as tf\n{fault}\n"))
    assert (error, line, source) == ("out of memory", 3, fault)
    assert reason == "ResourceExhaustedError: OOM when allocating tensor"


def test_a_cell_that_gives_no_model_in_some_trials_fails_those(make_job: Any, cell: str) -> None:
    source = cell + "if units == 8:\n    model = None\n"
    assert train(make_job(source, {"units": 4}, epochs=1))[0].ending is Ending.FINISHED
    error, reason, line, _ = failure(make_job(source, {"units": 8}))
    assert (error, line) == ("CellError", 4)
    assert "`model` is a NoneType; expected a Keras model." in reason


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_loss_that_is_not_finite_is_divergence_and_its_curve_has_a_gap(value: str, make_job: Any, cell: str) -> None:
    source = f"def bad(y, p): return keras.ops.sum(p) * 0 + float('{value}')\n"
    outcome, epochs = train(make_job(source + cell.replace('"sparse_categorical_crossentropy"', "bad")))
    assert (outcome.ending, outcome.error) == (Ending.FAILED, "diverged")
    assert outcome.reason == f"val_loss became {value} in epoch 1"
    assert [(event.epoch, event.logs["loss"], event.logs["val_loss"]) for event in epochs] == [(1, None, None)]


def test_training_that_diverges_later_fails_although_earlier_epochs_were_fine(make_job: Any, cell: str) -> None:
    later = "callbacks = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 if epoch < 2 else float('nan'))\n"
    outcome, epochs = train(make_job(cell + later, epochs=5))
    assert (outcome.ending, outcome.error, outcome.score) == (Ending.FAILED, "diverged", None)
    assert outcome.reason == "val_loss became nan in epoch 3"
    assert [event.logs["val_loss"] is None for event in epochs] == [False, False, True]


def test_an_objective_that_fit_does_not_log_is_a_fault_with_the_names(make_job: Any) -> None:
    _, reason, _, _ = failure(make_job(objective="val_auc", direction=Direction.MAX))
    assert reason == (
        "TrialError: objective 'val_auc' is not among the logged metrics; "
        "received accuracy, loss, val_accuracy, val_loss"
    )


# -- cancelling --------------------------------------------------------------------------------------


def test_a_trial_cancelled_before_its_start_runs_nothing(make_job: Any) -> None:
    cancelled = StopFlag()
    cancelled.set()
    outcome, epochs = train(make_job("raise AssertionError"), cancelled)
    assert (outcome.ending, outcome.score, outcome.best_epoch, outcome.weights) == (Ending.STOPPED, None, None, None)
    assert epochs == []


CANCELS = """
class Cancels(keras.callbacks.Callback):
    batches = 0
    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        seen.append(self.batches)
        if self.batches == 6:
            cancelled.set()
callbacks = [Cancels()]
"""


def test_a_trial_cancelled_within_an_epoch_ends_at_that_batch_with_its_best_epoch_so_far(
    make_job: Any, cell: str, namespace: dict[str, Any], tmp_path: Path
) -> None:
    cancelled = namespace["cancelled"] = StopFlag()
    seen: list[int] = []
    namespace["seen"] = seen
    job = make_job(cell.replace("80", "16") + CANCELS, epochs=50)
    outcome, epochs = train(job, cancelled)
    assert seen == [1, 2, 3, 4, 5, 6]  # four batches make an epoch
    assert (outcome.ending, outcome.best_epoch, outcome.score) == (Ending.STOPPED, 1, epochs[0].logs["val_loss"])
    again = rebuilt(job, outcome, tmp_path).evaluate(
        job.work.data.val_x, job.work.data.val_y, verbose=0, return_dict=True
    )
    assert again["loss"] == pytest.approx(outcome.score, rel=1e-5)


def test_cancelling_passes_the_users_except_clauses(make_job: Any, namespace: dict[str, Any]) -> None:
    cancelled = namespace["cancelled"] = StopFlag()
    namespace["seen"] = []
    fit = """
    def fit(self, hp, model, x, y, callbacks=(), **kwargs):
        try:
            model.fit(x, y, callbacks=[*callbacks, Cancels()], **kwargs)
        except Exception:
            return 0.0
"""
    outcome, _ = train(
        make_job(CANCELS.replace("callbacks = [Cancels()]", "") + HYPERMODEL + fit, epochs=50), cancelled
    )
    assert outcome.ending is Ending.STOPPED
