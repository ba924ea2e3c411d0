"""Load what was exported, without running anything that a file brings along."""

from __future__ import annotations

import io
import random
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunemagic.errors import ExportError
from tunemagic.export.infer import walk_layers
from tunemagic.export.kinds_of_files import kind_of
from tunemagic.export.text import error_text
from tunemagic.export.untrusted import check_config, check_weights_fit, parsed_config, unpacked
from tunemagic.request import Target

if TYPE_CHECKING:
    from tunemagic.export.loaded import LoadedFile

__all__ = ["load"]


def load(path: str | Path, *, trust: bool = False) -> Any | LoadedFile:
    """The model in a file or folder that was exported.

    A ``.keras`` file, or a folder with ``model.json`` and ``model.weights.h5``, gives a Keras model, compiled where
    it was; its optimizer starts afresh for the folder. All else gives a LoadedFile, whose ``predict`` runs it in a
    process of its own, so that a damaged file can't take this one along.

    Args:
        path: The file or folder.
        trust: Whether code in it may run: a Lambda, operations of a SavedModel that may reach files. Without
            it none does, also after ``keras.config.enable_unsafe_deserialization()``.

    Raises:
        ExportError: It is missing, damaged, of another kind, or needs code to run.
    """
    place = Path(path).expanduser()
    target = kind_of(place)
    if target is Target.KERAS:
        return _read_file(place, trust=trust)
    if target is Target.JSON:
        return _read_bundle(place, trust=trust)
    from tunemagic.export.loaded import open_file

    return open_file(place, target, trust=trust)


def _read_file(path: Path, *, trust: bool) -> Any:
    from keras.src.saving import saving_lib

    content = _bytes_of(path)
    text, weights = unpacked(content, path.name)
    _check(text, weights, path.name, trust=trust)
    return _made(lambda: saving_lib.load_model(io.BytesIO(content), safe_mode=not trust), path.name, trust=trust)


def _read_bundle(folder: Path, *, trust: bool) -> Any:
    import keras

    name = folder.name
    text, weights = _bytes_of(folder / "model.json"), _bytes_of(folder / "model.weights.h5")
    config = _check(text, weights, name, trust=trust)

    def build() -> Any:
        model = keras.saving.deserialize_keras_object(config, safe_mode=not trust)
        _fill(model, weights)
        return model

    return _made(build, name, trust=trust)


def _check(text: bytes, weights: bytes, name: str, *, trust: bool) -> dict[str, Any]:
    """The config, once all has been asked of it that can be asked without building anything large."""
    from tunemagic.export.opening import count_weights

    _import_own_layers()
    config = parsed_config(text, name)
    if not trust:
        check_config(config, name)
    held = count_weights(weights, name)
    if not trust:
        check_weights_fit(config, held, name)
    return config


def _import_own_layers() -> None:
    """Keras finds the classes of a package that was imported only."""
    import tunemagic.models.keras_schedules  # noqa: F401
    import tunemagic.prep.augment_layers  # noqa: F401


def _made(build: Any, name: str, *, trust: bool) -> Any:
    """What ``build`` gives, in safe mode unless there is trust, whatever the process has been set to."""
    from keras.src.saving import serialization_lib

    state = random.getstate()  # initializers draw their seeds from it
    try:
        with serialization_lib.SafeModeScope(not trust), serialization_lib.ObjectSharingScope():
            model = build()
    # Layers raise what they like for arguments that make no sense.
    except Exception as error:
        raise ExportError(f"{name}: Keras can't read it: {error_text(error)}") from error
    finally:
        random.setstate(state)
    for layer in walk_layers(model):
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return model


def _fill(model: Any, weights: bytes) -> None:
    """Give the model its weights from the bytes of a ``.weights.h5`` file."""
    from keras.src.saving import saving_lib

    store = saving_lib.H5IOStore(io.BytesIO(weights), mode="r")
    failed: set[Any] = set()
    messages: dict[Any, Any] = {}
    optimizer = getattr(model, "optimizer", None)  # a Functional model that was never compiled has no such attribute
    skipped = set() if optimizer is None else {id(optimizer)}
    try:
        saving_lib._load_state(
            model,
            weights_store=store,
            assets_store=None,
            inner_path="",
            visited_saveables=skipped,
            failed_saveables=failed,
            error_msgs=messages,
        )
    finally:
        store.close()
    if failed:
        raise ValueError("; ".join(str(message) for message in messages.values()))


def _bytes_of(path: Path) -> bytes:
    """The content of an ordinary file. Raises ExportError for anything else."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ExportError(f"load: {path} is no ordinary file.")
        return path.read_bytes()
    except OSError as error:
        raise ExportError(f"load: {path} can't be read: {error.strerror or error}.") from error
