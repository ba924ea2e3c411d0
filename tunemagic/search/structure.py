"""Tell whether two compiled models would train by the same graph.

What a graph is traced from is told by the full serialised config of model, loss, metrics and
optimizer, and only by it. So everything that a config does not tell in full, above all the user's
own functions and classes, makes a model one of a kind: sharing its graph could train the wrong
model without anybody noticing. Keras writes a function of the user's that is named ``relu`` as
"relu", so configs alone can't be trusted: the objects behind them are looked at too.
"""

from __future__ import annotations

import functools
import hashlib
import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["OneOfAKind", "Structure", "check_model", "structure_of"]

_LIBRARIES = ("keras.", "tensorflow.")
# Their configs leave arguments out, such as delta of Huber (Keras 3.15).
_HALF_TOLD = ("keras.src.losses.", "keras.src.metrics.")
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial)
# What a model's class defines and an instance may have been given another version of.
_METHODS = (
    "call", "train_step", "test_step", "compute_loss", "compute_metrics", "reset_metrics", "get_metrics_result",
    "make_train_function", "fit", "evaluate",
)  # fmt: skip
_RATE = "learning_rate"


class OneOfAKind(Exception):
    """The model can't be told by its config; the text says what of it is the reason."""


@dataclass(frozen=True, slots=True)
class Structure:
    """What a graph depends on. ``key`` is equal for models that train by the same graph.

    ``config`` builds a model of this structure, with zeros for weights. ``has_rate`` says that
    the learning rate is a plain number, which is then not part of the structure.
    """

    key: str
    config: dict[str, Any]
    has_rate: bool


def structure_of(model: Any, data_specs: Any) -> Structure:
    """The structure of a built, compiled model that trains on data of these shapes and types.

    ``data_specs`` is anything whose ``repr`` tells shapes (without the rows) and types. Raises
    OneOfAKind when the model must not share its graph with another one.
    """
    import keras

    check_model(model)
    facts = sorted(_facts(model))  # first: writing down a config with a function of the user's would warn
    try:
        config = keras.saving.serialize_keras_object(model)
    # Layers without a full get_config raise anything from TypeError to NotImplementedError.
    except Exception as error:
        raise OneOfAKind(f"it can't be written down ({type(error).__name__})") from error
    config = _without_initializers(config)
    optimizer = config["compile_config"]["optimizer"]["config"]
    has_rate = isinstance(optimizer.get(_RATE), (int, float))
    told = {**config, "compile_config": {**config["compile_config"]}}
    if has_rate:
        # Stays in the config, from which a model is built; only the key is without it.
        rest = {name: value for name, value in optimizer.items() if name != _RATE}
        told["compile_config"]["optimizer"] = {**config["compile_config"]["optimizer"], "config": rest}
    settings = [keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()]
    weights = [_weight_facts(weight) for weight in model.weights]
    try:
        text = json.dumps([told, facts, weights, settings, repr(data_specs)])
    except (TypeError, ValueError) as error:
        raise OneOfAKind("its config holds more than numbers and texts") from error
    return Structure(hashlib.sha256(text.encode()).hexdigest(), config, has_rate)


def check_model(model: Any) -> None:
    """Raise OneOfAKind for what a look at the model itself, built or not, shows to be the user's own."""
    import keras

    own = next((part for part in (model, *model._flatten_layers()) if not _of_library(type(part))), None)
    if own is not None:
        raise OneOfAKind(f"the class {type(own).__name__} is not one of Keras'")
    if any(isinstance(layer, keras.layers.Lambda) for layer in model._flatten_layers()):
        raise OneOfAKind("it has a Lambda layer")
    # The vocabulary is in no config once it was adapted.
    tables = (keras.layers.StringLookup, keras.layers.IntegerLookup, keras.layers.TextVectorization)
    if any(isinstance(layer, tables) for layer in model._flatten_layers()):
        raise OneOfAKind("it has a layer that looks words up")
    replaced = next((name for name in _METHODS if name in vars(model)), None) or next(
        ("call" for layer in model._flatten_layers() if "call" in vars(layer)), None
    )
    if replaced is not None:
        raise OneOfAKind(f"its method {replaced} was replaced")
    if model._losses:
        raise OneOfAKind("a loss was added to the model itself")
    if model.optimizer is None:
        raise OneOfAKind("it has no optimizer")
    for optimizer in (model.optimizer, getattr(model.optimizer, "inner_optimizer", None)):
        if optimizer is not None and not _of_library(type(optimizer)):
            raise OneOfAKind(f"the class {type(optimizer).__name__} is not one of Keras'")
    if hasattr(model.optimizer, "_exclude_from_weight_decay"):
        raise OneOfAKind("its optimizer exempts some weights from weight decay")


