"""Sections 5, 7 and 8: uses, open questions, common problems."""

from __future__ import annotations

import functools
import time
from typing import Any

import keras
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

import tunemagic
from article_lines.common import Array, accuracy, digits, small_network, wine
from article_lines.line import Section
from tunemagic import datasets, models, prep

__all__ = ["ANSWERS", "QUESTIONS", "USES"]

USES, QUESTIONS, ANSWERS = Section("5"), Section("7"), Section("8")


def _study(build: Any, data: tuple[Any, Any], name: str, **options: Any) -> Any:
    usual = {"objective": "val_accuracy", "tuner": "random", "pruner": "none", "workers": 0, "seed": 1}
    return tunemagic.tune(build, data=data, name=name, **{**usual, **options})


# -- 5: uses --------------------------------------------------------------------------------------


@USES.line("图像识别", "image recognition")
def _images() -> str:
    data = datasets.load("mnist300")
    x, x_test, y, y_test = data.split()
    study = _study(models.cnn(x, y), (x, y), "article-images", max_trials=2, epochs=15)
    flat, flat_test = x.reshape(len(x), -1) / 255, x_test.reshape(len(x_test), -1) / 255
    reference = LogisticRegression(max_iter=300).fit(flat, y).score(flat_test, y_test)
    score = accuracy(study.best_model, x_test, y_test)
    assert score > 0.7, f"{score:.3f}; logistic regression {reference:.3f}"
    return f"300 images of MNIST: {score:.3f} on 1000 others, scikit-learn's logistic regression {reference:.3f}"


@USES.line("自然语言处理", "natural language processing")
def _language() -> str:
    data = datasets.load("reviews_zh")
    texts, first = np.unique(data.x.astype(str), return_index=True)
    chosen = np.random.default_rng(0).permutation(len(texts))[:2500]
    x, y = texts[chosen].astype(object), data.y[first[chosen]]
    study = _study(models.text(x[:2000], y[:2000]), (x[:2000], y[:2000]), "article-text", max_trials=2, epochs=8)
    score = float(((study.best_model.predict(x[2000:], verbose=0).ravel() > 0.5) == y[2000:]).mean())
    guess = float(max(y[2000:].mean(), 1 - y[2000:].mean()))
    assert score > guess + 0.1, f"{score:.3f}; one answer for all {guess:.3f}"
    return f"2000 distinct Chinese reviews: {score:.3f} on 500 others, one answer for all {guess:.3f}"


@USES.line("推荐系统", "recommender systems")
def _recommender() -> str:
    data = datasets.load("diamonds")
    # Which cut in which colour sells for what: two embeddings for two categories.
    pairs = np.stack([data.x[name].astype("category").cat.codes.to_numpy() for name in ("cut", "clarity")], axis=1)
    y = np.log(data.y).astype("float32")
    chosen = np.random.default_rng(0).permutation(len(y))[:12_000]
    x, y = pairs[chosen], y[chosen]
    build = models.recommender(x[:10_000], y[:10_000])
    study = _study(build, (x[:10_000], y[:10_000]), "article-pairs", objective="val_loss", max_trials=2, epochs=6)
    error = float(np.mean((study.best_model.predict(x[10_000:], verbose=0).ravel() - y[10_000:]) ** 2))
    mean = float(np.mean((y[:10_000].mean() - y[10_000:]) ** 2))
    assert error < mean, f"squared error {error:.3f}; the mean of all {mean:.3f}"
    return f"prices of pairs not seen: squared error {error:.3f}, the mean of all {mean:.3f}"


# -- 7: open questions ----------------------------------------------------------------------------


@functools.cache
def _digit_study() -> Any:
    def build(hp: Any) -> Any:
        model = keras.Sequential([
            keras.layers.Rescaling(1 / 16),
            keras.layers.Dense(hp.Int("units", 16, 48, step=16), "relu"),
            keras.layers.Dense(10, "softmax"),
        ])  # fmt: skip
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return _study(build, (digits()[0], digits()[2]), "article-digits", max_trials=3, epochs=6)


