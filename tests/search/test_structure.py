"""Models share a graph only when their configs tell all that the graph is made from."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic.models import schedule
from tunemagic.search.seeds import own_names
from tunemagic.search.structure import OneOfAKind, structure_of
from tunemagic.search.twins import Twin, TwinCache, lent_twin

SPECS = (
    (tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None,), tf.int64)),
    (tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None,), tf.int64)),
)


def model_of(
    *layers: Any, optimizer: Any = None, loss: Any = "sparse_categorical_crossentropy", **compiled: Any
) -> Any:
    model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10, "softmax")])
    model.compile(optimizer or keras.optimizers.Adam(0.01), loss, **{"metrics": ["accuracy"], **compiled})
    return model


def key(build: Callable[[], Any], specs: Any = SPECS) -> str:
    with own_names():
        return structure_of(build(), specs).key


def dense(**options: Any) -> Any:
    return keras.layers.Dense(8, **{"activation": "relu", **options})


def with_kernel(**rules: Any) -> Any:
    """A model on whose first kernel these rules were set once it was there."""
    model = model_of(dense())
    for name, rule in rules.items():
        setattr(model.layers[0].kernel, name, rule)
    return model


def test_models_built_alike_have_one_structure_whatever_was_built_before() -> None:
    assert key(lambda: model_of(dense())) == key(lambda: model_of(dense()))


@pytest.mark.parametrize(
    "other",
    [
        lambda: model_of(dense(), optimizer=keras.optimizers.Adam(0.3)),
        lambda: model_of(dense(kernel_initializer="zeros")),
        lambda: model_of(dense(kernel_initializer=keras.initializers.HeNormal(seed=4))),
        lambda: model_of(dense(activation=keras.activations.relu)),
    ],
    ids=["learning rate", "initial values", "seeded initial values", "Keras' function instead of its name"],
)
def test_what_a_graph_does_not_depend_on_is_not_part_of_the_structure(other: Callable[[], Any]) -> None:
    assert key(other) == key(lambda: model_of(dense()))


VARIANTS: dict[str, Callable[[], Any]] = {
    "the same": lambda: model_of(dense()),
    "units": lambda: model_of(keras.layers.Dense(9, "relu")),
    "activation": lambda: model_of(dense(activation="tanh")),
    "regularizer": lambda: model_of(dense(kernel_regularizer=keras.regularizers.L2(0.01))),
    "another factor": lambda: model_of(dense(kernel_regularizer=keras.regularizers.L2(0.02))),
    "dropout": lambda: model_of(dense(), keras.layers.Dropout(0.2)),
    "another rate": lambda: model_of(dense(), keras.layers.Dropout(0.3)),
    "optimizer": lambda: model_of(dense(), optimizer=keras.optimizers.SGD(0.01)),
    "momentum": lambda: model_of(dense(), optimizer=keras.optimizers.SGD(0.01, momentum=0.9)),
    "clipnorm": lambda: model_of(dense(), optimizer=keras.optimizers.Adam(0.01, clipnorm=1.0)),
    "schedule": lambda: model_of(
        dense(), optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9))
    ),
    "another schedule": lambda: model_of(
        dense(), optimizer=keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.2, 5, 0.9))
    ),
    "1cycle": lambda: model_of(dense(), optimizer=keras.optimizers.Adam(schedule("1cycle", 0.1, steps=9))),
    "a higher 1cycle": lambda: model_of(dense(), optimizer=keras.optimizers.Adam(schedule("1cycle", 0.2, steps=9))),
    "a longer 1cycle": lambda: model_of(dense(), optimizer=keras.optimizers.Adam(schedule("1cycle", 0.1, steps=10))),
    "loss": lambda: model_of(dense(), loss=keras.losses.SparseCategoricalCrossentropy()),
    "axis of a loss": lambda: model_of(dense(), loss=keras.losses.SparseCategoricalCrossentropy(axis=1)),
    "delta of a loss": lambda: model_of(dense(), loss=keras.losses.Huber(delta=0.1)),
    "another delta": lambda: model_of(dense(), loss=keras.losses.Huber(delta=5.0)),
    "similarity": lambda: model_of(dense(), loss=keras.losses.CosineSimilarity(axis=-1)),
    "another axis": lambda: model_of(dense(), loss=keras.losses.CosineSimilarity(axis=0)),
    "metrics": lambda: model_of(dense(), metrics=[]),
    "metric": lambda: model_of(dense(), metrics=[keras.metrics.CosineSimilarity(axis=-1)]),
    "axis of a metric": lambda: model_of(dense(), metrics=[keras.metrics.CosineSimilarity(axis=0)]),
    "weighted metrics": lambda: model_of(dense(), metrics=None, weighted_metrics=["accuracy"]),
    "jit_compile": lambda: model_of(dense(), jit_compile=True),
    "frozen": lambda: model_of(dense(trainable=False)),
    "dtype": lambda: model_of(dense(dtype="bfloat16")),
    "a weight's regularizer": lambda: with_kernel(regularizer=keras.regularizers.L2(0.01)),
    "a weight's other regularizer": lambda: with_kernel(regularizer=keras.regularizers.L2(0.02)),
    "a weight's constraint": lambda: with_kernel(constraint=keras.constraints.MaxNorm(1.0)),
    "a weight's other constraint": lambda: with_kernel(constraint=keras.constraints.MaxNorm(2.0)),
}


def test_whatever_a_graph_depends_on_makes_another_structure() -> None:
    keys = {name: key(build) for name, build in VARIANTS.items()}
    assert len(set(keys.values())) == len(VARIANTS)


def test_other_data_makes_another_structure() -> None:
    wide = ((tf.TensorSpec((None, 64), tf.float32), tf.TensorSpec((None, 1), tf.int64)), None)
    assert key(lambda: model_of(dense())) != key(lambda: model_of(dense()), wide)


# -- one of a kind -----------------------------------------------------------------------------------


def relu(x: Any) -> Any:
    """The user's own, which Keras writes down as "relu"."""
    return x * 2


