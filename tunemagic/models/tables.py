"""Templates for columns of numbers, which also take images and series, flattened: linear, dense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.models.blocks import body_ranges, connected, penalty, penalty_ranges, training_ranges
from tunemagic.models.head import Head, head_of
from tunemagic.models.inputs import sample_shape
from tunemagic.models.ranges import changed, choice, whole
from tunemagic.models.template import Template

__all__ = ["dense", "linear"]


def linear(x: Any, y: Any, *, task: str | None = None, scale: bool = True, **ranges: Any) -> Template:
    """Linear or logistic regression: one layer, the head alone.

    Args:
        x: Numbers (row, ...); each sample is flattened.
        y: Classes or numbers; see ``tunemagic.models``.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``; default: what the target looks like.
        scale: Scale the inputs inside the model.
        ranges: New ranges for ``penalty``, ``strength``, ``optimizer``, ``learning_rate``, ``batch_size``.

    Raises:
        DataError: Inputs or targets that don't fit.
        OptionError: An unknown option, or values that can't be searched.
    """
    shape, head = sample_shape("linear", x, "any", (1, 2, 3, 4)), head_of(y, task, rows=len(x))
    own = (*penalty_ranges(), *training_ranges(head, rate=3e-3))
    return Template(
        name="linear", shape=shape, head=head, ranges=changed("linear", own, ranges), network=_linear, scale=scale
    )


def dense(x: Any, y: Any, *, task: str | None = None, scale: bool = True, **ranges: Any) -> Template:
    """Dense layers of equal width, also with skip connections.

    Args:
        x: Numbers (row, ...); each sample is flattened.
        y: Classes or numbers; see ``tunemagic.models``.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``; default: what the target looks like.
        scale: Scale the inputs inside the model.
        ranges: New ranges by name; ``print(models.dense(x, y))`` lists them.

    Raises:
        DataError: Inputs or targets that don't fit.
        OptionError: An unknown option, or values that can't be searched.
    """
    shape, head = sample_shape("dense", x, "any", (1, 2, 3, 4)), head_of(y, task, rows=len(x))
    own = (
        whole("layers", 1, 4, 2),
        choice("units", (16, 32, 64, 128, 256), 64),
        *body_ranges(("dense", "skip")),
        *training_ranges(head),
    )
    return Template(
        name="dense", shape=shape, head=head, ranges=changed("dense", own, ranges), network=_dense, scale=scale
    )


def _linear(inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
    return head.output(_flat(inputs), penalty(values))


def _dense(inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
    import keras

    def layer() -> Any:
        return keras.layers.Dense(values["units"], kernel_regularizer=penalty(values))

    tensor = _flat(inputs)
    for _ in range(values["layers"]):
        tensor = connected(tensor, layer, values)
    return head.output(tensor)


def _flat(tensor: Any) -> Any:
    import keras

    return tensor if len(tensor.shape) == 2 else keras.layers.Flatten()(tensor)