@QUESTIONS.line("模型的可解释性", "interpretability")
def _interpretability() -> str:
    x_train, x_test, y_train, y_test = wine()
    keras.utils.set_random_seed(0)
    body = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")])
    model = prep.recipe(scaler="zscore").fit(x_train, y_train).wrap(body)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=40, verbose=0)
    bars = tunemagic.explain(model, data=(x_test, y_test), repeats=10, seed=0).info.bars

    class Classes(ClassifierMixin, BaseEstimator):
        classes_ = np.arange(3)

        def fit(self, x: Any, y: Any) -> Any:
            return self

        def predict(self, x: Any) -> Any:
            return model.predict(x, verbose=0).argmax(axis=1)

    expected = permutation_importance(Classes(), x_test, y_test, scoring="accuracy", n_repeats=10, random_state=1)
    means = sorted(expected.importances_mean, reverse=True)[: len(bars)]
    off = max(abs(bar.mean - mean) for bar, mean in zip(bars, means, strict=True))
    # Each shuffling is another one, so the means agree up to their own spread.
    spread = float(expected.importances_std.max())
    assert off < 2 * spread, f"{off:.3f} off scikit-learn's, whose spread is {spread:.3f}"
    assert bars[0].mean > 0.02, f"the first column is worth {bars[0].mean:.3f}"
    return f"column {bars[0].name} first, worth {bars[0].mean:.3f} of accuracy; all within {off:.3f} of scikit-learn's"


@QUESTIONS.line("模型的稳定性", "stability")
def _stability() -> str:
    info = _digit_study().verify(3)
    row = info.rows[0]
    assert len(set(row.scores)) > 1, "three seeds gave one score"
    expected = float(np.mean(row.scores))
    assert abs(row.mean - expected) < 1e-9, f"mean {row.mean}; NumPy's {expected}"
    return f"best values from 3 other seeds: {', '.join(f'{score:.3f}' for score in row.scores)}, mean {row.mean:.3f}"


@QUESTIONS.line("模型的泛化性", "generalisation")
def _generalisation() -> str:
    study, (x_test, y_test) = _digit_study(), (digits()[1], digits()[3])
    info = study.test(x_test, y_test)
    expected = accuracy(study.best_model, x_test, y_test)
    assert abs(info.test - expected) < 1e-6, f"{info.test:.4f}; counted {expected:.4f}"
    assert info.low <= info.test <= info.high
    share = expected * (1 - expected) / len(y_test)
    width, normal = info.high - info.low, 2 * 1.96 * share**0.5
    assert 0.7 < width / normal < 1.4, f"interval {width:.3f} wide, by the normal rule {normal:.3f}"
    return (
        f"{info.test:.3f} on a part kept away from the search, 95 % from {info.low:.3f} to {info.high:.3f} "
        f"({width / normal:.2f} times the normal rule's width); {info.validation:.3f} in the search"
    )


# -- 8: common problems ---------------------------------------------------------------------------


@functools.cache
def _few() -> tuple[Array, Array, Array, Array]:
    """60 digits with noise to train on: few enough for a large network to learn them by heart."""
    x_train, x_test, y_train, y_test = digits()
    noise = np.random.default_rng(0)
    x = (x_train + noise.normal(0, 4, x_train.shape)).astype("float32") / 16
    return x, (x_test + noise.normal(0, 4, x_test.shape)).astype("float32") / 16, y_train, y_test


