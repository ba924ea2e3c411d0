"""The recurrent template, for series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunemagic.models.blocks import finished, penalty, penalty_ranges, training_ranges
from tunemagic.models.head import Head, head_of
from tunemagic.models.inputs import sample_shape
from tunemagic.models.ranges import changed, choice, number, whole
from tunemagic.models.template import Template

__all__ = ["rnn"]


def rnn(x: Any, y: Any, *, task: str | None = None, scale: bool = True, **ranges: Any) -> Template:
    """Recurrent layers (GRU, LSTM or a simple cell) that read a series from its first step to its last.

    Args:
        x: Series (row, step) or (row, step, feature).
        y: Classes or numbers; see ``tunemagic.models``.
        task: ``"binary"``, ``"multiclass"`` or ``"regression"``; default: what the target looks like.
        scale: Scale the inputs inside the model, each feature by itself.
        ranges: New ranges by name; ``print(models.rnn(x, y))`` lists them.

    Raises:
        DataError: Inputs or targets that don't fit.
        OptionError: An unknown option, or values that can't be searched.
    """
    shape, head = sample_shape("rnn", x, "series", (1, 2)), head_of(y, task, rows=len(x))
    own = (
        choice("cell", ("gru", "lstm", "simple"), "gru"),
        whole("layers", 1, 2, 1),
        choice("units", (16, 32, 64, 128), 64),
        choice("direction", ("forward", "both"), "forward"),
        choice("connection", ("plain", "skip"), "plain"),
        choice("normalisation", ("none", "layer"), "none"),
        number("dropout", 0.0, 0.5, 0.0, step=0.1),
        *penalty_ranges(),
        *training_ranges(head, rate=5e-3),
    )
    ready = shape if len(shape) == 2 else (*shape, 1)
    return Template(
        name="rnn", shape=shape, ready=ready, head=head, ranges=changed("rnn", own, ranges), network=_network,
        scale=scale,
    )  # fmt: skip


def _network(inputs: Any, values: Mapping[str, Any], head: Head) -> Any:
    import keras

    tensor = inputs
    for number_ in range(values["layers"]):
        last = number_ == values["layers"] - 1
        outputs = _layer(values, sequences=not last)(tensor)
        if values["normalisation"] == "layer":
            outputs = keras.layers.LayerNormalization()(outputs)
        outputs = finished(outputs, values)
        if values["connection"] == "skip":  # the series' last step goes straight to the head as well
            outputs = keras.layers.Concatenate()([tensor[:, -1] if last else tensor, outputs])
        tensor = outputs
    return head.output(tensor)


def _layer(values: Mapping[str, Any], *, sequences: bool) -> Any:
    import keras

    cells = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "simple": keras.layers.SimpleRNN}
    layer = cells[values["cell"]](values["units"], return_sequences=sequences, kernel_regularizer=penalty(values))
    return keras.layers.Bidirectional(layer) if values["direction"] == "both" else layer
