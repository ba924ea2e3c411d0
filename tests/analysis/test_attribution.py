"""Integrated gradients and saliency of small real models: the axioms that they are known by."""

from typing import Any

import numpy as np
import pytest

from tunemagic.analysis.attribution import integrated_gradients, output_at, saliency
from tunemagic.errors import OptionError


@pytest.fixture(scope="module")
def trained(some_digits: tuple[Any, Any]) -> Any:
    """A network with a ReLU, a tanh and dropout, trained on 80 digits."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(32, "relu"),
            layers.Dropout(0.5),
            layers.Dense(16, "tanh"),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(*some_digits, epochs=20, verbose=0)
    return model


def test_the_parts_sum_up_to_the_change_of_the_answer(trained: Any, some_digits: tuple[Any, Any]) -> None:
    x, y = some_digits
    zeros = np.zeros(64)
    for row in range(0, 80, 8):
        index = int(y[row])
        parts, change, error = integrated_gradients(trained, x[row], zeros, index)
        ends = output_at(trained, np.stack([zeros, x[row]]).astype("float32"), index)
        assert change == pytest.approx(ends[1] - ends[0])
        assert parts.sum() - change == pytest.approx(error, abs=1e-12)
        assert abs(error) <= 0.01 * abs(change)


def test_of_a_linear_model_the_parts_are_weight_times_distance() -> None:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([np.array([[1.0, 0.5], [-2.0, 0.0], [0.0, 3.0]]), np.array([7.0, 8.0])])
    sample, baseline = np.array([3.0, 1.0, 2.0]), np.array([1.0, 0.0, 2.0])
    parts, change, error = integrated_gradients(model, sample, baseline, 0)
    assert parts.tolist() == pytest.approx([2.0, -2.0, 0.0])
    assert (change, error) == (0.0, pytest.approx(0.0, abs=1e-6))
    assert integrated_gradients(model, sample, baseline, 1)[0].tolist() == pytest.approx([1.0, 0.0, 0.0])
    assert saliency(model, sample, 0).tolist() == [1.0, 2.0, 0.0]
    assert saliency(model, sample, 1).tolist() == [0.5, 0.0, 3.0]


def test_an_input_that_nothing_depends_on_has_no_part() -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    kernel, *rest = model.get_weights()
    kernel[1] = 0
    model.set_weights([kernel, *rest])
    parts, _, _ = integrated_gradients(model, np.array([1.0, 5.0, -1.0]), np.zeros(3), 0)
    assert parts[1] == 0
    assert (parts[[0, 2]] != 0).all()


def test_saliency_is_the_slope_that_small_steps_show(trained: Any, some_digits: tuple[Any, Any]) -> None:
    sample = some_digits[0][3].astype("float64")
    found = saliency(trained, sample, 4)
    step = 0.01
    moved = sample + step * np.eye(64)
    back = sample - step * np.eye(64)
    slopes = (output_at(trained, moved.astype("float32"), 4) - output_at(trained, back.astype("float32"), 4)) / step / 2
    assert np.corrcoef(found, np.abs(slopes))[0, 1] > 0.999
    assert found == pytest.approx(np.abs(slopes), abs=0.05 * found.max())


def test_inputs_that_are_looked_up_have_no_gradient() -> None:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(5, 2), keras.layers.Flatten()])
    with pytest.raises(OptionError) as raised:
        saliency(model, np.array([1.0, 2.0, 3.0]), 0)
    assert str(raised.value) == (
        "explain: no gradient reaches the model's inputs (they are looked up or rounded first); expected inputs that "
        "it computes with. Permutation works with all: how='permutation'."
    )
