"""Which operations of a TF Lite file XNNPACK takes, and whether the file answers alike with and without it.

LiteRT hands parts of a file to XNNPACK, whose kernels are faster; each part becomes one DELEGATE node. What
stands between a part's inputs and its outputs was taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.quantizer import WITH_WEIGHTS
from tunemagic.export.runtime import OpenFile
from tunemagic.export.text import error_text

__all__ = ["Kernels", "kernel_remarks", "kernels_of"]

_DELEGATE = "DELEGATE"
_COMPARED_SAMPLES = 10
# Other kernels round otherwise, by a few steps of 256; a wrong kernel is off by far more.
_SAME_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """How many operations of each kind XNNPACK takes, and how many it leaves to the built-in kernels."""

    taken: Mapping[str, int]
    left: Mapping[str, int]

    def __repr__(self) -> str:
        """Both in words."""
        return f"XNNPACK takes {_listed(self.taken)}; leaves {_listed(self.left)}"


def kernels_of(content: bytes, shape: tuple[int, ...]) -> Kernels:
    """What XNNPACK takes of a file whose samples have ``shape``.

    Raises ExportError when the runtime refuses the file with XNNPACK.
    """
    try:
        nodes = OpenFile(content, shape).nodes()
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"the file does not run in LiteRT: {error_text(error)}") from error
    own = [node for node in nodes if node["op_name"] != _DELEGATE]
    makers = {int(number): place for place, node in enumerate(own) for number in node["outputs"]}
    taken: set[int] = set()
    for part in nodes:
        if part["op_name"] == _DELEGATE:
            taken |= _between(part, own, makers)
    return Kernels(
        taken=_counted(node for place, node in enumerate(own) if place in taken),
        left=_counted(node for place, node in enumerate(own) if place not in taken),
    )


def kernel_remarks(content: bytes, x: NDArray[Any]) -> list[str]:
    """What is to be said of the file's kernels: refused by XNNPACK, heavy operations left, other answers without it.

    Compares answers for the first samples of ``x`` (sample, ...). Raises ExportError when the file does not run.
    """
    shape, some = x.shape[1:], x[:_COMPARED_SAMPLES]
    try:
        plain = _answers(OpenFile(content, shape, xnnpack=False), some)
    except (RuntimeError, ValueError) as error:
        without = error_text(error)
        return [f"runs with XNNPACK only; the built-in kernels refuse it: {without}"] if _runs(content, shape) else []
    if not _runs(content, shape):
        return ["XNNPACK refuses this file, so it runs on the slower built-in kernels"]
    remarks = []
    heavy = {name: count for name, count in kernels_of(content, shape).left.items() if name in WITH_WEIGHTS}
    if heavy:
        remarks.append(f"XNNPACK leaves {_listed(heavy)} to the slower built-in kernels")
    fast = _answers(OpenFile(content, shape), some)
    apart = float(np.max(np.abs(fast - plain), initial=0.0))
    if not apart <= _SAME_SHARE * float(np.ptp(plain)):
        remarks.append(f"answers differ by up to {apart:.2g} between XNNPACK and the built-in kernels")
    return remarks


def _runs(content: bytes, shape: tuple[int, ...]) -> bool:
    try:
        OpenFile(content, shape)
    except (RuntimeError, ValueError):
        return False
    return True


def _answers(file: OpenFile, x: NDArray[Any]) -> NDArray[Any]:
    return np.stack([file.answer(sample) for sample in x])


def _between(part: Mapping[str, Any], own: Sequence[Mapping[str, Any]], makers: Mapping[int, int]) -> set[int]:
    """The places of operations from which the part's outputs come, up to its inputs."""
    stops = set(map(int, part["inputs"]))
    waiting = [int(number) for number in part["outputs"]]
    found: set[int] = set()
    while waiting:
        number = waiting.pop()
        place = makers.get(number)
        if number in stops or place is None or place in found:
            continue
        found.add(place)
        waiting.extend(map(int, own[place]["inputs"]))
    return found


def _counted(nodes: Any) -> dict[str, int]:
    return dict(Counter(node["op_name"] for node in nodes).most_common())


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in counts.items()) or "nothing"
