"""Running a TF Lite file in its real runtime: outputs on given data, and the time of one sample.

Runs in the worker process only: a malformed file may take the process down.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.text import error_text

__all__ = ["RunResult", "outputs_of", "run_file"]

_WARM_UP = 20
_MOST_RUNS = 300
_MOST_SECONDS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a file answered, sample by sample, and how long one took.

    ``outputs``: float64 (sample, ...), integer outputs scaled back by the file's own quantisation.
    Times in microseconds of one warm ``invoke`` on one thread. ``runtime`` names the interpreter.
    """

    outputs: NDArray[Any]
    microseconds: float
    microseconds_least: float
    runtime: str


def run_file(path: Path, x: NDArray[Any]) -> RunResult:
    """Load the file in a fresh interpreter with one thread and run each sample of ``x`` by itself.

    Raises ExportError when the runtime refuses the file or its input does not fit ``x``.
    """
    import importlib.metadata

    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        source, target = _ends(interpreter, x)
        interpreter.allocate_tensors()
        outputs = np.stack([_answer(interpreter, source, target, sample) for sample in x])
        times = _times(interpreter, source, x[0])
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the file does not run in LiteRT: {error_text(error)}") from error
    return RunResult(
        outputs=outputs,
        microseconds=statistics.median(times) * 1e6,
        microseconds_least=min(times) * 1e6,
        runtime=f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}",
    )


def outputs_of(content: bytes, x: NDArray[Any]) -> NDArray[Any]:
    """What a file answers for each sample of ``x`` by itself, float64 (sample, ...). Raises ExportError."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        source, target = _ends(interpreter, x)
        interpreter.allocate_tensors()
        return np.stack([_answer(interpreter, source, target, sample) for sample in x])
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the file does not run in LiteRT: {error_text(error)}") from error


def _ends(interpreter: Any, x: NDArray[Any]) -> tuple[Any, Any]:
    """The details of the one input and the one output; open sizes are fixed to those of ``x``."""
    sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
    if len(sources) != 1 or len(targets) != 1:
        raise ExportError(f"expected a file with one input and one output; received {len(sources)} and {len(targets)}.")
    wanted = [1, *x.shape[1:]]
    if list(sources[0]["shape"]) != wanted:
        interpreter.resize_tensor_input(sources[0]["index"], wanted)
    return sources[0], targets[0]


def _answer(interpreter: Any, source: Any, target: Any, sample: NDArray[Any]) -> NDArray[Any]:
    interpreter.set_tensor(source["index"], _quantised(sample[None], source))
    interpreter.invoke()
    answer: NDArray[Any] = interpreter.get_tensor(target["index"])[0].astype(np.float64)
    scale, zero = target["quantization"]
    return (answer - zero) * scale if scale else answer


def _quantised(batch: NDArray[Any], source: Any) -> NDArray[Any]:
    scale, zero = source["quantization"]
    if not scale or source["dtype"] == batch.dtype.type:
        return np.asarray(batch, source["dtype"])
    limits = np.iinfo(source["dtype"])
    return np.asarray(np.clip(np.round(batch / scale + zero), limits.min, limits.max), source["dtype"])


def _times(interpreter: Any, source: Any, sample: NDArray[Any]) -> list[float]:
    """Seconds of single runs, warm; fewer of them for a slow model."""
    interpreter.set_tensor(source["index"], _quantised(sample[None], source))
    for _ in range(_WARM_UP):
        interpreter.invoke()
    times: list[float] = []
    while len(times) < _MOST_RUNS and (len(times) < 3 or sum(times) < _MOST_SECONDS):
        begun = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - begun)
    return times
