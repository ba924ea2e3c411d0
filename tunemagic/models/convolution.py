"""Convolutional templates: cnn for images, conv1d for series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.models.blocks import body_ranges, connected, finished, penalty, training_ranges
from tunemagic.models.head import Head, head_of
from tunemagic.models.inputs import sample_shape
from tunemagic.models.ranges import changed, choice, whole
from tunemagic.models.template import Template
from tunemagic.space import Parameter

__all__ = ["cnn", "conv1d"]

_SMALLEST = 4  # pixels or steps that are still halved


def cnn(x: Any, y: Any, *, task: str | None = None, scale: bool = True, **ranges: Any) -> Template:
    """Blocks of convolution and pooling for images, then a dense layer.

    Args:
        x: Images (row, height, width) or (row, height, width, channel).
        y: Classes or numbers; see ``tunemagic.models``.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``; default: what the target looks like.
        scale: Scale the inputs inside the model, each channel by itself.
        ranges: New ranges by name; ``print(models.cnn(x, y))`` lists them.

    Raises:
        DataError: Inputs or targets that don't fit.
        OptionError: An unknown option, or values that can't be searched.
    """
    shape, head = sample_shape("cnn", x, "images", (2, 3)), head_of(y, task, rows=len(x))
    own = _ranges(head, filters=(8, 16, 32), kernels=(3, 5), rate=1e-3)
    ready = shape if len(shape) == 3 else (*shape, 1)
    return Template(
        name="cnn", shape=shape, ready=ready, head=head, ranges=changed("cnn", own, ranges), network=_network,
        scale=scale,
    )  # fmt: skip


def conv1d(x: Any, y: Any, *, task: str | None = None, scale: bool = True, **ranges: Any) -> Template:
    """Blocks of convolution and pooling along a series, then a dense layer.

    Args:
        x: Series (row, step) or (row, step, feature).
        y: Classes or numbers; see ``tunemagic.models``.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``; default: what the target looks like.
        scale: Scale the inputs inside the model, each feature by itself.
        ranges: New ranges by name; ``print(models.conv1d(x, y))`` lists them.

    Raises:
        DataError: Inputs or targets that don't fit.
        OptionError: An unknown option, or values that can't be searched.
    """
    shape, head = sample_shape("conv1d", x, "series", (1, 2)), head_of(y, task, rows=len(x))
    own = _ranges(head, filters=(16, 32, 64), kernels=(3, 5, 7), rate=3e-3)
    ready = shape if len(shape) == 2 else (*shape, 1)
    return Template(
        name="conv1d", shape=shape, ready=ready, head=head, ranges=changed("conv1d", own, ranges), network=_network,
        scale=scale,
    )  # fmt: skip


def _ranges(head: Head, filters: tuple[int, ...], kernels: tuple[int, ...], rate: float) -> tuple[Parameter, ...]:
    return (
        whole("layers", 1, 3, 2),
        choice("filters", filters, filters[1]),
        choice("kernel", kernels, kernels[-2]),
        choice("units", (32, 64, 128), 64),
        *body_ranges(("conv", "skip")),
        *training_ranges(head, rate),
    )


def _network(inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
    """Each block has twice the filters of the one before and half its pixels or steps."""
    import keras

    axes = len(inputs.shape) - 2
    convolution = keras.layers.Conv2D if axes == 2 else keras.layers.Conv1D
    pooling = keras.layers.MaxPooling2D if axes == 2 else keras.layers.MaxPooling1D
    tensor = inputs
    for block in range(values["layers"]):
        filters = values["filters"] * 2**block

        def layer(filters: int = filters) -> Any:
            return convolution(filters, values["kernel"], padding="same", kernel_regularizer=penalty(values))

        tensor = connected(tensor, layer, values)
        if values["connection"] == "skip":
            tensor = connected(tensor, layer, values)
        if min(tensor.shape[1:-1]) >= _SMALLEST:
            tensor = pooling()(tensor)
    features = keras.layers.Dense(values["units"], values["activation"], kernel_regularizer=penalty(values))(
        keras.layers.Flatten()(tensor)
    )
    return head.output(finished(features, values))
