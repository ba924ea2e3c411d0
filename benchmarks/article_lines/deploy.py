"""Section 3.5: compression, second-order optimisation, deployment."""

from __future__ import annotations

import functools
import gzip
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

import tunemagic
from article_lines.common import Array, accuracy, digits, exported, largest, small_network
from article_lines.line import Section
from tunemagic import models
from tunemagic.export import compress

__all__ = ["DEPLOY"]

DEPLOY = Section("3.5")


@functools.cache
def _trained() -> Any:
    x_train, _, y_train, _ = digits()
    model = small_network()
    model.fit(x_train, y_train, epochs=15, verbose=0)
    return model


def _kernels(model: Any) -> list[Array]:
    return [np.asarray(weight) for weight in model.get_weights() if weight.ndim > 1]


@DEPLOY.line("裁剪", "clipping weights")
def _clipping() -> str:
    x_train, x_test, y_train, y_test = digits()
    model, limit = _trained(), 0.3
    clipped = compress.clip(model, limit).model
    off = max(
        largest(found, np.clip(own, -limit, limit))
        for found, own in zip(_kernels(clipped), _kernels(model), strict=True)
    )
    assert off < 1e-6, f"{off:.1e} off NumPy's clip"
    tuned = compress.clip(model, limit, x_train, y_train, epochs=3, seed=0).model
    assert max(np.abs(kernel).max() for kernel in _kernels(tuned)) <= limit + 1e-6
    scores = [accuracy(each, x_test, y_test) for each in (model, clipped, tuned)]
    assert scores[2] > scores[0] - 0.02, str(scores)
    share = np.mean(np.concatenate([np.abs(kernel).ravel() > limit for kernel in _kernels(model)]))
    return (
        f"{share:.0%} of the weights moved to +-{limit}, {off:.1e} off NumPy's clip; accuracy {scores[0]:.3f}, "
        f"clipped {scores[1]:.3f}, trained on within the limit {scores[2]:.3f}"
    )


@DEPLOY.line("剪枝", "pruning weights")
def _pruning() -> str:
    x_train, x_test, y_train, y_test = digits()
    model = _trained()
    pruned = compress.prune(model, 0.8, x_train, y_train, epochs=10, seed=0).model
    shares = [float((kernel == 0).mean()) for kernel in _kernels(pruned)]
    assert all(abs(share - 0.8) <= 1 / kernel.size for share, kernel in zip(shares, _kernels(pruned), strict=True)), (
        f"shares of zeros {shares}"
    )
    scores = [accuracy(each, x_test, y_test) for each in (model, pruned)]
    assert scores[1] > scores[0] - 0.03, str(scores)
    packed = [
        len(gzip.compress(b"".join(kernel.tobytes() for kernel in _kernels(each)), 9)) for each in (model, pruned)
    ]
    assert packed[1] < packed[0] / 2, str(packed)
    return (
        f"zeros counted by NumPy: {', '.join(f'{share:.1%}' for share in shares)} of each kernel; gzip {packed[0]} -> "
        f"{packed[1]} bytes; accuracy {scores[0]:.3f} -> {scores[1]:.3f}"
    )


def _interpreted(path: str, x: Array) -> Array:
    """What the runtime of this file answers to raw rows."""
    interpreter = Interpreter(path)
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(given["index"], x.shape)
    interpreter.allocate_tensors()
    scale, zero = given["quantization"]
    integer = given["dtype"] == np.int8
    interpreter.set_tensor(
        given["index"], np.clip(np.round(x / scale + zero), -128, 127).astype("int8") if integer else x
    )
    interpreter.invoke()
    found = interpreter.get_tensor(made["index"])
    return (found.astype("float32") - made["quantization"][1]) * made["quantization"][0] if integer else found


