"""Gauss-Newton products against the explicit matrix, closed forms of losses against automatic derivatives."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tunemagic.models.second_order.curvature import LossCurvature, LossKind
from tunemagic.models.second_order.losses import loss_curvature
from tunemagic.models.second_order.objective import Batch, Objective

ROWS = 12


def net(loss: Any, *, units: int = 3, activation: str | None = None) -> Any:
    """A tiny compiled network with a twist: two kinds of hidden layers and an L2 penalty."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([
        keras.Input((4,)),
        keras.layers.Dense(5, "tanh", kernel_regularizer=keras.regularizers.L2(0.01)),
        keras.layers.LayerNormalization(),
        keras.layers.Dense(units, activation),
    ])  # fmt: skip
    model.compile("sgd", loss=loss)
    return model


def batch(targets: Any) -> Batch:
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(ROWS, 4)), tf.float32)
    weights = tf.constant(generator.uniform(0.5, 2.0, ROWS), tf.float32)
    return Batch(x, tf.constant(targets), weights)


CLASSES = np.arange(ROWS) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[CLASSES]
CASES = [
    pytest.param("sparse_categorical_crossentropy", "softmax", CLASSES, id="classes"),
    pytest.param(keras.losses.CategoricalCrossentropy(from_logits=True), None, ONE_HOT, id="one-hot logits"),
    pytest.param("binary_crossentropy", "sigmoid", ONE_HOT, id="binary"),
    pytest.param("mse", "tanh", ONE_HOT, id="squared"),
]


def explicit_matrix(model: Any, data: Batch) -> Any:
    """J' H J with J and H by TensorFlow's automatic derivatives of a loss that is written down here."""
    curvature = loss_curvature(model)
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        z = curvature.argument(model(data.x))
    jacobian = np.concatenate([part.numpy().reshape(ROWS * 3, -1) for part in tape.jacobian(z, variables)], axis=1)
    z = tf.convert_to_tensor(z)
    with tf.GradientTape() as outer:
        outer.watch(z)
        with tf.GradientTape() as inner:
            inner.watch(z)
            loss = written_down(curvature.kind, z, data)
        slope = inner.gradient(loss, z)
    hessian = outer.jacobian(slope, z).numpy().reshape(ROWS * 3, ROWS * 3)
    ridge = np.zeros(jacobian.shape[1])
    ridge[: 4 * 5] = 2 * 0.01
    return jacobian.T @ hessian @ jacobian + np.diag(ridge)


def written_down(kind: LossKind, z: Any, data: Batch) -> Any:
    one_hot = tf.constant(ONE_HOT)
    if kind is LossKind.SOFTMAX:
        losses = -tf.reduce_sum(one_hot * tf.math.log_softmax(z), axis=1)
    elif kind is LossKind.SIGMOID:
        losses = tf.reduce_mean(tf.math.softplus(z) - one_hot * z, axis=1)
    else:
        losses = tf.reduce_mean((z - one_hot) ** 2, axis=1)
    return tf.reduce_mean(data.weights * losses)


@pytest.mark.parametrize(("loss", "activation", "targets"), CASES)
def test_the_gauss_newton_product_equals_the_explicit_matrix(loss: Any, activation: str | None, targets: Any) -> None:
    model, data = net(loss, activation=activation), batch(targets)
    objective = Objective(model, loss_curvature(model), [])
    count = len(objective.weights)
    products = np.stack([objective.product(data, unit) for unit in np.eye(count)], axis=1)
    expected = explicit_matrix(model, data)
    np.testing.assert_allclose(products, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(products, products.T, rtol=1e-4, atol=1e-6 * np.abs(products).max())
    assert np.linalg.eigvalsh((products + products.T) / 2).min() > -1e-6 * np.abs(products).max()


@pytest.mark.parametrize(("loss", "activation", "targets"), CASES)
def test_sampled_gradients_have_the_curvature_as_their_mean_square(
    loss: Any, activation: str | None, targets: Any
) -> None:
    curvature = loss_curvature(net(loss, activation=activation))
    z = tf.constant([[0.5, -1.0, 2.0]])
    expected = np.stack([curvature.hessian_product(z, unit[None]).numpy()[0] for unit in np.eye(3, dtype=np.float32)])
    many = tf.tile(z, (200_000, 1))
    drawn = curvature.sampled_gradient(many, (1, 2)).numpy()
    np.testing.assert_allclose(drawn.T @ drawn / len(drawn), expected, atol=0.01 * expected.max())


def test_the_gradient_of_all_chunks_is_that_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = net("mse"), batch(ONE_HOT)
    objective = Objective(model, loss_curvature(model), [])
    whole_loss, whole = objective.loss_and_gradient(data)
    monkeypatch.setattr("tunemagic.models.second_order.objective._CHUNK_ROWS", 5)
    parts_loss, parts = objective.loss_and_gradient(data)
    assert parts_loss == pytest.approx(whole_loss, rel=1e-5)
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)
    assert whole_loss == pytest.approx(
        model.evaluate(data.x, data.y, sample_weight=data.weights, verbose=0, batch_size=ROWS), rel=1e-5
    )


def test_a_loss_that_is_a_mean_over_units_is_a_share_of_a_likelihood() -> None:
    z = tf.zeros((2, 5, 4))
    shares = {kind.value: LossCurvature(kind).share(z) for kind in LossKind}
    assert shares == {"softmax": 1 / 5, "sigmoid": 1 / 20, "squared": 1 / 20}
