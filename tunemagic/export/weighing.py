"""The process that stores one group of weights at a time in fewer bits: ``python -m tunemagic.export.weighing``.

A job is a folder with the float file ``model.tflite``, the samples ``x.npy`` and ``groups.json``: for each
group the places of its weights in ``weights_of``. See serve; the answers go to files beside.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tunemagic.errors import ExportError
from tunemagic.export.quantizer import store_weights, weights_of
from tunemagic.export.runtime import outputs_of
from tunemagic.export.serve import Report, serve

__all__ = ["BITS", "GROUPS", "MODEL", "SAMPLES", "answers_name", "work"]

BITS = (8, 4)
MODEL = "model.tflite"
SAMPLES = "x.npy"
GROUPS = "groups.json"


def answers_name(group: int, bits: int) -> str:
    """The file with the answers of the model with this group in so many bits."""
    return f"group{group}_{bits}.npy"


def work(folder: Path, report: Report) -> None:
    """Measure each group in 8 and in 4 bits, all else in float; one fact for each, with the bytes of the file."""
    content = (folder / MODEL).read_bytes()
    x = np.load(folder / SAMPLES, allow_pickle=False)
    groups = json.loads((folder / GROUPS).read_text(encoding="utf-8"))
    weights = weights_of(content)
    try:
        for number, group in enumerate(groups):
            for bits in BITS:
                stored = store_weights(content, None, {weights[place]: bits for place in group})
                np.save(folder / answers_name(number, bits), outputs_of(stored, x), allow_pickle=False)
                report({"kind": "stored", "group": number, "bits": bits, "bytes": len(stored)})
    except ExportError as error:
        report({"kind": "failed", "message": str(error)})
    else:
        report({"kind": "done"})


def _import_slow_things() -> None:
    import ai_edge_quantizer.quantizer  # noqa: F401


if __name__ == "__main__":
    serve(work, prepare=_import_slow_things)
