"""The autoencoder: a model that has to give its input back through a narrow code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.errors import DataError
from tunemagic.models.blocks import body_ranges, connected, penalty, training_ranges
from tunemagic.models.head import Head, reconstruction
from tunemagic.models.inputs import number_array, sample_shape
from tunemagic.models.ranges import changed, choice, whole
from tunemagic.models.template import Template

__all__ = ["CODE", "autoencoder"]

CODE = "code"


def autoencoder(x: Any, y: Any = None, *, scale: bool = True, **ranges: Any) -> Template:
    """Dense layers down to a code of a few numbers and up again. What it rebuilds badly is unlike what it has seen.

    It is trained on ``(x, x)``. ``model.get_layer("code")`` is the code.

    Args:
        x: Numbers (row, ...).
        y: Left out, or what is to be rebuilt from ``x`` where that is something else, of the same shape: clean
            samples for noisy ones.
        scale: Scale the inputs inside the model.
        ranges: New ranges by name; ``print(models.autoencoder(x))`` lists them.

    Raises:
        DataError: Inputs that don't fit, or a ``y`` of another shape.
        OptionError: An unknown option, or values that can't be searched.
    """
    shape = sample_shape("autoencoder", x, "any", (1, 2, 3))
    if y is not None and number_array("autoencoder", y, "any").shape[1:] != shape:
        import numpy as np

        raise DataError(
            f"models.autoencoder: received y of shape {np.shape(y)}; expected that of x, (rows, "
            f"{', '.join(map(str, shape))}): its target is its input. Leave y out."
        )
    head = reconstruction(shape)
    own = (
        choice(CODE, (2, 4, 8, 16, 32), 8),
        whole("layers", 1, 3, 1),
        choice("units", (32, 64, 128, 256), 128),
        *body_ranges(("dense", "skip")),
        *training_ranges(head),
    )
    return Template(
        name="autoencoder", shape=shape, head=head, ranges=changed("autoencoder", own, ranges), network=_network,
        scale=scale,
    )  # fmt: skip


def _network(inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
    import keras

    def layer() -> Any:
        return keras.layers.Dense(values["units"], kernel_regularizer=penalty(values))

    tensor = inputs if len(inputs.shape) == 2 else keras.layers.Flatten()(inputs)
    for _ in range(values["layers"]):
        tensor = connected(tensor, layer, values)
    tensor = keras.layers.Dense(values[CODE], name=CODE)(tensor)
    for _ in range(values["layers"]):
        tensor = connected(tensor, layer, values)
    return head.output(tensor)