@DEPLOY.line("量化", "quantisation")
def _quantisation() -> str:
    x_train, x_test, _, y_test = digits()
    model = _trained()
    plain, small = tunemagic.tflite(
        model, ["none", "int8"], data=(x_test, y_test), representative=x_train, path="quantised.tflite"
    )
    assert (plain.verdict, small.verdict) == ("verified", "verified"), f"{plain.verdict}, {small.verdict}"
    scores = [float((_interpreted(each.path, x_test).argmax(axis=1) == y_test).mean()) for each in (plain, small)]
    sizes = [Path(each.path).stat().st_size for each in (plain, small)]
    assert sizes[1] < sizes[0], str(sizes)
    assert scores[1] > scores[0] - 0.02, str(scores)
    return f"raw rows in LiteRT: {sizes[0]} bytes {scores[0]:.3f}, int8 {sizes[1]} bytes {scores[1]:.3f}"


def _second_order(name: str, **options: float) -> str:
    x_train, _, y_train, _ = digits()
    x = (x_train / 16).astype("float32")
    losses = {}
    for optimizer in ("adam", name):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([
            keras.Input((64,)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(10, "softmax"),
        ])  # fmt: skip
        chosen = options if optimizer == name else {"learning_rate": 1e-3}
        model = models.compile(model, optimizer, loss="sparse_categorical_crossentropy", **chosen)
        losses[optimizer] = model.fit(x, y_train, epochs=5, batch_size=64, verbose=0).history["loss"]
    falls = all(later <= earlier for earlier, later in zip(losses[name], losses[name][1:], strict=False))
    told = f"loss by epoch {', '.join(f'{loss:.3f}' for loss in losses[name])}; Adam ends at {losses['adam'][-1]:.3f}"
    assert falls, told
    assert losses[name][-1] < losses["adam"][-1], told
    return told


@DEPLOY.line("Hessian-free优化", "Hessian-free optimisation")
def _hessian_free() -> str:
    return _second_order("hessian_free")


@DEPLOY.line("K-FAC优化", "K-FAC optimisation")
def _kfac() -> str:
    return _second_order("kfac")


@DEPLOY.line("TensorFlow", "deployment by TensorFlow")
def _tensorflow() -> str:
    x_test, y_test = digits()[1], digits()[3]
    model = _trained()
    [done] = tunemagic.tflite(model, data=(x_test, y_test), path="deployed.tflite")
    off = largest(_interpreted(done.path, x_test), model.predict(x_test, verbose=0))
    assert off < 1e-5, f"{off:.1e} off"
    return f"the TF Lite file takes raw rows and is {off:.1e} off Keras' predict"


@DEPLOY.line("PyTorch", "deployment by PyTorch")
def _pytorch() -> str:
    import torch

    x_test = digits()[1]
    model = _trained()
    path = exported(model, "torch").path
    with torch.no_grad():
        found = torch.export.load(path).module()(torch.from_numpy(x_test)).numpy()
    off = largest(found, model.predict(x_test, verbose=0))
    assert off < 1e-5, f"{off:.1e} off"
    return f"torch {torch.__version__} alone loads {path.name}, takes raw rows and is {off:.1e} off Keras' predict"


@DEPLOY.line("Caffe", "deployment by Caffe")
def _caffe() -> str:
    import cv2

    x_train, x_test, y_train, y_test = digits()
    images = [x.reshape(-1, 8, 8, 1) for x in (x_train, x_test)]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        keras.layers.Rescaling(1 / 16),
        keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(10, "softmax"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images[0], y_train, epochs=10, verbose=0)
    path = exported(model, "caffe", images[1]).path
    network = cv2.dnn.readNetFromCaffe(str(path / "deploy.prototxt"), str(path / "model.caffemodel"))
    network.setInput(images[1].transpose(0, 3, 1, 2))
    found = network.forward()
    off = largest(found, model.predict(images[1], verbose=0))
    assert off < 1e-5, f"{off:.1e} off"
    score = float((found.argmax(axis=1) == y_test).mean())
    return f"OpenCV {cv2.__version__} reads the two files: {off:.1e} off Keras' predict, accuracy {score:.3f}"
