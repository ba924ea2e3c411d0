"""What a sample looks like to people: a picture, a line, or a row of named numbers."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tunemagic.analysis.explanation import Layout
from tunemagic.errors import DataError

__all__ = ["Look", "SampleInfo", "layout_of", "look_of", "sample_info", "takes_series"]

_FEW_COLUMNS = 20  # more numbers without names are rather a series
_SMALLEST_IMAGE = 8  # pixels
_LOOKED_AT = 200
# Neighbouring pixels of a picture differ less than any two of it; of a table's columns they don't.
_SMOOTH = 0.8
_MOST_PIXELS = 96  # of a side, as it travels to the page
_MOST_VALUES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How samples of one shape are shown: ``height`` and ``width`` in pixels and ``channels`` of pictures, else 0.

    ``low`` and ``high`` are the least and the largest number among the samples, ``names`` those of columns.
    """

    layout: Layout
    height: int = 0
    width: int = 0
    channels: int = 0
    low: float = 0.0
    high: float = 1.0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleInfo:
    """One sample: ``picture`` is a PNG as data URL, "" where ``values`` (a line or columns) are shown instead."""

    row: int
    picture: str
    values: tuple[float, ...]


def look_of(x: Any, model: Any, names: Sequence[str] = ()) -> Look:
    """How samples ``x`` (sample, ...) are shown. Raises DataError for what is no numbers, or has more than three axes.

    Rows of as many numbers as a square has pixels are pictures when neighbours are alike both ways.
    """
    import numpy as np

    if x.dtype.kind not in "fiub":
        raise DataError(f"expected samples of numbers; received {x.dtype}.")
    shape = x.shape[1:]
    layout = layout_of(shape, tuple(names), model)
    seen = np.asarray(x[:_LOOKED_AT], np.float64)
    finite = seen[np.isfinite(seen)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    high = high if high > low else low + 1.0
    if layout is Layout.IMAGE:
        height, width, *channels = shape
        if not channels or channels[0] in (1, 3, 4):
            return Look(
                layout=layout, height=height, width=width, channels=channels[0] if channels else 1, low=low, high=high
            )
        return Look(layout=Layout.SERIES, low=low, high=high)  # no colours that a page could show
    side = math.isqrt(shape[0]) if len(shape) == 1 else 0
    square = side >= _SMALLEST_IMAGE and side * side == shape[0]
    if square and not names and not takes_series(model) and _is_smooth(seen.reshape(-1, side, side)):
        return Look(layout=Layout.IMAGE, height=side, width=side, channels=1, low=low, high=high)
    return Look(layout=layout, names=tuple(names), low=low, high=high)


def _is_smooth(pictures: Any) -> bool:
    import numpy as np

    flat = pictures.reshape(len(pictures), -1)
    shuffled = flat[:, np.random.default_rng(0).permutation(flat.shape[1])]
    anyhow = np.nanmean(np.abs(np.diff(shuffled, axis=1)))
    return all(np.nanmean(np.abs(np.diff(pictures, axis=axis))) < _SMOOTH * anyhow for axis in (1, 2))


def sample_info(sample: Any, row: int, look: Look) -> SampleInfo:
    """One sample as a page shows it; of very many numbers the first ones."""
    import numpy as np

    if look.layout is Layout.IMAGE:
        return SampleInfo(row=row, picture=_picture_url(sample, look), values=())
    flat = np.ravel(np.asarray(sample, np.float64))[:_MOST_VALUES]
    return SampleInfo(row=row, picture="", values=tuple(float(f"{value:.5g}") for value in np.nan_to_num(flat)))


def _picture_url(sample: Any, look: Look) -> str:
    """The sample as a PNG inside of a data URL, dark for ``look.low`` and light for ``look.high``."""
    import numpy as np
    from PIL import Image

    pixels = np.nan_to_num(np.asarray(sample, np.float64)).reshape(look.height, look.width, look.channels)
    levels = np.clip((pixels - look.low) / (look.high - look.low), 0, 1) * 255
    array = levels.round().astype(np.uint8)
    picture = Image.fromarray(array[..., 0] if look.channels == 1 else array)
    picture.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def layout_of(shape: tuple[int, ...], names: Sequence[str], model: Any) -> Layout:
    """How the numbers of samples of this shape lie to each other. Raises DataError for more than three axes."""
    match len(shape):
        case 1:
            few = bool(names) or shape[0] <= _FEW_COLUMNS
            return Layout.COLUMNS if few and not takes_series(model) else Layout.SERIES
        case 2:
            return Layout.IMAGE if shape[0] == shape[1] >= _SMALLEST_IMAGE else Layout.SERIES
        case 3:
            return Layout.IMAGE
        case _:
            raise DataError(f"expected columns, series or images; received samples of shape {shape}.")


def takes_series(model: Any) -> bool:
    """Whether a model convolves its rows or goes through them step by step; ids that it looks up are no series."""
    import keras

    layers, waiting = list[Any](), [model]
    while waiting:
        layers.append(waiting.pop())
        waiting += getattr(layers[-1], "layers", ())
    kinds = keras.layers
    looked_up = any(isinstance(layer, kinds.Embedding) for layer in layers)
    stepwise = (kinds.Conv1D, kinds.SeparableConv1D, kinds.RNN, kinds.Bidirectional)
    return not looked_up and any(isinstance(layer, stepwise) for layer in layers)
