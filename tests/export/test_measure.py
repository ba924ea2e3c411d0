"""What a model is as a TF Lite file, measured before it is trained, by the real converter and runtime."""

import threading

import keras
import numpy as np
import pytest

from tunemagic.errors import ExportError
from tunemagic.export.measure import DeviceGauge, _key, gauge_for
from tunemagic.request import QuantMode

ABOUT = {"trial": 3, "values": {"units": 64}}


def network(*layers, name="small"):
    return keras.Sequential([keras.Input((64,), name="pixels"), *layers], name=name)


def dense(units, name="hidden", **more):
    return keras.layers.Dense(units, "relu", name=name, **more)


@pytest.fixture(scope="module")
def gauge():
    return DeviceGauge(QuantMode.INT8)


@pytest.mark.parametrize("mode", [QuantMode.NONE, QuantMode.INT8])
def test_an_untrained_model_has_the_size_and_the_speed_of_the_trained_ones_file(mode, dense_files, dense, digits):
    [file] = [result for result in dense_files[1] if result.mode == mode]
    untrained = keras.models.clone_model(dense)
    values = DeviceGauge(mode)(untrained, digits.x, {})
    assert values["size_kb"] == file.bytes / 1000
    assert 0.1 < 1000 * values["latency_ms"] / file.microseconds_least < 10


def test_equal_structures_are_converted_once_and_differ_by_their_facts(gauge, digits):
    model = network(dense(8, kernel_regularizer="l2"), keras.layers.Dropout(0.3, name="drop"))
    before = [weight.tolist() for weight in model.get_weights()]
    first = gauge(model, digits.x, ABOUT)
    assert [weight.tolist() for weight in model.get_weights()] == before
    other = network(dense(8, kernel_initializer="he_normal"), keras.layers.Dropout(0.5, name="drop"))
    second = gauge(other, digits.x, {**ABOUT, "values": {"units": 64, "a longer name": "x" * 100}})
    assert second["latency_ms"] == first["latency_ms"]
    assert 0.1 <= second["size_kb"] - first["size_kb"] <= 0.14
    larger = gauge(network(dense(64), keras.layers.Dropout(0.5, name="drop")), digits.x, ABOUT)
    assert larger["size_kb"] > first["size_kb"] + 3


def test_functions_of_the_users_own_are_told_apart_though_they_have_one_name(gauge, digits):
    def model(scale):
        def act(x):
            return keras.ops.relu(x) if scale is None else keras.ops.sigmoid(keras.ops.tanh(x) * scale)

        return network(keras.layers.Dense(8, act, name="hidden"))

    plain, curved = (gauge(model(scale), digits.x, ABOUT)["size_kb"] for scale in (None, 3.0))
    assert curved > plain


def cell_of(scale):
    class Cell(keras.layers.SimpleRNNCell):
        def call(self, x, states, training=False):
            return super().call(x * scale, states, training)

    return Cell(4)


def activation_of(scale):
    def act(x):
        return x * scale

    return act


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = keras.layers.Dense(2)

    def call(self, x):
        return self.last(x)


def test_models_are_told_apart_by_all_that_is_inside_their_layers():
    def key(*inner):
        model = keras.Sequential([keras.Input((8, 4), name="rows"), *inner], name="small")
        return _key(model, np.zeros((4, 8, 4), "float32"))

    own = [
        [keras.layers.LSTM(4, activation=activation_of(1.0))],
        [keras.layers.RNN(cell_of(1.0))],
        [keras.layers.RNN([keras.layers.GRUCell(4), cell_of(1.0)])],
        [keras.layers.TimeDistributed(keras.layers.Dense(4, activation_of(1.0)))],
        [keras.Sequential([keras.Input((8, 4)), keras.layers.Dense(2, activation_of(1.0))])],
        [Subclassed()],
    ]
    assert [key(*inner) for inner in own] == [None] * len(own)
    keys = [
        key(keras.layers.LSTM(4, name="a")),
        key(keras.layers.RNN([keras.layers.GRUCell(4, name="c")], name="a")),
        key(keras.layers.Bidirectional(keras.layers.GRU(4, name="b"), name="a")),
        key(keras.layers.Dense(4, "relu", name="a")),
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert key(keras.layers.LSTM(4, name="a")) == keys[0]


def two_inputs():
    ends = [keras.Input((64,)), keras.Input((64,))]
    return keras.Model(ends, keras.layers.Add()(ends))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (two_inputs, "expected a model with one input; received 2"),
        (
            lambda: network(keras.layers.Lambda(lambda x: keras.ops.erfinv(x / 2))),
            "operation tf.Erfinv in layer .* has no TF Lite form",
        ),
        (lambda: keras.Sequential([dense(3)]), "the model has no weights yet"),
        (lambda: network(dense(8))(keras.Input((64,))), "expected a Keras model; received KerasTensor."),
    ],
    ids=["two inputs", "no operation for it", "not built", "no model"],
)
def test_what_cant_be_converted_is_told_in_one_line(gauge, digits, model, message):
    with pytest.raises(ExportError, match=message) as caught:
        gauge(model(), digits.x, ABOUT)
    assert "\n" not in str(caught.value)


def test_a_measurement_can_be_stopped(gauge, digits):
    stop = threading.Event()
    stop.set()
    with pytest.raises(ExportError, match="stopped"):
        gauge(network(dense(10)), digits.x, ABOUT, stop)


def test_without_a_mode_nothing_is_measured():
    assert gauge_for(None, {}) is None
    assert gauge_for(QuantMode.NONE, {"study": "s"}) == DeviceGauge(QuantMode.NONE, {"study": "s"})
