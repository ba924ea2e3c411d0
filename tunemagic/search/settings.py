"""Keras' global settings: what the notebook has set holds for models that are built in a worker too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tunemagic.errors import TrialError

__all__ = ["keras_settings", "use_keras_settings", "used_settings"]

_BACKEND = "backend"
_EAGER = "run_functions_eagerly"


def keras_settings() -> dict[str, Any]:
    """The settings of this process as plain values; empty before Keras is imported."""
    keras = sys.modules.get("keras")
    if keras is None:
        return {}
    config = keras.config
    settings = {
        _BACKEND: config.backend(),
        "floatx": config.floatx(),
        "epsilon": config.epsilon(),
        "image_data_format": config.image_data_format(),
        "dtype_policy": config.dtype_policy().name,  # keras.dtype_policies.serialize would import TensorFlow
    }
    if config.backend() == "tensorflow":
        import tensorflow as tf

        settings[_EAGER] = tf.config.functions_run_eagerly()
    return settings


def use_keras_settings(settings: Mapping[str, Any]) -> None:
    """Set in this process what ``keras_settings`` gave in another one.

    Raises TrialError when this process has another backend, which can't be changed any more.
    """
    if not settings:
        return
    import keras

    here = keras.config.backend()
    if here != settings[_BACKEND]:
        raise TrialError(
            f"Keras runs on {here} there; expected {settings[_BACKEND]} as in the kernel. Set KERAS_BACKEND there."
        )
    keras.config.set_floatx(settings["floatx"])
    keras.config.set_epsilon(settings["epsilon"])
    keras.config.set_image_data_format(settings["image_data_format"])
    keras.config.set_dtype_policy(settings["dtype_policy"])
    if _EAGER in settings:
        import tensorflow as tf

        tf.config.run_functions_eagerly(settings[_EAGER])


@contextmanager
def used_settings(settings: Mapping[str, Any]) -> Iterator[None]:
    """Use these settings for a while. Keras keeps some of them for each thread."""
    before = keras_settings()
    use_keras_settings(settings)
    try:
        yield
    finally:
        use_keras_settings(before)
