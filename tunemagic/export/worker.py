"""The process that converts models: ``python -m tunemagic.export.worker``, see serve.

A job's folder holds the model (see handover), the data and ``job.json``. TF Lite files are also run here,
by a runtime that knows nothing of the model; all else is run by processes of its own, see runner.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunemagic.errors import ExportError
from tunemagic.export.contents import flex_operations
from tunemagic.export.job import Job, Variant
from tunemagic.export.runner import run_artefact
from tunemagic.export.serve import Report, fault, serve
from tunemagic.export.source import Source
from tunemagic.export.targets.kinds import KINDS
from tunemagic.export.text import error_text
from tunemagic.request import Target

__all__ = ["work"]


def work(folder: Path, report: Report) -> None:
    """Do the job in ``folder``; a variant that fails in an ordinary way is reported and the next one tried."""
    from tunemagic.export.handover import receive

    job = Job.read(folder)
    try:
        source = receive(
            folder,
            _load(folder, "expected"),
            _load(folder, "x"),
            half=job.half,
            calibration=_load(folder, "calibration") if job.calibrated else None,
            about=job.about,
            flex=job.flex,
        )
    except ExportError as error:
        report({"kind": "refused", "message": str(error)})
        return
    for target, mode in job.made:
        variant = Variant(target=Target(target), mode=mode)
        source.made[str(variant)] = variant.path_in(folder)
    report({"kind": "ready"})
    for target, mode in job.variants:
        variant = Variant(target=Target(target), mode=mode)
        report({"kind": "step", "step": "converter"})
        try:
            fault(mode, job.fault)
            fact = _convert(variant, source, folder)
            if variant.target is Target.TFLITE and not flex_operations(fact["operations"]):
                report({"kind": "step", "step": "LiteRT runtime"})
                fact |= run_artefact(variant.target, variant.path_in(folder), source.x, variant.outputs_in(folder))
        except ExportError as error:
            report({"kind": "failed", "message": str(error)})
        except Exception as error:  # the libraries behind the writers raise anything
            report({"kind": "failed", "message": f"{variant.label}: {type(error).__name__}: {error_text(error)}"})
        else:
            source.made[str(variant)] = variant.path_in(folder)
            report({"kind": "done", **fact})


def _convert(variant: Variant, source: Source, folder: Path) -> dict[str, Any]:
    """Make the artefact. It stays in the folder; facts about it are returned."""
    kind = KINDS[variant.target]
    path = variant.path_in(folder)
    module = kind.load()
    begun = time.perf_counter()
    remarks = module.write(source, variant.mode, path)
    seconds = time.perf_counter() - begun
    operations = module.operations(path) if hasattr(module, "operations") else []
    return {"remarks": list(remarks), "seconds": seconds, "operations": list(operations)}


def _load(folder: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return array


def _import_slow_things() -> None:
    import keras  # noqa: F401
    import tensorflow  # noqa: F401


def _forget_model() -> None:
    """Nothing of this model is to reach the next one; Keras collects garbage for that, which takes its time."""
    import keras

    keras.backend.clear_session()


if __name__ == "__main__":
    serve(work, prepare=_import_slow_things, tidy=_forget_model)
