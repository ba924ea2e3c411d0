"""Running a TF Lite file in its real runtime: outputs on given data, and the time of one sample.

A malformed file may take the process down: one that has not run yet is run in the worker process only.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.text import error_text
from tunemagic.export.timing import call_seconds

__all__ = ["OpenFile", "RunResult", "open_file", "outputs_of", "run_file"]


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

    @classmethod
    def timed(cls, outputs: NDArray[Any], seconds: Sequence[float], runtime: str) -> RunResult:
        """A result whose calls took ``seconds`` each."""
        return cls(
            outputs=outputs,
            microseconds=statistics.median(seconds) * 1e6,
            microseconds_least=min(seconds) * 1e6,
            runtime=runtime,
        )


class OpenFile:
    """A file in a fresh interpreter with one thread, ready for one sample at a time.

    Args:
        file: The file, or its bytes.
        shape: Of one sample; open sizes of the file's input are fixed to it.
        xnnpack: Whether XNNPACK, the library of fast kernels, may take operations over, as it does by default.

    Raises:
        ExportError: The file has not one input and one output.
        RuntimeError, ValueError: The runtime refuses it.
    """

    def __init__(self, file: Path | bytes, shape: tuple[int, ...], *, xnnpack: bool = True) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        place = {"model_content": file} if isinstance(file, bytes) else {"model_path": str(file)}
        kernels = OpResolverType.BUILTIN if xnnpack else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._interpreter = Interpreter(**place, num_threads=1, experimental_op_resolver_type=kernels)
        self._source, self._target = _ends(self._interpreter, shape)
        self._interpreter.allocate_tensors()

    def answer(self, sample: NDArray[Any]) -> NDArray[Any]:
        """The outputs for one sample, float64; integers scaled back by the file's own quantisation."""
        self.feed(sample)
        self.invoke()
        answer: NDArray[Any] = self._interpreter.get_tensor(self._target["index"])[0].astype(np.float64)
        scale, zero = self._target["quantization"]
        return (answer - zero) * scale if scale else answer

    def feed(self, sample: NDArray[Any]) -> None:
        """Put the sample into the input."""
        self._interpreter.set_tensor(self._source["index"], _quantised(sample[None], self._source))

    def invoke(self) -> None:
        """Run what was fed."""
        self._interpreter.invoke()

    def nodes(self) -> list[dict[str, Any]]:
        """All that is computed, as the interpreter tells it: ``op_name``, numbers of ``inputs`` and ``outputs``."""
        found: list[dict[str, Any]] = self._interpreter._get_ops_details()
        return found


def open_file(file: Path | bytes, shape: tuple[int, ...]) -> OpenFile:
    """The file with XNNPACK; without it where it refuses the file. Raises as OpenFile does."""
    try:
        return OpenFile(file, shape)
    except RuntimeError:
        return OpenFile(file, shape, xnnpack=False)


def run_file(path: Path, x: NDArray[Any]) -> RunResult:
    """Load the file and run each sample of ``x`` by itself.

    Raises ExportError when the runtime refuses the file or its input does not fit ``x``.
    """
    import importlib.metadata

    try:
        file = open_file(path, x.shape[1:])
        outputs = np.stack([file.answer(sample) for sample in x])
        file.feed(x[0])
        times = call_seconds(file.invoke)
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the file does not run in LiteRT: {error_text(error)}") from error
    return RunResult.timed(outputs, times, f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}")


def outputs_of(content: bytes, x: NDArray[Any]) -> NDArray[Any]:
    """What a file answers for each sample of ``x`` by itself, float64 (sample, ...). Raises ExportError."""
    try:
        file = open_file(content, x.shape[1:])
        return np.stack([file.answer(sample) for sample in x])
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the file does not run in LiteRT: {error_text(error)}") from error


def _ends(interpreter: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The details of the one input and the one output; open sizes are fixed to those of a sample."""
    sources, targets = interpreter.get_input_details(), interpreter.get_output_details()
    if len(sources) != 1 or len(targets) != 1:
        raise ExportError(f"expected a file with one input and one output; received {len(sources)} and {len(targets)}.")
    known = [int(size) for size in sources[0]["shape_signature"]][1:]
    if len(known) != len(shape) or any(size not in {-1, given} for size, given in zip(known, shape, strict=True)):
        # Without XNNPACK the runtime takes some inputs of a wrong size and answers nonsense.
        raise ValueError(f"its samples have shape {tuple(known)}; received {shape}")
    wanted = [1, *shape]
    if list(sources[0]["shape"]) != wanted:
        interpreter.resize_tensor_input(sources[0]["index"], wanted)
    return sources[0], targets[0]


def _quantised(batch: NDArray[Any], source: Any) -> NDArray[Any]:
    scale, zero = source["quantization"]
    if not scale or source["dtype"] == batch.dtype.type:
        return np.asarray(batch, source["dtype"])
    limits = np.iinfo(source["dtype"])
    return np.asarray(np.clip(np.round(batch / scale + zero), limits.min, limits.max), source["dtype"])
