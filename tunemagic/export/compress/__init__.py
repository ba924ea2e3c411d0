"""Smaller models: zeros, shared values, fewer units, 8-bit arithmetic learned in training.

``prune``, ``cluster``, ``clip``, ``slim`` and ``quantize_aware`` take a trained Keras model and give a ``Compressed``
with a new one. ``Pruning``, ``Clustering`` and ``Clipping`` are callbacks that do the first three while a model
trains, also in a ``%%tune`` cell, where their numbers may be tuned.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tunemagic.export.compress.checks import Scope
from tunemagic.export.compress.figures import Compressed, Figures
from tunemagic.export.compress.quantizing import plain_model, quantize_aware, with_rounding
from tunemagic.export.compress.slimming import UnitImportance, slim
from tunemagic.export.compress.steps import Steps, compress
from tunemagic.export.compress.unstructured import clip, cluster, prune

if TYPE_CHECKING:
    from tunemagic.export.compress.callbacks import Clipping, Clustering, KeepPattern, Pruning
    from tunemagic.export.compress.layers import ClipWeights

__all__ = [
    "ClipWeights",
    "Clipping",
    "Clustering",
    "Compressed",
    "Figures",
    "KeepPattern",
    "Pruning",
    "Scope",
    "Steps",
    "UnitImportance",
    "clip",
    "cluster",
    "compress",
    "plain_model",
    "prune",
    "quantize_aware",
    "slim",
    "with_rounding",
]

# Their modules import Keras, which takes seconds.
_LATER = {
    "ClipWeights": "layers",
    "Clipping": "callbacks",
    "Clustering": "callbacks",
    "KeepPattern": "callbacks",
    "Pruning": "callbacks",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