def _of_library(cls: type) -> bool:
    # Configs of our own tell everything.
    return cls.__module__.startswith(("keras.", "tunemagic.models.", "tunemagic.prep."))


def _weight_facts(weight: Any) -> list[Any]:
    """What of a weight goes into the graph. A layer's config does not tell what was set on the weight later."""
    import keras

    settings = []
    for rule in (weight.regularizer, weight.constraint):
        if rule is not None and not _of_library(type(rule)):
            raise OneOfAKind(f"{type(rule).__name__} is not one of Keras' classes")
        settings.append(None if rule is None else keras.saving.serialize_keras_object(rule))
    return [list(weight.shape), str(weight.dtype), weight.trainable, *settings]


def _without_initializers(value: Any) -> Any:
    """The config with zeros for every initial value: those are gone once the weights are made."""
    if isinstance(value, Mapping):
        return {
            name: "zeros" if name.endswith("initializer") and item is not None else _without_initializers(item)
            for name, item in value.items()
        }
    return [_without_initializers(item) for item in value] if isinstance(value, (list, tuple)) else value


# -- what configs leave out --------------------------------------------------------------------------


def _facts(model: Any) -> Iterator[str]:
    """Functions and fixed arrays that the model's parts hold, as texts. Raises OneOfAKind for foreign ones."""
    compiled = model._compile_config.config
    parts = [*model._flatten_layers(include_self=False), *getattr(model, "_operations", ()), model.optimizer, compiled]
    seen: dict[int, Any] = {}  # the objects themselves too: the id of one that is gone may come again
    for part in parts:
        yield from _facts_of(part, seen)


def _facts_of(value: Any, seen: dict[int, Any], owner: str = "") -> Iterator[str]:
    """``owner`` is set inside of objects whose numbers count too, since their configs leave some out."""
    import keras
    import numpy as np

    if isinstance(value, (bool, int, float, str)) and owner:
        yield f"{owner}={value!r}"
    if value is None or isinstance(value, (str, bytes, int, float, keras.Variable, keras.KerasTensor)):
        return
    if id(value) in seen or isinstance(value, keras.initializers.Initializer):
        return
    seen[id(value)] = value
    if isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _facts_of(item, seen, owner)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _facts_of(item, seen, owner and f"{owner}.{name}")
    elif isinstance(value, _FUNCTIONS):
        yield _function_name(value)
    elif isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        array = np.asarray(value)
        yield f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    elif isinstance(value, type):
        if not value.__module__.startswith((*_LIBRARIES, "builtins", "numpy")):
            raise OneOfAKind(f"the class {value.__name__} is not one of Keras'")
    elif _of_library(type(value)):
        inside = {name: item for name, item in vars(value).items() if name not in _IGNORED}
        told = type(value).__module__.startswith(_HALF_TOLD)
        yield from _facts_of(inside, seen, type(value).__qualname__ if told else "")
    elif callable(value) and not type(value).__module__.startswith(_LIBRARIES):
        raise OneOfAKind(f"{type(value).__name__} is not one of Keras' classes")


# Links to other parts of the model, which are looked at by themselves, and Keras' own wrappers.
_IGNORED = {
    "_inbound_nodes", "_outbound_nodes", "_tracker", "_auto_config", "build", "quantize", "_call_signature",
    "train_function", "test_function", "predict_function",
}  # fmt: skip


def _function_name(function: Any) -> str:
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", "") or getattr(function, "__name__", "")
    if not name or not module.startswith(_LIBRARIES) or "<" in name:
        raise OneOfAKind(f"{name or 'a function'} is a function of your own")
    return f"{module}.{name}"
