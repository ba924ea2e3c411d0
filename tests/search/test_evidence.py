"""What is measured on real models and data, and that no fault of theirs gets out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic.search import evidence
from tunemagic.search.data import TrainingData
from tunemagic.search.evidence import measure_evidence

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 6)).astype("float32")
Y = RANDOM.integers(0, 4, size=200)


def data(x=X, y=Y, val_x=None, val_y=None):
    return TrainingData(x=x, y=y, val_x=val_x, val_y=val_y, names=("x", "y"))


def network(*layers, loss="sparse_categorical_crossentropy", outputs=4, **compiling):
    last = keras.layers.Dense(outputs, "softmax" if outputs > 1 else None)
    model = keras.Sequential([keras.Input(X.shape[1:]), *layers, last])
    model.compile("adam", loss, **compiling)
    return model


def dense(units, bias=0.0):
    return keras.layers.Dense(units, "relu", bias_initializer=keras.initializers.Constant(bias))


def test_units_that_never_answer_are_counted():
    found = measure_evidence(network(dense(30, bias=-100.0), dense(10, bias=1.0)), data())
    assert (found["relu_units"], found["dead_share"]) == (40, 0.75)
    assert found["dead_layer"].startswith("dense")


def test_gaps_in_the_training_samples_and_the_weights_that_they_spoil_are_counted():
    gappy = X.copy()
    gappy[:3, 1] = gappy[2, 5] = np.nan
    model = network(dense(4))
    model.fit(gappy, Y, epochs=1, verbose=0)
    assert np.isfinite(model.evaluate(gappy, Y, verbose=0))  # the ReLU hides it
    found = measure_evidence(model, data(gappy))
    assert {name: found[name] for name in ("gaps", "gap_rows", "rows", "spoilt_weights")} == {
        "gaps": 4, "gap_rows": 3, "rows": 200,
        "spoilt_weights": sum(int((~np.isfinite(weight)).sum()) for weight in model.get_weights()),
    }  # fmt: skip
    assert found["spoilt_weights"] > 0
    assert not {"gaps", "spoilt_weights"} & set(measure_evidence(network(dense(4)), data()))


def test_a_filter_is_dead_when_it_is_zero_everywhere():
    x = RANDOM.normal(size=(20, 8, 8, 1)).astype("float32")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()])
    model.compile("adam", "mse")
    model.layers[0].set_weights([np.ones((3, 3, 1, 4), "float32"), np.array([0, 0, -500, -500], "float32")])
    assert measure_evidence(model, data(x, None))["dead_share"] == 0.5


def test_activations_that_let_negative_sums_through_do_not_count():
    found = measure_evidence(network(keras.layers.Dense(30, "elu"), keras.layers.LeakyReLU()), data())
    assert "dead_share" not in found


def test_validation_samples_that_are_trained_on_are_counted():
    found = measure_evidence(None, data(val_x=np.concatenate([X[:7], X[:3] + 1]), val_y=Y[:10]))
    assert (found["duplicates"], found["held_out"]) == (7, 10)


@pytest.mark.parametrize("target", [Y, 3 - 2 * Y, Y[:, None].astype("float32")])
def test_a_column_that_is_the_target_is_named(target):
    leaking = np.column_stack([X, Y]).astype("float32")
    assert measure_evidence(None, data(leaking, target))["target_column"] == 6
    assert "target_column" not in measure_evidence(None, data(X, target))


def test_constant_columns_and_targets_are_no_leak():
    assert "target_column" not in measure_evidence(None, data(np.ones_like(X), Y))
    assert "target_column" not in measure_evidence(None, data(X, np.ones(200)))


def test_the_best_guess_is_known_for_classes_and_for_numbers():
    even = np.repeat(np.arange(4), 50)
    found = measure_evidence(network(), data(y=even))
    assert (found["classes"], found["guess_accuracy"]) == (4, 0.25)
    assert found["guess_loss"] == pytest.approx(np.log(4))
    one_hot = measure_evidence(network(loss="categorical_crossentropy"), data(y=np.eye(4)[even]))
    assert one_hot["classes"] == 4
    numbers = RANDOM.normal(size=200)
    assert measure_evidence(network(loss="mse", outputs=1), data(y=numbers))["guess_loss"] == pytest.approx(
        numbers.var()
    )


def test_an_eager_model_is_compared_with_its_graph():
    found = measure_evidence(network(dense(8), run_eagerly=True), data(), epoch_seconds=3.0, batch_size=16)
    assert 0 <= found["eager_share"] <= 1


def test_tiny_steps_are_compared_with_large_ones():
    found = measure_evidence(network(dense(8)), data(), epoch_seconds=3.0, batch_size=1)
    assert 0 <= found["step_share"] <= 1
    assert "step_share" not in measure_evidence(network(dense(8)), data(), epoch_seconds=3.0, batch_size=64)
    assert "step_share" not in measure_evidence(network(dense(8)), data(), epoch_seconds=0.1, batch_size=1)


def test_the_time_that_a_dataset_takes_is_a_share_of_the_epoch():
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(20)
    ticks = iter(range(1000))
    found = measure_evidence(
        network(dense(8)), data(batches, None), epoch_seconds=10_000.0, clock=lambda: next(ticks) * 0.01
    )
    assert 0 < found["input_share"] < 0.01


def test_how_often_a_training_was_traced_is_read_from_the_model():
    model = network(dense(8))
    model.fit(X[:32], Y[:32], verbose=0)
    assert measure_evidence(model, None)["traces"] == 1


def test_dropout_is_noted_since_it_makes_training_look_worse():
    assert measure_evidence(network(keras.layers.Dropout(0.5)), None)["dropout"] == 1
    assert "dropout" not in measure_evidence(network(dense(8)), None)


def test_the_model_is_not_changed():
    model = network(dense(8), keras.layers.BatchNormalization())
    before = model.get_weights()
    measure_evidence(model, data(val_x=X[:50], val_y=Y[:50]), epoch_seconds=3.0, batch_size=1)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


class Broken(keras.Model):
    def call(self, x):
        raise RuntimeError("this layer never works")


def test_a_model_that_can_not_be_looked_at_gives_less_evidence():
    model = Broken()
    model.compile("adam", "mse")
    model.built = True
    found = measure_evidence(model, data(val_x=X[:5], val_y=Y[:5]), epoch_seconds=3.0, batch_size=1)
    assert found["duplicates"] == 5


def test_what_takes_too_long_is_left_out():
    times = iter([0.0, 0.0, *[evidence.SECONDS + 1] * 50])
    found = measure_evidence(network(dense(8)), data(), clock=lambda: next(times))
    assert set(found) == {"parameters"}


def test_nothing_more_is_looked_at_once_somebody_waits_for_the_end():
    asked = []
    found = measure_evidence(
        network(keras.layers.Dropout(0.5)), data(), stop=lambda: bool(asked.append(1) or asked[1:])
    )
    assert found == {"parameters": 28.0, "dropout": 1}


def test_nothing_gives_no_evidence():
    assert measure_evidence(None, None) == {}
