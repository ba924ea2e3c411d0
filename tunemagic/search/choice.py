"""Decide how a trial may be trained without changing what its ``fit`` means."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any

from tunemagic.search.cell import TrialSetup

__all__ = ["why_alone", "why_plain"]

# Keras' callbacks that do nothing between batches, or nothing that the check for NaN does not do.
_EPOCH_CALLBACKS = (
    "CSVLogger", "EarlyStopping", "History", "LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau",
    "RemoteMonitor", "SwapEMAWeights", "TerminateOnNaN",
)  # fmt: skip
# What whole epochs in a graph stand in for; a model with its own version of one of them keeps it.
_STEPS = (
    "train_step", "test_step", "fit", "evaluate", "make_train_function", "make_test_function", "compute_metrics",
    "reset_metrics", "get_metrics_result",
)  # fmt: skip


def why_plain(setup: TrialSetup, arguments: Mapping[str, Any], *, is_arrays: bool) -> str | None:
    """Why only a plain ``fit`` does what the cell asks for; None when whole epochs in a graph do so too."""
    import keras

    model = setup.model
    if keras.backend.backend() != "tensorflow":
        return f"the Keras backend is {keras.backend.backend()}"
    if setup.fit_method is not None:
        return "the HyperModel has a fit of its own"
    if not is_arrays:
        return "the data is a dataset"
    if not model.compiled or not isinstance(model.optimizer, keras.optimizers.Optimizer):
        return "the model is not compiled with one of Keras' optimizers"
    return _model_reason(model) or _callback_reason(arguments.get("callbacks") or ()) or _argument_reason(arguments)


def _model_reason(model: Any) -> str | None:
    import keras
    import tensorflow as tf

    if model.run_eagerly or tf.config.functions_run_eagerly():
        return "the model runs eagerly"
    if model.steps_per_execution != 1:
        return f"the model has steps_per_execution={model.steps_per_execution}"
    for name in _STEPS:
        if name in vars(model) or getattr(type(model), name) is not getattr(keras.Model, name):
            return f"the model has its own {name}"
    if tf.distribute.has_strategy() or model._distribute_strategy is not None or keras.distribution.distribution():
        return "the model is distributed over devices"
    inputs = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.InputLayer)]
    if any(layer.batch_shape and layer.batch_shape[0] is not None for layer in inputs):
        return "the model has a fixed batch size"
    if any(getattr(layer, "stateful", False) for layer in model._flatten_layers()):
        return "the model keeps states from batch to batch"
    return None


def _callback_reason(callbacks: Any) -> str | None:
    for callback in callbacks:
        cls = type(callback)
        by_batches = cls.__name__ == "ModelCheckpoint" and callback.save_freq != "epoch"
        changed = any(name.startswith("on_") for name in vars(callback))
        known = cls.__module__.startswith("keras.src.callbacks.") and cls.__name__ in _EPOCH_CALLBACKS
        if not known or by_batches or changed:
            return f"the callback {cls.__name__} may need every batch"
    return None


def _argument_reason(arguments: Mapping[str, Any]) -> str | None:
    """Arguments that ``fit`` itself is to judge, in its own words."""
    numbers = (arguments["epochs"], arguments.get("initial_epoch", 0))
    if not all(hasattr(number, "__index__") and number >= 0 for number in numbers):
        return "epochs is no whole number"
    weights, classes = arguments.get("sample_weight"), arguments.get("class_weight")
    if weights is not None and (classes is not None or len(weights) != len(arguments["x"]) or weights.dtype == object):
        return "of sample_weight and class_weight only one can be used"
    if classes is not None and not isinstance(classes, Mapping):
        return "class_weight is no dict"
    return None


def why_alone(callbacks: Any) -> str | None:
    """Why a trial with these callbacks must train the very model that its cell made.

    A function of the user's inside a callback, such as a learning rate schedule, may use that
    model or its optimizer by name.
    """
    for callback in callbacks:
        for value in vars(callback).values():
            if callable(value) and any(_reached_parts(value, set())):
                return f"a function given to {type(callback).__name__} uses the model or can't be looked into"
    return None


def _reached_parts(value: Any, seen: set[int]) -> Iterator[bool]:
    """A True for each part of a model that this callable reaches by name, and for one that hides its names."""
    import keras

    if id(value) in seen:
        return
    seen.add(id(value))
    parts = (keras.layers.Layer, keras.optimizers.Optimizer, keras.Variable, keras.metrics.Metric)
    if isinstance(value, parts):
        yield True
    elif isinstance(value, types.FunctionType):
        if value.__module__ and value.__module__.startswith("keras."):
            return
        for reached in _names_values(value):
            yield from _reached_parts(reached, seen)
    elif isinstance(value, (list, tuple, set, frozenset, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _reached_parts(item, seen)
    elif callable(value) and not isinstance(value, (type, types.BuiltinFunctionType)):
        yield not type(value).__module__.startswith(("keras.", "numpy"))
    elif hasattr(value, "__dict__") and not isinstance(value, (type, types.ModuleType)):
        yield not type(value).__module__.startswith("numpy")  # its attributes may hold anything


def _names_values(function: types.FunctionType) -> Iterator[Any]:
    """What the names in a function's code stand for, as far as they are not its own variables."""
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        yield from (function.__globals__[name] for name in code.co_names if name in function.__globals__)
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    yield from (function.__defaults__ or ())
    yield from (function.__kwdefaults__ or {}).values()
