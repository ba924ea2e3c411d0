"""A folder with the architecture as JSON and the weights as HDF5, which older tools and other languages read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.whole import about_text, one_thread, remarks_of, run_model, whole_model
from tunemagic.hdf5 import weights_bytes

__all__ = ["run", "write"]


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write ``model.json``, ``model.weights.h5`` and ``about.json`` into the folder ``path``; returns remarks.

    Raises ExportError for a model that no config can rebuild.
    """
    model = whole_model(source, "json")
    path.mkdir(exist_ok=True)
    (path / "model.json").write_text(model.to_json(indent=1), encoding="utf-8")
    (path / "model.weights.h5").write_bytes(weights_bytes(model))
    (path / "about.json").write_text(about_text(source), encoding="utf-8")
    return remarks_of(model)


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """Load the folder as ``tunemagic.load`` does and answer ``x`` (sample, ...). Raises ExportError."""
    from tunemagic.export.loading import load

    one_thread()
    return run_model(load(path), x)
