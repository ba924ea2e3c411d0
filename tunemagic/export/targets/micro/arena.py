"""How much memory for tensors a model needs in TensorFlow Lite Micro, found by trying.

The figure that its interpreter prints after a run leaves out what preparing the operations takes (int8 digits:
2512 bytes printed, 3008 needed), and in an arena that is too small some operations end the process instead of
reporting an error. So a process of its own tries each size in a child that may crash.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from tunemagic.errors import ExportError
from tunemagic.text import one_line

__all__ = ["End", "Needs", "measure"]

_SIZES = (2**16, 2**20, 2**24, 2**28)
_STEP = 16  # the alignment of an arena
_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The model's input or output: NumPy's name of its type, its shape, and real = (stored - zero) * scale.

    ``scale`` is 0 where the numbers are stored as they are.
    """

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a program that runs the model has to know.

    Attributes:
        arena: Bytes of the smallest arena in which the model starts and runs, on a 64-bit machine.
        source: Its input.
        target: Its output.
        zeros: Its answer to a sample whose stored numbers are all zero, as real numbers, flat.
    """

    arena: int
    source: End
    target: End
    zeros: tuple[float, ...]


def measure(content: bytes) -> Needs:
    """What the TF Lite file ``content`` needs. Raises ExportError when TensorFlow Lite Micro can't run it."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__], input=content, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"c: TensorFlow Lite Micro took more than {_SECONDS} s to start with this model.") from error
    if done.returncode:
        raise ExportError(f"c: TensorFlow Lite Micro refused the model: {_reason(done.stderr)}")
    found = json.loads(done.stdout)
    return Needs(
        arena=found["arena"],
        source=_end(found["source"]),
        target=_end(found["target"]),
        zeros=tuple(found["zeros"]),
    )


def _end(found: dict[str, Any]) -> End:
    return End(dtype=found["dtype"], shape=tuple(found["shape"]), scale=found["scale"], zero=found["zero"])


def _reason(log: bytes) -> str:
    """What the runtime printed at the last try, which had the most memory."""
    lines = [line.strip() for line in log.decode(errors="replace").splitlines() if line.strip()]
    return one_line("; ".join(lines[-2:]), 240) or "no reason given"


def _main() -> int:
    """In the process of its own: read the file from standard input, write the findings as JSON."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    content = sys.stdin.buffer.read()
    enough = next((size for size in _SIZES if _end_of_run(content, size) == 0), None)
    if enough is None:
        status = _end_of_run(content, _SIZES[-1])
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            sys.stderr.write(f"one of its checks ends the program ({name}), however large the arena\n")
        return 1
    short = 0
    while enough - short > _STEP:
        middle = (short + enough) // 2 // _STEP * _STEP
        if _end_of_run(content, middle) == 0:
            enough = middle
        else:
            short = middle
    sys.stdout.write(json.dumps({"arena": enough, **_described(content, enough)}))
    return 0


def _end_of_run(content: bytes, size: int) -> int:
    """How a child ends that starts the model in an arena of ``size`` bytes and lets it answer: 0 when it can."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        _started(content, size)
        status = 0
    except RuntimeError:
        pass  # the interpreter has printed why
    finally:
        os._exit(status)


def _started(content: bytes, size: int) -> Any:
    """An interpreter that has answered zeros. Its ends too take memory, when they are first asked for."""
    import numpy as np
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(content, arena_size=size)
    source = interpreter.get_input_details(0)
    interpreter.set_input(np.zeros(source["shape"], source["dtype"]), 0)
    interpreter.invoke()
    interpreter.get_output_details(0)
    return interpreter


def _described(content: bytes, size: int) -> dict[str, Any]:
    import numpy as np

    interpreter = _started(content, size)
    source = _facts(interpreter.get_input_details(0))
    target = _facts(interpreter.get_output_details(0))
    stored = np.asarray(interpreter.get_output(0), np.float64).ravel()
    zeros = (stored - target["zero"]) * target["scale"] if target["scale"] else stored
    return {"source": source, "target": target, "zeros": [float(number) for number in zeros]}


def _facts(details: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    quantisation = details["quantization_parameters"]
    return {
        "dtype": np.dtype(details["dtype"]).name,
        "shape": [int(size) for size in details["shape"]],
        "scale": float(quantisation["scales"][0]) if len(quantisation["scales"]) else 0.0,
        "zero": int(quantisation["zero_points"][0]) if len(quantisation["zero_points"]) else 0,
    }


if __name__ == "__main__":
    sys.exit(_main())
