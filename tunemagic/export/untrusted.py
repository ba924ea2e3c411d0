"""What is asked of a model file before Keras may read it: no code, nothing out of proportion.

Keras' safe mode is one setting for the whole process: once ``keras.config.enable_unsafe_deserialization()`` was
called, ``load_model(..., safe_mode=True)`` runs code all the same (Keras 3.15). So the config is looked through here.
"""

from __future__ import annotations

import copy
import io
import json
import math
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.text import error_text
from tunemagic.text import one_line

__all__ = ["check_config", "check_weights_fit", "parsed_config", "unpacked"]

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_ASSETS = "assets"
_MOST_MEMBERS = 10_000
_MOST_CONFIG = 64 << 20  # bytes; a config of a thousand layers has about 1 MB
_MOST_EXPANSION = 20  # Keras stores members as they are; a pruned model packs to a tenth
_MOST_DEPTH = 200  # a model in a model adds some six levels; Keras and copying take several calls for each
_SMALL = 16 << 20  # bytes that may be packed as tightly as they like
# Parts of Keras that models are made of. Its others read files, download or change settings.
_PARTS = (
    "activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops",
    "optimizers", "quantizers", "random", "regularizers",
)  # fmt: skip
_OURS = ("tunemagic.prep.", "tunemagic.models.")
_WITH_FUNCTIONS = ("activations", "initializers", "losses", "metrics", "ops")
_FUNCTION = "function"  # what Keras calls the class of a function, whose name stands in "config"
_CODE = ("__lambda__", "Lambda", "TFSMLayer", "TorchModuleWrapper")
_SLACK = 1000  # weights; the counts of seeds and the like


