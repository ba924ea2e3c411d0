"""Copies of models layer by layer, without what only training needs."""

from __future__ import annotations

import contextlib
import inspect
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tunemagic.randomness import kept_random_state

__all__ = [
    "HALF_TYPES",
    "UNROLL_LIMIT",
    "clone_graph",
    "is_graph_model",
    "kept_draws",
    "only_for_training",
    "plain_view",
    "rebuilt_layer",
    "seeded_config",
    "upstream",
]

UNROLL_LIMIT = 64  # above this many steps the unrolled file grows beyond use
_HALF_POLICIES = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
HALF_TYPES = ("float16", "bfloat16")
# (x - mean) / std is rounded otherwise than x * (1 / std) - mean / std: the error grows with
# mean / std. Above this ratio the Normalization stays as it is.
_FOLD_LIMIT = 1e3
_KNOWN_MODULES = ("keras.", "tunemagic.prep.")
_NOT_TRAINING = (
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "MixUp",
    "RandAugment",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
)
_RECURRENT = ("GRU", "LSTM", "RNN", "SimpleRNN")
_GRAPH_CLASSES = ("Functional", "Sequential")


def is_graph_model(model: Any) -> bool:
    """Whether the model is Sequential or Functional: its layers and their wiring are known."""
    return any(cls.__module__.startswith("keras.") and cls.__name__ in _GRAPH_CLASSES for cls in type(model).__mro__)


def clone_graph(model: Any, pairs: list[tuple[Any, Any]], *, unroll: bool) -> Any:
    """A copy of a Sequential or Functional model with fresh weights, never compiled.

    Every (layer, copy) whose weights are still to be moved is added to ``pairs``. A layer used in
    several places is copied once.
    """
    import keras

    made: dict[int, Any] = {}

    def copy_of(layer: Any) -> Any:
        if id(layer) not in made:
            made[id(layer)] = copy_graph(layer) if is_graph_model(layer) else _clone_layer(layer, pairs, unroll=unroll)
        return made[id(layer)]

    def copy_graph(graph: Any) -> Any:
        if isinstance(graph, keras.Sequential):
            return keras.Sequential([_new_input(graph.inputs[0]), *map(copy_of, graph.layers)], name=graph.name)
        bare = plain_view(graph)
        inputs = keras.tree.map_structure(_new_input, bare.input)
        return keras.models.clone_model(bare, input_tensors=inputs, clone_function=copy_of)

    return copy_graph(model)


def upstream(view: Any) -> Iterator[tuple[Any, list[Any], Any]]:
    """From the first output of a plain view up to its input: each layer, the tensors it reads, the one it gives.

    Where a layer reads several, the way goes on with the first; who needs a chain refuses such a layer.
    """
    tensor = view.outputs[0]
    while True:
        layer, node, _ = tensor._keras_history
        if type(layer).__name__ == "InputLayer":
            return
        sources = layer._inbound_nodes[node].input_tensors
        yield layer, sources, tensor
        tensor = sources[0]


def plain_view(graph: Any) -> Any:
    """The same layers as an ordinary Functional model that was never compiled; shares the weights."""
    import keras

    ends = (graph.inputs[0], graph.outputs[0]) if isinstance(graph, keras.Sequential) else (graph.input, graph.output)
    return keras.Model(*ends, name=graph.name)


def _new_input(tensor: Any) -> Any:
    import keras

    dtype = "float32" if tensor.dtype in HALF_TYPES else tensor.dtype
    return keras.Input(tuple(tensor.shape[1:]), dtype=dtype, name=tensor.name)


def _clone_layer(layer: Any, pairs: list[tuple[Any, Any]], *, unroll: bool) -> Any:
    """A layer that answers as ``layer`` does outside training; (layer, copy) is noted when weights move."""
    import keras

    if only_for_training(layer):
        return _pass_through(layer)
    if isinstance(layer, keras.layers.Normalization):
        folded = _folded(layer)
        if folded is not None:
            return folded
    config = _for_inference(layer.get_config())
    if unroll and _steps(layer) is not None:
        config = _unrolled(config, is_recurrent=isinstance(layer, keras.layers.RNN))
    copy = rebuilt_layer(layer, config)
    if isinstance(layer, keras.layers.Layer):
        pairs.append((layer, copy))
    return copy


def rebuilt_layer(layer: Any, config: dict[str, Any]) -> Any:
    """A layer of the same class made from ``config``, with the live functions of the notebook's own."""
    import keras

    if isinstance(layer, keras.layers.Lambda):
        # Its config holds bytecode, which is neither written nor read here: the live function is used.
        return keras.layers.Lambda(layer.function, arguments=layer.arguments, name=layer.name)
    # A function of the notebook's own can't be found again by its name: the live one is put in its place.
    live = {key: getattr(layer, key, None) for key, value in config.items() if isinstance(value, dict)}
    if _is_known(layer):
        config = seeded_config(config, layer.name)
    return type(layer).from_config({**config, **{key: own for key, own in live.items() if inspect.isfunction(own)}})


