"""Whole epochs in one graph call give what fit gives: the same weights, metrics and history from the same batches."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic import events as ev
from tunemagic.models import BatchSchedule, schedule
from tunemagic.request import TuneRequest, ValKind, ValSplit
from tunemagic.search.feed import Feed, feed_of, shuffled, tensor_of
from tunemagic.search.fused import Epochs, fit_epochs
from tunemagic.search.job import Ending, Report, StopFlag, TrialJob, TrialOutcome
from tunemagic.search.seeds import own_names
from tunemagic.search.structure import OneOfAKind
from tunemagic.search.train import run_job
from tunemagic.search.twins import TwinCache, forget_twins, lent_twin
from tunemagic.search.watch import Watch

EPOCHS = 3
ORDER = np.random.default_rng(5).permutation(60)  # of 60 samples for training; the other 20 are held out


class Penalty(keras.layers.Layer):
    """A layer of the user's that adds a loss."""

    def call(self, x: Any) -> Any:
        self.add_loss(0.01 * keras.ops.mean(keras.ops.square(x)))
        return x


def model_of(*layers: Any, optimizer: Any = None, **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10, "softmax")])
    optimizer = keras.optimizers.Adam(0.01) if optimizer is None else optimizer
    model.compile(optimizer, "sparse_categorical_crossentropy", **{"metrics": ["accuracy"], **compiled})
    return model


def two_outputs() -> Any:
    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(8, "relu")(inputs)
    outputs = {
        "digit": keras.layers.Dense(10, "softmax", name="digit")(hidden),
        "odd": keras.layers.Dense(1, "sigmoid", name="odd")(hidden),
    }
    model = keras.Model(inputs, outputs)
    losses = {"digit": "sparse_categorical_crossentropy", "odd": "binary_crossentropy"}
    metrics = {"digit": ["accuracy"], "odd": ["accuracy", keras.metrics.AUC(name="auc")]}
    model.compile("adam", losses, loss_weights={"digit": 1.0, "odd": 0.3}, metrics=metrics)
    return model


def dense(**options: Any) -> Any:
    return keras.layers.Dense(8, "relu", **options)


def decay() -> Any:
    return keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)


CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "full batches": (lambda: model_of(dense()), {"batch_size": 20}),
    "a partial last batch": (lambda: model_of(dense()), {"batch_size": 32}),
    "Keras' own batch size": (lambda: model_of(dense()), {}),
    "batch normalisation": (lambda: model_of(dense(), keras.layers.BatchNormalization()), {"batch_size": 16}),
    "seeded dropout": (lambda: model_of(dense(), keras.layers.Dropout(0.4, seed=11)), {"batch_size": 16}),
    "unseeded dropout": (lambda: model_of(dense(), keras.layers.Dropout(0.4)), {"batch_size": 16}),
    "noise": (lambda: model_of(keras.layers.GaussianNoise(0.2), dense()), {"batch_size": 16}),
    "L2": (lambda: model_of(dense(kernel_regularizer="l2", activity_regularizer="l1")), {"batch_size": 16}),
    "add_loss": (lambda: model_of(dense(), Penalty()), {"batch_size": 16}),
    "clipnorm": (lambda: model_of(dense(), optimizer=keras.optimizers.SGD(0.5, clipnorm=0.1)), {"batch_size": 16}),
    "a schedule": (lambda: model_of(dense(), optimizer=keras.optimizers.SGD(decay(), 0.9)), {"batch_size": 16}),
    "1cycle": (
        lambda: model_of(dense(), optimizer=keras.optimizers.SGD(schedule("1cycle", 0.5, steps=12), 0.9)),
        {"batch_size": 16},
    ),
    "a warm-up": (
        lambda: model_of(dense(), optimizer=keras.optimizers.Adam(schedule("warmup", 0.05, steps=12, share=0.3))),
        {"batch_size": 16},
    ),
    "a rate that falls on a plateau": (
        lambda: model_of(dense()),
        {"batch_size": 16, "callbacks": lambda: [keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=1.0)]},
    ),
    "weight decay": (lambda: model_of(dense(), optimizer=keras.optimizers.AdamW(0.01)), {"batch_size": 16}),
    "accumulated gradients": (
        lambda: model_of(dense(), optimizer=keras.optimizers.Adam(0.01, gradient_accumulation_steps=3)),
        {"batch_size": 8},
    ),
    "a loss scale": (
        lambda: model_of(dense(), optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))),
        {"batch_size": 16},
    ),
    "class weights": (
        lambda: model_of(dense(), weighted_metrics=["accuracy"]),
        {"batch_size": 16, "class_weight": {0: 5.0, 3: 0.0}},
    ),
    "sample weights": (
        lambda: model_of(dense(), weighted_metrics=["accuracy"]),
        {"batch_size": 16, "sample_weight": np.linspace(0, 2, 60)},
    ),
    "EMA": (
        lambda: model_of(dense(), optimizer=keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8)),
        {"batch_size": 16},
    ),
    "EMA that overwrites": (
        lambda: model_of(dense(), optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=3)),
        {"batch_size": 16},
    ),
    "EMA swapped in": (
        lambda: model_of(dense(), optimizer=keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8)),
        {"batch_size": 16, "callbacks": lambda: [keras.callbacks.SwapEMAWeights()]},
    ),
    "several metrics": (
        lambda: model_of(dense(), metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(3, name="z")]),
        {"batch_size": 16},
    ),
    "a function as loss and as metric": (
        lambda: model_of(dense(), metrics=[lambda y, p: keras.ops.mean(p[:, 0])]),
        {"batch_size": 16},
    ),
    "a learning rate that a callback sets": (
        lambda: model_of(dense()),
        {"batch_size": 16, "callbacks": lambda: [keras.callbacks.LearningRateScheduler(lambda n, rate: rate / 2)]},
    ),
    "a callback that stops early": (
        lambda: model_of(dense()),
        {"batch_size": 16, "callbacks": lambda: [keras.callbacks.EarlyStopping("loss", patience=0, mode="max")]},
    ),
    "a model without its input's shape": (
        lambda: unbuilt(),
        {"batch_size": 16},
    ),
    "XLA": (lambda: model_of(dense(), jit_compile=True), {"batch_size": 16}),
}  # fmt: skip