class OwnLayer(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return x


@keras.saving.register_keras_serializable("tests")
class OwnLoss(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(y_pred)


@keras.saving.register_keras_serializable("tests")
class OwnOptimizer(keras.optimizers.SGD):
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        self.assign_add(variable, 9 * gradient)


@keras.saving.register_keras_serializable("tests")
class OwnRegularizer(keras.regularizers.Regularizer):
    def __call__(self, weight: Any) -> Any:
        return keras.ops.sum(weight)

    def get_config(self) -> dict[str, Any]:
        return {}


@keras.saving.register_keras_serializable("tests")
class OwnConstraint(keras.constraints.Constraint):
    def __call__(self, weight: Any) -> Any:
        return weight * 0


class OwnModel(keras.Sequential):
    pass


def adapted() -> Any:
    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(0).random((20, 64)))
    return layer


def replaced_call() -> Any:
    model = model_of(dense())
    model.layers[0].call = lambda x: x[:, :8]
    return model


def exempted() -> Any:
    optimizer = keras.optimizers.AdamW(0.01)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return model_of(dense(), optimizer=optimizer)


def added_loss() -> Any:
    model = model_of(dense())
    model.add_loss(keras.ops.convert_to_tensor(1.0))
    return model


def word_model(layer: Any, dtype: str) -> Any:
    layer.adapt(np.array([[1], [2]], dtype) if dtype != "string" else np.array([["a"], ["b"]]))
    model = keras.Sequential([keras.Input((1,), dtype=dtype), layer, keras.layers.Embedding(4, 2)])
    model.compile("adam", "mse")
    return model


LOOKUP = "it has a layer that looks words up"


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: model_of(dense(activation=relu)), "relu is a function of your own"),
        (lambda: model_of(dense(activation=lambda x: x)), "is a function of your own"),
        (lambda: model_of(dense(kernel_regularizer=lambda w: keras.ops.sum(w))), "is a function of your own"),
        (lambda: model_of(dense(), loss=lambda y, p: keras.ops.mean(p)), "is a function of your own"),
        (lambda: model_of(dense(), metrics=[lambda y, p: keras.ops.mean(p)]), "is a function of your own"),
        (lambda: model_of(dense(), loss=OwnLoss()), "OwnLoss is not one of Keras' classes"),
        (lambda: model_of(OwnLayer()), "the class OwnLayer is not one of Keras'"),
        (lambda: model_of(keras.layers.Lambda(lambda x: x)), "it has a Lambda layer"),
        (lambda: model_of(dense(), optimizer=keras.optimizers.SGD(lambda: 0.1)), "is a function of your own"),
        (replaced_call, "its method call was replaced"),
        (exempted, "exempts some weights from weight decay"),
        (added_loss, "a loss was added to the model itself"),
        (lambda: model_of(dense(), optimizer=OwnOptimizer(0.1)), "the class OwnOptimizer is not one of Keras'"),
        (
            lambda: model_of(dense(), optimizer=keras.optimizers.LossScaleOptimizer(OwnOptimizer(0.1))),
            "the class OwnOptimizer is not one of Keras'",
        ),
        (lambda: with_kernel(regularizer=OwnRegularizer()), "OwnRegularizer is not one of Keras' classes"),
        (lambda: with_kernel(constraint=OwnConstraint()), "OwnConstraint is not one of Keras' classes"),
        (lambda: word_model(keras.layers.StringLookup(), "string"), LOOKUP),
        (lambda: word_model(keras.layers.IntegerLookup(), "int64"), LOOKUP),
        (lambda: word_model(keras.layers.TextVectorization(), "string"), LOOKUP),
    ],
)
def test_what_a_config_does_not_tell_makes_a_model_one_of_a_kind(build: Callable[[], Any], reason: str) -> None:
    with pytest.raises(OneOfAKind, match=reason.replace("(", r"\(")):
        structure_of(build(), SPECS)


