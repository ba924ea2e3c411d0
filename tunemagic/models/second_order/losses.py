"""Which losses of Keras have a closed form of curvature, and behind which activations."""

from __future__ import annotations

from typing import Any

from tunemagic.errors import ModelError
from tunemagic.models.second_order.curvature import LossCurvature, LossKind

__all__ = ["loss_curvature"]

_KINDS = {
    "SparseCategoricalCrossentropy": LossKind.SOFTMAX,
    "sparse_categorical_crossentropy": LossKind.SOFTMAX,
    "CategoricalCrossentropy": LossKind.SOFTMAX,
    "categorical_crossentropy": LossKind.SOFTMAX,
    "BinaryCrossentropy": LossKind.SIGMOID,
    "binary_crossentropy": LossKind.SIGMOID,
    "MeanSquaredError": LossKind.SQUARED,
    "mean_squared_error": LossKind.SQUARED,
}
_MEANS = ("sum_over_batch_size", "mean")


def loss_curvature(model: Any) -> LossCurvature:
    """The curvature of the loss that the built model is compiled with.

    Raises ModelError for other losses than mean cross-entropies and squared errors, and for
    cross-entropies of what is no softmax or sigmoid.
    """
    loss = _resolved(model.loss)
    name = getattr(loss, "__name__", type(loss).__name__)
    kind = _KINDS.get(name) if type(loss).__module__.startswith("keras.") or _is_keras_function(loss) else None
    if kind is None:
        raise ModelError(
            f"loss {name}: its curvature is not known; expected sparse_categorical_crossentropy, "
            "categorical_crossentropy, binary_crossentropy or mean_squared_error. Train this model with adam."
        )
    _check_options(loss, name)
    if kind is LossKind.SQUARED or getattr(loss, "_fn_kwargs", {}).get("from_logits"):
        return LossCurvature(kind)
    activation = _last_activation(model)
    if activation != kind:
        raise ModelError(
            f"loss {name}: expected a last layer with activation {kind.value!r}, or from_logits=True; received "
            f"activation {activation!r}."
        )
    return LossCurvature(kind, behind_activation=True)


def _resolved(loss: Any) -> Any:
    """The loss as an object or function; one of a list or dict of one."""
    import keras

    if isinstance(loss, dict):
        loss = list(loss.values())
    if isinstance(loss, list | tuple):
        if len(loss) != 1:
            raise ModelError(f"the model is compiled with {len(loss)} losses; expected one.")
        loss = loss[0]
    try:
        found = keras.losses.get(loss)
    except ValueError:
        found = None
    if found is None:
        raise ModelError(f"loss {loss!r} is not a loss of Keras; expected one such as 'mse'.")
    return found


def _is_keras_function(loss: Any) -> bool:
    return getattr(loss, "__module__", "").startswith("keras.") and hasattr(loss, "__name__")


def _check_options(loss: Any, name: str) -> None:
    reduction = getattr(loss, "reduction", _MEANS[0])
    if reduction not in _MEANS:
        raise ModelError(f"loss {name}: expected reduction='sum_over_batch_size'; received {reduction!r}.")
    options = getattr(loss, "_fn_kwargs", {})
    if options.get("axis", -1) != -1 or options.get("ignore_class") is not None:
        raise ModelError(f"loss {name}: axis and ignore_class can't be changed here; expected their defaults.")


def _last_activation(model: Any) -> str:
    """The name of the activation that gives the model's answer."""
    import keras

    layer: Any = model
    while isinstance(layer, keras.Model):
        inner = layer.layers
        history = getattr(layer.outputs[0], "_keras_history", None) if getattr(layer, "outputs", None) else None
        if not isinstance(layer, keras.Sequential) and history is not None:
            layer = history.operation
        elif inner:
            layer = inner[-1]
        else:
            return "linear"
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    return getattr(getattr(layer, "activation", None), "__name__", "linear")
