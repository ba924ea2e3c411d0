"""What replaces the parts of Keras 1 and 2 that Keras 3 refuses, found by what Keras 3.15 says of them.

Only what really fails is here: Keras 3 still takes ``input_dim=``, ``input_shape=`` and
``Convolution2D``, and says by itself how a weights file has to be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["old_keras_hint"]

# What an argument is called now.
_ARGUMENTS = {
    "W_constraint": "kernel_constraint=",
    "W_regularizer": "kernel_regularizer=",
    "b_constraint": "bias_constraint=",
    "b_regularizer": "bias_regularizer=",
    "batch_input_shape": "keras.Input(batch_shape=...) as first layer",
    "border_mode": "padding=",
    "dim_ordering": "data_format=",
    "filter_length": "kernel_size=",
    "init": "kernel_initializer=",
    "inner_init": "recurrent_initializer=",
    "input": "inputs=",
    "lr": "learning_rate=",
    "nb_epoch": "epochs=",
    "nb_filter": "filters=",
    "output": "outputs=",
    "output_dim": "units=",
    "period": 'save_freq="epoch"',
    "schedule_decay": "a schedule as learning_rate=",
    "subsample": "strides=",
}
# The only trace of an old argument is that the new one is missing.
_MISSING = {"filters": "nb_filter", "kernel_size": "filter_length", "rate": "p", "units": "output_dim"}
_MODULES = {
    "engine": "import keras.Model and keras.layers.Layer",
    "layers": "import layers from keras.layers itself",
    "preprocessing.text": "use keras.layers.TextVectorization",
    "utils.np_utils": "from keras.utils import to_categorical",
    "utils.vis_utils": "from keras.utils import plot_model",
    "wrappers": "keras.wrappers.SKLearnClassifier and SKLearnRegressor",
}
_NAMES = {
    "ImageDataGenerator": "augment by layers: keras.layers.RandomRotation, RandomTranslation, RandomZoom",
    "adadelta": "Adadelta, with a capital letter",
    "adagrad": "Adagrad, with a capital letter",
    "adam": "Adam, with a capital letter",
    "np_utils": "from keras.utils import to_categorical",
    "rmsprop": "RMSprop, with capital letters",
    "sgd": "SGD, in capital letters",
}
_ATTRIBUTES = {
    "CuDNNGRU": "keras.layers.GRU, which is as fast",
    "CuDNNLSTM": "keras.layers.LSTM, which is as fast",
    "Merge": "keras.layers.Concatenate, Add, ...",
    "Session": "TensorFlow 2 has no sessions; call the model",
    "evaluate_generator": "evaluate takes generators too",
    "fit_generator": "fit takes generators too",
    "lr": "optimizer.learning_rate",
    "merge": "keras.layers.Concatenate, Add, ...",
    "placeholder": "TensorFlow 2 has no placeholders; use keras.Input",
    "predict_classes": "model.predict(x).argmax(axis=-1)",
    "predict_generator": "predict takes generators too",
    "predict_proba": "model.predict(x)",
}
_SAVING = (
    'model.save("model.keras") keeps all; as JSON and weights: model.to_json(), model.save_weights("model.weights.h5")'
)
_LOADING = "keras.models.model_from_json(text) reads a JSON text, then model.load_weights(path)"


def old_keras_hint(text: str) -> str:
    """`` (Keras 3: learning_rate= in place of lr=)`` for the text of such an exception; else empty."""
    for pattern, advice in _ADVICE:
        found = pattern.search(text)
        said = advice(found) if found else ""
        if said:
            return f" (Keras 3: {said})"
    return ""


def _renamed(found: re.Match[str]) -> str:
    """Each refused argument that has a new name: ``learning_rate= in place of lr=``."""
    old = [name for name in re.findall(r"'(\w+)'", found[1]) if name in _ARGUMENTS]
    return "; ".join(f"{_ARGUMENTS[name]} in place of {name}=" for name in old)


def _missing(found: re.Match[str]) -> str:
    new = [name for name in re.findall(r"'(\w+)'", found[1]) if name in _MISSING]
    return "; ".join(f"{name}= in place of {_MISSING[name]}=" for name in new)


def _moved(found: re.Match[str]) -> str:
    """The longest known beginning of the module's name counts."""
    parts = found[1].split(".")
    known = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((_MODULES[name] for name in known if name in _MODULES), "")


def _looked_up(table: dict[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda found: table.get(found[1], "")


_ADVICE: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?:Argument\(s\) not recognized|Unrecognized keyword arguments passed to \w+): (\{.*)"), _renamed),
    (re.compile(r"(?:fit|__init__)\(\) got an unexpected keyword argument ('\w+')"), _renamed),
    (re.compile(r"__init__\(\) missing \d required positional arguments?: (.*)"), _missing),
    (re.compile(r"Invalid filepath extension for saving"), lambda found: _SAVING),
    (re.compile(r"File format not supported: filepath=\S*\.json"), lambda found: _LOADING),
    (re.compile(r"No module named 'keras\.([\w.]+)'"), _moved),
    (re.compile(r"cannot import name '(\w+)' from 'keras\."), _looked_up(_NAMES)),
    (re.compile(r"module 'keras\.backend' has no attribute '(\w+)'"), lambda found: f"try keras.ops.{found[1]}"),
    (re.compile(r"has no attribute '(\w+)'"), _looked_up(_ATTRIBUTES)),
)
