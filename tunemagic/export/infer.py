"""The form of a model that is exported: same answers, nothing that only training needs.

Augmentation, dropout and noise become identity layers, an adapted Normalization becomes a
Rescaling, short recurrent layers are unrolled, half precision becomes float32. Without this,
exports bake random augmentation into the file, lose the adapted statistics, or crash the
converter on integer recurrent layers.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.clone import HALF_TYPES, clone_graph, is_graph_model, kept_draws
from tunemagic.export.text import error_text

__all__ = [
    "check_built",
    "check_same_outputs",
    "infer_model",
    "is_half",
    "keras_outputs",
    "quiet_about_lambdas",
    "recurrent_loops",
    "single_output",
    "walk_layers",
]

# Two float32 programs that do the same sums in another order differ by about 1e-6 of the largest
# output; folding a Normalization adds as much again. A wrong clone differs by far more than 1e-4.
_SAME_FLOAT32 = 1e-4
# Half precision keeps 8 (bfloat16) to 11 bits, and the clone computes in float32.
_SAME_HALF = 5e-2


def infer_model(model: Any, *, unroll: bool = True, x: NDArray[Any] | None = None) -> Any:
    """A clone of ``model`` that answers as ``model(x, training=False)`` does; the model is left alone.

    Args:
        model: a built Keras model. Nested Sequential and Functional models are cloned too.
        unroll: unroll recurrent layers that read at most ``UNROLL_LIMIT`` steps.
        x: real inputs (sample, ...); when given, the clone is compared with the model on them.

    Returns:
        The clone, called once if ``x`` is given or no size of a sample is open. The model itself, with a
        warning, when its layers can't be cloned (a subclassed model, a layer without a config) and two
        calls on ``x`` agree.

    Raises:
        ExportError: the model is not built, keeps state between calls, gives random answers, or the
            clone's outputs differ from the model's.
    """
    check_built(model)
    with kept_draws(model), quiet_about_lambdas():
        clone, reason = _clone_or_reason(model, unroll=unroll)
    if clone is None:
        warnings.warn(f"{model.name}: exported as it is, without simplifying its layers: {reason}", stacklevel=2)
        if x is not None:
            _check_deterministic(model, x)
        return model
    sizes = clone.inputs[0].shape[1:]
    if len(clone.inputs) == 1 and (x is not None or None not in sizes):
        clone(np.zeros((1, *sizes), clone.inputs[0].dtype) if x is None else x[:1], training=False)
    if x is not None:
        check_same_outputs(model.name, keras_outputs(model, x), clone, x, half=is_half(model))
    return clone


def keras_outputs(model: Any, x: NDArray[Any], *, batch: int = 64) -> NDArray[Any]:
    """What the model answers outside training, as float64 of shape (sample, ...).

    Raises ExportError when the answer is not one array.
    """
    from keras import ops

    inputs = getattr(model, "inputs", None) or []
    fixed = inputs[0].shape[0] if inputs else None
    batch = fixed or batch
    parts = []
    for start in range(0, len(x), batch):
        chunk = x[start : start + batch]
        count = len(chunk)
        if fixed and count < fixed:
            chunk = np.concatenate([chunk, np.repeat(chunk[-1:], fixed - count, axis=0)])
        try:
            answer = model(chunk, training=False)
        except Exception as error:  # a layer of the user's own may raise anything
            raise ExportError(
                f"{model.name}: can't be called on data of shape {chunk.shape}: {error_text(error)}"
            ) from error
        try:
            only = single_output(answer)
        except ValueError as error:
            raise ExportError(_one_output(model, len(answer))) from error
        parts.append(ops.convert_to_numpy(only)[:count].astype(np.float64))
    return np.concatenate(parts)


def single_output(answer: Any) -> Any:
    """What a model with one output answers, out of a dict or list that it may be in. Raises ValueError for several."""
    if isinstance(answer, (dict, list, tuple)):
        (answer,) = answer.values() if isinstance(answer, dict) else answer
    return answer


def check_same_outputs(name: str, expected: NDArray[Any], clone: Any, x: NDArray[Any], *, half: bool = False) -> float:
    """The largest absolute difference between ``expected`` and what ``clone`` answers for ``x``.

    Raises ExportError when it is above 1e-4 of the largest output (5e-2 for half precision).
    """
    received = keras_outputs(clone, x)
    if received.shape != expected.shape:
        raise ExportError(
            f"{name}: its simplified copy answers with shape {received.shape}, the model with {expected.shape}; "
            "such a model can't be exported."
        )
    difference = float(np.max(np.abs(received - expected), initial=0.0))
    limit = (_SAME_HALF if half else _SAME_FLOAT32) * max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    if not difference <= limit:
        raise ExportError(
            f"{name}: its simplified copy differs from the model by {difference:.2g} (limit {limit:.2g}); "
            "a layer behaves otherwise than its config says. Save and reload the model, or adapt its Normalization "
            "layers again."
        )
    return difference


def walk_layers(model: Any) -> Iterator[Any]:
    """Every layer inside the model, those of nested models and wrappers too, each once."""
    seen: set[int] = set()
    waiting = list(getattr(model, "layers", []))
    while waiting:
        layer = waiting.pop(0)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        waiting.extend(getattr(layer, "layers", None) or [])
        waiting.extend(
            inner for name in ("layer", "forward_layer", "backward_layer") if (inner := getattr(layer, name, None))
        )


def recurrent_loops(model: Any) -> list[str]:
    """Names of recurrent layers that are not unrolled."""
    import keras

    return [layer.name for layer in walk_layers(model) if isinstance(layer, keras.layers.RNN) and not layer.unroll]


def check_built(model: Any) -> None:
    """Raise ExportError unless this is a Keras model with weights that keeps nothing between calls."""
    import keras

    if not isinstance(model, keras.Model):
        raise ExportError(f"expected a Keras model; received {type(model).__name__}.")
    if not model.built or (is_graph_model(model) and not model.inputs):
        raise ExportError(
            f"{model.name}: the model has no weights yet. Train it, or call it on data once, before exporting."
        )
    for layer in walk_layers(model):
        if getattr(layer, "stateful", False) and isinstance(layer, keras.layers.RNN):
            raise ExportError(
                f"{layer.name}: stateful=True makes each answer depend on the calls before it, which can't be "
                "compared. Build the model with stateful=False and copy the weights."
            )


def _one_output(model: Any, count: int) -> str:
    return (
        f"{model.name}: expected a model with one output; received {count}. Export one part: "
        "keras.Model(model.input, model.outputs[0])."
    )


def _check_deterministic(model: Any, x: NDArray[Any]) -> None:
    first, second = keras_outputs(model, x[:32]), keras_outputs(model, x[:32])
    if not np.array_equal(first, second):
        raise ExportError(
            f"{model.name}: two calls on the same data differ by {np.max(np.abs(first - second)):.2g}: it is random "
            "outside training too. Make call() honour training=False."
        )


def is_half(model: Any) -> bool:
    """Whether some layer computes in half precision."""
    return any(layer.compute_dtype in HALF_TYPES for layer in walk_layers(model) if hasattr(layer, "compute_dtype"))


@contextlib.contextmanager
def quiet_about_lambdas() -> Iterator[None]:
    """Keras warns that a lambda's bytecode is unsafe to reload whenever it makes a config; ours is never reloaded."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The object being serialized includes a `lambda`")
        yield


def _clone_or_reason(model: Any, *, unroll: bool) -> tuple[Any, str]:
    """The clone, or None and why there is none."""
    if not is_graph_model(model):
        return None, f"{type(model).__name__} is a subclassed model."
    pairs: list[tuple[Any, Any]] = []
    try:
        clone = clone_graph(model, pairs, unroll=unroll)
        for layer, copy in pairs:
            copy.set_weights(layer.get_weights())
            if hasattr(copy, "finalize_state"):
                copy.finalize_state()
    except (NotImplementedError, TypeError, ValueError) as error:
        return None, f"{type(error).__name__}: {error_text(error)}"
    return clone, ""
