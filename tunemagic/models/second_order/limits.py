"""What second-order optimisers can't train, told in one line before training begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tunemagic.errors import ModelError

__all__ = ["UNROLL_LIMIT", "check_deterministic", "check_trainable", "l2_of", "recurrent_layers"]

UNROLL_LIMIT = 64  # steps; above this the unrolled graph grows beyond use
_NORMALISING = ("BatchNormalization", "SpectralNormalization")


def check_trainable(model: Any, optimizer: str) -> None:
    """Raise ModelError for what neither Hessian-free nor K-FAC can train. The model is built and compiled."""
    import keras
    import tensorflow as tf

    def refuse(what: str, fix: str) -> ModelError:
        return ModelError(f"{optimizer} can't train {model.name}: {what}. {fix}")

    if not model.trainable_variables:
        raise refuse("it has no trainable weights", "Set trainable=True on the layers to train.")
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise refuse(f"{type(model).__name__} is a subclassed model", "Expected a Sequential or Functional one.")
    if len(model.outputs) != 1:
        raise refuse(f"it has {len(model.outputs)} outputs, expected one", "Train it with adam.")
    if tf.distribute.has_strategy() or keras.distribution.distribution() is not None:
        raise refuse("it is distributed over devices", "Build it outside of the distribution.")
    for layer in _layers(model):
        kind = type(layer).__name__
        if kind in _NORMALISING and layer.trainable:
            raise refuse(
                f"{layer.name} ({kind}) changes its statistics while it trains, which no curvature accounts for",
                "Use LayerNormalization, or set trainable=False on a layer whose statistics are known.",
            )
        if kind == "Masking" or getattr(layer, "mask_zero", False):
            raise refuse(f"{layer.name} masks steps, which the curvature does not know of", "Train it with adam.")
        if layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
            raise refuse(f"{layer.name} computes in {layer.dtype_policy.name}", "Use float32.")
        if getattr(layer, "activity_regularizer", None) is not None or getattr(layer, "_losses", None):
            raise refuse(f"{layer.name} adds a loss of its activity", "Use a kernel_regularizer.")
    for variable in model.trainable_variables:
        if variable.constraint is not None:
            raise refuse(f"{variable.path} has a constraint", "Remove it, or train with adam.")
        l2_of(variable)


def check_deterministic(model: Any, optimizer: str) -> None:
    """Raise ModelError for what makes the loss at the same weights differ from call to call."""
    for layer in _layers(model):
        if _is_random(layer):
            raise ModelError(
                f"{optimizer} can't train {model.name}: {layer.name} ({type(layer).__name__}) makes the loss random, "
                "so that losses before and after a step would not compare. Remove it, or train with adam or kfac."
            )


def recurrent_layers(model: Any, optimizer: str) -> list[Any]:
    """The recurrent layers that loop; to be unrolled for derivatives forward.

    Raises ModelError when one keeps states between batches or has more steps than can be unrolled.
    """
    import keras

    loops = [layer for layer in _layers(model) if isinstance(layer, keras.layers.RNN) and not layer.unroll]
    for layer in loops:
        steps = _steps(layer)
        if layer.stateful:
            raise ModelError(
                f"{optimizer} can't train {model.name}: {layer.name} keeps states. Build it with stateful=False."
            )
        if steps is None or steps > UNROLL_LIMIT:
            found = "any number of" if steps is None else str(steps)
            raise ModelError(
                f"{optimizer} can't train {model.name}: {layer.name} loops over {found} steps and can be unrolled "
                f"only up to a known {UNROLL_LIMIT}. Give keras.Input the steps or shorten the series, or use adam."
            )
    return loops


def l2_of(variable: Any) -> float:
    """The factor of the squared weights in the loss. Raises ModelError for other regularisers than L1 and L2."""
    import keras

    rule = variable.regularizer
    if rule is None:
        return 0.0
    if not isinstance(rule, keras.regularizers.L1 | keras.regularizers.L2 | keras.regularizers.L1L2):
        raise ModelError(f"{variable.path}: {type(rule).__name__} has no known curvature; expected L1 or L2.")
    return float(getattr(rule, "l2", 0.0))


def _layers(model: Any) -> Iterator[Any]:
    """Every layer inside, those of nested models and wrappers too."""
    yield from model._flatten_layers(include_self=False)


def _is_random(layer: Any) -> bool:
    kind = type(layer).__name__
    if "Dropout" in kind or hasattr(layer, "recurrent_dropout"):
        return any(getattr(layer, name, 0) for name in ("rate", "dropout", "recurrent_dropout"))
    return kind == "GaussianNoise" or kind.startswith(("Random", "RandAugment", "AugMix", "CutMix", "MixUp"))


def _steps(layer: Any) -> int | None:
    shape: Sequence[int | None] = (layer.get_build_config() or {}).get("input_shape") or ()
    return shape[1] if len(shape) > 2 else None