def unbuilt() -> Any:
    model = keras.Sequential([dense(), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def result_of(model: Any) -> dict[str, list[Any]]:
    return {"weights": model.get_weights(), **model.history.history}


def assert_equal(fused: dict[str, list[Any]], plain: dict[str, list[Any]]) -> None:
    assert list(fused) == list(plain)
    for name in plain:
        assert len(fused[name]) == len(plain[name])
        for one, other in zip(fused[name], plain[name], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=name)


def watch_of(job: TrialJob, callbacks: Any = ()) -> Watch:
    watch = Watch(job, lambda report: None, StopFlag(), lambda watch: b"")
    watch.callbacks = callbacks
    return watch


class Training:
    """What a case trains, and on what; ``alone`` is what it gives in epochs of the model itself."""

    known: ClassVar[dict[str, dict[str, list[Any]]]] = {}  # computed once, since each takes graphs of its own

    def __init__(self, case: str, digits: tuple[Any, Any], job: TrialJob) -> None:
        x, y = digits
        self._case, self._job = case, job
        self._build, options = CASES[case][0], dict(CASES[case][1])
        self.callbacks = options.pop("callbacks", list)
        held = (x[60:], y[60:])
        self.arguments = {"x": x[:60], "y": y[:60], "epochs": EPOCHS, "validation_data": held, **options}
        self.feed = feed_of(self.arguments, None)

    def model(self, seed: int = 3) -> Any:
        with own_names():
            keras.utils.set_random_seed(seed)
            return self._build()

    def given_by(self, epochs: Epochs) -> dict[str, list[Any]]:
        fit_epochs(epochs, self.feed, self.arguments, watch_of(self._job, self.callbacks()), lambda epoch: ORDER)
        return result_of(epochs.model)

    @property
    def alone(self) -> dict[str, list[Any]]:
        if self._case not in self.known:
            self.known[self._case] = self.given_by(Epochs(self.model(), self.feed.specs))
        return self.known[self._case]


@pytest.mark.parametrize("case", CASES)
def test_the_same_batches_give_the_same_as_fit(case: str, some_digits: tuple[Any, Any], make_job: Any) -> None:
    training = Training(case, some_digits, make_job())
    arguments = training.arguments
    in_order = {name: arguments[name][ORDER] for name in ("x", "y", "sample_weight") if name in arguments}
    plain = training.model()
    plain.fit(**{**arguments, **in_order}, shuffle=False, verbose=0, callbacks=training.callbacks())
    assert_equal(training.alone, result_of(plain))


def test_several_outputs_give_the_same_as_fit(some_digits: tuple[Any, Any], make_job: Any) -> None:
    x, digit = some_digits
    targets = {"digit": digit, "odd": (digit % 2).astype("float32")[:, None]}

    def rows(chosen: Any) -> tuple[Any, dict[str, Any]]:
        return x[chosen], {name: value[chosen] for name, value in targets.items()}

    keras.utils.set_random_seed(3)
    plain = two_outputs()
    plain.fit(*rows(ORDER), batch_size=16, epochs=EPOCHS, shuffle=False, validation_data=rows(slice(60, 80)), verbose=0)
    keras.utils.set_random_seed(3)
    fused = two_outputs()
    data = (tensor_of(x), {name: tensor_of(value) for name, value in targets.items()})
    feed = Feed(
        train=data, train_rows=np.arange(60), val=data, val_rows=np.arange(60, 80), batches=BatchSchedule([(0, 16)])
    )
    job = make_job(objective="val_digit_accuracy")
    fit_epochs(Epochs(fused, feed.specs), feed, {"epochs": EPOCHS}, watch_of(job), lambda epoch: ORDER)
    assert_equal(result_of(fused), result_of(plain))


def test_the_order_depends_on_seed_and_epoch_only() -> None:
    rows = np.arange(30)
    assert list(shuffled(rows, 1, 0)) == list(shuffled(rows, 1, 0))
    assert sorted(shuffled(rows, 1, 0)) == list(rows)
    assert len({tuple(shuffled(rows, seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_arrays_are_turned_into_tensors_once_and_let_go(some_digits: tuple[Any, Any]) -> None:
    array = some_digits[0].astype("float64")
    tensor = tensor_of(array)
    assert tensor_of(array) is tensor
    assert (tensor.dtype, tensor.shape) == (tf.float32, (80, 64))
    again = tensor_of(array.copy())
    assert again is not tensor


# -- sharing -----------------------------------------------------------------------------------------

ONE_OF_A_KIND = {
    "add_loss": "the class Penalty is not one of Keras'",
    "a function as loss and as metric": "<lambda>.<locals>.<lambda> is a function of your own",
}


@pytest.mark.parametrize("case", [case for case in CASES if case not in ONE_OF_A_KIND])
def test_a_twin_that_earlier_trials_trained_in_gives_what_the_model_alone_gives(
    case: str, some_digits: tuple[Any, Any], make_job: Any
) -> None:
    training = Training(case, some_digits, make_job())
    cache = TwinCache()
    for trial in (1, 2, 3):
        with lent_twin(training.model(seed=trial), training.feed.specs, trial, cache) as (twin, known):
            after = training.given_by(twin.epochs)
        assert (known, twin.trial, len(cache)) == (trial > 1, 1, 1)
    assert_equal(after, training.alone)


@pytest.mark.parametrize("case", ONE_OF_A_KIND)
def test_a_model_that_is_one_of_a_kind_gets_no_twin_however_often_it_is_built(
    case: str, some_digits: tuple[Any, Any], make_job: Any
) -> None:
    training = Training(case, some_digits, make_job())
    cache = TwinCache()
    for trial in (1, 2):
        model = training.model(seed=trial)
        with pytest.raises(OneOfAKind) as raised, lent_twin(model, training.feed.specs, trial, cache):
            pass
        assert (str(raised.value), len(cache)) == (ONE_OF_A_KIND[case], 0)


CELL = """
rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
units = hp.Choice("units", [4, 8])
model = keras.Sequential([
    keras.Input((64,)),
    keras.layers.Dense(units, "relu"),
    keras.layers.BatchNormalization(),
    keras.layers.Dropout(0.3),
    keras.layers.Dense(10, "softmax"),
])
model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
batch_size = 16
"""


def run(job: TrialJob, stop: StopFlag | None = None) -> tuple[TrialOutcome, list[Report]]:
    reports: list[Report] = []
    return run_job(job, reports.append, stop or StopFlag()), reports


def logs_of(reports: list[Report]) -> list[Any]:
    return [report.logs for report in reports if isinstance(report, ev.EpochEnded)]


def test_a_trial_after_others_of_its_structure_is_the_same_as_alone(make_job: Any) -> None:
    forget_twins()
    job = make_job(CELL, {"rate": 0.01, "units": 8}, trial=4, seed=21)
    alone, alone_reports = run(job)
    assert alone.trainer == "whole epochs in one graph call; structure compiled for this trial"
    forget_twins()
    for trial, rate in ((1, 0.1), (2, 1e-4), (3, 0.03)):
        run(make_job(CELL, {"rate": rate, "units": 8}, trial=trial, seed=trial, epochs=trial))
    after, after_reports = run(job)
    assert after.trainer == "whole epochs in one graph call; structure reused from trial 1"
    assert logs_of(after_reports) == logs_of(alone_reports)
    assert (after.score, after.best_epoch, after.metrics) == (alone.score, alone.best_epoch, alone.metrics)
    assert after.weights == alone.weights


def test_another_batch_size_or_learning_rate_needs_no_other_graph(make_job: Any) -> None:
    forget_twins()
    run(make_job(CELL, {"units": 4}))
    outcome, _ = run(make_job(CELL + "batch_size = 13\n", {"units": 4, "rate": 0.05}, trial=2))
    assert outcome.trainer == "whole epochs in one graph call; structure reused from trial 1"


def test_another_width_is_another_structure(make_job: Any) -> None:
    forget_twins()
    run(make_job(CELL, {"units": 4}))
    outcome, _ = run(make_job(CELL, {"units": 8}, trial=2))
    assert outcome.trainer == "whole epochs in one graph call; structure compiled for this trial"


def test_a_model_that_a_trial_left_in_the_notebook_is_not_trained_on(make_job: Any, namespace: dict[str, Any]) -> None:
    forget_twins()
    kept = namespace["kept"] = []
    run(make_job(CELL + "kept.append(model)\n", {"units": 4}))
    before = kept[0].get_weights()
    run(make_job(CELL, {"units": 4, "rate": 0.1}, trial=2, seed=8))
    assert all(np.array_equal(one, other) for one, other in zip(before, kept[0].get_weights(), strict=True))


OWN_LOSS = """
share = hp.Float("share", 0.0, 1.0)
def loss(y, p):
    return share * keras.losses.sparse_categorical_crossentropy(y, p)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile("adam", loss)
"""
OWN_ACTIVATION = """
slope = hp.Float("slope", 0.0, 1.0)
def relu(x):
    return x * slope
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(8, relu), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""
LAMBDA = """
slope = hp.Float("slope", 0.0, 1.0)
scale = keras.layers.Lambda(lambda x: x * slope)
model = keras.Sequential([keras.Input((64,)), scale, keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""
OWN_LAYER = """
slope = hp.Float("slope", 0.0, 1.0)
class Slope(keras.layers.Layer):
    def call(self, x):
        return x * slope
model = keras.Sequential([keras.Input((64,)), Slope(), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""
OWN_SCHEDULE = """
scale = hp.Float("scale", 0.0, 1.0)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
optimizer = model.optimizer
callbacks = keras.callbacks.LearningRateScheduler(lambda epoch: float(optimizer.learning_rate) * scale)
"""


@pytest.mark.parametrize(
    ("cell", "name", "reason"),
    [
        (OWN_LOSS, "share", "loss is a function of your own"),
        (OWN_ACTIVATION, "slope", "relu is a function of your own"),
        (LAMBDA, "slope", "it has a Lambda layer"),
        (OWN_LAYER, "slope", "the class Slope is not one of Keras'"),
        (OWN_SCHEDULE, "scale", "a function given to LearningRateScheduler uses the model or can't be looked into"),
    ],
    ids=["loss", "activation", "Lambda", "layer", "schedule"],
)
def test_what_a_config_does_not_tell_is_never_shared(cell: str, name: str, reason: str, make_job: Any) -> None:
    """Each trial is what it would be alone, although the configs of the models are equal."""
    alone = []
    for value in (0.0, 1.0):
        forget_twins()
        alone.append(logs_of(run(make_job(cell, {name: value}))[1]))
    assert alone[0] != alone[1]
    forget_twins()
    for value, expected in ((0.0, alone[0]), (1.0, alone[1]), (0.0, alone[0])):
        outcome, reports = run(make_job(cell, {name: value}))
        assert logs_of(reports) == expected
        assert outcome.trainer == f"whole epochs in one graph call; structure compiled for this trial only: {reason}"


# -- which way ---------------------------------------------------------------------------------------

SIMPLE = """
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
FIXED = SIMPLE.replace("Input((64,))", "Input(batch_shape=(16, 64))") + "batch_size = 16\n"
OWN_STEP = """
class Model(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)
model = Model([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""
OWN_FIT = """
import keras_tuner
class Model(keras_tuner.HyperModel):
    def build(self, hp):
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model
    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **kwargs)
"""
DISTRIBUTED = """
import tensorflow as tf
with tf.distribute.OneDeviceStrategy("CPU:0").scope():
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
"""
CHANGED_CALLBACK = """
callbacks = keras.callbacks.TerminateOnNaN()
callbacks.on_train_batch_begin = lambda batch, logs=None: None
"""
NOT_IN_A_LOOP = """
import tensorflow as tf
class Choosy(keras.layers.Layer):
    def call(self, x):
        if "While" in type(tf.compat.v1.get_default_graph()).__name__:
            raise ValueError("not in a loop")
        return x
model = keras.Sequential([keras.Input((64,)), Choosy(), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
"""


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (SIMPLE.replace('"adam",', '"adam", run_eagerly=True, loss='), "the model runs eagerly"),
        (SIMPLE.replace('"adam",', '"adam", steps_per_execution=2, loss='), "the model has steps_per_execution=2"),
        (FIXED, "the model has a fixed batch size"),
        (OWN_STEP, "the model has its own train_step"),
        (SIMPLE + "model.evaluate = model.evaluate\n", "the model has its own evaluate"),
        (OWN_FIT, "the HyperModel has a fit of its own"),
        (DISTRIBUTED, "the model is distributed over devices"),
        (SIMPLE + CHANGED_CALLBACK, "the callback TerminateOnNaN may need every batch"),
        (SIMPLE + "callbacks = keras.callbacks.LambdaCallback()\n", "the callback LambdaCallback may need every batch"),
        (
            SIMPLE + "class MyLogger(keras.callbacks.Callback):\n    pass\ncallbacks = [MyLogger()]\n",
            "the callback MyLogger may need every batch",
        ),
    ],
)
def test_what_needs_more_than_whole_epochs_gets_a_plain_fit(cell: str, reason: str, make_job: Any) -> None:
    outcome, reports = run(make_job(cell, epochs=2))
    assert (outcome.ending, outcome.reason, len(logs_of(reports))) == (Ending.FINISHED, "", 2)
    assert outcome.trainer == f"plain fit: {reason}"


def test_a_dataset_gets_a_plain_fit(make_job: Any, namespace: dict[str, Any]) -> None:
    namespace["digits"] = tf.data.Dataset.from_tensor_slices((namespace["x_train"], namespace["y_train"])).batch(40)
    request = TuneRequest(data=("digits",), val=ValSplit(kind=ValKind.NAMES, names=("digits",)))
    outcome, reports = run(make_job(SIMPLE, request=request, epochs=2))
    assert (outcome.ending, outcome.reason, len(logs_of(reports))) == (Ending.FINISHED, "", 2)
    assert outcome.trainer == "plain fit: the data is a dataset"


def test_a_checkpoint_by_batches_gets_a_plain_fit_and_one_by_epochs_does_not(
    make_job: Any, namespace: dict[str, Any], tmp_path: Path
) -> None:
    namespace["folder"] = tmp_path
    for frequency, trainer in (
        (2, "plain fit: the callback ModelCheckpoint may need every batch"),
        ("epoch", "whole epochs in one graph call; "),
    ):
        saving = f"keras.callbacks.ModelCheckpoint(folder / '{frequency}.keras', save_freq={frequency!r})"
        outcome, _ = run(make_job(f"{SIMPLE}callbacks = {saving}\n", epochs=1))
        assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")
        assert outcome.trainer.startswith(trainer)
        assert (tmp_path / f"{frequency}.keras").exists()


def test_another_backend_than_tensorflow_gets_a_plain_fit(make_job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    outcome, _ = run(make_job(SIMPLE, epochs=1))
    assert (outcome.ending, outcome.trainer) == (Ending.FINISHED, "plain fit: the Keras backend is jax")


def test_functions_that_all_run_eagerly_get_a_plain_fit(make_job: Any, request: pytest.FixtureRequest) -> None:
    request.addfinalizer(lambda: tf.config.run_functions_eagerly(False))
    tf.config.run_functions_eagerly(True)
    outcome, _ = run(make_job(SIMPLE, epochs=1))
    assert (outcome.ending, outcome.trainer) == (Ending.FINISHED, "plain fit: the model runs eagerly")


@pytest.mark.parametrize(
    ("text", "reason", "error"),
    [
        ("epochs = 2.5", "epochs is no whole number", "TypeError"),
        (
            "sample_weight = [1.0] * 80\nclass_weight = {0: 2.0}",
            "of sample_weight and class_weight only one can be used",
            "ValueError",
        ),
        ("class_weight = [1.0] * 10", "class_weight is no dict", "AttributeError"),
        ("model.optimizer = None", "the model is not compiled with one of Keras' optimizers", "AttributeError"),
    ],
)
def test_what_fit_can_not_do_is_refused_by_fit_itself(text: str, reason: str, error: str, make_job: Any) -> None:
    outcome, _ = run(make_job(f"{SIMPLE}{text}\n", epochs=1))
    assert (outcome.ending, outcome.error, outcome.trainer) == (Ending.FAILED, error, f"plain fit: {reason}")


def test_keras_own_epoch_callbacks_work_between_graph_calls(make_job: Any, tmp_path: Any, namespace: Any) -> None:
    namespace["log"] = str(tmp_path / "log.csv")
    callbacks = 'callbacks = [keras.callbacks.ReduceLROnPlateau("loss"), keras.callbacks.CSVLogger(log)]\n'
    outcome, _ = run(make_job(SIMPLE + callbacks, epochs=2))
    assert outcome.trainer.startswith("whole epochs in one graph call; ")
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert header == "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss"
    assert len(rows) == 2


def test_a_model_that_can_not_be_one_graph_is_fitted_plainly(make_job: Any) -> None:
    outcome, _ = run(make_job(NOT_IN_A_LOOP, epochs=1))
    assert (outcome.ending, outcome.reason) == (Ending.FINISHED, "")
    assert outcome.trainer == "plain fit: its epochs can't be one graph (ValueError)"


def test_a_fault_that_shows_while_tracing_is_told_as_fit_tells_it(make_job: Any) -> None:
    outcome, _ = run(make_job(SIMPLE.replace('"sparse_categorical_crossentropy"', "lambda y, p: p @ undefined")))
    assert (outcome.ending, outcome.error, outcome.line) == (Ending.FAILED, "NameError", 4)


# -- stopping ----------------------------------------------------------------------------------------

SLOW = """
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(512), keras.layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
batch_size = 1
"""


def test_a_stop_ends_a_running_graph_and_the_unfinished_epoch_does_not_count(make_job: Any, namespace: Any) -> None:
    namespace["x_train"] = np.repeat(namespace["x_train"], 2000, axis=0)  # an epoch takes many seconds
    namespace["y_train"] = np.repeat(namespace["y_train"], 2000)
    stop = StopFlag()
    outcomes: list[TrialOutcome] = []
    started = threading.Event()
    namespace["started"] = started
    cell = SLOW + ("callbacks = keras.callbacks.LearningRateScheduler(lambda epoch, rate: (started.set(), rate)[1])\n")
    job = make_job(cell, epochs=2)
    thread = threading.Thread(target=lambda: outcomes.append(run_job(job, lambda report: None, stop)))
    thread.start()
    assert started.wait(60)
    began = time.monotonic()
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert time.monotonic() - began < 20  # a whole epoch takes longer
    assert (outcomes[0].ending, outcomes[0].score, outcomes[0].best_epoch) == (Ending.STOPPED, None, None)


def test_a_flag_set_after_its_trial_does_not_stop_the_next_one(make_job: Any) -> None:
    forget_twins()
    first = StopFlag()
    run(make_job(SIMPLE, epochs=1), first)
    reports: list[Any] = []

    def late(report: Any) -> None:
        first.set()
        reports.append(report)

    outcome = run_job(make_job(SIMPLE, epochs=2, trial=2), late, StopFlag())
    assert (outcome.ending, len(logs_of(reports))) == (Ending.FINISHED, 2)
    assert outcome.trainer.endswith("reused from trial 1")
