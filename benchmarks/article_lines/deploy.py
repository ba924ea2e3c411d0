"""Section 3.5: compression, second-order optimisation, deployment."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter

import tunemagic
from article_lines.common import Array, digits, largest, small_network
from article_lines.line import Section
from tunemagic import models

__all__ = ["DEPLOY"]

DEPLOY = Section("3.5")

DEPLOY.later("裁剪", "clipping weights")
DEPLOY.later("剪枝", "pruning weights")


@functools.cache
def _trained() -> Any:
    x_train, _, y_train, _ = digits()
    model = small_network()
    model.fit(x_train, y_train, epochs=15, verbose=0)
    return model


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


DEPLOY.later("PyTorch", "deployment by PyTorch")
DEPLOY.later("Caffe", "deployment by Caffe")