def test_a_model_class_of_the_users_is_one_of_a_kind() -> None:
    model = OwnModel([keras.Input((64,)), keras.layers.Dense(10)])
    model.compile("adam", "mse")
    with pytest.raises(OneOfAKind, match="the class OwnModel is not one of Keras'"):
        structure_of(model, SPECS)


def later_regularizer() -> Any:
    model = model_of(dense())
    model.layers[0].kernel_regularizer = keras.regularizers.L2(0.5)  # its weight is there already, without one
    return model


@pytest.mark.parametrize(
    "build",
    [
        lambda: model_of(adapted()),
        lambda: model_of(dense(activation=tf.nn.relu)),
        lambda: model_of(dense(), loss=keras.losses.Huber(delta=0.1)),
        lambda: with_kernel(regularizer=keras.regularizers.L2(0.5)),
        later_regularizer,
    ],
    ids=["adapted", "tf.nn", "delta of a loss", "a weight's regularizer", "a regularizer that came too late"],
)
def test_a_model_that_its_config_does_not_rebuild_is_one_of_a_kind(build: Callable[[], Any]) -> None:
    with pytest.raises(OneOfAKind, match="its config does not tell all of it"):
        Twin(structure_of(build(), SPECS), SPECS, 1)


def test_normalization_adapted_to_other_data_is_another_structure() -> None:
    def shifted() -> Any:
        layer = keras.layers.Normalization()
        layer.adapt(1 + np.random.default_rng(0).random((20, 64)))
        return layer

    assert key(lambda: model_of(adapted())) != key(lambda: model_of(shifted()))


# -- twins -------------------------------------------------------------------------------------------


def test_a_twin_is_what_the_fresh_model_is() -> None:
    cache = TwinCache()
    first = model_of(dense(), keras.layers.Dropout(0.5))
    with lent_twin(first, SPECS, 1, cache) as (twin, known):
        assert not known
        twin.model.optimizer.iterations.assign(5)
        twin.model.optimizer.learning_rate = 0.7
    with own_names():
        keras.utils.set_random_seed(3)
        fresh = model_of(dense(), keras.layers.Dropout(0.5), optimizer=keras.optimizers.Adam(0.02))
    with own_names():
        keras.utils.set_random_seed(4)
        second = model_of(dense(), keras.layers.Dropout(0.5))
    for model, rate in ((fresh, 0.02), (second, 0.01)):
        with lent_twin(model, SPECS, 2, cache) as (twin, _):
            assert int(twin.model.optimizer.iterations) == 0
            assert float(twin.model.optimizer.learning_rate.numpy()) == pytest.approx(rate)
            for one, other in zip(model.variables[:5], twin.model.variables[:5], strict=True):
                np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("wrapped", [lambda inner: inner, keras.optimizers.LossScaleOptimizer], ids=["plain", "scaled"])
def test_a_twin_takes_up_the_step_at_which_the_fresh_optimizer_begins(wrapped: Callable[[Any], Any]) -> None:
    cache = TwinCache()
    received = []
    for trial, steps in enumerate((0, 500, 0), 1):
        with own_names():
            inner = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 100, 0.1))
            inner.iterations.assign(steps)
            model = model_of(dense(), optimizer=wrapped(inner))
        with lent_twin(model, SPECS, trial, cache) as (twin, known):
            received.append((known, int(twin.model.optimizer.iterations)))
    assert received == [(False, 0), (True, 500), (True, 0)]


def test_a_twin_in_use_is_nobody_elses() -> None:
    cache = TwinCache()
    with own_names():
        first = model_of(dense())
    with own_names():
        second = model_of(dense())
    with lent_twin(first, SPECS, 1, cache) as (one, _), lent_twin(second, SPECS, 2, cache) as (other, known):
        assert one is not other
        assert not known


def test_the_structures_used_last_are_kept() -> None:
    cache = TwinCache(bound=2)
    models = []
    for units in (4, 5, 6, 5):
        with own_names():
            models.append(model_of(keras.layers.Dense(units)))
    known = []
    for trial, model in enumerate(models, 1):
        with lent_twin(model, SPECS, trial, cache) as (_, was_known):
            known.append(was_known)
    assert known == [False, False, False, True]
    assert len(cache) == 2


def test_an_optimizer_that_was_used_before_keeps_its_state() -> None:
    model = model_of(dense())
    model.optimizer.build(model.trainable_variables)
    with pytest.raises(OneOfAKind, match="its optimizer was used before"), lent_twin(model, SPECS, 1):
        pass
