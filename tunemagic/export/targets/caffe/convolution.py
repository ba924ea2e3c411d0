"""Convolutions in Caffe."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from tunemagic.export.targets.caffe.chain import Step
from tunemagic.export.targets.caffe.net import Net
from tunemagic.export.targets.caffe.padding import same_edges, with_even_edges

__all__ = ["convolve"]


def convolve(net: Net, step: Step, kernel: NDArray[Any], bias: NDArray[Any] | None, *, groups: int = 1) -> None:
    """Add a convolution. ``kernel``: (output, input of a group, rows, columns).

    Strides, dilation and padding are the layer's own; a Dense layer has none.
    """
    layer = step.layer
    strides = getattr(layer, "strides", (1, 1))
    dilation = getattr(layer, "dilation_rate", (1, 1))
    pads = []
    for axis, edges in enumerate(net.take_edges()):
        size = step.before[axis] + sum(edges)
        spread = (kernel.shape[axis + 2] - 1) * dilation[axis] + 1
        if getattr(layer, "padding", "valid") == "same":
            before, behind = same_edges(size, spread, strides[axis])
            edges = (edges[0] + before, edges[1] + behind)
        if edges[0] != edges[1]:
            if dilation[axis] > 1:
                step.refuse(f"pads by {edges[0]} and {edges[1]} zeros with gaps in its kernel; Caffe pads evenly")
            net.remarks.append(f"{layer.name}: kernel widened by weights of zero, because Caffe pads both sides alike")
        kernel, pad = with_even_edges(kernel, axis + 2, edges)
        pads.append(pad)
    parameters: dict[str, Any] = {
        "num_output": kernel.shape[0],
        "bias_term": bias is not None,
        "kernel_h": kernel.shape[2],
        "kernel_w": kernel.shape[3],
    }
    if any(pads):
        parameters |= {"pad_h": pads[0], "pad_w": pads[1]}
    if max(strides) > 1:
        parameters |= {"stride_h": strides[0], "stride_w": strides[1]}
    if max(dilation) > 1:
        parameters["dilation"] = dilation
    if groups > 1:
        parameters["group"] = groups
    net.add("Convolution", layer.name, [kernel, *([] if bias is None else [bias])], convolution_param=parameters)
