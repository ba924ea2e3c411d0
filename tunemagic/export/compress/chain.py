"""A model as a chain of layers, and which of its units are to stay when layers become narrower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.clone import is_graph_model, plain_view, upstream

__all__ = ["Narrowed", "Step", "chain_of", "narrowed_chain"]

_Indices = NDArray[np.intp]

# What neither mixes channels nor has weights of them: a channel that is missing in front is missing behind.
_PASSING = (
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Cropping1D",
    "Cropping2D",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Identity",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "ReLU",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
)
_SIZES = {"Dense": "units", "Conv1D": "filters", "Conv2D": "filters", "Conv3D": "filters"}


@dataclass(frozen=True, slots=True)
class Step:
    """A layer of a chain and the shape of what comes in, samples first."""

    layer: Any
    shape: tuple[int | None, ...]

    @property
    def kind(self) -> str:
        """The name of the layer's class."""
        return type(self.layer).__name__


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A layer as it is to be: changes of its config, and its new weights (None for those that it has).

    ``units`` is how many units it has before and after, None where there is nothing to choose.
    """

    layer: Any
    config: dict[str, Any] = field(default_factory=dict)
    weights: list[NDArray[Any]] | None = None
    units: tuple[int, int] | None = None


def chain_of(model: Any) -> list[Step]:
    """The model's layers in order, without the input. Raises ExportError where it branches or uses a layer twice."""
    view = plain_view(model)
    if len(view.inputs) != 1 or len(view.outputs) != 1:
        raise ExportError(
            f"{model.name}: slim needs a chain of layers with one input and one output; received "
            f"{len(view.inputs)} and {len(view.outputs)}."
        )
    steps: list[Step] = []
    for layer, sources, _ in upstream(view):
        if len(sources) != 1:
            raise ExportError(
                f"{layer.name}: {type(layer).__name__} joins {len(sources)} branches, which must keep the same units; "
                "slim needs a chain of layers. Use prune() or cluster() for this model."
            )
        if any(layer is step.layer for step in steps):
            raise ExportError(f"{layer.name}: the layer is used in several places; slim needs a chain of layers.")
        steps.append(Step(layer, tuple(sources[0].shape)))
    return steps[::-1]


def narrowed_chain(
    steps: Sequence[Step], share: float, importance: Callable[[Any, Any], NDArray[Any]]
) -> list[Narrowed]:
    """The chain without the share of least important units in every layer but the last one that has units.

    ``importance(layer, norm)`` gives a number for each unit; ``norm`` is the BatchNormalization that follows
    it, None without one. Raises ExportError, naming the layer that can't be treated so.
    """
    sized = [index for index, step in enumerate(steps) if step.kind in _SIZES]
    if len(sized) < 2:
        raise ExportError(
            f"slim: expected at least two Dense or Conv layers in a chain; received {len(sized)}. The last one is the "
            "output and keeps its units."
        )
    result: list[Narrowed] = []
    kept: _Indices | None = None  # channels that still come in; None for all
    for index, step in enumerate(steps):
        _check_known(step, is_narrow=kept is not None)
        if step.kind in _SIZES:
            norm = _norm_behind(steps, index)
            chosen = None if index == sized[-1] else _most_important(importance(step.layer, norm), share)
            result.append(_sized(step, kept, chosen))
            kept = chosen
            continue
        result.append(Narrowed(step.layer) if kept is None else _passed(step, kept))
        if kept is not None and step.kind == "Flatten":
            kept = _flat(kept, step.shape)
    return result


def _sized(step: Step, kept: _Indices | None, chosen: _Indices | None) -> Narrowed:
    """A layer of units without the missing channels in front, and with the chosen units only."""
    kernel, *bias = step.layer.get_weights()
    units = kernel.shape[-1]
    if kept is not None:
        kernel = kernel[..., kept, :]
    if chosen is None:
        return Narrowed(step.layer, weights=[kernel, *bias])
    return Narrowed(
        step.layer,
        config={_SIZES[step.kind]: len(chosen)},
        weights=[kernel[..., chosen], *(weight[chosen] for weight in bias)],
        units=(units, len(chosen)),
    )


def _passed(step: Step, kept: _Indices) -> Narrowed:
    """A layer that treats each channel by itself, without the missing ones."""
    weights = step.layer.get_weights()
    if step.kind == "DepthwiseConv2D":
        kernel, *bias = weights
        return Narrowed(step.layer, weights=[kernel[:, :, kept], *(weight[kept] for weight in bias)])
    return Narrowed(step.layer, weights=[weight[kept] for weight in weights])


def _flat(kept: _Indices, shape: tuple[int | None, ...]) -> _Indices:
    """Which flattened values the kept channels of samples of this shape become."""
    *places, channels = shape[1:]
    count = int(np.prod([size or 1 for size in places]))
    flat: _Indices = (np.arange(count)[:, None] * (channels or 1) + kept).ravel()
    return flat


def _most_important(importance: NDArray[Any], share: float) -> _Indices:
    """Indices of the units that stay, in their order; at least one does."""
    count = max(1, round(len(importance) * (1 - share)))
    order = np.argsort(-importance, kind="stable")
    most: _Indices = np.sort(order[:count])
    return most


def _norm_behind(steps: Sequence[Step], index: int) -> Any:
    """The BatchNormalization that gets this layer's units, directly or through what passes them on."""
    for step in steps[index + 1 :]:
        if step.kind == "BatchNormalization":
            return step.layer
        if step.kind not in _PASSING:
            return None
    return None


def _check_known(step: Step, *, is_narrow: bool) -> None:
    """Raise ExportError for a layer behind which, or in which, units can't be left out."""
    layer, kind = step.layer, step.kind
    ours = type(layer).__module__.startswith(("keras.", "tunemagic."))
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise ExportError(f"{layer.name}: slim needs channels last; received data_format={layer.data_format!r}.")
    if kind in _SIZES and ours:
        if getattr(layer, "groups", 1) == 1:
            return
        raise ExportError(f"{layer.name}: slim can't leave out filters of a convolution in {layer.groups} groups.")
    if not is_narrow and ((ours and not layer.trainable_weights) or kind == "Embedding" or is_graph_model(layer)):
        return  # in front of all units: a preparation, augmentation
    if ours and (kind in _PASSING or kind == "Flatten"):
        return
    if ours and kind == "BatchNormalization" and _axis_is_last(layer.axis, step.shape):
        return
    if ours and kind == "DepthwiseConv2D" and layer.depth_multiplier == 1:
        return
    raise ExportError(
        f"{layer.name}: slim doesn't know how {kind} uses the units before it; expected a chain of Dense, Conv, "
        "BatchNormalization, pooling, Flatten, Dropout and activations. Use prune() or cluster() for this model."
    )


def _axis_is_last(axis: Any, shape: tuple[int | None, ...]) -> bool:
    return axis in {-1, len(shape) - 1}
