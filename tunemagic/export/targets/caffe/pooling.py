"""Pooling in Caffe, whose last window may reach beyond the image where Keras' ends inside of it."""

from __future__ import annotations

import math
from typing import Any

from tunemagic.export.targets.caffe.chain import Step
from tunemagic.export.targets.caffe.net import Net
from tunemagic.export.targets.caffe.padding import same_edges

__all__ = ["pool", "pool_all"]

_METHODS = {"Average": "AVE", "Max": "MAX"}
_FIRST = 2  # Caffe's axis of the rows


def pool(net: Net, step: Step) -> None:
    """Add a MaxPooling2D or AveragePooling2D.

    Rows and columns that Keras leaves out because no whole window fits are cut off before: later Caffes
    have an option for it, earlier ones and OpenCV do not.
    """
    layer, method = step.layer, _method(step)
    parameters: dict[str, Any] = {"pool": method}
    for axis, letter in enumerate("hw"):
        size, width, stride = step.before[axis], layer.pool_size[axis], layer.strides[axis]
        before, behind = same_edges(size, width, stride) if layer.padding == "same" else (0, 0)
        if method == "AVE" and behind:
            step.refuse("averages over less than a window at the edge, where Caffe counts zeros; use padding='valid'")
        parameters |= {f"kernel_{letter}": width, f"stride_{letter}": stride, f"pad_{letter}": before}
        used = (step.after[axis] - 1) * stride + width
        if not behind and used < size:
            net.cut(f"{layer.name}_{'rows' if axis == 0 else 'columns'}", _FIRST + axis, used)
        elif math.ceil((size + 2 * before - width) / stride) + 1 != step.after[axis]:
            step.refuse(f"pads by {before} and {behind} zeros, and Caffe pads both sides alike; use padding='valid'")
    net.add("Pooling", layer.name, pooling_param=parameters)


def pool_all(net: Net, step: Step) -> None:
    """Add a GlobalAveragePooling2D or GlobalMaxPooling2D."""
    net.add("Pooling", step.layer.name, pooling_param={"pool": _method(step), "global_pooling": True})
    if not step.layer.keepdims:
        net.add("Flatten", f"{step.layer.name}_flat")


def _method(step: Step) -> str:
    return next(method for name, method in _METHODS.items() if name in step.kind)