def kept_draws(model: Any) -> contextlib.AbstractContextManager[None]:
    """While the model's layers are made again: what layers of the notebook's own draw is given back.

    All others are given their seeds, since other threads draw from the same generators meanwhile.
    """
    return contextlib.nullcontext() if all(map(_is_known, model._flatten_layers())) else kept_random_state()


def _is_known(layer: Any) -> bool:
    return type(layer).__module__.startswith(("keras.", "tunemagic."))


def seeded_config(value: Any, name: str) -> Any:
    """The config with a seed wherever one is left open, so that making the layer draws no number.

    The seeds follow from the state of Python's generator, which stays as it is, and from ``name``.
    """
    if isinstance(value, list):
        return [seeded_config(inner, f"{name}/{number}") for number, inner in enumerate(value)]
    if not isinstance(value, dict):
        return value
    given = {key: seeded_config(inner, f"{name}/{key}") for key, inner in value.items()}
    return {**given, "seed": _seed_for(name)} if given.get("seed", 0) is None else given


def _seed_for(name: str) -> int:
    return zlib.crc32(repr((name, random.getstate())).encode()) % 10**9  # Keras draws as large ones


def only_for_training(layer: Any) -> bool:
    """Whether the layer leaves values as they are outside training: dropout, noise, augmentation."""
    name = type(layer).__name__
    if not type(layer).__module__.startswith(_KNOWN_MODULES):
        return False
    # RandomCrop too leaves images of any size as they are outside training (Keras 3.15).
    return (name in _NOT_TRAINING or name.startswith("Random")) and not layer.weights


def _pass_through(layer: Any) -> Any:
    import keras

    given = _input_dtype(layer)
    if given is not None and "float" not in given:
        # Augmentation layers turn integer images into floats; so must what stands in for them.
        return keras.layers.Rescaling(1.0, name=layer.name)
    return keras.layers.Identity(name=layer.name)


def _input_dtype(layer: Any) -> str | None:
    """The dtype of the layer's input, None when it was not called in a graph or in several places."""
    try:
        return str(layer.input.dtype)
    except (AttributeError, ValueError):
        return None


def _folded(layer: Any) -> Any:
    """An adapted Normalization as Rescaling; None where that would lose precision or not broadcast."""
    import keras

    if layer.mean is None or keras.config.image_data_format() != "channels_last":
        return None
    mean = np.asarray(keras.ops.convert_to_numpy(layer.mean), np.float64)
    variance = np.asarray(keras.ops.convert_to_numpy(layer.variance), np.float64)
    deviation = np.maximum(np.sqrt(variance), keras.config.epsilon())
    if mean.ndim == 0 or mean.shape[0] != 1 or np.max(np.abs(mean) / deviation) > _FOLD_LIMIT:
        return None
    mean, deviation = mean[0], deviation[0]
    scale, offset = (deviation, mean) if layer.invert else (1.0 / deviation, -mean / deviation)
    return keras.layers.Rescaling(scale.astype(np.float32), offset.astype(np.float32), name=layer.name)


def _steps(layer: Any) -> int | None:
    """How many steps a recurrent layer (or a Bidirectional one) reads, None when unknown or too many to unroll."""
    import keras

    if not isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional)):
        return None
    shape: Sequence[int | None] = (layer.get_build_config() or {}).get("input_shape") or ()
    steps = shape[1] if len(shape) > 2 else None
    return steps if steps is not None and steps <= UNROLL_LIMIT else None


def _unrolled(config: dict[str, Any], *, is_recurrent: bool) -> dict[str, Any]:
    if is_recurrent:
        return {**config, "unroll": True}

    def unroll_inner(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("class_name") in _RECURRENT:
            return {**part, "config": {**part["config"], "unroll": True}}
        return part

    changed: dict[str, Any] = _rewritten(config, unroll_inner)
    return changed


def _for_inference(config: dict[str, Any]) -> dict[str, Any]:
    """The config with half precision replaced by float32."""

    def to_float32(part: dict[str, Any]) -> dict[str, Any]:
        if part.get("class_name") == "DTypePolicy" and part["config"].get("name") in _HALF_POLICIES:
            return {**part, "config": {**part["config"], "name": "float32"}}
        return part

    changed: dict[str, Any] = _rewritten(config, to_float32)
    return changed


def _rewritten(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """``change`` applied to every dict inside, innermost first."""
    if isinstance(value, dict):
        return change({key: _rewritten(inner, change) for key, inner in value.items()})
    if isinstance(value, list):
        return [_rewritten(inner, change) for inner in value]
    return value
