"""The process that opens files of strangers first: ``python -m tunemagic.export.opener``, see serve.

The libraries below (HDF5, FlatBuffers, protobuf) are written in C and may crash on a damaged file. A job is a folder
with ``open.json``: what to do, and the path of what is opened.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.export.describing import describe
from tunemagic.export.serve import Report, serve
from tunemagic.export.text import error_text
from tunemagic.request import Target

__all__ = ["JOB", "work"]

JOB = "open.json"
_MOST_EXPANSION = 100  # Keras stores arrays as they are
_SMALL = 16 << 20  # bytes that may be packed as tightly as they like
_CHUNK = 1 << 20  # numbers read at a time


def work(folder: Path, report: Report) -> None:
    """Do what ``folder`` says and report it."""
    asked = json.loads((folder / JOB).read_text(encoding="utf-8"))
    try:
        fact = _TASKS[asked.pop("do")](**asked)
    except ExportError as error:
        report({"kind": "failed", "message": str(error)})
    except MemoryError:
        report({"kind": "failed", "message": "it needs more memory than there is"})
    except Exception as error:  # a library may raise anything on a file that it does not understand
        report({"kind": "failed", "message": f"{type(error).__name__}: {error_text(error)}"})
    else:
        report({"kind": "done", **fact})


def _count(path: str) -> dict[str, Any]:
    """How many numbers a weights file holds, all of which were read once. Raises ExportError for any other file."""
    import h5py

    held = 0
    with h5py.File(path, "r") as file:
        waiting = [file]
        while waiting:
            group = waiting.pop()
            for name in group:
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise ExportError(f"its weights hold a link to elsewhere ({type(link).__name__}).")
                member = group[name]
                if isinstance(member, h5py.Group):
                    waiting.append(member)
                elif isinstance(member, h5py.Dataset):
                    held += _read(member)
    return {"held": held}


def _read(array: Any) -> int:
    """Read the array piece by piece. Raises ExportError for one that lies elsewhere, holds objects or is a bomb."""
    import math

    if array.external or array.is_virtual:
        raise ExportError("its weights hold an array that lies in another file.")
    if array.dtype.kind not in "biufcV" or array.dtype.hasobject:
        raise ExportError(f"its weights hold an array of {array.dtype}; expected numbers.")
    size: int = math.prod(array.shape)
    declared, stored = size * array.dtype.itemsize, array.id.get_storage_size()
    if declared > max(_SMALL, _MOST_EXPANSION * stored):
        raise ExportError(f"its weights declare {declared:,} bytes and hold {stored:,}; that is out of proportion.")
    if array.shape and size:
        rows = max(1, _CHUNK // max(1, size // array.shape[0]))
        for start in range(0, array.shape[0], rows):
            array[start : start + rows]
    return size


def _described(path: str, target: str, *, trust: bool) -> dict[str, Any]:
    return describe(Path(path), Target(target), trust=trust)


_TASKS: Mapping[str, Callable[..., dict[str, Any]]] = {"count": _count, "describe": _described}


def _bounded() -> None:
    """Let a file that asks for more memory than is free fail here, instead of the machine."""
    import resource

    import psutil

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (psutil.virtual_memory().available, resource.RLIM_INFINITY))


if __name__ == "__main__":
    serve(work, prepare=_bounded)
