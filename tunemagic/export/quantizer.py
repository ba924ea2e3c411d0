"""Weights of a float TF Lite file in 8 or 4 bits, by ai-edge-quantizer (the extra ``quant``).

The weights are stored in integers with a scale for each channel; the runtime turns each input of such
an operation to int8 as it comes ("dynamic"). Measured on digits, that beats weights that are turned
back to float (two to three times slower, same answers) and blocks of 32 (half the convolutions stay in
8 bits, and sizes that 32 does not divide are refused). One scale for the whole tensor saves another
tenth of the bytes and doubles the error of recurrent layers.

Runs in the conversion process only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.contents import operation_name, operator_names
from tunemagic.export.runtime import outputs_of
from tunemagic.export.tables import read_tables
from tunemagic.export.text import error_text
from tunemagic.prep.graph import NAME

__all__ = ["WITH_WEIGHTS", "Mixture", "Weights", "four_bits", "mixed_bits", "noise_of", "store_weights", "weights_of"]

# Below this, scales and padding outweigh what smaller numbers save.
_LEAST_WEIGHTS = 512
# Operations whose constants the quantizer stores in 8 and in 4 bits.
WITH_WEIGHTS = frozenset(
    {"FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "EMBEDDING_LOOKUP", "BATCH_MATMUL"}
)
_WEIGHTS_INPUT = 1  # of each of these
_INSIDE_FRONT = rf"^([^;]*/)?{NAME}(_\d+)?/"
# How far all 4-bit weights of a mixed file together may move the outputs: their mean squared difference
# as a share of the outputs' variance. A tenth of what 8 bits may (verify), so that the verdict is not at stake.
_MOST_NOISE = 2e-3
_LEAST_AGREEMENT = 0.99
_MEASURED_SAMPLES = 100
_LEAST_SAMPLES = 16
_MOST_PRODUCTS = 5e8  # in one run: about half a second on one thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One constant that an operation multiplies with.

    Attributes:
        name: Layer and operation that it belongs to: ``dense/MatMul``.
        count: How many numbers it has.
        scopes: Names, as the quantizer sees them, of all operations that read it.
    """

    name: str
    count: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A file with weights in 8 and in 4 bits, and which ones have 4."""

    content: bytes
    four: tuple[Weights, ...] = ()
    eight: tuple[Weights, ...] = ()

    def remark(self) -> str:
        """Which weights have 4 bits, in one sentence."""
        if not self.four:
            return "no weights can be stored in 4 bits without moving the answers too far, so all have 8"
        names = ", ".join(weights.name for weights in self.four[:4])
        more = f" and {len(self.four) - 4} more" if len(self.four) > 4 else ""
        others = f"8 bits for the other {len(self.eight)}" if self.eight else "none of the large ones keeps 8"
        return f"4 bits for {names}{more}; {others}"


def weights_of(content: bytes) -> tuple[Weights, ...]:
    """The float constants of a file that are worth storing smaller, none of a preparation in front, in order of use."""
    from ai_edge_litert import schema_py_generated as schema

    model, names = read_tables(content), operator_names()
    found: dict[tuple[int, int], list[str]] = {}
    counts: dict[tuple[int, int], int] = {}
    paths: dict[tuple[int, int], str] = {}
    for number, graph in enumerate(model.subgraphs):
        for operator in graph.operators or []:
            if operation_name(model.operatorCodes[operator.opcodeIndex], names) not in WITH_WEIGHTS:
                continue
            tensor = graph.tensors[operator.inputs[_WEIGHTS_INPUT]]
            data = model.buffers[tensor.buffer].data
            scope = _scope_of(graph, operator)
            if tensor.type != schema.TensorType.FLOAT32 or data is None or re.search(_INSIDE_FRONT, scope):
                continue
            if len(data) // 4 >= _LEAST_WEIGHTS:
                found.setdefault((number, tensor.buffer), []).append(scope)
                counts[number, tensor.buffer] = len(data) // 4
                paths.setdefault((number, tensor.buffer), _path(tensor, scope))
    return tuple(
        Weights(name=paths[key].partition("/")[2] or paths[key], count=counts[key], scopes=tuple(scopes))
        for key, scopes in found.items()
    )


def store_weights(content: bytes, default: int | None, apart: Mapping[Weights, int] | None = None) -> bytes:
    """The float file with all weights in ``default`` bits (8 or 4; None: in float), some ``apart`` in others.

    What can't be stored in 4 bits has 8. A preparation in front stays in float. Raises ExportError.
    """
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

    quantizer = Quantizer(content)
    everything = TFLOperationName.ALL_SUPPORTED
    try:
        if default is not None:
            quantizer.add_dynamic_config(".*", everything, 8)
            if default != 8:
                quantizer.add_dynamic_config("^", everything, default)
        for weights, bits in (apart or {}).items():
            for scope in weights.scopes:
                quantizer.add_dynamic_config(f"^{re.escape(scope)}$", everything, bits)
        quantizer.update_quantization_recipe(_INSIDE_FRONT, everything, None, "no_quantize")
        quantized = quantizer.quantize(enable_progress_bar=False, enable_progress_report=False).quantized_model
    except Exception as error:  # the quantizer raises ValueError, RuntimeError, KeyError and more
        raise ExportError(f"the quantizer refused the model: {error_text(error)}") from error
    return bytes(quantized)


def four_bits(content: bytes) -> bytes:
    """The float file with its weights in 4 bits, in 8 where 4 are not possible."""
    return store_weights(content, 4)


def mixed_bits(content: bytes, samples: NDArray[Any]) -> Mixture:
    """The float file with all weights in 8 bits, and in 4 where that hardly moves the answers for ``samples``.

    Each constant is stored in 4 bits alone first; those that cost least for each byte they save are
    taken, as long as the file as a whole stays close to the float one. Raises ExportError.
    """
    some = samples[: _measured_samples(content, samples.shape)]
    plain = outputs_of(content, some)
    candidates = weights_of(content)
    costs = {
        weights: noise_of(plain, outputs_of(store_weights(content, None, {weights: 4}), some)) for weights in candidates
    }
    chosen: list[Weights] = []
    made = store_weights(content, 8)
    for weights in sorted(candidates, key=lambda weights: costs[weights] / weights.count):
        if sum(costs[one] for one in [*chosen, weights]) > _MOST_NOISE:
            continue
        tried = store_weights(content, 8, dict.fromkeys([*chosen, weights], 4))
        if len(tried) < len(made) and _close(plain, outputs_of(tried, some)):
            chosen.append(weights)
            made = tried
    return Mixture(
        content=made,
        four=tuple(weights for weights in candidates if weights in chosen),
        eight=tuple(weights for weights in candidates if weights not in chosen),
    )


def _measured_samples(content: bytes, shape: tuple[int, ...]) -> int:
    """How many samples tell what a constant costs: each asks for two runs, so a large model answers fewer.

    Counted, not timed: a busy machine makes the same file.
    """
    steps = shape[1] if len(shape) > 2 else 1
    products = _products_of_sample(content, steps)
    return max(_LEAST_SAMPLES, min(_MEASURED_SAMPLES, int(_MOST_PRODUCTS / max(1, products))))


def _products_of_sample(content: bytes, steps: int) -> int:
    """About how many products with constants one sample takes; a graph inside of another is done for each step."""
    model, names = read_tables(content), operator_names()
    total = 0
    for number, graph in enumerate(model.subgraphs):
        for operator in graph.operators or []:
            name = operation_name(model.operatorCodes[operator.opcodeIndex], names)
            if name not in WITH_WEIGHTS or name == "EMBEDDING_LOOKUP":
                continue
            weights, made = (graph.tensors[at] for at in (operator.inputs[_WEIGHTS_INPUT], operator.outputs[0]))
            positions = math.prod(max(1, int(size)) for size in list(made.shape)[:-1])
            total += math.prod(max(1, int(size)) for size in weights.shape) * positions * (steps if number else 1)
    return total


def noise_of(plain: NDArray[Any], other: NDArray[Any]) -> float:
    """Mean squared difference as a share of the variance of ``plain`` (sample, ...); infinite when not finite."""
    if not np.isfinite(other).all():
        return float("inf")
    variance = float(np.mean((plain - plain.mean(axis=0)) ** 2))
    return float(np.mean((plain - other) ** 2)) / variance if variance > 0 else 0.0


def _close(plain: NDArray[Any], other: NDArray[Any]) -> bool:
    if noise_of(plain, other) > _MOST_NOISE:
        return False
    if plain.ndim < 2 or plain.shape[-1] < 2:
        return True
    return bool(np.mean(plain.argmax(-1) == other.argmax(-1)) >= _LEAST_AGREEMENT)


def _scope_of(graph: Any, operator: Any) -> str:
    """The operation's name as the quantizer makes it: the names of its outputs, each with a semicolon behind."""
    names: Sequence[str] = [(graph.tensors[number].name or b"").decode(errors="replace") for number in operator.outputs]
    return ";".join(names) + ";"


def _path(tensor: Any, scope: str) -> str:
    """Model, layer and operation, ``model/dense_1/MatMul``: of the constant, else of the operation that reads it."""
    own = (tensor.name or b"").decode(errors="replace")
    parts = [part for part in (*own.split(";"), *scope.split(";")) if "/" in part]
    multiplies = (part for part in parts if re.search(r"/(MatMul|[Cc]onv|depthwise|einsum)[^/]*$", part))
    return next(multiplies, parts[0] if parts else own)
