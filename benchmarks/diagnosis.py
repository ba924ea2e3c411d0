"""Broken models on real data: does each get the verdict that it deserves, and do healthy ones get none?

Usage: python benchmarks/diagnosis.py [--only NAME]. Prints for each model the verdict that is
expected and the one that is given, with its evidence; exits with 1 when one differs. Data comes
with scikit-learn and the mnist1d package; no network is needed.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tunemagic

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """A model, what is wrong with it (None: nothing), and what trains and diagnoses it."""

    name: str
    expected: str | None
    run: Callable[[], Any]


CASES: list[Case] = []


def case(expected: str | None) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Make the function a case; its first line says what the model is like."""

    def register(run: Callable[[], Any]) -> Callable[[], Any]:
        CASES.append(Case(run.__name__, expected, run))
        return run

    return register


# -- data and models -----------------------------------------------------------------------------


@functools.cache
def digits() -> tuple[Any, Any, Any, Any]:
    """Handwritten digits, 8 x 8 from 0 to 1: x and y of 1400 for training, of 397 for validation."""
    import numpy as np
    from sklearn.datasets import load_digits

    found = load_digits()
    rows = np.random.default_rng(0).permutation(len(found.data))
    x, y = (found.data[rows] / 16).astype("float32"), found.target[rows]
    return x[:1400], y[:1400], x[1400:], y[1400:]


@functools.cache
def curves() -> tuple[Any, Any, Any, Any]:
    """MNIST-1D: digits as curves of 40 points, 4000 for training and 1000 for validation."""
    from mnist1d.data import get_dataset_args, make_dataset

    found = make_dataset(get_dataset_args())
    x, y, held_x, held_y = (found[name] for name in ("x", "y", "x_test", "y_test"))
    return x.astype("float32"), y, held_x.astype("float32"), held_y


@functools.cache
def cancer() -> tuple[Any, Any, Any, Any]:
    """Breast cancer, 30 measurements, scaled by the training part: 400 for training, 169 for validation."""
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    rows = np.random.default_rng(0).permutation(len(found.data))
    x, y = found.data[rows].astype("float32"), found.target[rows]
    x = (x - x[:400].mean(axis=0)) / x[:400].std(axis=0)
    return x[:400], y[:400], x[400:], y[400:]


@functools.cache
def wine() -> tuple[Any, Any, Any, Any]:
    """Three cultivars of wine by 13 measurements, scaled by the training part: 120 and 58 bottles."""
    import numpy as np
    from sklearn.datasets import load_wine

    found = load_wine()
    rows = np.random.default_rng(0).permutation(len(found.data))
    x, y = found.data[rows].astype("float32"), found.target[rows]
    x = (x - x[:120].mean(axis=0)) / x[:120].std(axis=0)
    return x[:120], y[:120], x[120:], y[120:]


@functools.cache
def diabetes() -> tuple[Any, Any, Any, Any]:
    """Progress of diabetes, a number from 25 to 346, from ten measurements: 342 and 100 patients."""
    import numpy as np
    from sklearn.datasets import load_diabetes

    found = load_diabetes()
    rows = np.random.default_rng(0).permutation(len(found.data))
    x, y = found.data[rows].astype("float32") * 20, found.target[rows].astype("float32")
    return x[:342], y[:342], x[342:], y[342:]


