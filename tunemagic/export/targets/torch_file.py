"""A PyTorch program in one ``.pt2`` file, which loads with torch alone.

``torch.export.load("digits.pt2").module()`` is a ``torch.nn.Module`` with the model's weights under the
names of its layers; it takes any number of samples and can be trained further, always in its form for
inference (no dropout, batch statistics as they are). Arrays lie as in Keras: channels last, a Dense
kernel is (inputs, outputs). ``torch.export.passes.move_to_device_pass`` moves it to an accelerator.

Keras computes it with torch as its backend, in a process of its own. What was weighed against that:
Keras' ``export(format="torch")`` fixes a batch of one by itself and calls a weight
``_functional._torch_params.dense/kernel``, as does ``torch.jit.trace``; what onnx2torch makes needs it,
and torchvision, to load.

Loading a ``.pt2`` can run code that is in it: torch falls back to pickle, evaluates its symbolic sizes
as Python, and loads compiled libraries. ``run`` is for files that were just written, or are trusted.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.process import Worker, WorkerDied, WorkerSilent
from tunemagic.export.runtime import RunResult
from tunemagic.export.source import Source
from tunemagic.export.targets.torch_trace import ABOUT, MODEL, PROGRAM, SAMPLES
from tunemagic.export.targets.whole import about_text
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds

__all__ = ["operations", "run", "write"]

_MOST_SECONDS = 240
_TRACED_SAMPLES = 2
_BATCH = 256


def write(source: Source, mode: str, path: Path) -> list[str]:
    """Write the file ``path``; returns remarks. Raises ExportError when torch can't compute the model."""
    if source.clone is None:
        parts = ", ".join(source.parts) or "a layer of the notebook's own"
        raise ExportError(
            f"torch: {parts} exists in this notebook only and computes with TensorFlow. Export onnx or savedmodel, "
            "which hold its operations, or use layers of Keras."
        )
    with tempfile.TemporaryDirectory(prefix="tunemagic-torch-") as name:
        folder = Path(name)
        source.clone.save(folder / MODEL)
        np.save(folder / SAMPLES, source.x[:_TRACED_SAMPLES], allow_pickle=False)
        (folder / ABOUT).write_text(about_text(source), encoding="utf-8")
        _trace(folder)
        shutil.move(folder / PROGRAM, path)
    shape = ", ".join(["batch", *map(str, source.x.shape[1:])])
    return [f"takes ({shape}) as Keras does{', channels last' if source.x.ndim > 3 else ''}"]


def _trace(folder: Path) -> None:
    with Worker("tunemagic.export.targets.torch_trace", backend="torch") as worker:
        try:
            worker.wait_until_up()
            worker.send(folder)
            fact = worker.next_fact(timeout_seconds=_MOST_SECONDS)
        except (WorkerDied, WorkerSilent) as error:
            raise ExportError(f"torch: the process that computes with torch {error}") from error
    if fact["kind"] == "failed":
        raise ExportError(f"torch: Keras can't compute this model with torch: {fact['message']}")


def operations(path: Path) -> list[str]:
    """What the program computes with, each once, as its file says."""
    with zipfile.ZipFile(path) as file:
        (name,) = (name for name in file.namelist() if name.endswith("models/model.json"))
        graph = json.loads(file.read(name))["graph_module"]["graph"]
    targets = {str(node["target"]) for node in graph["nodes"]}
    return sorted({target.split("aten.")[-1].split(".")[0] for target in targets if "aten." in target})


def run(path: Path, x: NDArray[Any]) -> RunResult:
    """What the program answers in torch, and the time of one sample on one thread. Raises ExportError."""
    import torch

    torch.set_num_threads(1)
    module, sample = _module(path), torch.from_numpy(x[:1])
    outputs = _answers(module, x)
    with torch.no_grad():
        times = call_seconds(lambda: module(sample))
    return RunResult.timed(outputs, times, f"torch {torch.__version__}")


def _answers(module: Any, x: NDArray[Any]) -> NDArray[Any]:
    import torch

    try:
        with torch.no_grad():
            parts = [module(torch.from_numpy(x[at : at + _BATCH])).numpy() for at in range(0, len(x), _BATCH)]
    except (AssertionError, RuntimeError, TypeError) as error:
        raise ExportError(f"torch: samples of shape {x.shape[1:]} are refused: {error_text(error)}") from error
    return np.concatenate(parts).astype(np.float64)


def _module(path: Path) -> Any:
    import torch

    try:
        return torch.export.load(path).module()
    except Exception as error:  # torch raises anything on a file that it does not understand
        raise ExportError(f"torch: {path.name} does not load: {error_text(error)}") from error
