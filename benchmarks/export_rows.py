"""What ``export.py`` exports and how it reads it again, by the runtimes themselves and nothing of tunemagic.

    .venv/bin/python benchmarks/export_rows.py TARGET JOBS.json

runs each [artefact, inputs.npy, answers.npy] of the file: one process for each target, because the
runtimes don't all bear each other.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

MODELS = ("dense", "conv", "lstm", "gru", "auto", "prep")
TRAINED, SEEN = 1000, 1400  # rows up to there train; up to here export compares; the rest only this benchmark sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A trained model and all rows of its data, in the order of TRAINED and SEEN."""

    name: str
    model: Any
    x: np.ndarray
    y: np.ndarray

    def error(self, outputs: np.ndarray, y: np.ndarray) -> float:
        """Share of wrong classes, for the autoencoder the mean squared error."""
        if self.name == "auto":
            return float(np.mean((outputs - y) ** 2))
        return float(np.mean(outputs.argmax(1) != y))


def trained(name: str) -> Case:
    """One of the six models, trained on digits from one seed."""
    import keras
    from keras import layers
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    x, y = (bunch.data[order] / 16).astype(np.float32), bunch.target[order]
    rows, images = x.reshape(-1, 8, 8), x.reshape(-1, 8, 8, 1)
    keras.utils.set_random_seed(0)
    out = layers.Dense(10, "softmax")
    scaling = layers.Normalization(axis=None)
    scaling.adapt(images[:TRAINED] * 16)
    parts, data, epochs = {
        "dense": ([layers.Dense(128, "relu"), layers.Dropout(0.2), layers.Dense(64, "relu"), out], x, 20),
        "conv": (
            [
                layers.Conv2D(32, 3, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.Activation("relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(64, 3, padding="same", activation="relu"),
                layers.Flatten(),
                layers.Dense(24, "relu"),
                out,
            ],
            images,
            15,
        ),
        "lstm": ([layers.LSTM(48), out], rows, 25),
        "gru": ([layers.GRU(48), out], rows, 25),
        "auto": (
            [layers.Dense(48, "relu"), layers.Dense(16, "relu"), layers.Dense(48, "relu"), layers.Dense(64, "sigmoid")],
            x,
            40,
        ),
        "prep": (
            [
                scaling,
                layers.RandomRotation(0.05),
                layers.RandomTranslation(0.08, 0.08),
                layers.RandomZoom(0.1),
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dense(48, "relu"),
                out,
            ],
            images * 16,
            20,
        ),
    }[name]
    model = keras.Sequential([keras.Input(data.shape[1:]), *parts], name=name)
    loss = "mse" if name == "auto" else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=[] if name == "auto" else ["accuracy"])
    truth = data if name == "auto" else y
    model.fit(data[:TRAINED], truth[:TRAINED], epochs=epochs, batch_size=64, verbose=0)
    return Case(name=name, model=model, x=data, y=truth)


# -- readers: (artefact, x) -> answers ----------------------------------------------------------------


def read_keras(path: Path, x: np.ndarray) -> np.ndarray:
    """By Keras."""
    import keras

    return keras.saving.load_model(path)(x, training=False).numpy()


def read_json(path: Path, x: np.ndarray) -> np.ndarray:
    """By Keras, from the config and the weights."""
    import keras

    model = keras.models.model_from_json((path / "model.json").read_text(encoding="utf-8"))
    model.load_weights(path / "model.weights.h5")
    return model(x, training=False).numpy()


def read_savedmodel(path: Path, x: np.ndarray) -> np.ndarray:
    """By TensorFlow's loader, through the signature that a server calls."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    return next(iter(serve(**{name: tf.constant(x)}).values())).numpy()


def read_tflite(path: Path, x: np.ndarray) -> np.ndarray:
    """By LiteRT, all samples at once, where ``run`` of tunemagic takes them one by one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(source["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(target["index"])


def read_onnx(path: Path, x: np.ndarray) -> np.ndarray:
    """By onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    return session.run(None, {source.name: x})[0]


def read_torch(path: Path, x: np.ndarray) -> np.ndarray:
    """By torch alone."""
    import torch

    with torch.no_grad():
        return torch.export.load(path).module()(torch.from_numpy(x)).numpy()


def read_openvino(path: Path, x: np.ndarray) -> np.ndarray:
    """By OpenVINO in float32."""
    import openvino

    model = openvino.Core().compile_model(path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model([x])[0]


def read_c(path: Path, x: np.ndarray) -> np.ndarray:
    """By TensorFlow Lite Micro's interpreter, from the numbers in the source text."""
    from tflite_micro import runtime

    source = (path / "model.cc").read_text(encoding="utf-8")
    numbers = re.findall(r"0x([0-9a-fA-F]{2})", source[source.index("{") :])
    content = bytes(int(number, 16) for number in numbers)
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=1 << 20)
    answers = []
    for sample in x:
        interpreter.set_input(sample[None], 0)
        interpreter.invoke()
        answers.append(interpreter.get_output(0)[0])
    return np.stack(answers)


def read_caffe(path: Path, x: np.ndarray) -> np.ndarray:
    """By OpenCV, channels first."""
    import cv2

    net = cv2.dnn.readNetFromCaffe(str(path / "deploy.prototxt"), str(path / "model.caffemodel"))
    net.setInput(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    return net.forward().reshape(len(x), -1)


READERS: dict[str, Callable[[Path, np.ndarray], np.ndarray]] = {
    "keras": read_keras,
    "json": read_json,
    "savedmodel": read_savedmodel,
    "tflite": read_tflite,
    "onnx": read_onnx,
    "torch": read_torch,
    "openvino": read_openvino,
    "c": read_c,
    "caffe": read_caffe,
}


if __name__ == "__main__":
    for artefact, inputs, answers in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")):
        np.save(answers, np.asarray(READERS[sys.argv[1]](Path(artefact), np.load(inputs)), np.float64))
