"""Structured pruning: whole units and filters are taken out, so that the model becomes smaller and faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import OptionError
from tunemagic.export.clone import rebuilt_layer
from tunemagic.export.compress.chain import Narrowed, chain_of, narrowed_chain
from tunemagic.export.compress.checks import check_share
from tunemagic.export.compress.copying import copy_layer, rebuilt_graph, settle
from tunemagic.export.compress.figures import Compressed
from tunemagic.export.compress.fine_tuning import FitOptions, compared, fine_tuning
from tunemagic.export.compress.said import Said

__all__ = ["UNITS", "UnitImportance", "slim"]

UNITS = "compress.units"  # what is said where units were taken out


class UnitImportance(StrEnum):
    """What a unit's importance is measured by."""

    L1 = "l1"  # sum of the magnitudes of its weights
    L2 = "l2"  # root of the sum of their squares
    GAMMA = "gamma"  # magnitude of its scale in the BatchNormalization behind; L1 where there is none


def slim(
    model: Any,
    share: float = 0.5,
    x: Any = None,
    y: Any = None,
    *,
    by: str = UnitImportance.L1,
    **fit: Unpack[FitOptions],
) -> Compressed:
    """A narrower copy of the model: without its least important units and filters; really smaller and faster.

    Every Dense and Conv layer but the last one loses the share of its units that have the least weights, with
    all that belongs to them in the layers behind. The rest is trained on when there is data. Sources: Li et al.
    2017, arXiv 1608.08710 (norms of filters); Liu et al. 2017, arXiv 1708.06519 (scales of batch normalisation).

    Args:
        model: Built Sequential or Functional model that is a chain of Dense, Conv, BatchNormalization, pooling,
            Flatten, Dropout and activations; compiled when there is data.
        share: The share of units that every layer loses, from 0 to below 1; one unit stays at least.
        x: Inputs (sample, ...) to train on.
        y: Their targets, as in training.
        by: ``"l1"``, ``"l2"`` or ``"gamma"``, see ``UnitImportance``.
        fit: Options of the fine-tuning, see ``FitOptions``.

    Raises:
        OptionError: A value is out of its range.
        ExportError: The model is no such chain (the layer is named), the data can't be used, or training fails.
    """
    from tunemagic.export.compress.callbacks import KeepPattern

    part = check_share("share", share)
    measure = _importance(by)
    tuning = fine_tuning(model, x, y, fit)
    narrowed = narrowed_chain(chain_of(model), part, measure)
    copy = _rebuilt(model, narrowed)
    tuning.run(copy, model, [KeepPattern()])
    done = Said("compress.slimmed", {"share": f"{100 * part:.4g}%"})
    return compared(model, copy, done, tuning, remarks=[_units(narrowed)])


def _importance(by: str) -> Callable[[Any, Any], NDArray[Any]]:
    if by not in tuple(UnitImportance):
        raise OptionError(f"by: expected {', '.join(UnitImportance)}; received {by!r}.")

    def measure(layer: Any, norm: Any) -> NDArray[Any]:
        if by == UnitImportance.GAMMA and norm is not None and norm.scale:
            scales: NDArray[Any] = np.abs(np.asarray(norm.gamma))
            return scales
        kernel: NDArray[Any] = layer.get_weights()[0]
        return np.asarray(
            np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), ord=2 if by == UnitImportance.L2 else 1, axis=0)
        )

    return measure


def _rebuilt(model: Any, narrowed: Sequence[Narrowed]) -> Any:
    """The model with narrower layers and their weights."""
    parts = {id(part.layer): part for part in narrowed}
    made: dict[int, Any] = {}

    def copy_of(layer: Any) -> Any:
        changes = parts[id(layer)].config
        copy = rebuilt_layer(layer, {**layer.get_config(), **changes}) if changes else copy_layer(layer)
        copy.trainable = layer.trainable
        made[id(layer)] = copy
        return copy

    whole = rebuilt_graph(model, copy_of)
    for part in narrowed:
        made[id(part.layer)].set_weights(part.layer.get_weights() if part.weights is None else part.weights)
    settle(whole)
    return whole


def _units(narrowed: Sequence[Narrowed]) -> Said:
    """What became of each layer."""
    if all(part.units is None or part.units[0] == part.units[1] for part in narrowed):
        return Said("compress.no_units")
    changes = [f"{part.layer.name} {part.units[0]} -> {part.units[1]}" for part in narrowed if part.units is not None]
    return Said(UNITS, {"changes": ", ".join(changes)})
