"""Kronecker factors against loops in NumPy and the exact matrix; a step against its definition."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic.models.second_order import compile_second_order
from tunemagic.models.second_order.chain import chain_of
from tunemagic.models.second_order.curvature import LossCurvature, LossKind
from tunemagic.models.second_order.factors import Block, block_of, damped_inverses
from tunemagic.models.second_order.losses import loss_curvature
from tunemagic.models.second_order.objective import Batch, Objective

GENERATOR = np.random.default_rng(1)


def normal(*shape: int) -> Any:
    return GENERATOR.normal(size=shape).astype(np.float32)


def built(layer: Any, *shape: int) -> Block:
    layer.build((None, *shape))
    return block_of(layer)


def test_the_factors_of_a_dense_layer_are_mean_squares_of_inputs_and_slopes() -> None:
    block = built(keras.layers.Dense(3), 4)
    x, slopes = normal(6, 4), normal(6, 3)
    a, g = block.factors(tf.constant(x), tf.constant(slopes))
    ones = np.append(x, np.ones((6, 1)), axis=1)
    np.testing.assert_allclose(a, sum(np.outer(row, row) for row in ones) / 6, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(g, sum(np.outer(row, row) for row in slopes) / 6, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"padding": "same", "strides": 2}, {"dilation_rate": 2, "use_bias": False}])
def test_the_factors_of_a_convolution_are_taken_over_its_patches(options: dict[str, Any]) -> None:
    layer = keras.layers.Conv2D(3, (2, 3), **options)
    block = built(layer, 6, 7, 2)
    x = normal(4, 6, 7, 2)
    sums = block.sums(tf.constant(x))
    slopes = normal(*sums.shape)
    a, g = block.factors(tf.constant(x), tf.constant(slopes))
    rows = patches(layer, x)
    if layer.use_bias:
        rows = np.append(rows, np.ones((len(rows), 1)), axis=1)
    flat = slopes.reshape(-1, 3)
    np.testing.assert_allclose(a, sum(np.outer(row, row) for row in rows) / 4, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(g, sum(np.outer(row, row) for row in flat) / len(flat), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sums, layer(x), rtol=1e-4, atol=1e-5)


def patches(layer: Any, x: Any) -> Any:
    """What the filter sees at each place, one row each, in the order of the kernel's weights."""
    probe = keras.layers.Conv2D(
        12, layer.kernel_size, layer.strides, layer.padding, dilation_rate=layer.dilation_rate, use_bias=False
    )
    probe.build((None, *x.shape[1:]))
    probe.kernel.assign(np.eye(12).reshape(2, 3, 2, 12))
    return probe(x).numpy().reshape(-1, 12)


def test_the_block_of_a_single_sample_is_exactly_the_gauss_newton_matrix() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2, 2, 2)), keras.layers.Conv2D(3, 2), keras.layers.Flatten()])
    model.compile("sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = tf.constant(normal(1, 2, 2, 2))
    z = model(x)
    curvature = LossCurvature(LossKind.SOFTMAX)
    hessian = np.concatenate([curvature.hessian_product(z, unit[None]).numpy() for unit in np.eye(3, dtype=np.float32)])
    values, vectors = np.linalg.eigh(hessian)
    roots = (vectors * np.sqrt(np.maximum(values, 0) * 3)).T.astype(np.float32)  # their mean square is the Hessian
    block = block_of(model.layers[0])
    a, g = block.factors(tf.repeat(x, 3, axis=0), tf.constant(roots.reshape(3, 1, 1, 3)))
    objective = Objective(model, loss_curvature(model), [])
    matrix = np.stack([objective.product(Batch(x, tf.constant([0])), unit) for unit in np.eye(27)], axis=1)
    np.testing.assert_allclose(np.kron(a, g), matrix, rtol=1e-4, atol=1e-6)


def test_damping_is_shared_out_between_the_factors() -> None:
    a, g = (root.T @ root for root in (normal(5, 4), 0.1 * normal(5, 3)))
    pi = np.sqrt((np.trace(a) / 4) / (np.trace(g) / 3))
    inverse_a, inverse_g = damped_inverses(tf.constant(a), tf.constant(g), 0.04)
    np.testing.assert_allclose(inverse_a, np.linalg.inv(a + 0.2 * pi * np.eye(4)), rtol=1e-4)
    np.testing.assert_allclose(inverse_g, np.linalg.inv(g + 0.2 / pi * np.eye(3)), rtol=1e-4)


@pytest.mark.parametrize("kl_clip", [None, 1e-6])
def test_a_step_solves_each_block_for_the_gradient(kl_clip: float | None) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(2)])
    compile_second_order(model, "kfac", learning_rate=0.5, loss="mse", damping=0.2, kl_clip=kl_clip)
    x, y = normal(8, 4), normal(8, 2)
    before = model.get_weights()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x) - y) ** 2)
    gradients = [gradient.numpy() for gradient in tape.gradient(loss, model.trainable_variables)]
    model.train_on_batch(x, y)
    steps = []
    for number in range(2):
        a, g = (model.optimizer.memory[f"{side}_{number}"].numpy() for side in "ag")
        pi, root = np.sqrt((np.trace(a) / len(a)) / (np.trace(g) / len(g))), np.sqrt(0.2 / 2)
        matrix = np.kron(a + pi * root * np.eye(len(a)), g + root / pi * np.eye(len(g)))
        gradient = np.vstack([gradients[2 * number], gradients[2 * number + 1]])
        step = np.linalg.solve(matrix, gradient.ravel()).reshape(gradient.shape)
        steps += [step[:-1], step[-1]]
    length = 0.25 * sum((step * gradient).sum() for step, gradient in zip(steps, gradients, strict=True))
    scale = 1.0 if kl_clip is None else min(1.0, np.sqrt(kl_clip / 2 / length))
    moved = [after - start for after, start in zip(model.get_weights(), before, strict=True)]
    for move, step in zip(moved, steps, strict=True):
        np.testing.assert_allclose(move, -0.5 * scale * step, rtol=1e-3, atol=1e-6)


def test_a_chain_goes_through_nested_models_and_begins_behind_branches_that_train_nothing() -> None:
    inputs = keras.Input((4,))
    scaled = keras.layers.Rescaling(2.0)(inputs)
    joined = keras.layers.Concatenate()([scaled, inputs])
    body = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, "relu"), keras.layers.Dropout(0.5)])
    model = keras.Model(inputs, keras.layers.Dense(2)(body(joined)))
    chain = chain_of(model)
    assert [type(layer).__name__ for layer in chain.layers] == ["Dense", "Dropout", "Dense"]
    x = normal(3, 4)
    np.testing.assert_allclose(chain.front(x), np.append(2 * x, x, axis=1), rtol=1e-6)


def test_what_is_random_before_all_that_trains_is_so_in_training_and_only_there() -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    noisy = keras.layers.Concatenate()([keras.layers.Dropout(0.999)(inputs), inputs[:, :0]])
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(noisy))
    compile_second_order(model, "kfac", loss="mse")
    before = model.get_weights()
    model.train_on_batch(np.ones((8, 4), np.float32), np.full((8, 1), 9.0))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])  # nothing came through
    assert model.predict(np.ones((1, 4)), verbose=0) == pytest.approx(before[0].sum(), rel=1e-5)
