"""Augmentation as Keras layers that change samples in training only.

What these functions give is put first in a model. ``predict``, ``evaluate`` and validation see the
samples as they are, and exported files hold nothing of it::

    augmented = prep.augment.images(rotate=0.05, shift=hp.Float("shift", 0, 0.2), seed=1)
    model = keras.Sequential([keras.Input((28, 28, 1)), augmented, keras.layers.Conv2D(16, 3), ...])

A change helps when it leaves the answer as it is: a shifted 6 is a 6, one that is turned upside
down is a 9. Shares are fractions of a picture or a series, so that they mean the same for all sizes.

Before ``keras.models.load_model`` reads such a model in another kernel, these layers have to be known
there: ``import tunemagic.prep.augment_layers``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec

from tunemagic.errors import OptionError
from tunemagic.numeric import is_finite_number, is_whole
from tunemagic.text import did_you_mean

__all__ = ["images", "series"]

_FLIPS = {"horizontal": "horizontal", "vertical": "vertical", "both": "horizontal_and_vertical"}
_NO_FLIP = "none"

_Given = ParamSpec("_Given")


def _told(function: Callable[_Given, Any]) -> Callable[_Given, Any]:
    """The function with an OptionError for a misspelt option."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def wrapped(*args: _Given.args, **options: _Given.kwargs) -> Any:
        for name in options:
            if name not in known:
                raise OptionError(
                    f"augment.{function.__name__}: received {name}=; expected one of {', '.join(known)}."
                    f"{did_you_mean(name, known)}"
                )
        return function(*args, **options)

    return wrapped


@_told
def images(
    *,
    rotate: float = 0.0,
    shift: float = 0.0,
    flip: str = _NO_FLIP,
    crop: int | tuple[int, int] | None = None,
    zoom: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Any:
    """Random changes of images (sample, height, width, channel); each image is changed in its own way.

    Args:
        rotate: Largest turn in both directions, in full turns from 0 to 0.5: 0.05 is 18 degrees.
        shift: Largest shift in each direction, as a share of height and width, from 0 up to 1.
        flip: ``"none"``, ``"horizontal"`` (left and right), ``"vertical"`` or ``"both"``.
        crop: Height and width in pixels (or one number for both) of a part that is cut out at random,
            one place for each batch. The model gets images of that size; outside training it is the middle.
        zoom: Largest change of the size, as a share, from 0 up to 1.
        noise: Deviation of Gaussian noise, in the units of the pixels that the layer gets.
        seed: Where the random numbers begin; the same seed gives the same changes.

    Returns:
        A Keras layer, or a ``keras.Sequential`` with ``crop``. What rotating and shifting uncovers is filled
        with the nearest pixels. A strength of 0 leaves its change out.

    Raises:
        OptionError: A strength out of its range. DataError, when the model is built: samples that are no
            images, or smaller than ``crop``.
    """
    rotate = _share("rotate", rotate, 0.5)
    shift = _share("shift", shift, 1.0)
    zoom = _share("zoom", zoom, 1.0)
    noise = _deviation("noise", noise)
    seed = _seed(seed)
    if flip not in (_NO_FLIP, *_FLIPS):
        known = [_NO_FLIP, *_FLIPS]
        raise OptionError(
            f"flip: received {flip!r}; expected one of {', '.join(known)}.{did_you_mean(str(flip), known)}"
        )
    size = _crop_size(crop)

    import keras

    from tunemagic.prep.augment_layers import RandomImages, RandomNoise

    layers, fill = keras.layers, "nearest"
    seeds = iter(range(seed, seed + 6))
    changes = [
        *([layers.RandomFlip(_FLIPS[flip], seed=next(seeds))] if flip != _NO_FLIP else ()),
        *([layers.RandomCrop(*size, seed=next(seeds))] if size else ()),
        *([layers.RandomRotation(rotate, fill_mode=fill, seed=next(seeds))] if rotate else ()),
        *([layers.RandomTranslation(shift, shift, fill_mode=fill, seed=next(seeds))] if shift else ()),
        *([layers.RandomZoom(zoom, fill_mode=fill, seed=next(seeds))] if zoom else ()),
        *([RandomNoise(noise, seed=next(seeds))] if noise else ()),
    ]
    changing = RandomImages(changes, crop=size)
    return changing if size is None else keras.Sequential([changing, layers.CenterCrop(*size)])


@_told
def series(*, jitter: float = 0.0, scale: float = 0.0, window: float = 0.0, seed: int = 0) -> Any:
    """Random changes of series (sample, step) or (sample, step, channel); each series is changed in its own way.

    Args:
        jitter: Deviation of Gaussian noise on every value, in the units of the values.
        scale: Deviation from 1 of a factor that each channel of a series is multiplied by.
        window: Largest share of the steps, from 0 up to 1, that is cut away: a window at a random place is
            stretched to all steps again.
        seed: Where the random numbers begin; the same seed gives the same changes.

    Returns:
        A Keras layer; a strength of 0 leaves its change out.

    Raises:
        OptionError: A strength out of its range. DataError, when the model is built: samples that are no series.

    Source: jitter and scale as in Um et al. 2017 (ICMI, arXiv:1706.00527), window as the window slicing of
    Le Guennec et al. 2016 (ECML/PKDD workshop AALTD).
    """
    jitter = _deviation("jitter", jitter)
    scale = _deviation("scale", scale)
    window = _share("window", window, 1.0)
    seed = _seed(seed)

    from tunemagic.prep.augment_layers import RandomNoise, RandomScale, RandomSeries, RandomWindow

    changes = [
        *([RandomWindow(window, seed=seed)] if window else ()),
        *([RandomScale(scale, seed=seed + 1)] if scale else ()),
        *([RandomNoise(jitter, seed=seed + 2)] if jitter else ()),
    ]
    return RandomSeries(changes)


def _share(name: str, value: Any, most: float) -> float:
    number = _number(name, value)
    if not (0 <= number <= most and number != 1):
        end = f"to {most:g}" if most < 1 else "up to, but not including, 1"
        raise OptionError(f"{name}: received {number:g}; expected a share from 0 {end}.")
    return number


def _deviation(name: str, value: Any) -> float:
    number = _number(name, value)
    if number < 0:
        raise OptionError(f"{name}: received {number:g}; expected a deviation of 0 or more.")
    return number


def _number(name: str, value: Any) -> float:
    """The number as Python's own, since Keras takes no other. Raises OptionError for anything else."""
    if not is_finite_number(value):
        raise OptionError(f"{name}: received {value!r}; expected a number.")
    return float(value)


def _crop_size(crop: Any) -> tuple[int, int] | None:
    if crop is None:
        return None
    size = tuple(crop) if isinstance(crop, (tuple, list)) else (crop, crop)
    if len(size) != 2 or not all(is_whole(each) and int(each) > 0 for each in size):
        raise OptionError(f"crop: received {crop!r}; expected pixels, as in 24 or (24, 20).")
    return int(size[0]), int(size[1])


def _seed(seed: Any) -> int:
    if not is_whole(seed) or int(seed) < 0:
        raise OptionError(f"seed: received {seed!r}; expected a whole number of 0 or more.")
    return int(seed)