def _trained(units: int, rows: int, penalty: float = 0.0, epochs: int = 60) -> tuple[Any, Any]:
    x, x_test, y, y_test = _few()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(units, "relu", kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None),
        keras.layers.Dense(10, "softmax"),
    ])  # fmt: skip
    model.compile(
        keras.optimizers.Adam(3e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy", "sparse_categorical_crossentropy"],
    )
    history = model.fit(x[:rows], y[:rows], validation_data=(x_test, y_test), epochs=epochs, batch_size=30, verbose=0)
    return model, history


def _gap(history: Any) -> float:
    """How much worse the cross-entropy is on the test part than on the training part."""
    name = "sparse_categorical_crossentropy"
    return float(history.history[f"val_{name}"][-1] - history.history[name][-1])


@functools.cache
def _overfitted() -> tuple[Any, Any]:
    return _trained(256, 60)


@ANSWERS.line("模型性能不佳", "the model is not good enough")
def _not_good() -> str:
    _, history = _trained(1, 1000, epochs=60)
    x, _, y, _ = _few()
    found = tunemagic.diagnose(history, data=(x[:1000], y[:1000]), val=(_few()[1], _few()[3]))
    verdicts = [finding["verdict"] for finding in found]
    assert verdicts == ["underfit"], str(verdicts)
    score = history.history["accuracy"][-1]
    reference = LogisticRegression(max_iter=500).fit(x[:1000], y[:1000]).score(x[:1000], y[:1000])
    assert score < reference, f"{score:.3f}; logistic regression {reference:.3f}"
    return f"one neuron reaches {score:.3f}, scikit-learn's logistic regression {reference:.3f}: told as underfit"


@ANSWERS.line("模型过拟合", "the model overfits")
def _overfits() -> str:
    _, history = _overfitted()
    x, x_test, y, y_test = _few()
    found = tunemagic.diagnose(history, data=(x[:60], y[:60]), val=(x_test, y_test))
    verdicts = [finding["verdict"] for finding in found]
    assert verdicts == ["overfit"], str(verdicts)
    return f"256 neurons on 60 samples: cross-entropy {_gap(history):.2f} worse on the test part: told as overfit"


def _smaller_gap(history: Any) -> str:
    gap, before = _gap(history), _gap(_overfitted()[1])
    assert gap < 0.9 * before, f"the gap is {gap:.2f}, it was {before:.2f}"
    return f"cross-entropy on the test part is {gap:.2f} worse than on the training part; it was {before:.2f}"


@ANSWERS.line("增加正则化项", "more regularisation")
def _regularised() -> str:
    return _smaller_gap(_trained(256, 60, penalty=0.1)[1])


@ANSWERS.line("减少模型复杂度", "a smaller model")
def _smaller() -> str:
    return _smaller_gap(_trained(4, 60)[1])


@ANSWERS.line("增加训练数据", "more training data")
def _more_data() -> str:
    return _smaller_gap(_trained(256, 1000, epochs=60 * 60 // 1000 + 4)[1])


@ANSWERS.line("模型训练速度慢", "training is slow")
def _slow() -> str:
    x = np.repeat(_few()[0], 4, axis=0)
    y = np.repeat(_few()[2], 4)

    def seconds(units: int) -> float:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((64,)), *(keras.layers.Dense(units, "relu") for _ in range(3))])
        model.add(keras.layers.Dense(10, "softmax"))
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=256, verbose=0)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            model.fit(x, y, batch_size=256, verbose=0)
            times.append(time.perf_counter() - start)
        return min(times)

    large, small = seconds(1024), seconds(32)
    assert small < large, f"{small:.3f} s and {large:.3f} s"
    return f"an epoch of a network of 1024 units takes {large / small:.1f} times as long as one of 32"


@ANSWERS.line("使用更快的优化算法", "a faster optimiser")
def _faster() -> str:
    losses = {}
    for name in ("sgd", "adam"):
        model = small_network(optimizer=name, rate=1e-3)
        losses[name] = model.fit(digits()[0], digits()[2], epochs=5, verbose=0).history["loss"][-1]
    assert losses["adam"] < losses["sgd"], str(losses)
    return f"loss after 5 epochs at the same rate: SGD {losses['sgd']:.2f}, Adam {losses['adam']:.2f}"
