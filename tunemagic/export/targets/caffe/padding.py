"""Zeros around images: Keras counts output places, Caffe counts zeros, the same on both sides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["same_edges", "with_even_edges"]


def same_edges(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and behind along one axis for ``padding="same"``, as TensorFlow places them.

    The one that can't be shared evenly comes behind. ``kernel`` counts the gaps of a dilated one.
    """
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def with_even_edges(kernel: NDArray[Any], axis: int, edges: tuple[int, int]) -> tuple[NDArray[Any], int]:
    """A kernel that answers the same with equally many zeros on both sides, and how many.

    Caffe pads both sides alike. The side with fewer zeros gets more of them, and the kernel as many
    weights of zero there, so that they count for nothing.
    """
    most = max(edges)
    wider = [(0, 0)] * kernel.ndim
    wider[axis] = (most - edges[0], most - edges[1])
    return np.pad(kernel, wider), most
