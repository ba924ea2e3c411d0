"""A Caffe network that grows layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.export.targets.caffe.schema import message_class

__all__ = ["Edges", "Net", "layer_types"]

Edges = tuple[tuple[int, int], tuple[int, int]]
"""Zeros around an image: (above, below), (left, right)."""

_INPUT = "data"
_NO_EDGES: Edges = ((0, 0), (0, 0))


class Net:
    """A chain of Caffe layers, and what the next layer has to know about the last one.

    Attributes:
        order: Of a flattened image, the place in Keras' order of each number in Caffe's; None where both agree.
            Keras counts row, column, channel; Caffe counts channel, row, column.
        edges: Zeros that the next convolution has to add: Caffe has no layer that does nothing else.
        remarks: What the reader of the files has to know.
    """

    def __init__(self, name: str, sizes: tuple[int, ...]) -> None:
        """Begin with samples of ``sizes`` in Caffe's order: (features) or (channels, rows, columns)."""
        self.order: NDArray[Any] | None = None
        self.edges: Edges = _NO_EDGES
        self.remarks: list[str] = []
        self._message = message_class("NetParameter")(name=name)
        self._tops: set[str] = set()
        self._top = ""
        self.add("Input", _INPUT, input_param={"shape": [{"dim": [1, *sizes]}]})

    @property
    def output(self) -> str:
        """The name of the last layer's answer."""
        return self._top

    def add(self, kind: str, name: str, blobs: Sequence[NDArray[Any]] = (), **parameters: Any) -> None:
        """Put a layer at the end; ``parameters`` are its messages by the name of their field."""
        top = self._free(name)
        layer = self._message.layer.add(name=top, type=kind, top=[top], **parameters)
        if self._top:
            layer.bottom.append(self._top)
        for blob in blobs:
            layer.blobs.add(shape={"dim": blob.shape}, data=np.asarray(blob, np.float32).ravel())
        self._top = top

    def cut(self, name: str, axis: int, size: int) -> None:
        """Go on with the first ``size`` places along ``axis`` only (0 is the sample)."""
        self.add("Slice", name, slice_param={"axis": axis, "slice_point": [size]})
        self._message.layer[-1].top.append(self._free(f"{name}_left"))

    def _free(self, name: str) -> str:
        """The name, with a number where it is taken."""
        free, number = name, 2
        while free in self._tops:
            free, number = f"{name}_{number}", number + 1
        self._tops.add(free)
        return free

    def take_edges(self) -> Edges:
        """The zeros that are still to be added, which the caller adds."""
        edges, self.edges = self.edges, _NO_EDGES
        return edges

    def text(self) -> str:
        """The network without its weights, for ``deploy.prototxt``."""
        from google.protobuf import text_format

        bare = message_class("NetParameter")()
        bare.CopyFrom(self._message)
        for layer in bare.layer:
            layer.ClearField("blobs")
        described: str = text_format.MessageToString(bare)
        return described

    def weights(self) -> bytes:
        """The network with its weights, for ``model.caffemodel``."""
        content: bytes = self._message.SerializeToString()
        return content


def layer_types(content: bytes) -> list[str]:
    """The types of the layers in a caffemodel, each once."""
    net = message_class("NetParameter").FromString(content)
    return sorted({layer.type for layer in net.layer if layer.type != "Input"})