def unpacked(content: bytes, name: str) -> tuple[bytes, bytes]:
    """Config and weights of a ``.keras`` file, in memory. Raises ExportError for one that no Keras has written."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _checked_members(archive, name, len(content))
            for wanted in (_CONFIG, _WEIGHTS):
                if wanted not in members:
                    raise ExportError(f"{name}: a .keras file holds {_CONFIG} and {_WEIGHTS}; {wanted} is missing.")
            return archive.read(_CONFIG), archive.read(_WEIGHTS)
    # A damaged archive shows as any of these.
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError) as error:
        raise ExportError(f"{name}: the archive is damaged: {error_text(error)}") from error


def _checked_members(archive: zipfile.ZipFile, name: str, size: int) -> dict[str, zipfile.ZipInfo]:
    """Its members by name: only such as Keras writes, none that leaves its folder, none that is a bomb."""
    infos = archive.infolist()
    members = {info.filename: info for info in infos}
    if len(infos) > _MOST_MEMBERS or len(members) < len(infos):
        raise ExportError(f"{name}: received {len(infos)} members, {len(members)} names; expected each name once.")
    for member, info in members.items():
        path = PurePosixPath(member)
        outside = path.is_absolute() or ".." in path.parts or "\\" in member or ":" in member
        if outside or stat.S_ISLNK(info.external_attr >> 16):
            raise ExportError(f"{name}: member {one_line(member, 60)!r} points outside of the archive; it is not read.")
        if info.flag_bits & 1:
            raise ExportError(f"{name}: member {one_line(member, 60)!r} is encrypted.")
        if path.parts[:1] != (_ASSETS,) and member not in (_CONFIG, _WEIGHTS, "metadata.json"):
            raise ExportError(
                f"{name}: received the member {one_line(member, 60)!r}; expected a .keras file as Keras 3 writes it, "
                f"with {_CONFIG} and {_WEIGHTS}."
            )
        if info.file_size > max(_SMALL, _MOST_EXPANSION * info.compress_size) or (
            member == _CONFIG and info.file_size > _MOST_CONFIG
        ):
            raise ExportError(
                f"{name}: member {one_line(member, 60)!r} declares {info.file_size:,} bytes and holds "
                f"{info.compress_size:,}; that is out of proportion, so it is not unpacked."
            )
    # Members may share their bytes, so the whole is compared with the size of the file.
    declared = sum(info.file_size for info in infos)
    if declared > max(_SMALL, _MOST_EXPANSION * size):
        raise ExportError(
            f"{name}: its members declare {declared:,} bytes in all and the file has {size:,}; that is out of "
            "proportion, so it is not unpacked."
        )
    return members


def parsed_config(text: bytes, name: str) -> dict[str, Any]:
    """The config as JSON. Raises ExportError for what is none."""
    try:
        config = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ExportError(f"{name}: its config is not JSON: {error_text(error)}") from error
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ExportError(f"{name}: its config describes no Keras model.")
    if _depth(config) > _MOST_DEPTH:
        raise ExportError(f"{name}: its config is nested deeper than {_MOST_DEPTH} levels; no model needs that.")
    return config


def _depth(config: Any) -> int:
    """How many lists and dicts lie in each other at most; not by recursion, which a deep one would exhaust."""
    depth, level = 0, [config]
    while level:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return depth


def check_config(config: dict[str, Any], name: str) -> None:
    """Raise ExportError when the config holds code, or names what is neither Keras' nor this session's own."""
    import keras

    for part in _parts(config):
        kind, module = part["class_name"], part.get("module")
        is_function = kind == _FUNCTION
        called = str(part["config"]) if is_function else kind
        if kind in _CODE or called in _CODE:
            raise ExportError(
                f"{name}: it holds Python code (a Lambda) or another program, which would run while it is loaded. "
                "If you know who wrote it: load(path, trust=True)."
            )
        if kind.startswith("__") and "module" not in part:  # Keras' own markers, as for tuples
            continue
        # Keras looks for a function by its name, for a class by that under which it was registered.
        registered = called if is_function else part.get("registered_name")
        if isinstance(registered, str) and keras.saving.get_registered_object(registered) is not None:
            continue
        if not (_is_known_function if is_function else _is_known_class)(module, called):
            whole = one_line(f"{module}.{called}" if module else str(part.get("registered_name") or called), 80)
            raise ExportError(
                f"{name}: it needs {whole}, which is no part of Keras that models are made of. If it is yours, run "
                "the cell that defines it with @keras.saving.register_keras_serializable() first."
            )


def _is_known_class(module: object, name: str) -> bool:
    # With a dot a name leads out of its module; lower case gives a function where Keras expects a class.
    if not isinstance(module, str) or not name.isidentifier() or not name.lstrip("_")[:1].isupper():
        return False
    return module == "keras" or _part_of(module) in _PARTS or f"{module}.".startswith(_OURS)


def _is_known_function(module: object, name: str) -> bool:
    if not isinstance(module, str) or not name.isidentifier():
        return False
    return module == "builtins" or _part_of(module) in _WITH_FUNCTIONS


def _part_of(module: str) -> str:
    """Which part of Keras a module belongs to, such as layers; none of another package."""
    path = module.removeprefix("keras.src.") if module.startswith("keras.src.") else module.removeprefix("keras.")
    return path.split(".")[0] if module.startswith("keras.") else ""


def _parts(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object that the config describes; not by recursion, which a deep one would exhaust."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            if isinstance(value.get("class_name"), str) and "config" in value:
                yield value


def check_weights_fit(config: dict[str, Any], held: int, name: str) -> None:
    """Raise ExportError when the model needs more numbers than the ``held`` ones that came with it.

    It is built without values first: a config of a few bytes can ask for more memory than there is.
    """
    import keras
    from keras.src.backend.common import global_state
    from keras.src.saving import serialization_lib

    from tunemagic.weightless import weights_without_values

    found: list[int | BaseException] = []
    # Keras keeps the user's own classes of a custom_object_scope for each thread.
    scope = dict(global_state.get_global_attribute("custom_objects_scope_dict", {}))

    def count() -> None:
        try:
            # A copy, because building a functional model takes its config apart.
            bare = copy.deepcopy({key: value for key, value in config.items() if key != "compile_config"})
            with (
                keras.saving.custom_object_scope(scope),
                weights_without_values(),
                serialization_lib.SafeModeScope(True),
            ):
                model = keras.saving.deserialize_keras_object(bare)
                found.append(sum(math.prod(weight.shape) for weight in model.weights))
        # Handed over to the caller's thread.
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=count, name="tunemagic-load")
    thread.start()
    thread.join()
    (needed,) = found
    if isinstance(needed, BaseException):
        raise ExportError(f"{name}: its model can't be built: {error_text(needed)}") from needed
    if needed > held + _SLACK:
        raise ExportError(f"{name}: its model has {needed:,} weights, the file holds {held:,}; it is not built.")
