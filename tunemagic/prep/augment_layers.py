"""The layers behind ``prep.augment``: Keras' own, active in training only, and what Keras has none of.

Keras' layers for images are active unless they are told ``training=False``: ``model(x)`` and
``model.export`` don't tell them so, and their answers are random then. Inside the layers here
they are silent unless the model trains.

This module imports Keras, so others import it where they use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras  # noqa: TID253 - a saved model names these classes by their module, so they can't be made in a function
from keras import ops  # noqa: TID253

from tunemagic.errors import DataError

__all__ = ["RandomImages", "RandomNoise", "RandomScale", "RandomSeries", "RandomWindow"]

_PACKAGE = "tunemagic"


class _InTraining(keras.layers.Layer):  # type: ignore[misc]  # mypy doesn't follow Keras
    """Layers that change samples in training; at all other times samples pass as floats."""

    def __init__(self, changes: Sequence[Any], **more: Any) -> None:
        super().__init__(**more)
        self.changes = list(changes)

    def call(self, x: Any, training: bool = False) -> Any:
        """The samples, changed in training."""
        x = ops.cast(x, self.compute_dtype)
        for change in self.changes if training else ():
            x = change(x, training=True)
        return x

    def get_config(self) -> dict[str, Any]:
        """What the layer is made from."""
        return {**super().get_config(), "changes": [keras.saving.serialize_keras_object(each) for each in self.changes]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that ``get_config`` tells of."""
        changes = [keras.saving.deserialize_keras_object(each) for each in config["changes"]]
        return cls(**{**config, "changes": changes})


@keras.saving.register_keras_serializable(_PACKAGE)
class RandomImages(_InTraining):
    """Changes images (sample, height, width, channel). ``crop`` is the size in pixels that is cut out of them."""

    def __init__(self, changes: Sequence[Any], crop: Sequence[int] | None = None, **more: Any) -> None:
        super().__init__(changes, **more)
        self.crop = None if crop is None else tuple(crop)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Raise DataError for samples that are no images, or smaller than the crop."""
        # Keras would take (sample, height, width) for one image with channels, and turn all samples as one.
        if len(input_shape) != 4:
            raise DataError(
                f"augment.images: received samples of shape {_text(input_shape)}; expected (height, width, channels). "
                "Add a channel to grey images: x[..., None]."
            )
        first = 1 if keras.config.image_data_format() == "channels_last" else 2
        sides = input_shape[first : first + 2]
        wanted = self.crop or (0, 0)
        if any(side is not None and side < each for side, each in zip(sides, wanted, strict=True)):
            raise DataError(
                f"augment.images: received crop={self.crop} for images of {sides[0]} x {sides[1]} pixels; expected a "
                "part of them."
            )

    def get_config(self) -> dict[str, Any]:
        """What the layer is made from."""
        return {**super().get_config(), "crop": self.crop}


@keras.saving.register_keras_serializable(_PACKAGE)
class RandomSeries(_InTraining):
    """Changes series (sample, step) or (sample, step, channel)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Raise DataError for samples that are no series."""
        if len(input_shape) not in (2, 3):
            raise DataError(
                f"augment.series: received samples of shape {_text(input_shape)}; expected (steps,) or "
                "(steps, channels)."
            )


class _Drawing(keras.layers.Layer):  # type: ignore[misc]
    """A layer that draws random numbers in training, with one strength."""

    def __init__(self, strength: float, seed: int | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.strength = strength
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        """What the layer is made from."""
        return {**super().get_config(), "strength": self.strength, "seed": self.seed}

    def normal(self, shape: Sequence[Any], mean: float) -> Any:
        """Gaussian numbers around a mean, with the strength for deviation."""
        return keras.random.normal(shape, mean, self.strength, dtype=self.compute_dtype, seed=self.generator)


@keras.saving.register_keras_serializable(_PACKAGE)
class RandomNoise(_Drawing):
    """Adds Gaussian noise of any deviation; GaussianNoise of Keras takes deviations up to 1 only."""

    def call(self, x: Any, training: bool = False) -> Any:
        """The samples, noisy in training."""
        return x + self.normal(ops.shape(x), 0.0) if training else x


@keras.saving.register_keras_serializable(_PACKAGE)
class RandomScale(_Drawing):
    """Multiplies each channel of a series (sample, step, ...) by a random factor around 1."""

    def call(self, x: Any, training: bool = False) -> Any:
        """The series, scaled in training."""
        samples, _, *channels = ops.shape(x)
        return x * self.normal((samples, 1, *channels), 1.0) if training else x


@keras.saving.register_keras_serializable(_PACKAGE)
class RandomWindow(_Drawing):
    """Stretches a random window of each series (sample, step, ...) to all steps.

    A window has a random share of the steps, from 1 - ``strength`` to 1; between steps values are interpolated.
    """

    def call(self, x: Any, training: bool = False) -> Any:
        """The series, each seen through its window in training."""
        if not training:
            return x
        samples, steps = ops.shape(x)[:2]
        last = ops.cast(steps - 1, self.compute_dtype)
        random = keras.random.uniform((samples, 2), dtype=self.compute_dtype, seed=self.generator)
        share = 1 - self.strength * random[:, :1]
        start = (1 - share) * random[:, 1:] * last
        place = ops.minimum(start + share * ops.arange(steps, dtype=self.compute_dtype), last)
        left = ops.cast(ops.floor(place), "int32")
        right = ops.minimum(left + 1, steps - 1)
        beyond = place - ops.cast(left, self.compute_dtype)
        if len(x.shape) == 3:
            left, right, beyond = (ops.expand_dims(each, -1) for each in (left, right, beyond))
        return ops.take_along_axis(x, left, 1) * (1 - beyond) + ops.take_along_axis(x, right, 1) * beyond


def _text(shape: tuple[int | None, ...]) -> str:
    return str(tuple(shape[1:])).replace("None", "?")
