"""Section 3.2: kinds of networks, and the optimisation algorithms."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

import tunemagic
from article_lines.common import Array, digits, largest
from article_lines.line import Section
from tunemagic import datasets, models

__all__ = ["CHOOSE"]

CHOOSE = Section("3.2")


@functools.cache
def _waves() -> tuple[Array, Array, Array, Array]:
    x_train, x_test, y_train, y_test = datasets.load("mnist1d").split()
    return x_train, x_test, y_train, y_test


@functools.cache
def _logistic() -> float:
    x_train, x_test, y_train, y_test = _waves()
    return float(LogisticRegression(max_iter=500).fit(x_train, y_train).score(x_test, y_test))


def _searched(build: Any, name: str, epochs: int = 12) -> float:
    """Accuracy on the test part of the best of two trials of a template."""
    x_train, x_test, y_train, y_test = _waves()
    study = tunemagic.tune(
        build, data=(x_train, y_train), name=name, objective="val_accuracy", tuner="random", max_trials=2,
        epochs=epochs, pruner="none", workers=0, seed=1,
    )  # fmt: skip
    return float((study.best_model.predict(x_test, verbose=0).argmax(axis=1) == y_test).mean())


@CHOOSE.line("卷积神经网络", "convolutional networks")
def _convolution() -> str:
    x_train, _, y_train, _ = _waves()
    score = _searched(models.conv1d(x_train, y_train), "article-conv")
    assert score > _logistic() + 0.2, f"{score:.3f}; scikit-learn's logistic regression {_logistic():.3f}"
    return f"MNIST-1D: {score:.3f}, scikit-learn's logistic regression {_logistic():.3f}"


@CHOOSE.line("循环神经网络", "recurrent networks")
def _recurrent() -> str:
    x_train, _, y_train, _ = _waves()
    score = _searched(models.rnn(x_train, y_train), "article-rnn", epochs=15)
    assert score > _logistic() + 0.1, f"{score:.3f}; scikit-learn's logistic regression {_logistic():.3f}"
    return f"MNIST-1D: {score:.3f}, scikit-learn's logistic regression {_logistic():.3f}"


@CHOOSE.line("自编码器", "autoencoders")
def _autoencoder() -> str:
    x_train, x_test, _, _ = (part.astype("float32") / 16 for part in digits())
    build = models.autoencoder(x_train)
    study = tunemagic.tune(
        build, data=(x_train, x_train), name="article-code", tuner="random", max_trials=2, epochs=60,
        pruner="none", workers=0, seed=1,
    )  # fmt: skip
    error = float(np.mean((study.best_model.predict(x_test, verbose=0).reshape(len(x_test), -1) - x_test) ** 2))
    two = PCA(2).fit(x_train)
    reference = float(np.mean((two.inverse_transform(two.transform(x_test)) - x_test) ** 2))
    assert error < reference, f"squared error {error:.4f}; two principal components {reference:.4f}"
    return f"digits: squared error {error:.4f}, scikit-learn's PCA with two components {reference:.4f}"


def _steps(name: str, rate: float, batch: int, count: int, **options: Any) -> tuple[Any, Any]:
    """Weights of a linear model after some steps by Keras' optimizer, and the gradients' function in NumPy."""
    x = (digits()[0][:128] / 16).astype("float32")
    wanted = np.eye(10, dtype="float32")[digits()[2][:128]]
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10, "softmax", kernel_initializer="zeros")])
    made = models.optimizer(name, rate, **options)
    model.compile(made, "categorical_crossentropy")
    model.fit(x, wanted, batch_size=batch, epochs=count * batch // 128, shuffle=False, verbose=0)

    def gradient(weights: Array, bias: Array, step: int) -> tuple[Array, Array]:
        rows = slice(step * batch % 128, step * batch % 128 + batch)
        scores = x[rows] @ weights + bias
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        wrong = (likely / likely.sum(axis=1, keepdims=True) - wanted[rows]) / batch
        return x[rows].T @ wrong, wrong.sum(axis=0)

    return model.get_weights(), gradient


def _by_hand(gradient: Any, rate: float, count: int) -> tuple[Array, Array]:
    weights, bias = np.zeros((64, 10)), np.zeros(10)
    for step in range(count):
        slope, offset = gradient(weights, bias, step)
        weights, bias = weights - rate * slope, bias - rate * offset
    return weights, bias


@CHOOSE.line("梯度下降", "gradient descent")
def _gradient_descent() -> str:
    x = digits()[0][:128]
    found, gradient = _steps("gd", 0.5, models.full_batch(x), 5)
    off = largest(found[0], _by_hand(gradient, 0.5, 5)[0])
    assert off < 1e-5, f"off NumPy's by {off:.1e}"
    return f"5 steps over all samples: weights {off:.1e} off NumPy's"


@CHOOSE.line("随机梯度下降", "stochastic gradient descent")
def _stochastic() -> str:
    found, gradient = _steps("sgd", 0.5, 32, 8)
    off = largest(found[0], _by_hand(gradient, 0.5, 8)[0])
    assert off < 1e-5, f"off NumPy's by {off:.1e}"
    return f"8 steps over batches of 32: weights {off:.1e} off NumPy's"


@CHOOSE.line("Adam", "Adam")
def _adam() -> str:
    found, gradient = _steps("adam", 0.01, 32, 8)
    weights = np.zeros((64, 10))
    first, second, bias = np.zeros_like(weights), np.zeros_like(weights), np.zeros(10)
    bias_first, bias_second = np.zeros(10), np.zeros(10)

    def step_of(value: Array, mean: Array, square: Array, slope: Array, count: int) -> tuple[Array, Array, Array]:
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        scale = np.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        return value - 0.01 * scale * mean / (np.sqrt(square) + 1e-7), mean, square

    for count in range(1, 9):
        slope, offset = gradient(weights, bias, count - 1)
        weights, first, second = step_of(weights, first, second, slope, count)
        bias, bias_first, bias_second = step_of(bias, bias_first, bias_second, offset, count)
    off = largest(found[0], weights)
    assert off < 1e-4, f"off the paper's formulas by {off:.1e}"
    return f"8 steps: weights {off:.1e} off Kingma and Ba's formulas in NumPy"
