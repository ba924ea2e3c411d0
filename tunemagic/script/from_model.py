"""The script's parts from the model itself: a line for each layer. For models that no cell of plain Keras makes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from tunemagic.export.infer import walk_layers
from tunemagic.script.gather import Gathered
from tunemagic.script.literals import literal
from tunemagic.script.network import compile_lines, network_lines
from tunemagic.script.page import Parts
from tunemagic.script.unwritable import Unwritable
from tunemagic.search.cell import TrialSetup

__all__ = ["model_parts"]

_CALLBACKS = ("EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN")
_TRAINED_BY_LEARNING = ("BatchNormalization",)


def model_parts(model: Any, setup: TrialSetup | None = None, *, targets: bool = True) -> Parts:
    """The parts; ``setup`` is what its study gives to ``fit``, with or without ``targets``. Raises Unwritable."""
    if "train_step" in vars(model) or type(model).train_step is not _keras_step():
        raise Unwritable(f"{type(model).__name__} has a training step of its own")
    gathered = Gathered(own=True)
    adapted = _adapted(model)
    learns = setup is not None and setup.adapt is not None
    named = list(adapted)
    if learns:
        from tunemagic.models import scaling

        gathered.add("learn", scaling.learn)
        named = [*named, scaling.INPUT, scaling.TARGET]
        adapted = {name: weights for name, weights in adapted.items() if name not in (scaling.INPUT, scaling.TARGET)}
    build = network_lines(model, gathered, named=named)
    build += compile_lines(model, gathered)
    if learns:
        build.append(f'learn(model, data["x_train"], data["{"y" if targets else "x"}_train"])')
    fit, arrays = _fit(setup, gathered)
    arrays |= {f"{name}.{place}": weight for name, weights in adapted.items() for place, weight in enumerate(weights)}
    return Parts(gathered=gathered, build=build, fit=fit, arrays=arrays, adapted=list(adapted))


def _keras_step() -> Any:
    import keras

    return keras.Model.train_step


def _adapted(model: Any) -> dict[str, list[Any]]:
    """Weights that training does not make, by layer, such as statistics. Raises Unwritable for vocabularies."""
    import numpy as np

    found: dict[str, list[Any]] = {}
    own = {layer.name for layer in model.layers}
    for layer in walk_layers(model):
        if hasattr(layer, "get_vocabulary") and layer.get_config().get("vocabulary") is None:
            raise Unwritable(f"layer {layer.name} ({type(layer).__name__}) holds a vocabulary that it has adapted to")
        learned = type(layer).__name__ in _TRAINED_BY_LEARNING and layer.trainable
        if not layer.weights or layer.trainable_weights or learned or getattr(layer, "layers", None):
            continue
        if all("seed" in weight.name for weight in layer.weights):
            continue
        if layer.name not in own:
            raise Unwritable(f"layer {layer.name} lies inside of another and has weights that training does not make")
        found[layer.name] = [np.asarray(weight) for weight in layer.get_weights()]
    return found


def _fit(setup: TrialSetup | None, gathered: Gathered) -> tuple[dict[str, str], dict[str, Any]]:
    """Arguments of ``fit`` as Python, and arrays that they come from."""
    if setup is None:
        return {}, {}
    if setup.fit_method is not None:
        raise Unwritable("the HyperModel has a fit of its own")
    texts: dict[str, str] = {}
    arrays: dict[str, Any] = {}
    for name, value in setup.fit.items():
        if value is None or name == "epochs":
            continue
        if name == "callbacks":
            given = value if isinstance(value, (list, tuple)) else [value]
            texts[name] = f"[{', '.join(_callback_text(each, gathered) for each in given)}]"
        elif name == "sample_weight":
            arrays[name] = value
            texts[name] = 'data["sample_weight"]'
        elif name == "class_weight" and isinstance(value, Mapping):
            texts[name] = repr({int(key): float(each) for key, each in value.items()})
        elif isinstance(value, int):
            texts[name] = str(int(value))
        else:
            raise Unwritable(f"{name} is a {type(value).__name__}")
    return texts, arrays


def _callback_text(callback: Any, gathered: Gathered) -> str:
    import keras

    kind = type(callback)
    if kind.__name__ not in _CALLBACKS or kind is not getattr(keras.callbacks, kind.__name__):
        raise Unwritable(f"callback {kind.__name__} holds what can't be told from outside")
    usual = inspect.signature(kind.__init__).parameters
    arguments = [
        f"{name}={literal(value)}"
        for name, each in usual.items()
        if name != "self"
        and isinstance(value := getattr(callback, name, each.default), (bool, int, float, str))
        and value != each.default
    ]
    gathered.imports["import keras"] = None
    return f"keras.callbacks.{kind.__name__}({', '.join(arguments)})"
