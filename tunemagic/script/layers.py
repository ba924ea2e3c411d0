"""A Keras object as the Python that makes it: ``keras.layers.Dense(64, activation="relu")``.

Only arguments that differ from the class' own defaults are written.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from tunemagic.script.gather import Gathered
from tunemagic.script.literals import literal
from tunemagic.script.unwritable import Unwritable

__all__ = ["argument_text", "layer_call", "made_text"]

_NOT_WRITTEN = ("build_config", "registered_name")
_AUTOMATIC = re.compile(r"(.+?)(_\d+)?$")


def layer_call(layer: Any, gathered: Gathered, *, named: bool = False) -> str:
    """The call that makes this layer, without its weights.

    ``named``: write its name also when Keras gave it. Raises Unwritable for one that can't be made again.
    """
    import keras

    part = keras.saving.serialize_keras_object(layer)
    return made_text(part, gathered, type(layer), named=named)


def _is_automatic(name: Any, cls: type, parameters: Mapping[str, inspect.Parameter]) -> bool:
    """Whether the class gives itself this name, perhaps with a number behind it."""
    from keras.src.utils.naming import to_snake_case

    match = _AUTOMATIC.match(str(name))
    own = parameters["name"].default if "name" in parameters else None
    return match is not None and match[1] == (own if isinstance(own, str) else to_snake_case(cls.__name__))


def made_text(part: Mapping[str, Any], gathered: Gathered, cls: type | None = None, *, named: bool = False) -> str:
    """The call that makes what this serialized object says; ``named`` with its name in any case. Raises Unwritable."""
    import keras

    if part["class_name"] == "DTypePolicy":
        return literal(part["config"]["name"])
    if part["class_name"] == "function":
        return _function_text(part, gathered)
    if part["class_name"].startswith("__"):
        return _marked_text(part)
    found = cls or _class_of(part)
    inside = cls is None and issubclass(found, keras.layers.Layer)  # of another layer, which names it
    config = dict(part["config"])
    parameters = _parameters(found)
    required = {name for name, each in parameters.items() if each.default is inspect.Parameter.empty and name in config}
    usual: Mapping[str, Any] = {}
    try:
        usual = found(**{name: keras.saving.deserialize_keras_object(config[name]) for name in required}).get_config()
    except (NotImplementedError, TypeError, ValueError):
        usual = {name: each.default for name, each in parameters.items()}
    arguments: list[str] = []
    for name in [*parameters, *(name for name in config if name not in parameters)]:
        made_up = name == "name" and not named and (inside or _is_automatic(config.get(name), found, parameters))
        if name not in config or made_up:
            continue
        value = config[name]
        if name in required:
            place = list(parameters).index(name) == len(arguments)
            arguments.append(argument_text(value, gathered) if place else f"{name}={argument_text(value, gathered)}")
        elif (name == "name" and config[name] is not None) or _differs(value, usual.get(name, inspect.Parameter.empty)):
            arguments.append(f"{name}={argument_text(value, gathered)}")
    return f"{_class_text(found, part, gathered)}({', '.join(arguments)})"


def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = list(inspect.signature(cls).parameters.items())
    return {name: each for name, each in parameters if each.kind not in kinds}


def _differs(value: Any, usual: Any) -> bool:
    """Whether it must be written; seeds and names that Keras makes up for itself need not."""
    if isinstance(value, Mapping) and isinstance(usual, Mapping) and value.get("class_name") == usual.get("class_name"):
        mine, its = value.get("config"), usual.get("config")
        if isinstance(mine, Mapping) and isinstance(its, Mapping):
            made_up = {"seed"} if value["class_name"] == "DTypePolicy" else {"name", "seed"}
            return any(_differs(mine.get(key), its.get(key)) for key in {*mine, *its} - made_up)
        return bool(mine != its)
    if isinstance(value, (list, tuple)) and isinstance(usual, (list, tuple)):
        return list(value) != list(usual)
    return type(value) is not type(usual) or bool(value != usual)


def _class_of(part: Mapping[str, Any]) -> type:
    from keras.src.saving import serialization_lib

    found: type = serialization_lib._retrieve_class_or_fn(
        part["class_name"], part.get("registered_name"), part.get("module"), "class", dict(part), {}
    )
    return found


def _class_text(cls: type, part: Mapping[str, Any], gathered: Gathered) -> str:
    from keras.src import api_export

    public = api_export.get_name_from_symbol(cls)
    if isinstance(public, str):
        gathered.imports["import keras"] = None
        return public
    gathered.add(cls.__name__, cls)
    return cls.__name__


def _function_text(part: Mapping[str, Any], gathered: Gathered) -> str:
    from keras.src.saving import serialization_lib

    function = serialization_lib.deserialize_keras_object(dict(part))
    if part.get("module") == "builtins":
        return literal(part["config"])
    gathered.add(part["config"], function)
    return str(part["config"])


def _marked_text(part: Mapping[str, Any]) -> str:
    """Keras' markers for tuples, arrays and the like."""
    from keras.src.saving import serialization_lib

    if part["class_name"] in ("__lambda__", "__tensor__"):
        raise Unwritable("it holds a lambda" if part["class_name"] == "__lambda__" else "it holds a tensor")
    value = serialization_lib.deserialize_keras_object(dict(part))
    return f"np.array({value.tolist()!r})" if isinstance(value, np.ndarray) else repr(value)


def argument_text(value: Any, gathered: Gathered) -> str:
    """A value of a config as Python. Raises Unwritable."""
    if isinstance(value, Mapping):
        if "class_name" in value and "config" in value:
            return made_text(value, gathered)
        inner = ", ".join(f"{literal(key)}: {argument_text(each, gathered)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(argument_text(each, gathered) for each in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, float):
        return repr(_short(value))
    if value is None or isinstance(value, (bool, int, str)):
        return literal(value)
    raise Unwritable(f"it is set to a {type(value).__name__}")


def _short(number: float) -> float:
    """The number as it was written: what went through float32 has digits that nobody meant."""
    narrow = np.float32(number)
    return float(str(narrow)) if float(narrow) == number else number
