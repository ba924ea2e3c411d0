"""Keras' global settings: taken in one process, set in another, and refused by one with another backend."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tunemagic.errors import TrialError
from tunemagic.search.settings import keras_settings, use_keras_settings


@pytest.fixture(autouse=True)
def settings_of_this_process() -> Iterator[None]:
    """Leave Keras and TensorFlow as they were, without the functions under test."""
    import keras
    import tensorflow as tf

    config = keras.config
    before = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    eagerly = tf.config.functions_run_eagerly()
    yield
    set_all(*before, eagerly)


def set_all(floatx: str, epsilon: float, image_data_format: str, dtype_policy: Any, eagerly: bool) -> None:
    """As a notebook does it."""
    import keras
    import tensorflow as tf

    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)
    keras.config.set_dtype_policy(dtype_policy)
    tf.config.run_functions_eagerly(eagerly)


def all_set() -> tuple[str, float, str, str, bool]:
    """What a model that is built now would see."""
    import keras
    import tensorflow as tf

    config = keras.config
    names = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy().name
    return (*names, tf.config.functions_run_eagerly())


def test_settings_that_were_taken_are_set_again() -> None:
    set_all("float64", 1e-4, "channels_first", "mixed_bfloat16", True)
    settings = keras_settings()
    set_all("float32", 1e-7, "channels_last", "float32", False)
    use_keras_settings(settings)
    assert all_set() == ("float64", 1e-4, "channels_first", "mixed_bfloat16", True)
    assert keras_settings() == settings


def test_usual_settings_replace_those_that_another_study_left_behind() -> None:
    set_all("float32", 1e-7, "channels_last", "float32", False)
    settings = keras_settings()
    set_all("float16", 1e-3, "channels_first", "mixed_float16", True)
    use_keras_settings(settings)
    assert all_set() == ("float32", 1e-7, "channels_last", "float32", False)


def test_settings_are_plain_values() -> None:
    set_all("float16", 1e-3, "channels_first", "mixed_float16", True)
    settings = keras_settings()
    assert json.loads(json.dumps(settings)) == settings
    del settings["dtype_policy"]  # what it is like inside is up to Keras
    assert settings == {
        "backend": "tensorflow",
        "floatx": "float16",
        "epsilon": 1e-3,
        "image_data_format": "channels_first",
        "run_functions_eagerly": True,
    }


@pytest.mark.parametrize("name", ["bfloat16", "mixed_float16", "int8_from_mixed_bfloat16", "float8_from_float32"])
def test_every_kind_of_dtype_policy_arrives_as_what_it_was(name: str) -> None:
    import keras

    keras.config.set_dtype_policy(name)
    policy, settings = keras.config.dtype_policy(), keras_settings()
    keras.config.set_dtype_policy("float32")
    use_keras_settings(settings)
    arrived = keras.config.dtype_policy()
    assert (arrived, type(arrived), arrived.name) == (policy, type(policy), name)


def test_before_keras_is_imported_there_is_nothing_to_take_and_nothing_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    before = all_set()
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "keras")
        assert keras_settings() == {}
        use_keras_settings({})
        assert "keras" not in sys.modules
    assert all_set() == before


def test_another_backend_is_refused_in_one_line_and_changes_nothing() -> None:
    settings = {**keras_settings(), "backend": "jax", "floatx": "float64", "epsilon": 0.5}
    before = all_set()
    with pytest.raises(TrialError) as caught:
        use_keras_settings(settings)
    assert str(caught.value) == (
        "Keras runs on tensorflow there; expected jax as in the kernel. Set KERAS_BACKEND there."
    )
    assert all_set() == before


def test_settings_of_a_backend_without_tensorflow_functions_leave_them_alone() -> None:
    set_all("float32", 1e-7, "channels_last", "float32", True)
    settings = {name: value for name, value in keras_settings().items() if name != "run_functions_eagerly"}
    use_keras_settings(settings)
    assert all_set() == ("float32", 1e-7, "channels_last", "float32", True)
