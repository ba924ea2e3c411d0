"""Tell what a file or folder holds from its content, and say so when it is something else than its name says."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from tunemagic.errors import ExportError
from tunemagic.request import Target

__all__ = ["kind_of"]

_HEAD = 64  # bytes that are looked at
_ZIP = b"PK\x03\x04"
_FOREIGN = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"\x89HDF", "an HDF5 file; a whole model in it (.h5) is an old format that can hold code. Save it as .keras"),
    (b"\x80\x02", "a pickle, which runs code when it is loaded"),
    (b"\x80\x03", "a pickle, which runs code when it is loaded"),
    (b"\x80\x04", "a pickle, which runs code when it is loaded"),
    (b"\x80\x05", "a pickle, which runs code when it is loaded"),
)
_EXPECTED = ".keras, .tflite, .onnx or .pt2, or a folder that was exported"


def kind_of(path: Path) -> Target:
    """What was exported to ``path``. Raises ExportError when nothing that can be loaded is there."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _kind_of_folder(path, {entry.name for entry in path.iterdir()})
        if stat.S_ISREG(mode):
            with path.open("rb") as file:
                return _kind_of_file(path, file.read(_HEAD))
    except FileNotFoundError as error:
        raise ExportError(f"load: there is no file or folder {path}.") from error
    except (OSError, ValueError) as error:
        raise ExportError(f"load: {path} can't be read: {getattr(error, 'strerror', None) or error}.") from error
    raise ExportError(f"load: {path} is neither a file nor a folder.")


def _kind_of_folder(path: Path, names: set[str]) -> Target:
    if "saved_model.pb" in names:
        return Target.SAVEDMODEL
    if {"model.json", "model.weights.h5"} <= names:
        return Target.JSON
    if {"model.xml", "model.bin"} <= names:
        return Target.OPENVINO
    if "deploy.prototxt" in names:
        return Target.CAFFE
    if any(name.endswith((".cc", ".h")) for name in names):
        raise ExportError(
            f"load: {path} holds C sources, which a compiler reads. To try the model here, load the .tflite file."
        )
    raise ExportError(f"load: the folder {path} holds no model; expected {_EXPECTED}.")


def _kind_of_file(path: Path, head: bytes) -> Target:
    suffix = path.suffix.lower()
    if not head:
        raise ExportError(f"load: {path} is empty.")
    if head[4:8] == b"TFL3":
        return Target.TFLITE
    if head.startswith(_ZIP):
        return _kind_of_archive(path)
    foreign = next((what for begin, what in _FOREIGN if head.startswith(begin)), None)
    if foreign is not None:
        raise ExportError(f"load: {path} is {foreign}; expected {_EXPECTED}.")
    if suffix == ".onnx":
        return Target.ONNX
    if suffix in (".keras", ".tflite", ".pt2"):
        raise ExportError(f"load: {path} is no {suffix} file: its first bytes are others, or it was cut off.")
    raise ExportError(f"load: {path} is no model that can be loaded; expected {_EXPECTED}.")


def _kind_of_archive(path: Path) -> Target:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ExportError(f"load: {path} is a damaged archive: {error}.") from error
    if "config.json" in names:
        return Target.KERAS
    if any(name.rpartition("/")[2] == "archive_format" for name in names):
        return Target.TORCH
    raise ExportError(f"load: {path} is a zip archive without a model in it; expected {_EXPECTED}.")