def network(*layers: Any, optimizer: Any, classes: int = 10, **compiling: Any) -> Any:
    """A classifier with these hidden layers, compiled."""
    import keras

    model = keras.Sequential([*layers, keras.layers.Dense(classes, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **compiling)
    return model


def trained(model: Any, data: tuple[Any, Any, Any, Any], epochs: int, batch_size: int = 64) -> Any:
    """Fit the model and diagnose what came of it."""
    x, y, held_x, held_y = data
    began = time.perf_counter()
    history = model.fit(x, y, validation_data=(held_x, held_y), epochs=epochs, batch_size=batch_size, verbose=0)
    seconds = time.perf_counter() - began
    return tunemagic.diagnose(history, data=(x, y), val=(held_x, held_y), batch_size=batch_size, seconds=seconds)


def searched(build: Callable[[Any], Any], data: tuple[Any, Any, Any, Any], **options: Any) -> Any:
    """Search with this builder in this process and diagnose the study; what is said of the space is left out."""
    x, y, held_x, held_y = data
    with tempfile.TemporaryDirectory() as folder:
        study = tunemagic.tune(build, data=(x, y), val=(held_x, held_y), workers=0, directory=folder, **options)
        findings = study.diagnose()
        return [finding for finding in findings if finding["trial"] is not None]


def dense(units: int, activation: str = "relu", **more: Any) -> Any:
    """A hidden layer."""
    import keras

    return keras.layers.Dense(units, activation, **more)


def adam(rate: Any) -> Any:
    """The usual optimizer."""
    import keras

    return keras.optimizers.Adam(rate)


# -- broken models -------------------------------------------------------------------------------


@case("underfit")
def a_linear_model_for_curves() -> Any:
    """Without a hidden layer the digits of MNIST-1D can't be told apart."""
    return trained(network(optimizer=adam(0.01)), curves(), epochs=12, batch_size=128)


@case("overfit")
def a_wide_network_for_few_curves() -> Any:
    """512 units learn 400 curves by heart."""
    x, y, held_x, held_y = curves()
    return trained(network(dense(512), optimizer=adam(0.003)), (x[:400], y[:400], held_x, held_y), epochs=30)


@case("diverged")
def a_rate_far_too_high() -> Any:
    """Targets up to 346 and a learning rate of 0.1: the weights explode."""
    import keras

    def build(hp: Any) -> Any:
        model = keras.Sequential([dense(hp.Int("units", 16, 64, step=16)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Float("lr", 0.1, 1.0, sampling="log")), "mse")
        return model

    return searched(build, diabetes(), max_trials=2, epochs=4)


@case("rate_too_low")
def a_rate_far_too_low() -> Any:
    """At 3e-5 twelve epochs hardly move the loss."""
    return trained(network(dense(64), optimizer=adam(3e-5)), digits(), epochs=12)


@case("plateaued")
def a_rate_that_ends_too_soon() -> Any:
    """The schedule brings the learning rate to nothing after three epochs."""
    import keras

    rate = keras.optimizers.schedules.PiecewiseConstantDecay([3 * 22], [1e-3, 1e-7])
    return trained(network(dense(64), optimizer=adam(rate)), digits(), epochs=14)


@case("still_improving")
def an_end_too_soon() -> Any:
    """Five epochs at a decent rate, while every epoch still brings much."""
    return trained(network(dense(64), optimizer=adam(7e-4)), digits(), epochs=5)


@case("noisy")
def small_batches_at_a_high_rate() -> Any:
    """Batches of 16, a rate of 0.3 and momentum throw the weights about."""
    import keras

    optimizer = keras.optimizers.SGD(0.3, momentum=0.9)
    return trained(network(dense(32, "tanh"), optimizer=optimizer), digits(), epochs=12, batch_size=16)


@case("dead_units")
def biases_far_below_zero() -> Any:
    """Biases start at -3, so that most sums are negative and ReLU lets nothing through."""
    import keras

    layer = dense(128, bias_initializer=keras.initializers.Constant(-3.0))
    return trained(network(layer, dense(64), optimizer=adam(1e-3)), digits(), epochs=8)


@case("leak_suspected_feature")
def the_answer_among_the_inputs() -> Any:
    """One of the inputs is the diagnosis itself, scaled."""
    import numpy as np

    x, y, held_x, held_y = cancer()
    given = [np.column_stack([part, 2 * labels - 1]).astype("float32") for part, labels in ((x, y), (held_x, held_y))]
    model = network(dense(16), optimizer=adam(0.01), classes=2)
    return trained(model, (given[0], y, given[1], held_y), epochs=10, batch_size=32)


@case("leak_suspected_duplicates")
def samples_in_both_parts() -> Any:
    """A quarter of the validation samples are trained on."""
    import numpy as np

    x, y, held_x, held_y = digits()
    both = np.concatenate([x, held_x[:100]]), np.concatenate([y, held_y[:100]])
    return trained(network(dense(64), optimizer=adam(3e-3)), (*both, held_x, held_y), epochs=10)


@case("too_slow_input")
def a_generator_that_keeps_the_model_waiting() -> Any:
    """Samples are prepared one by one in Python while the model has nothing to do."""
    import tensorflow as tf

    x, y, held_x, held_y = digits()

    def samples() -> Any:
        for image, label in zip(x, y, strict=True):
            time.sleep(0.0005)  # stands for reading and decoding a file
            yield image, label

    signature = (tf.TensorSpec((64,), tf.float32), tf.TensorSpec((), tf.int64))
    data = tf.data.Dataset.from_generator(samples, output_signature=signature).batch(64)
    data = data.apply(tf.data.experimental.assert_cardinality(22))
    held = tf.data.Dataset.from_tensor_slices((held_x, held_y)).batch(128)
    history = network(dense(64), optimizer=adam(3e-3)).fit(
        data, validation_data=held, epochs=2, shuffle=False, verbose=0
    )
    return tunemagic.diagnose(history, data=data, val=held)


@case("too_slow_tracing")
def every_operation_in_python() -> Any:
    """run_eagerly=True, left behind from looking for a fault."""
    model = network(dense(64), dense(64), optimizer=adam(3e-3), run_eagerly=True)
    return trained(model, digits(), epochs=2, batch_size=32)


@case("too_slow_steps")
def one_sample_at_a_time() -> Any:
    """Batches of one: 1400 steps an epoch, each mostly overhead."""
    x, y, held_x, held_y = digits()
    return trained(network(dense(32), optimizer=adam(3e-4)), (x, y, held_x, held_y), epochs=2, batch_size=1)


# -- healthy models ------------------------------------------------------------------------------


@case(None)
def a_healthy_network_for_digits() -> Any:
    """64 units, Adam at 0.003, in a small search."""
    import keras

    def build(hp: Any) -> Any:
        return network(dense(hp.Choice("units", [32, 64])), optimizer=keras.optimizers.Adam(hp.Float("lr", 2e-3, 6e-3)))

    return searched(build, digits(), max_trials=3, epochs=14, objective="val_accuracy")


@case(None)
def a_healthy_network_for_cancer() -> Any:
    """16 units on scaled measurements."""
    return trained(network(dense(16), optimizer=adam(3e-3), classes=2), cancer(), epochs=14, batch_size=32)


@case(None)
def a_healthy_network_for_wine() -> Any:
    """16 units on scaled measurements of 178 wines."""
    return trained(network(dense(16), optimizer=adam(1e-2), classes=3), wine(), epochs=14, batch_size=16)


def given(found: Any) -> str | None:
    """The main verdict among the findings."""
    return str(found[0]["verdict"]) if found else None


def main() -> int:
    """Run the cases and say which verdict each got."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="run the cases whose names hold this text")
    wanted = parser.parse_args().only or ""
    wrong, began = 0, time.monotonic()
    import keras

    for each in [each for each in CASES if wanted in each.name]:
        started = time.monotonic()
        keras.utils.set_random_seed(1)
        findings = each.run()
        verdict = given(findings)
        wrong += verdict != each.expected
        evidence = dict(findings[0]["evidence"]) if findings else ""
        mark = "ok  " if verdict == each.expected else "FAIL"
        seconds = time.monotonic() - started
        print(
            f"{mark} {each.name}: expected {each.expected}, given {verdict}  {evidence}  [{seconds:.1f} s]", flush=True
        )
    print(f"{len(CASES) if not wanted else ''} models, {wrong} wrong, {time.monotonic() - began:.0f} s".strip())
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
